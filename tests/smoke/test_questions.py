"""Questions: that what answers them, and which ask the same, is told by meanings and holds by reading."""

from collections import Counter
from dataclasses import replace
from itertools import product
from random import Random

import pytest
from reading import read, read_question, table_of_the_page

from bert_compression.smoke.language import Thing, wording
from bert_compression.smoke.lexicon import CONCEPTS, HYPERNYM, synonyms
from bert_compression.smoke.questions import (
    SLOTS,
    Question,
    answers,
    question_pattern,
    sample_answer,
    sample_questions,
)
from bert_compression.smoke.statements import (
    CONTRADICTION,
    ENTAILMENT,
    TOPICS,
    Statement,
    falls_under,
    label,
    statement_pattern,
)

NOUNS = [noun for group in CONCEPTS.values() for noun in group if noun.part_of_speech == "noun"]


def sampled(count: int, sample, seed: int = 0):
    """`sample(rng, topic, wanted, plain)`, by turns wanted and not, and how it was asked for."""
    rng = Random(seed)
    for index in range(count):
        yield *sample(rng, rng.choice(TOPICS), index % 2 == 0, rng.random() < 0.3), index % 2 == 0


@pytest.mark.parametrize(
    ("question", "statement", "expected"),
    [
        # whether
        ("was the dog wet ?", "the hound was soaked .", True),
        ("was the dog wet ?", "the dog was dry .", True),  # no, it was not
        ("was the dog wet ?", "the dog was not dry .", False),
        ("was the dog wet ?", "every animal was wet .", True),
        ("was the dog wet ?", "some dog was wet .", False),
        ("was the dog wet in the garden ?", "the dog was wet .", False),
        ("was the cat chased by the dog ?", "the dog never pursued the cat .", True),
        ("was the cat chased by the dog ?", "the cat chased the dog .", False),
        # who, and whom
        ("who chased the cat ?", "the farmer chased the cat .", True),
        ("who chased the cat ?", "the dog chased the cat .", False),
        ("who chased the cat ?", "the person chased the cat .", False),
        ("who chased the cat ?", "no farmer chased the cat .", False),
        ("who chased the cat ?", "the cat chased the farmer .", False),
        ("who chased the cat ?", "the farmer chased the dog .", False),
        ("who chased the cat in the garden ?", "the farmer chased the cat .", False),
        ("which animal was the cat chased by ?", "every big dog chased the cat .", True),
        ("which bird was wet ?", "the hen was wet .", True),
        ("which bird was wet ?", "the animal was wet .", False),
        ("which big bird was wet ?", "the hen was wet .", False),
        ("which animal was chased by the dog ?", "the dog chased the cat in the garden .", True),
        ("which animal was chased by the dog ?", "the cat chased the dog .", False),
        # where and when
        ("where was the dog wet ?", "the dog was wet in the park .", True),
        ("where was the dog wet ?", "the dog was wet during the night .", False),
        ("when was the dog wet ?", "the dog was wet during the night .", True),
        ("when was the dog wet ?", "the dog was wet .", False),
        ("where was the cat chased by the dog ?", "the dog chased the cat in the garden .", True),
        ("where was the cat chased by the dog ?", "the dog never chased the cat in the garden .", False),
    ],
)
def test_answers_by_hand(question, statement, expected):
    assert answers(read(statement), read_question(question)) == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("who chased the cat ?", "which person was the feline pursued by ?", True),
        ("was the dog wet ?", "was the hound soaked ?", True),
        ("who was the cat chased by ?", "who was chased by the cat ?", False),
        ("where was the dog wet ?", "when was the dog wet ?", False),
        ("was the dog wet ?", "was the dog dry ?", False),
        ("which animal was wet ?", "which bird was wet ?", False),
    ],
)
def test_questions_that_ask_the_same_by_hand(one, other, same):
    assert (read_question(one) == read_question(other)) == same


