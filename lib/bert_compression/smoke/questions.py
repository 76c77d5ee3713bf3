"""Questions, what answers them, and which of them ask the same. Book: data/built_in_english.

A question is a statement with something left open: whether it is true, who did it or to whom, where or when.
A statement answers it if it settles that. Two questions are the same if the same statements answer them.
"""

from dataclasses import dataclass, replace
from random import Random

from bert_compression.smoke.language import Pattern, Thing, setting_pattern, thing_pattern
from bert_compression.smoke.lexicon import CONCEPT_OF, HYPERNYM
from bert_compression.smoke.pairs import altered, is_clear
from bert_compression.smoke.statements import (
    ENTAILMENT,
    NEUTRAL,
    Statement,
    Topic,
    broader_thing,
    label,
    sample_setting,
    sample_statement,
    things,
)

# What can be asked for, and where the answer stands in a statement: nowhere if its truth is.
SLOTS = {"truth": None, "subject": "subject", "patient": "patient", "place": "setting", "time": "setting"}
PERSON = Thing(CONCEPT_OF["person"])


@dataclass(frozen=True)
class Question:
    """What is asked for, a key of SLOTS, of an affirmative statement about "the" subject. The subject or
    patient that is asked for stands in it as the kind that it is of, a place or time not at all."""

    asked: str
    about: Statement


def answers(statement: Statement, question: Question) -> bool:
    """Does the statement settle the question? Of its truth it does by entailing or contradicting; of all
    else, by telling what was asked for and entailing the question's statement with that in its place."""
    asked, about = SLOTS[question.asked], question.about
    if asked is None:
        return label(statement, about) != NEUTRAL
    told = getattr(statement, asked)
    if asked == "setting":
        tells = told is not None and told.group == question.asked
    else:
        tells = things(told, getattr(about, asked)) == "narrower"  # which animal? "the animal" tells nobody
        about = replace(about, quantifier=statement.quantifier)
    return tells and label(statement, replace(about, **{asked: told})) == ENTAILMENT


# --------------------------------------------------------------------------------------------- rendering


def question_pattern(question: Question, rng: Random) -> Pattern:
    """A question with its mark. A verb of this language has one form, so that most questions are passive."""
    about, asked = question.about, question.asked
    openings: dict[str, Pattern] = {"place": ["where"], "time": ["when"]}
    subject = thing_pattern(about.subject, rng)
    if about.patient is None:
        said = ["was", *subject, about.relation]
        if asked == "subject":
            said = [*_which(about.subject, rng), "was", about.relation]
    else:
        patient = thing_pattern(about.patient, rng)
        said = ["was", *patient, about.relation, "by", *subject]
        if asked == "patient":
            said = [*_which(about.patient, rng), "was", about.relation, "by", *subject]
        elif asked == "subject":
            which = _which(about.subject, rng)
            passive = [*which, "was", *patient, about.relation, "by"]
            said = passive if rng.random() < 0.5 else [*which, about.relation, *patient]
    return [*openings.get(asked, []), *said, *setting_pattern(about.setting), "?"]


def _which(kind: Thing, rng: Random) -> Pattern:
    """ "who" is another word for "which person"."""
    return ["who"] if kind == PERSON and rng.random() < 0.7 else ["which", *thing_pattern(kind, rng)[1:]]


# ---------------------------------------------------------------------------------------------- sampling

ASKED = {"truth": 25, "subject": 30, "patient": 20, "place": 15, "time": 10}


def sample_question(rng: Random, topic: Topic, plain: bool = False) -> tuple[Question, Statement]:
    """A question on the topic, and the statement of which it leaves something open."""
    asked = rng.choices(list(ASKED), list(ASKED.values()))[0]
    slot = SLOTS[asked]
    while True:
        # Whether something is so is asked of statements that deny it, too: their answer is no.
        negated = asked == "truth" and rng.random() < 0.5
        statement = sample_statement(rng, topic, negated, plain)
        if slot == "setting":
            statement = replace(statement, setting=sample_setting(rng, asked))
        about = replace(statement, quantifier="the", negated=False)
        if slot == "setting":
            about = replace(about, setting=None)
        elif slot:
            thing = getattr(statement, slot)
            if thing is None or thing.noun not in HYPERNYM:
                continue
            kind = broader_thing(rng, thing)
            about = replace(about, subject=kind) if slot == "subject" else replace(about, patient=kind)
        return Question(asked, about), statement


def sample_answer(rng: Random, topic: Topic, wanted: bool, plain: bool = False) -> tuple[Question, Statement]:
    """A question, and a statement on the topic that answers it or does not."""
    while True:
        question, answer = sample_question(rng, topic, plain)
        told = answer
        for _ in range(rng.choice((0, 1) if wanted else (1, 2, 2 if plain else 3))):
            told = altered(rng, told, topic)
        clear = is_clear(told, answer) and _is_clear_whom(question, told)
        if clear and answers(told, question) == wanted:
            return question, told


def _is_clear_whom(question: Question, told: Statement) -> bool:
    """Would people agree on whether it is told who or what? Not of "the audience" or "the cast", whose kind
    the language does not know, nor of "every animal" where it was asked which bird."""
    if question.asked not in ("subject", "patient"):
        return True
    thing, kind = (getattr(each, question.asked) for each in (told, question.about))
    known = thing is None or thing.noun in HYPERNYM or thing.noun.group == "kind"
    return known and (told.quantifier != "every" or things(thing, kind) not in ("same", "broader"))


def sample_questions(rng: Random, topic: Topic, same: bool, plain: bool = False) -> tuple[Question, Question]:
    """Two questions on the topic that ask the same or do not, in either order."""
    while True:
        one = other = sample_question(rng, topic, plain)[0]
        for _ in range(0 if same else rng.choice((1, 2, 1 if plain else 2))):
            other = _altered(rng, other, topic)
        if (one == other) == same:
            return (one, other) if rng.random() < 0.5 else (other, one)


TURNED = {"place": "time", "time": "place", "subject": "patient", "patient": "subject"}


def _altered(rng: Random, question: Question, topic: Topic) -> Question:
    """When for where, to whom for by whom, or the same asked about an altered statement."""
    asked, about = question.asked, question.about
    while True:
        if asked in TURNED and rng.random() < 0.3:
            if SLOTS[asked] == "setting":
                return Question(TURNED[asked], about)
            if about.patient and topic.subjects == topic.patients:
                exchanged = replace(about, subject=about.patient, patient=about.subject)
                return Question(TURNED[asked], exchanged)
        other = Question(asked, replace(altered(rng, about, topic), quantifier="the", negated=False))
        if other != question and _makes_sense(other):
            return other


def _makes_sense(question: Question) -> bool:
    """Is what is asked for left open ("which bird" may become "which animal", but not "which hen"), and does
    nobody do anything to itself?"""
    about, slot = question.about, SLOTS[question.asked]
    asked = getattr(about, slot) if slot else None
    is_open = slot is None or (asked is None if slot == "setting" else asked.noun.group == "kind")
    return is_open and (about.patient is None or about.subject.noun != about.patient.noun)
