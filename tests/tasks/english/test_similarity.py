"""Grades of likeness: worked by hand, the same in either order, and 5 for the same meaning alone."""

from collections import Counter
from random import Random

import pytest
from reading import read, table_of_the_page

from bert_compression.tasks.english.inferences import TOPICS, sample_statement
from bert_compression.tasks.english.language import wording
from bert_compression.tasks.english.lexicon import synonyms
from bert_compression.tasks.english.paraphrases import altered, equivalent
from bert_compression.tasks.english.similarity import sample_alike, similarity
from bert_compression.tasks.english.statements import statement_pattern


def grade(one: str, other: str) -> float:
    return similarity(read(one), read(other))


def pairs(count: int, seed: int = 0):
    rng = Random(seed)
    return [sample_alike(rng, rng.choice(TOPICS)) for _ in range(count)]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("the dog chased the cat .", "the feline was pursued by the hound .", 5),
        # details cost 1
        ("the big dog was wet .", "the dog was wet .", 4),
        ("the big dog was wet .", "the small dog was wet .", 4),
        ("the hen was wet .", "the animal was wet .", 4),
        ("the big hen was wet .", "the animal was wet .", 4),
        ("the dog was wet in the garden .", "the dog was wet during the night .", 4),
        ("the dog was wet .", "every dog was wet .", 4),
        # main points cost 2
        ("the dog was wet .", "the cat was wet .", 3),
        ("the dog was wet .", "the dog was hungry .", 3),
        ("the dog was wet .", "the dog was dry .", 3),
        ("the dog was wet .", "the dog was not wet .", 3),
        ("the dog chased the cat .", "the dog chased the pig .", 3),
        ("some dog was wet .", "no dog was wet .", 3),
        # what only sounds unlike
        ("the dog was wet .", "the dog was not dry .", 4),
        ("the dog chased the cat .", "the cat chased the dog .", 3),
        ("the big dog chased the cat .", "the cat chased the dog .", 2),
        # sums, down to 0
        ("the dog was wet .", "every cat was wet .", 2),
        ("the dog was wet .", "the cat was hungry .", 1),
        ("the dog was wet .", "the dog chased the cat .", 1),
        ("the dog was wet .", "the cat chased the pig .", 0),
        ("the farmer repaired the car .", "the dog never chased the cat .", 0),
    ],
)
def test_grades_by_hand(one, other, expected):
    assert grade(one, other) == grade(other, one) == expected


def test_the_examples_of_the_book_are_true(project):
    rows = table_of_the_page(project, "tab-grades")
    assert {row[3] for row in rows} == set("012345")
    for _, one, other, named in rows:
        assert grade(one, other) == int(named), other


def test_grades_are_symmetric_between_0_and_5_and_5_is_what_says_the_same():
    for one, other in pairs(1500):
        found = similarity(one, other)
        assert isinstance(found, float) and 0 <= found <= 5
        assert found == similarity(other, one)
        assert (found == 5) == equivalent(one, other)
        assert similarity(one, one) == 5


def test_every_grade_is_sampled_and_none_too_often():
    shares = Counter(similarity(*pair) for pair in pairs(2000))
    assert shares.keys() == {0, 1, 2, 3, 4, 5}
    assert all(0.05 < count / 2000 < 0.35 for count in shares.values())


def test_every_change_costs_something():
    rng = Random(1)
    for _ in range(500):
        topic = rng.choice(TOPICS)
        statement = sample_statement(rng, topic, negated=rng.random() < 0.25)
        assert 3 <= similarity(statement, altered(rng, statement, topic)) <= 4


def test_exchanging_synonyms_keeps_the_grade():
    rng = Random(3)
    for pair in pairs(300):
        one, other = (wording(statement_pattern(each, rng), rng, rare=0.3) for each in pair)
        swapped = " ".join(rng.choice(synonyms(word) or (word,)) for word in other.split())
        assert swapped != other
        assert grade(one, swapped) == similarity(*pair)
