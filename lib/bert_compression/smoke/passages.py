"""Passages, and questions that a span of them answers or nothing in them does. Book: data/built_in_english.

A passage is one or several statements of one topic that are true together. Each tells or denies one fact of
"the" things of the passage, every thing by a name of its own. So no two of them answer a question together
that none of them answers alone, and `questions.answers`, asked of each, says which one does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from bert_compression.smoke.language import Pattern, Thing, rewording, wording
from bert_compression.smoke.lexicon import ANTONYM, HYPERNYM, Concept
from bert_compression.smoke.pairs import altered
from bert_compression.smoke.questions import (
    SLOTS,
    Question,
    answers,
    question_pattern,
    sample_question,
)
from bert_compression.smoke.statements import (
    Statement,
    Topic,
    broader_thing,
    falls_under,
    sample_statement,
    statement_pattern,
    things,
)

# How many statements a passage has, and how often. Most are short, so that a thousand are enough to learn;
# the longest take several windows of 64 tokens.
SIZES = {1: 35, 2: 25, 3: 15, 4: 10, 6: 6, 8: 4, 12: 5}
DENIED = 0.15  # of the statements beside the one that was asked about
NEAR = 0.5  # of them, how many differ from another one in a thing or two
BROADER = 0.1  # how often the question names a thing more broadly than the passage does
# How often the question uses the passage's word for what both speak of: less often where there is an answer,
# or the number of shared words would tell.
KEPT = {True: 0.45, False: 0.8}


@dataclass(frozen=True)
class Reading:
    """A question about a context, and its first and last word that belong to the answer, if it has one."""

    question: str
    context: str
    span: tuple[int, int] | None


def sample_reading(
    rng: Random,
    topic: Topic,
    answerable: bool,
    plain: bool = False,
    rare: float = 0.0,
    sizes: Mapping[int, int] = SIZES,
) -> Reading:
    """A passage in words, and a question that one of its statements answers, or none does."""
    passage, asked = sample_passage(rng, topic, answerable, plain, sizes)
    patterns = [statement_pattern(each, rng) for each in passage]
    context = " ".join(wording(pattern, rng, rare) for pattern in patterns)
    question = rewording(question_pattern(asked, rng), context, KEPT[answerable], rng, rare)
    for at, told in enumerate(passage if answerable else []):
        if answers(told, asked):
            before = sum(map(len, patterns[:at]))
            first, last = _place(getattr(told, SLOTS[asked.asked]), patterns[at])
            return Reading(question, context, (before + first, before + last))
    return Reading(question, context, None)


def _place(told: Thing | Concept, pattern: Pattern) -> tuple[int, int]:
    """The first and the last word of what is told: "the big dog", "the garden"."""
    last = pattern.index(told.noun if isinstance(told, Thing) else told)
    return last - (2 if isinstance(told, Thing) and told.quality else 1), last


def sample_passage(
    rng: Random, topic: Topic, answerable: bool, plain: bool, sizes: Mapping[int, int]
) -> tuple[list[Statement], Question]:
    """The meanings: statements in any order, and the question. A plain passage has plain statements.

    Where there is no answer, one statement is what would have been it, but for a change or two.
    """
    while True:
        question, told = _sample_question(rng, topic, plain)
        for _ in range(0 if answerable else rng.choice((1, 2))):
            told = altered(rng, told, topic)
        told = replace(told, quantifier="the")
        if not can_join(told, []) or answers(told, question) != answerable:
            continue
        passage = _grown(rng, topic, told, rng.choices(list(sizes), list(sizes.values()))[0], plain)
        found = sum(answers(statement, question) for statement in passage)
        if found == answerable and is_clear_whom(question, passage):
            rng.shuffle(passage)
            return passage, question


def can_join(statement: Statement, passage: Sequence[Statement]) -> bool:
    """Is it clear of what the statement speaks, and does it tell of no fact that the passage tells of?

    It is clear where the language knows of what kind a thing is (it does not of "the audience"), and where
    "the dog" is not "the big dog" elsewhere. Two statements tell of one fact if somebody does, is or never is
    the same, or the opposite, to the same one.
    """
    here = _things(statement)
    if not all(_has_own_name(thing) for thing in here):
        return False
    for other in passage:
        if any(one != each and one.noun == each.noun for one in here for each in _things(other)):
            return False
        if here == _things(other) and other.relation in (statement.relation, ANTONYM.get(statement.relation)):
            return False
    return True


def is_clear_whom(question: Question, passage: Sequence[Statement]) -> bool:
    """Would people agree on whom the question means? Not by "the bird" in a passage with a hen and a pigeon,
    nor by "the big dog" in one with a dog."""
    slot, about = SLOTS[question.asked], question.about
    named = [thing for thing in (about.subject, about.patient) if thing and thing != getattr(about, slot)]
    there = {thing for statement in passage for thing in _things(statement)}
    for thing in named:
        meant = [each for each in there if falls_under(each.noun, thing.noun)]
        if len(meant) > 1 or any(things(each, thing) not in ("same", "narrower") for each in meant):
            return False
    return True


def _things(statement: Statement) -> list[Thing]:
    return [statement.subject, *([statement.patient] if statement.patient else [])]


def _has_own_name(thing: Thing) -> bool:
    return thing.noun.group == "work" or (thing.noun in HYPERNYM and thing.noun.group != "kind")


def _sample_question(rng: Random, topic: Topic, plain: bool) -> tuple[Question, Statement]:
    """A question for a thing, a place or a time, and the statement that answers it."""
    while True:
        question, told = sample_question(rng, topic, plain)
        if question.asked != "truth":
            break
    about, slot = question.about, SLOTS[question.asked]
    if slot != "subject":
        about = replace(about, subject=_perhaps_broader(rng, about.subject))
    if slot != "patient" and about.patient:
        about = replace(about, patient=_perhaps_broader(rng, about.patient))
    return Question(question.asked, about), told


def _perhaps_broader(rng: Random, thing: Thing) -> Thing:
    return broader_thing(rng, thing) if thing.noun in HYPERNYM and rng.random() < BROADER else thing


def _grown(rng: Random, topic: Topic, told: Statement, size: int, plain: bool) -> list[Statement]:
    """The statement and others, which are new ones or changed copies."""
    passage = [told]
    while len(passage) < size:
        if rng.random() < NEAR:
            more = altered(rng, rng.choice(passage), topic)
        else:
            more = sample_statement(rng, topic, negated=rng.random() < DENIED, plain=plain)
        more = replace(more, quantifier="the")
        if can_join(more, passage):
            passage.append(more)
    return passage
