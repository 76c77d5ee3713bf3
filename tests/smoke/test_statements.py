"""Pairs of statements: that their label is the truth, told by hand and by a reader of the words alone."""

from random import Random

import pytest
from reading import World, concepts, read, table_of_the_page

from bert_compression.smoke.language import wording
from bert_compression.smoke.lexicon import ANTONYM, CONCEPT_OF, CONCEPTS, synonyms
from bert_compression.smoke.pairs import sample_pair
from bert_compression.smoke.statements import (
    CONTRADICTION,
    ENTAILMENT,
    NEUTRAL,
    QUALITIES,
    TOPICS,
    falls_under,
    label,
    statement_pattern,
)
from bert_compression.tasks import TASKS


def judge(premise: str, hypothesis: str) -> int:
    return label(read(premise), read(hypothesis))


@pytest.mark.parametrize(
    ("premise", "hypothesis", "expected"),
    [
        # names: synonyms, kinds, qualities
        ("the dog chased the cat .", "the cat was pursued by the hound .", "E"),
        ("the hen was wet .", "the bird was soaked .", "E"),
        ("the hen was wet .", "the animal was soaked .", "E"),
        ("the animal was wet .", "the hen was wet .", "N"),
        ("the big dog was wet .", "the dog was wet .", "E"),
        ("the dog was wet .", "the big dog was wet .", "N"),
        ("the big dog was wet .", "the animal was wet .", "E"),
        ("the dog was wet .", "the cat was wet .", "N"),
        ("the dog chased the hen .", "the dog chased the bird .", "E"),
        ("the dog chased the bird .", "the dog chased the hen .", "N"),
        # what happened
        ("the dog chased the cat .", "the cat chased the dog .", "N"),
        ("the dog chased the cat .", "the dog found the cat .", "N"),
        ("the dog chased the cat in the garden .", "the dog chased the cat .", "E"),
        ("the dog chased the cat .", "the dog chased the cat in the garden .", "N"),
        ("the dog chased the cat in the garden .", "the dog chased the cat during the night .", "N"),
        ("the dog was wet .", "the dog was dry .", "C"),
        ("the woman loved the film .", "the lady hated the movie .", "C"),
        ("the woman loved the film .", "the lady hated the song .", "N"),
        # negation turns the direction round, but not that of the name
        ("the dog chased the cat .", "the dog never chased the cat .", "C"),
        ("the dog never chased the cat .", "the dog chased the cat .", "C"),
        ("the dog never chased the cat .", "the dog chased the cat in the garden .", "C"),
        ("the dog never chased the cat in the garden .", "the dog chased the cat .", "N"),
        ("the dog never chased the cat .", "the dog never chased the cat in the garden .", "E"),
        ("the dog never chased the cat in the garden .", "the dog never chased the cat .", "N"),
        ("the hen was not wet .", "the bird was not wet .", "E"),
        ("the bird was not wet .", "the hen was not wet .", "N"),
        ("the dog was wet .", "the dog was not dry .", "E"),
        ("the dog was not wet .", "the dog was dry .", "N"),
        ("the dog was not wet .", "the dog was not dry .", "N"),
        # some, every, no
        ("every dog was wet .", "some dog was wet .", "E"),
        ("every dog was wet .", "the dog was wet .", "E"),
        ("the dog was wet .", "some dog was wet .", "E"),
        ("some dog was wet .", "the dog was wet .", "N"),
        ("some dog was wet .", "every dog was wet .", "N"),
        ("some dog was wet .", "no dog was wet .", "C"),
        ("no dog was wet .", "the dog was wet .", "C"),
        ("not every dog was wet .", "no dog was wet .", "N"),
        ("no dog was wet .", "not every dog was wet .", "E"),
        ("every dog was wet .", "every big dog was wet .", "E"),
        ("every dog was wet .", "every animal was wet .", "N"),
        ("every animal was wet .", "every dog was wet .", "E"),
        ("some dog was wet .", "some animal was wet .", "E"),
        ("no animal was wet .", "no dog was wet .", "E"),
        ("no dog was wet .", "no animal was wet .", "N"),
        ("every dog was wet .", "no dog was dry .", "E"),
        ("some dog was wet .", "some dog was dry .", "N"),
        ("some dog was wet .", "every dog was dry .", "C"),
        ("not every dog was wet .", "every animal was wet .", "C"),
    ],
)
def test_labels_by_hand(premise, hypothesis, expected):
    assert "ENC"[judge(premise, hypothesis)] == expected