def test_the_examples_of_the_book_are_true(project):
    answered = table_of_the_page(project, "tab-answers")
    assert {row[3] for row in answered} == {"entailment", "not_entailment"}
    for _, question, sentence, named in answered:
        assert answers(read(sentence), read_question(question)) == (named == "entailment"), sentence
    duplicates = table_of_the_page(project, "tab-duplicates")
    assert {row[3] for row in duplicates} == {"duplicate", "not_duplicate"}
    for _, one, other, named in duplicates:
        assert (read_question(one) == read_question(other)) == (named == "duplicate"), other


def test_reading_the_text_gives_back_the_question():
    rng, forms = Random(1), Counter()
    for one, other, _ in sampled(1500, sample_questions):
        for question in (one, other):
            text = wording(question_pattern(question, rng), rng, rare=0.3)
            assert read_question(text) == question, text
            forms[text.split()[0], question.asked] += 1
    assert {asked for _, asked in forms} == set(SLOTS)
    assert {first for first, _ in forms} == {"was", "who", "which", "where", "when"}


def test_exchanging_synonyms_keeps_what_is_asked():
    rng = Random(3)
    for question, statement, wanted in sampled(300, sample_answer):
        asked, told = question_pattern(question, rng), statement_pattern(statement, rng)
        texts = [wording(pattern, rng) for pattern in (asked, told)]
        swapped = [" ".join(rng.choice(synonyms(word) or (word,)) for word in text.split()) for text in texts]
        assert swapped != texts
        assert answers(read(swapped[1]), read_question(swapped[0])) == wanted


def tells(statement: Statement, question: Question) -> bool:
    """The second route to `answers`: is there anything whatever that could be told, and that is entailed?"""
    slot, about = SLOTS[question.asked], question.about
    if slot is None:
        return label(statement, about) in (ENTAILMENT, CONTRADICTION)
    if slot == "setting":
        return any(
            label(statement, replace(about, setting=each)) == ENTAILMENT for each in CONCEPTS[question.asked]
        )
    kind = getattr(about, slot)
    qualities = {kind.quality, getattr(statement, slot).quality if getattr(statement, slot) else None}
    below = [
        Thing(noun, quality) for noun, quality in product(NOUNS, qualities) if falls_under(noun, kind.noun)
    ]
    about = replace(about, quantifier=statement.quantifier)
    return any(
        label(statement, replace(about, **{slot: thing})) == ENTAILMENT
        for thing in below
        if thing != kind and (kind.quality is None or thing.quality == kind.quality)
    )


def test_sampled_answers_tell_something_and_the_others_nothing():
    asked = Counter()
    for question, statement, wanted in sampled(1200, sample_answer):
        assert answers(statement, question) == wanted == tells(statement, question), (question, statement)
        asked[question.asked, wanted] += 1
    assert len(asked) == 2 * len(SLOTS) and min(asked.values()) > 20


def possible_answers(question: Question) -> list[Statement]:
    """The question's statement, told and denied, with everything in the place of what is asked for."""
    slot, about = SLOTS[question.asked], question.about
    if slot is None:
        told = [about]
    elif slot == "setting":
        told = [replace(about, setting=each) for each in CONCEPTS[question.asked]]
    else:
        kind = getattr(about, slot)
        told = [
            replace(about, **{slot: Thing(noun, kind.quality)})
            for noun in NOUNS
            if falls_under(noun, kind.noun)
        ]
    return [replace(each, negated=negated) for each in told for negated in (False, True)]


def test_questions_are_the_same_if_the_same_statements_answer_them():
    for one, other, same in sampled(600, sample_questions):
        assert (one == other) == same
        told = [*possible_answers(one), *possible_answers(other)]
        by_both = [answers(each, one) == answers(each, other) for each in told]
        assert all(by_both) == same, (one, other)


def test_who_is_a_person_and_everything_that_is_asked_for_has_a_kind():
    for question, statement, _ in sampled(600, sample_answer):
        if question.asked in ("subject", "patient"):
            thing, kind = (getattr(each, question.asked) for each in (statement, question.about))
            assert kind.noun.group == "kind"
            assert thing is None or thing.noun in HYPERNYM or thing.noun.group == "kind"
            text = wording(question_pattern(question, Random(0)), Random(0))
            assert ("who" not in text.split()) or kind == Thing(read("the person was wet .").subject.noun)
