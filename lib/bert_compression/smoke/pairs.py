"""Pairs of statements: inferences, paraphrases, and how similar two are. Book: data/built_in_english.

The second statement of a pair is made of the first by a few changes. The changes are blind to the label,
which the two meanings give afterwards (`statements.label`, `equivalent`, `similarity`). Pairs are drawn until
one has the label asked for, so that labels and negations can be balanced.
"""

from dataclasses import replace
from random import Random

from bert_compression.smoke.language import Thing
from bert_compression.smoke.lexicon import ANTONYM, CONCEPTS, HYPERNYM, Concept
from bert_compression.smoke.statements import (
    CONTRADICTION,
    ENTAILMENT,
    NEUTRAL,
    QUALITIES,
    Statement,
    Topic,
    broader_thing,
    falls_under,
    label,
    related,
    sample_setting,
    sample_statement,
    things,
)

# ---------------------------------------------------------------------------------------------------- changes


def _changed_thing(rng: Random, thing: Thing) -> Thing:
    """With a broader, a narrower or another noun, or a quality more or less; itself where that cannot be."""
    change = rng.choice(("broader", "narrower", "other", "quality"))
    if change == "quality":
        return replace(thing, quality=None if thing.quality else rng.choice(QUALITIES))
    if change == "broader":
        return broader_thing(rng, thing) if thing.noun in HYPERNYM else thing
    if change == "narrower":
        below = [noun for noun in HYPERNYM if noun != thing.noun and falls_under(noun, thing.noun)]
        return Thing(rng.choice(below)) if below else thing
    return thing if thing.noun.group == "kind" else replace(thing, noun=_another(rng, thing.noun))


def _another(rng: Random, concept: Concept, among: tuple[Concept, ...] | None = None) -> Concept:
    """One of its group or of those named, that says neither the same nor the opposite."""
    among = among or CONCEPTS[concept.group]
    return rng.choice([each for each in among if each not in (concept, ANTONYM.get(concept))])


def changed(rng: Random, statement: Statement, topic: Topic) -> Statement:
    """The statement with something changed, but no negation and no opposite; itself where that cannot be."""
    changes = {"subject": 30, "patient": 20, "relation": 10, "quantifier": 14, "setting": 16, "roles": 10}
    change = rng.choices(list(changes), list(changes.values()))[0]
    if change == "subject":
        return replace(statement, subject=_changed_thing(rng, statement.subject))
    if change == "quantifier":
        return replace(statement, quantifier=rng.choice(("the", "some", "every")))
    if change == "relation":
        among = CONCEPTS[topic.acts] if statement.patient else topic.states
        return replace(statement, relation=_another(rng, statement.relation, among))
    if change == "setting":
        if statement.setting and rng.random() < 0.7:
            return replace(statement, setting=None)
        # A time for a place or a place for a time: on one occasion nobody is in two places.
        at_time = statement.setting.group == "place" if statement.setting else rng.random() < 0.5
        return replace(statement, setting=sample_setting(rng, "time" if at_time else "place"))
    if statement.patient is None:
        return statement
    if change == "patient":
        return replace(statement, patient=_changed_thing(rng, statement.patient))
    can_swap = topic.subjects == topic.patients
    return replace(statement, subject=statement.patient, patient=statement.subject) if can_swap else statement


def is_clear(premise: Statement, hypothesis: Statement) -> bool:
    """Would people agree on the label? Not where a big dog and an old dog might be the same one, nor on
    whether somebody who never met the dog never met the animal."""
    pairs = [(premise.subject, hypothesis.subject)]
    if hypothesis.patient:
        pairs.append((premise.patient, hypothesis.patient))
        if related(hypothesis.subject.noun, hypothesis.patient.noun):
            return False
        negated = premise.negated or hypothesis.negated
        if negated and things(premise.patient, hypothesis.patient) in ("narrower", "broader"):
            return False
    return not any(related(one.noun, other.noun) and things(one, other) == "apart" for one, other in pairs)


# ------------------------------------------------------------------------------------------------- inferences

# How often which of the two is negated (premise, hypothesis), by label: as evenly as logic allows, so that a
# negation does not give the label away.
NEGATED = {
    ENTAILMENT: {(False, False): 50, (False, True): 20, (True, True): 30},
    NEUTRAL: {(False, False): 40, (False, True): 22, (True, False): 16, (True, True): 22},
    CONTRADICTION: {(False, False): 42, (False, True): 33, (True, False): 25},
}


def sample_pair(rng: Random, topic: Topic, wanted: int, plain: bool = False) -> tuple[Statement, Statement]:
    """A premise and a hypothesis with the wanted label; a plain pair differs in one thing at most."""
    options = NEGATED[wanted]
    before, after = rng.choices(list(options), list(options.values()))[0]
    # Only by an opposite can a hypothesis follow that is negated otherwise, or contradict that is not.
    opposite = rng.random() < 0.4 if wanted == NEUTRAL else (before == after) == (wanted == CONTRADICTION)
    while True:
        premise = sample_statement(rng, topic, before, plain)
        if opposite and premise.relation not in ANTONYM:
            continue
        relation = ANTONYM[premise.relation] if opposite else premise.relation
        hypothesis = replace(premise, relation=relation, negated=after)
        for _ in range(rng.choices((0, 1, 2), (25, 50, 0 if plain else 25))[0]):
            hypothesis = changed(rng, hypothesis, topic)
        if is_clear(premise, hypothesis) and label(premise, hypothesis) == wanted:
            return premise, hypothesis


# ------------------------------------------------------------------------------------------------ paraphrases


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


# ------------------------------------------------------------------------------------------------- similarity

SAME = 5.0


def similarity(one: Statement, other: Statement) -> float:
    """How similar two statements are by what they mean: 5 where they say the same; every difference takes
    something away, down to 0.

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


def sample_similar(rng: Random, topic: Topic) -> tuple[Statement, Statement]:
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
