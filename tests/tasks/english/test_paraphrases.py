"""Statements that say the same: told by hand, by all worlds, and by reading."""

from random import Random

import pytest
from reading import World, read, table_of_the_page

from bert_compression.tasks.english.inferences import TOPICS, sample_statement
from bert_compression.tasks.english.language import wording
from bert_compression.tasks.english.lexicon import ANTONYM, CONCEPT_OF, synonyms
from bert_compression.tasks.english.paraphrases import altered, equivalent, sample_statements
from bert_compression.tasks.english.statements import statement_pattern


def judge(one: str, other: str) -> bool:
    return equivalent(read(one), read(other))


def pairs(count: int, seed: int = 0):
    """Sampled pairs, by turns with the same meaning and with two, and which of these."""
    rng = Random(seed)
    for index in range(count):
        yield sample_statements(rng, rng.choice(TOPICS), same=index % 2 == 0), index % 2 == 0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("the dog chased the cat .", "the feline was pursued by the hound .", True),
        ("no dog was wet .", "no hound was soaked .", True),
        ("the dog was not wet .", "the dog was never wet .", True),
        ("the dog was wet .", "the dog was not dry .", False),
        ("the hen was wet .", "the bird was wet .", False),
        ("the big dog was wet .", "the dog was wet .", False),
        ("the dog was wet in the park .", "the dog was wet .", False),
        ("some dog was wet .", "the dog was wet .", False),
        ("no dog was wet .", "not every dog was wet .", False),
        ("the dog was wet .", "the dog was not wet .", False),
        ("the dog chased the cat .", "the cat chased the dog .", False),
        ("the dog chased the cat .", "the dog helped the cat .", False),
    ],
)
def test_equivalence_by_hand(one, other, expected):
    assert judge(one, other) == judge(other, one) == expected


def test_the_examples_of_the_book_are_true(project):
    rows = table_of_the_page(project, "tab-paraphrases")
    assert {row[3] for row in rows} == {"equivalent", "not_equivalent"}
    for _, one, other, named in rows:
        assert judge(one, other) == (named == "equivalent"), other


def test_sampled_pairs_are_as_asked_in_either_order():
    for (one, other), same in pairs(600):
        assert equivalent(one, other) == equivalent(other, one) == same
        assert equivalent(one, one)
        assert (one == other) == same  # this language has no two meanings that say the same


def test_in_random_worlds_only_what_is_equivalent_is_always_true_together():
    rng = Random(1)
    for pair, same in pairs(120, seed=2):
        together = True
        for _ in range(4000):
            world = World(rng, pair)
            if world.can_be_spoken_of(pair):
                together = world.bears_out(pair[0], 0) == world.bears_out(pair[1], 1)
            if not together:
                break
        assert together == same, pair


def test_exchanging_synonyms_keeps_the_label_and_exchanging_opposites_changes_it():
    rng = Random(3)
    for (one, other), same in pairs(300):
        texts = [wording(statement_pattern(each, rng), rng, rare=0.3) for each in (one, other)]
        swapped = " ".join(rng.choice(synonyms(word) or (word,)) for word in texts[1].split())
        assert swapped != texts[1] and judge(texts[0], swapped) == same
        opposite = " ".join(str(ANTONYM.get(CONCEPT_OF.get(word), word)) for word in texts[1].split())
        if same and other.relation in ANTONYM:
            assert not judge(texts[0], opposite)


def test_an_altered_statement_is_another_one():
    rng = Random(4)
    for _ in range(500):
        topic = rng.choice(TOPICS)
        statement = sample_statement(rng, topic, negated=rng.random() < 0.5)
        assert altered(rng, statement, topic) != statement
