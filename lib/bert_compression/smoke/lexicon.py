"""What the words of the generated English mean: concepts, and how they lie to each other.

A `Concept` is a set of synonyms. What the language makes of concepts is in `language` (reviews) and in
`statements` and `pairs` (pairs of statements). Book: data/built_in_english.
"""

from dataclasses import dataclass

from bert_compression.smoke.words import ANTONYMS, FUNCTION_WORDS, GROUPS, HYPONYMS, LEXICON

__all__ = [
    "ANTONYM",
    "CONCEPTS",
    "CONCEPT_OF",
    "FUNCTION_WORDS",
    "HYPERNYM",
    "Concept",
    "part_of_speech",
    "polarity",
    "synonyms",
]


@dataclass(frozen=True)
class Concept:
    """A meaning that one word carries, and the words that carry it."""

    group: str
    common: tuple[str, ...]
    rare: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return self.common + self.rare

    @property
    def part_of_speech(self) -> str:
        return GROUPS[self.group][0]

    @property
    def polarity(self) -> int:
        return GROUPS[self.group][1]

    def __str__(self) -> str:
        return self.common[0]


def _read_lexicon() -> dict[str, tuple[Concept, ...]]:
    def read(group: str, line: str) -> Concept:
        common, _, rare = line.partition("|")
        return Concept(group, tuple(common.split()), tuple(rare.split()))

    return {group: tuple(read(group, line) for line in LEXICON[group].split("\n")[1:]) for group in GROUPS}


CONCEPTS: dict[str, tuple[Concept, ...]] = _read_lexicon()
CONCEPT_OF: dict[str, Concept] = {
    word: concept for concepts in CONCEPTS.values() for concept in concepts for word in concept.words
}
# What a noun is one step further up (a hen is a bird), and what nothing can be or do at the same time.
HYPERNYM: dict[Concept, Concept] = {
    CONCEPT_OF[word]: CONCEPT_OF[above] for above, words in HYPONYMS.items() for word in words.split()
}
ANTONYM: dict[Concept, Concept] = {
    CONCEPT_OF[one]: CONCEPT_OF[other]
    for pair in ANTONYMS
    for one, other in (pair.split(), reversed(pair.split()))
}


def synonyms(word: str) -> tuple[str, ...]:
    """Which words mean the same? The others of its set, commonest first; none for a word of the grammar.

    >>> synonyms("movie")
    ('film', 'picture', 'flick')
    """
    concept = CONCEPT_OF.get(word)
    return tuple(other for other in concept.words if other != word) if concept else ()


def part_of_speech(word: str) -> str:
    """One of "noun", "verb", "adjective" and "adverb", or "function" for every other word, known or not."""
    return CONCEPT_OF[word].part_of_speech if word in CONCEPT_OF else "function"


def polarity(word: str) -> int:
    """1 for a word of praise, -1 for one of blame, 0 for every other word, known or not."""
    return CONCEPT_OF[word].polarity if word in CONCEPT_OF else 0
