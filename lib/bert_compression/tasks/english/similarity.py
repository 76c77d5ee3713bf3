"""How alike two statements are, from 0 to 5, by what they mean. Book: data/built_in_english."""

from dataclasses import replace
from random import Random

from bert_compression.tasks.english.inferences import Topic, is_clear, sample_statement
from bert_compression.tasks.english.language import Thing
from bert_compression.tasks.english.lexicon import ANTONYM
from bert_compression.tasks.english.paraphrases import altered
from bert_compression.tasks.english.statements import Statement, falls_under

SAME = 5.0


def similarity(one: Statement, other: Statement) -> float:
    """5 for statements that say the same; every difference takes something away, down to 0.

    A main point costs 2: who, to whom, what, or that it is denied. A detail costs 1: a quality, a broader or
    narrower name, a place or time, "some" or "every". What only sounds unlike costs less: roles exchanged
    cost 2 in all, the opposite denied ("wet", "not dry") costs 1.
    """
    difference = _difference(one, other)
    if one.patient and other.patient:
        exchanged = replace(other, subject=other.patient, patient=other.subject)
        difference = min(difference, 2 + _difference(one, exchanged))
    return max(0.0, SAME - difference)


def _difference(one: Statement, other: Statement) -> int:
    denied = one.negated != other.negated
    opposite = ANTONYM.get(one.relation) == other.relation
    return (
        (1 if opposite and denied else 2 * denied + 2 * (one.relation != other.relation))
        + _apart(one.subject, other.subject)
        + _apart(one.patient, other.patient)
        + (one.quantifier != other.quantifier)
        + (one.setting != other.setting)
    )


def _apart(one: Thing | None, other: Thing | None) -> int:
    if one == other:
        return 0
    named = one is not None and other is not None
    return 1 if named and (falls_under(one.noun, other.noun) or falls_under(other.noun, one.noun)) else 2


def sample_alike(rng: Random, topic: Topic) -> tuple[Statement, Statement]:
    """Two statements on the topic: any two, or one and itself after up to three changes."""
    any_two = rng.random() < 0.3
    while True:
        one = other = sample_statement(rng, topic, negated=rng.random() < 0.25)
        if any_two:
            return one, sample_statement(rng, topic, negated=rng.random() < 0.25)
        for _ in range(rng.choices((0, 1, 2, 3), (25, 20, 15, 20))[0]):
            other = altered(rng, other, topic)
        if is_clear(one, other):
            return (one, other) if rng.random() < 0.5 else (other, one)
