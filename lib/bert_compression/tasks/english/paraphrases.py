"""Pairs of statements that say the same, or nearly. Book: data/built_in_english.

As with inferences, a change is blind to the label, which the two meanings give afterwards.
"""

from dataclasses import replace
from random import Random

from bert_compression.tasks.english.inferences import Topic, changed, is_clear, sample_statement
from bert_compression.tasks.english.lexicon import ANTONYM
from bert_compression.tasks.english.statements import ENTAILMENT, Statement, label


def equivalent(one: Statement, other: Statement) -> bool:
    """Do they say the same? Each is true in every world in which the other is."""
    return label(one, other) == label(other, one) == ENTAILMENT


def altered(rng: Random, statement: Statement, topic: Topic) -> Statement:
    """Another statement: denied, said of the opposite, or changed as a hypothesis is."""
    while True:
        change = rng.choices(("denial", "opposite", "other"), (8, 20, 72))[0]
        if change == "denial":
            return replace(statement, negated=not statement.negated)
        if change == "opposite" and statement.relation in ANTONYM:
            return replace(statement, relation=ANTONYM[statement.relation])
        if change == "other" and (other := changed(rng, statement, topic)) != statement:
            return other


def sample_statements(rng: Random, topic: Topic, same: bool) -> tuple[Statement, Statement]:
    """Two statements on the topic that say the same or do not, in either order."""
    while True:
        one = other = sample_statement(rng, topic, negated=rng.random() < 0.25)
        for _ in range(0 if same else rng.choice((1, 1, 2))):
            other = altered(rng, other, topic)
        if is_clear(one, other) and equivalent(one, other) == same:
            return (one, other) if rng.random() < 0.5 else (other, one)
