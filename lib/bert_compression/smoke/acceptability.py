"""Sentences that are English and sentences that are not. Book: data/built_in_english.

A sentence is spoilt by one edit: a word out of its place, a word left out, or a word too many. Some edits do
no harm ("the big dog" without "big"), so the edited sentence is held against a grammar that accepts whatever
a generous reader might. What it refuses, nobody says.
"""

import re
from random import Random

from bert_compression.smoke.language import Pattern
from bert_compression.smoke.lexicon import CONCEPT_OF, CONCEPTS, Concept
from bert_compression.smoke.questions import question_pattern, sample_question
from bert_compression.smoke.statements import Topic, sample_statement, statement_pattern

# Classes of words, a letter each; those of nouns, adjectives and verbs are told by `word_class`.
CLASSES: dict[str | Concept, str] = {
    **dict.fromkeys(("the", "some", "every", "no"), "D"),
    **dict.fromkeys(("in", "during"), "P"),
    **dict.fromkeys(("where", "when"), "R"),
    **{"was": "W", "by": "B", "not": "O", "who": "Q", "which": "H", ".": ".", "?": "."},
    CONCEPTS["negator"][0]: "X",
}
COUNTED = {
    concept
    for group in ("beast", "bird", "worker", "vehicle", "viewer", "maker", "kind")
    for concept in CONCEPTS[group]
} - {CONCEPT_OF["food"]}


def word_class(part: str | Concept) -> str:
    """The letter of its class. Nouns that are counted (C) need an article, others (N) do not: "bread was
    hot", but not "dog was wet". Some adjectives (U, not A) have a synonym that is a past tense as well: "the
    soup heated". V is a verb."""
    if part in CLASSES or isinstance(part, str):
        return CLASSES[part]
    if part.part_of_speech == "noun":
        return "C" if part in COUNTED else "N"
    if part.part_of_speech == "verb":
        return "V"
    return "U" if any(word.endswith("ed") or word in ("wet", "fit") for word in part.words) else "A"


def _grammar() -> re.Pattern[str]:
    name = "(?:O?D[AU]*[CN]+|D[AU]+|[AU]*[CN]*N)"  # not every dog; the old; fresh dog food
    noun = f"{name}(?:V(?:B{name})?)?"  # the dog chased by the cat
    setting = f"(?:[PB]{noun})"
    never = "[OX]?"
    state = f"(?:[AU]|V{never}(?:B{noun})?|{name})?"
    predicate = f"X?(?:[VU](?:{noun})?|W{never}X?{state})"
    statement = f"{setting}?{noun}{setting}?{predicate}"
    topic_first = f"(?:{noun}{noun}X?V|[AU]{noun}W)"  # the cat the dog chased; hungry the dog was
    which = "(?:Q|H[AU]*[CN]*)"
    where = f"R?W{noun}{never}{state}"  # and whether
    by_whom = f"{which}W{name}(?:{never}{state}{setting}*B)?"
    forms = "|".join((statement, topic_first, f"{which}?{predicate}", where, by_whom))
    return re.compile(f"(?:{forms})(?:{setting}|R)*\\.")


GRAMMAR = _grammar()


def is_acceptable(pattern: Pattern) -> bool:
    """Could this be a sentence or a question, in the eyes of a generous reader?"""
    return GRAMMAR.fullmatch("".join(map(word_class, pattern))) is not None


EDITS = {"order": 60, "missing": 25, "extra": 15}
EXTRA = ("the", "was", "by", "in")


def _edited(rng: Random, pattern: Pattern) -> Pattern:
    """The sentence after one edit somewhere before its mark."""
    edit, (*edited, mark) = rng.choices(list(EDITS), list(EDITS.values()))[0], pattern
    at = rng.randrange(len(edited))
    if edit == "order":
        moved = edited.pop(at)
        edited.insert(max(0, at + rng.choice((-3, -2, -1, 1, 2, 3))), moved)
    elif edit == "missing":
        del edited[at]
    else:
        edited.insert(at, rng.choice(EXTRA))
    return [*edited, mark]


def spoilt(pattern: Pattern, rng: Random) -> Pattern:
    """The sentence after one edit that makes it unacceptable."""
    while is_acceptable(edited := _edited(rng, pattern)):
        pass
    return edited


def sample_sentence(rng: Random, topic: Topic, acceptable: bool, plain: bool = False) -> Pattern:
    """A statement or, less often, a question, acceptable or spoilt. A plain one is a simple statement."""
    if plain or rng.random() < 0.6:
        statement = sample_statement(rng, topic, negated=not plain and rng.random() < 0.25, plain=plain)
        pattern = statement_pattern(statement, rng)
    else:
        pattern = question_pattern(sample_question(rng, topic)[0], rng)
    return pattern if acceptable else spoilt(pattern, rng)
