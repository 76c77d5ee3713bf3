"""Statements about who does what to whom, and how their truths hang together. Book: data/built_in_english.

As in `language`, meanings come first and words last. Both statements of a pair speak of one occasion: what
is "the dog" in one is "the animal" in the other. Whether one follows from the other is not looked up in a
table of cases. It is asked of all worlds that the two could speak of, and those are few: see `label`.
"""

from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from random import Random

from bert_compression.smoke.language import Pattern, Thing, setting_pattern, thing_pattern
from bert_compression.smoke.lexicon import ANTONYM, CONCEPT_OF, CONCEPTS, HYPERNYM, Concept

ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)  # the hub's numbers


@dataclass(frozen=True)
class Statement:
    """The, some or every subject does something to a patient or is in a state, on the whole or somewhere.

    `relation` is a verb where there is a patient, else an adjective. A negation makes "never" of "the", "no"
    of "some" and "not every" of "every".
    """

    quantifier: str
    subject: Thing
    relation: Concept
    patient: Thing | None = None
    negated: bool = False
    setting: Concept | None = None  # a place or a time


# --------------------------------------------------------------------------------------------- rendering


def statement_pattern(statement: Statement, rng: Random) -> Pattern:
    """A sentence, active or passive, with its full stop; the choice changes nothing of the meaning."""
    never = CONCEPTS["negator"][0]
    determiner: Pattern = [statement.quantifier]
    negation: Pattern = []
    if statement.negated and statement.quantifier == "the":
        negation = [never]
    elif statement.negated:
        determiner = ["no"] if statement.quantifier == "some" else ["not", "every"]
    subject = [*determiner, *thing_pattern(statement.subject, rng)[1:]]
    if statement.patient is None:
        if negation and rng.random() < 0.5:
            negation = ["not"]
        pattern = [*subject, "was", *negation, statement.relation]
    else:
        patient = thing_pattern(statement.patient, rng)
        # "was not chased by every dog" could be heard as "by no dog".
        if rng.random() < 0.3 and determiner[0] != "not":
            pattern = [*patient, "was", *negation, statement.relation, "by", *subject]
        else:
            pattern = [*subject, *negation, statement.relation, *patient]
    return [*pattern, *setting_pattern(statement.setting), "."]


# ------------------------------------------------------------------------------------------------- truth


def falls_under(noun: Concept, other: Concept) -> bool:
    """Is every dog an animal? So it is for a noun and itself."""
    return noun == other or (noun in HYPERNYM and falls_under(HYPERNYM[noun], other))


def things(one: Thing | None, other: Thing | None) -> str:
    """How two kinds of thing lie to each other: "same", "narrower", "broader" or "apart".

    A big dog is a dog, and a dog is an animal; whether a big dog is a big animal nobody can say.
    """
    if one == other:
        return "same"
    if one is None or other is None:
        return "apart"

    def within(a: Thing, b: Thing) -> bool:
        return falls_under(a.noun, b.noun) and (b.quality is None or a == b)

    return "narrower" if within(one, other) else "broader" if within(other, one) else "apart"


def happenings(one: Statement, other: Statement) -> str:
    """How what is said of the two subjects lies to each other: as `things`, or "opposite".

    To chase the dog in the garden is to chase the dog; to love it and to hate it are opposites.
    """
    patients = things(one.patient, other.patient)
    if patients == "apart":
        return "apart"
    if ANTONYM.get(one.relation) == other.relation:
        return "opposite"
    if one.relation != other.relation:
        return "apart"
    settings = "same" if one.setting == other.setting else "apart"
    if settings == "apart" and None in (one.setting, other.setting):
        settings = "narrower" if one.setting else "broader"
    if "same" in (patients, settings):
        return settings if patients == "same" else patients
    return patients if patients == settings else "apart"


def label(premise: Statement, hypothesis: Statement) -> int:
    """ENTAILMENT where the hypothesis is true in every world in which the premise is, CONTRADICTION where it
    is false in all of them, else NEUTRAL."""
    return _label(
        things(premise.subject, hypothesis.subject),
        happenings(premise, hypothesis),
        (premise.quantifier, premise.negated),
        (hypothesis.quantifier, hypothesis.negated),
    )


# Which combinations are left to (falls under the premise's kind, falls under the hypothesis's)?
POSSIBLE = {
    "same": ((0, 0), (1, 1)),
    "narrower": ((0, 0), (0, 1), (1, 1)),
    "broader": ((0, 0), (1, 0), (1, 1)),
    "apart": ((0, 0), (0, 1), (1, 0), (1, 1)),
    "opposite": ((0, 0), (0, 1), (1, 0)),
}

# An individual as far as two statements can tell: is it of their kinds, and does it do what they say?
Individual = tuple[tuple[int, int], tuple[int, int]]


@cache
def _label(subjects: str, doings: str, premise: tuple[str, bool], hypothesis: tuple[str, bool]) -> int:
    """Two individuals are enough: each statement needs one to bear it out or to prove it wrong, and what
    holds for all individuals of a larger world holds for these two."""
    individuals = list(product(POSSIBLE[subjects], POSSIBLE[doings]))
    same_one = premise[0] == hypothesis[0] == "the" and subjects != "apart"
    answers = set()
    for world in product(individuals, repeat=2):
        # There are such things as the statements speak of, even where they deny something; and "the" dog is
        # a dog, except that what was "the" animal before may be none.
        there = all(any(kinds[side] for kinds, _ in world) for side in (0, 1))
        if not there or (hypothesis[0] == "the" and not same_one and not world[1][0][1]):
            continue
        if _true(premise, world, 0, the=world[0]):
            answers.add(_true(hypothesis, world, 1, the=world[0 if same_one else 1]))
    return NEUTRAL if len(answers) == 2 else ENTAILMENT if True in answers else CONTRADICTION


def _true(statement: tuple[str, bool], world: tuple[Individual, ...], side: int, the: Individual) -> bool:
    quantifier, negated = statement
    if quantifier == "the":
        kinds, doings = the
        return bool(kinds[side]) and bool(doings[side]) != negated
    said = [doings[side] for kinds, doings in world if kinds[side]]
    return (any(said) if quantifier == "some" else all(said)) != negated


# ----------------------------------------------------------------------------------------------------- topics


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


# --------------------------------------------------------------------------------------------------- sampling


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
    while related(subject.noun, patient.noun):
        patient = thing(topic.patients)
    return Statement(quantifier, subject, act, patient, negated, setting)


def sample_setting(rng: Random, group: str) -> Concept:
    """A concept of the group "place" or "time"."""
    return rng.choice(CONCEPTS[group])


def related(one: Concept, other: Concept) -> bool:
    """Does one noun fall under the other?"""
    return falls_under(one, other) or falls_under(other, one)


def broader_thing(rng: Random, thing: Thing) -> Thing:
    """The thing by one of its broader names; a big dog is an animal, but perhaps no big one."""
    names = [HYPERNYM[thing.noun]]
    while names[-1] in HYPERNYM:
        names.append(HYPERNYM[names[-1]])
    return Thing(rng.choice(names))
