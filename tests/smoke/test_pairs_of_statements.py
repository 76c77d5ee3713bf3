"""Pairs of statements that say the same: told by hand, by all worlds, and by reading. And how similar two
are: worked by hand, the same in either order, and 5 for the same meaning alone."""

from collections import Counter
from random import Random

import pytest
from reading import World, read, table_of_the_page

from bert_compression.smoke.language import wording
from bert_compression.smoke.lexicon import ANTONYM, CONCEPT_OF, synonyms
from bert_compression.smoke.pairs import altered, equivalent, sample_similar, sample_statements, similarity
from bert_compression.smoke.statements import TOPICS, sample_statement, statement_pattern


def says_the_same(one: str, other: str) -> bool:
    return equivalent(read(one), read(other))


def statement_pairs(count: int, seed: int = 0):
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
    assert says_the_same(one, other) == says_the_same(other, one) == expected


def test_the_paraphrases_of_the_book_are_true(project):
    rows = table_of_the_page(project, "tab-paraphrases")
    assert {row[3] for row in rows} == {"equivalent", "not_equivalent"}
    for _, one, other, named in rows:
        assert says_the_same(one, other) == (named == "equivalent"), other


def test_sampled_paraphrases_are_as_asked_in_either_order():
    for (one, other), same in statement_pairs(600):
        assert equivalent(one, other) == equivalent(other, one) == same
        assert equivalent(one, one)
        assert (one == other) == same  # this language has no two meanings that say the same


def test_in_random_worlds_only_what_is_equivalent_is_always_true_together():
    rng = Random(1)
    for pair, same in statement_pairs(120, seed=2):
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
    for (one, other), same in statement_pairs(300):
        texts = [wording(statement_pattern(each, rng), rng, rare=0.3) for each in (one, other)]
        swapped = " ".join(rng.choice(synonyms(word) or (word,)) for word in texts[1].split())
        assert swapped != texts[1] and says_the_same(texts[0], swapped) == same
        opposite = " ".join(str(ANTONYM.get(CONCEPT_OF.get(word), word)) for word in texts[1].split())
        if same and other.relation in ANTONYM:
            assert not says_the_same(texts[0], opposite)


def test_an_altered_statement_is_another_one():
    rng = Random(4)
    for _ in range(500):
        topic = rng.choice(TOPICS)
        statement = sample_statement(rng, topic, negated=rng.random() < 0.5)
        assert altered(rng, statement, topic) != statement


# Similarity


def similar(one: str, other: str) -> float:
    return similarity(read(one), read(other))


def similar_pairs(count: int, seed: int = 0):
    rng = Random(seed)
    return [sample_similar(rng, rng.choice(TOPICS)) for _ in range(count)]


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
def test_similarities_by_hand(one, other, expected):
    assert similar(one, other) == similar(other, one) == expected


def test_the_similarities_of_the_book_are_true(project):
    rows = table_of_the_page(project, "tab-similarity")
    assert {row[3] for row in rows} == set("012345")
    for _, one, other, named in rows:
        assert similar(one, other) == int(named), other


def test_similarities_are_symmetric_between_0_and_5_and_5_is_what_says_the_same():
    for one, other in similar_pairs(1500):
        found = similarity(one, other)
        assert isinstance(found, float) and 0 <= found <= 5
        assert found == similarity(other, one)
        assert (found == 5) == equivalent(one, other)
        assert similarity(one, one) == 5


def test_every_similarity_is_sampled_and_none_too_often():
    shares = Counter(similarity(*pair) for pair in similar_pairs(2000))
    assert shares.keys() == {0, 1, 2, 3, 4, 5}
    assert all(0.05 < count / 2000 < 0.35 for count in shares.values())


def test_every_change_costs_something():
    rng = Random(1)
    for _ in range(500):
        topic = rng.choice(TOPICS)
        statement = sample_statement(rng, topic, negated=rng.random() < 0.25)
        assert 3 <= similarity(statement, altered(rng, statement, topic)) <= 4


def test_exchanging_synonyms_keeps_the_similarity():
    rng = Random(3)
    for pair in similar_pairs(300):
        one, other = (wording(statement_pattern(each, rng), rng, rare=0.3) for each in pair)
        swapped = " ".join(rng.choice(synonyms(word) or (word,)) for word in other.split())
        assert swapped != other
        assert similar(one, swapped) == similarity(*pair)
