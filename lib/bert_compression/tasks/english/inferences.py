"""Pairs of statements: a premise, and a hypothesis made of it by a few changes. Book: data/built_in_english.

The changes are blind to the label, which `statements.label` gives afterwards. Pairs are drawn until one has
the label asked for, so that labels and negations can be balanced.
"""

from dataclasses import dataclass, replace
from random import Random

from bert_compression.tasks.english.language import Thing
from bert_compression.tasks.english.lexicon import ANTONYM, CONCEPT_OF, CONCEPTS, HYPERNYM, Concept
from bert_compression.tasks.english.statements import (
    CONTRADICTION,
    ENTAILMENT,
    NEUTRAL,
    Statement,
    falls_under,
    label,
    things,
)

# What is talked about


@dataclass(frozen=True)
class Topic:
    """Groups of nouns that act, of verbs, and of nouns that something is done to; what the latter can be, and
    the attitudes one can have to them: concepts that have an opposite."""

    subjects: tuple[str, ...]
    acts: str
    patients: tuple[str, ...]
    states: tuple[Concept, ...]
    attitudes: tuple[Concept, ...]


def _concepts(words: str) -> tuple[Concept, ...]:
    return tuple(CONCEPT_OF[word] for word in words.split())


def _with_opposites(words: str) -> tuple[Concept, ...]:
    return tuple(each for concept in _concepts(words) for each in (concept, ANTONYM[concept]))


_PEOPLE = ("worker", "viewer")
_ALIVE = ("beast", "beast", "bird", *_PEOPLE)  # twice: there are more of them than of birds
FARM = Topic(
    subjects=_ALIVE,
    acts="meet",
    patients=_ALIVE,
    states=_with_opposites("hungry wet awake calm healthy"),
    attitudes=_with_opposites("loved admired"),
)
KITCHEN = Topic(
    subjects=_PEOPLE,
    acts="cook",
    patients=("food",),
    states=_with_opposites("hot sweet crisp"),
    attitudes=_with_opposites("loved enjoyed"),
)
ROAD = Topic(
    subjects=_PEOPLE,
    acts="keep",
    patients=("vehicle",),
    states=_with_opposites("clean cheap shiny"),
    attitudes=_with_opposites("loved admired"),
)
FILM = Topic(
    subjects=("viewer",),
    acts="discuss",
    patients=("work", "maker"),
    states=_with_opposites("good exciting clever beautiful convincing"),
    attitudes=_with_opposites("loved admired enjoyed"),
)
EVERYDAY = (FARM, KITCHEN, ROAD)
TOPICS = (*EVERYDAY, FILM)
QUALITIES = _concepts("old small big foreign")


# Premises


def sample_statement(rng: Random, topic: Topic, negated: bool, plain: bool = False) -> Statement:
    """A statement on the topic; a plain one says "the", and speaks of no quality, place or time."""

    def thing(groups: tuple[str, ...]) -> Thing:
        found = Thing(rng.choice(CONCEPTS[rng.choice(groups)]))
        if found.noun in HYPERNYM and rng.random() < 0.2:
            return broader_thing(rng, found)
        return replace(found, quality=None if plain or rng.random() < 0.75 else rng.choice(QUALITIES))

    quantifier = "the" if plain else rng.choices(("the", "some", "every"), (60, 20, 20))[0]
    setting = None if plain or rng.random() < 0.75 else sample_setting(rng, rng.choice(("place", "time")))
    kind = rng.choices(("state", "attitude", "act"), (40, 20, 40))[0]
    if kind == "state":
        state = rng.choice(topic.states)
        return Statement(quantifier, thing(topic.patients), state, None, negated, setting)
    act = rng.choice(topic.attitudes if kind == "attitude" else CONCEPTS[topic.acts])
    subject, patient = thing(topic.subjects), thing(topic.patients)
    while _related(subject.noun, patient.noun):
        patient = thing(topic.patients)
    return Statement(quantifier, subject, act, patient, negated, setting)


def sample_setting(rng: Random, group: str) -> Concept:
    return rng.choice(CONCEPTS[group])


def _related(one: Concept, other: Concept) -> bool:
    return falls_under(one, other) or falls_under(other, one)


# Hypotheses


def broader_thing(rng: Random, thing: Thing) -> Thing:
    """The thing by one of its broader names; a big dog is an animal, but perhaps no big one."""
    names = [HYPERNYM[thing.noun]]
    while names[-1] in HYPERNYM:
        names.append(HYPERNYM[names[-1]])
    return Thing(rng.choice(names))


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
        if _related(hypothesis.subject.noun, hypothesis.patient.noun):
            return False
        negated = premise.negated or hypothesis.negated
        if negated and things(premise.patient, hypothesis.patient) in ("narrower", "broader"):
            return False
    return not any(_related(one.noun, other.noun) and things(one, other) == "apart" for one, other in pairs)


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