def test_the_examples_of_the_book_are_true(project):
    rows = table_of_the_page(project, "tab-pairs")
    assert len(rows) >= 10 and {row[3] for row in rows} == {"entailment", "neutral", "contradiction"}
    for _, premise, hypothesis, named in rows:
        assert TASKS["mnli"].labels[judge(premise, hypothesis)] == named, hypothesis


def pairs(count: int, seed: int = 0, rare: float = 0.3):
    """Sampled pairs on all topics, each with a rendering and the label that was asked for."""
    rng = Random(seed)
    for index in range(count):
        pair = sample_pair(rng, rng.choice(TOPICS), index % 3, plain=rng.random() < 0.3)
        yield pair, [wording(statement_pattern(each, rng), rng, rare) for each in pair], index % 3


def test_reading_the_text_gives_back_the_statement():
    for pair, texts, _ in pairs(1500):
        assert tuple(map(read, texts)) == pair


def test_exchanging_synonyms_keeps_the_label_and_exchanging_opposites_changes_many():
    rng = Random(3)
    changed = 0
    for _, (premise, hypothesis), expected in pairs(300):
        swapped = " ".join(rng.choice(synonyms(word) or (word,)) for word in hypothesis.split())
        assert swapped != hypothesis
        assert judge(premise, swapped) == expected
        opposite = " ".join(str(ANTONYM.get(CONCEPT_OF.get(word), word)) for word in hypothesis.split())
        changed += judge(premise, opposite) != expected
    assert changed > 100


def test_a_plain_pair_differs_in_one_thing_at_most_and_says_little():
    for label_, count in ((ENTAILMENT, 0), (NEUTRAL, 0), (CONTRADICTION, 0)):
        rng = Random(label_)
        for _ in range(200):
            premise, hypothesis = sample_pair(rng, rng.choice(TOPICS), label_, plain=True)
            assert label(premise, hypothesis) == label_
            assert premise.quantifier == "the" and premise.setting is None
            assert premise.subject.quality is None
            count += premise.subject != hypothesis.subject
        assert 0 < count < 150


def test_nobody_is_in_two_places_nor_acts_upon_its_own_kind():
    for (premise, hypothesis), _, _ in pairs(600):
        places = {each.setting for each in (premise, hypothesis) if each.setting}
        assert len({place.group for place in places}) == len(places)
        for each in (premise, hypothesis):
            if each.patient:
                assert not falls_under(each.subject.noun, each.patient.noun)
                assert not falls_under(each.patient.noun, each.subject.noun)


def test_pairs_use_every_concept_of_their_topics_and_only_these():
    used = {part for _, texts, _ in pairs(3000) for text in texts for part in concepts(text)}
    groups = {group for topic in TOPICS for group in (topic.acts, *topic.subjects, *topic.patients)}
    expected = {concept for group in (*groups, "kind", "place", "time") for concept in CONCEPTS[group]}
    for topic in TOPICS:
        expected |= {*topic.states, *topic.attitudes}
    expected |= {CONCEPTS["negator"][0], *QUALITIES}
    assert {part for part in used if not isinstance(part, str)} == expected
    assert {part for part in used if isinstance(part, str)} == {
        *("the", "some", "every", "no", "not", "was", "by", "in", "during")
    }


def test_random_worlds_agree_with_the_labels():
    """An entailed hypothesis is true wherever the premise is, a contradicting one nowhere, and a neutral one
    in some places."""
    rng = Random(1)
    for pair, texts, wanted in pairs(150, seed=2):
        answers: list[bool] = []  # of the hypothesis, in worlds in which the premise is true
        while len(answers) < 200 and len(set(answers)) < 2:
            world = World(rng, pair)
            if world.can_be_spoken_of(pair) and world.bears_out(pair[0], 0):
                answers.append(world.bears_out(pair[1], 1))
        found = NEUTRAL if len(set(answers)) == 2 else ENTAILMENT if answers[0] else CONTRADICTION
        assert found == wanted, texts
