"""The lexicon: synonyms, kinds and opposites, and that no two of these meet."""

import re
from collections import Counter

from bert_compression.smoke import words
from bert_compression.smoke.lexicon import (
    ANTONYM,
    CONCEPT_OF,
    CONCEPTS,
    FUNCTION_WORDS,
    HYPERNYM,
    part_of_speech,
    polarity,
    synonyms,
)

ALL = [concept for group in CONCEPTS.values() for concept in group]


def test_each_word_stands_once_in_sets_of_synonyms():
    counts = Counter(word for concept in ALL for word in concept.words)
    assert max(counts.values()) == 1
    assert not counts.keys() & set(FUNCTION_WORDS)
    assert all(re.fullmatch("[a-z]+", word) for word in counts)
    assert 170 <= len(ALL) <= 200 and 600 <= len(counts) <= 700
    assert all(len(concept.common) >= 2 for concept in ALL)
    assert len({str(concept) for concept in ALL}) == len(ALL)
    assert words.GROUPS.keys() == words.LEXICON.keys()


def test_synonyms_share_set_part_of_speech_and_polarity():
    assert synonyms("movie") == ("film", "picture", "flick")
    assert synonyms("the") == synonyms("every") == synonyms("zebra") == ()
    for word in CONCEPT_OF:
        for other in synonyms(word):
            assert word in synonyms(other) and word != other
            assert (part_of_speech(word), polarity(word)) == (part_of_speech(other), polarity(other))


def test_no_synonym_is_an_opposite_or_another_kind():
    """A swap never changes a label: what is narrower, broader or opposite is another concept."""
    for word, concept in CONCEPT_OF.items():
        offered = {CONCEPT_OF[other] for other in synonyms(word)}
        assert offered == {concept}
        assert HYPERNYM.get(concept) != concept != ANTONYM.get(concept)


def test_kinds_of_known_words():
    def above(word: str) -> list[str]:
        concept, found = CONCEPT_OF[word], []
        while concept := HYPERNYM.get(concept):
            found.append(str(concept))
        return found

    assert above("hound") == ["animal"]
    assert above("chicken") == ["bird", "animal"]
    assert above("cook") == ["worker", "person"]
    assert above("novelist") == ["artist", "person"]
    assert above("animal") == above("film") == []
    for concept in HYPERNYM:  # no circle, and nouns only
        assert concept not in (CONCEPT_OF[word] for word in above(str(concept)))
        assert concept.part_of_speech == HYPERNYM[concept].part_of_speech == "noun"


def test_opposites_go_both_ways_and_are_of_one_part_of_speech():
    assert str(ANTONYM[CONCEPT_OF["soaked"]]) == "dry" and str(ANTONYM[CONCEPT_OF["hated"]]) == "loved"
    for one, other in ANTONYM.items():
        assert ANTONYM[other] == one != other
        assert one.part_of_speech == other.part_of_speech
        assert one.polarity == -other.polarity or one.polarity * other.polarity == 0


def test_parts_of_speech_and_polarities_of_known_and_unknown_words():
    kinds = {"film": "noun", "awful": "adjective", "praised": "verb", "never": "adverb", "but": "function"}
    assert {word: part_of_speech(word) for word in kinds} == kinds
    assert part_of_speech("zebra") == "function"
    polarities = {"superb": 1, "awful": -1, "joy": 1, "old": 0, "never": 0, "but": 0, "zebra": 0}
    assert {word: polarity(word) for word in polarities} == polarities
