"""The trivial baselines: that each sees what it should see, and nothing that it should not."""

from random import Random

import pytest

from bert_compression.tasks import TASKS, Examples, load_examples
from bert_compression.tasks.baselines import trivial_baselines
from bert_compression.tasks.sources import BuiltinSource

WORDS = ("apple", "bread", "chair", "door", "egg", "fork", "glass", "house")


def examples(draw, count: int = 400, seed: int = 0) -> Examples:
    """Examples as `draw(rng)` gives them: (texts, label)."""
    rng = Random(seed)
    texts, labels = zip(*(draw(rng) for _ in range(count)), strict=True)
    return Examples(texts, labels)


def some_words(rng: Random) -> str:
    return " ".join(rng.sample(WORDS, 4))


def baselines(draw) -> dict[str, float]:
    return trivial_baselines(examples(draw), examples(draw, seed=1))


def test_majority_is_the_share_of_what_was_commonest_in_training():
    train = Examples((("one",), ("two",), ("one",)), (1, 1, 0))
    evaluated = Examples((("one",), ("two",), ("one",), ("two",)), (0, 0, 0, 1))
    assert trivial_baselines(train, evaluated)["majority"] == 0.25


def test_a_word_that_gives_the_label_away_is_found_and_an_order_that_does_is_not():
    def word(rng):
        label = rng.randrange(2)
        return (some_words(rng) + (" superb" if label else " awful"),), label

    def order(rng):
        label = rng.randrange(2)
        return ("awful but superb" if label else "superb but awful",), label

    assert baselines(word)["bag of words"] == 1.0
    assert baselines(order)["bag of words"] < 0.6
    assert baselines(order).keys() == {"majority", "bag of words"}


def test_the_hypothesis_alone_sees_no_premise():
    def by_hypothesis(rng):
        label = rng.randrange(2)
        return (some_words(rng), some_words(rng) + (" never" if label else " always")), label

    def by_premise(rng):
        label = rng.randrange(2)
        return (some_words(rng) + (" never" if label else " always"), some_words(rng)), label

    assert baselines(by_hypothesis)["hypothesis only"] == baselines(by_hypothesis)["bag of words"] == 1.0
    assert baselines(by_premise)["hypothesis only"] < 0.6 < baselines(by_premise)["bag of words"]


def test_the_bag_of_pairs_sees_overlap_and_mismatched_negations():
    def overlap(rng):
        label, premise = rng.randrange(2), rng.sample(WORDS, 4)
        others = [word for word in WORDS if word not in premise]
        return (" ".join(premise), " ".join(rng.sample(premise if label else others, 3))), label

    def negations(rng):
        one, other = rng.randrange(2), rng.randrange(2)
        return (some_words(rng) + " never" * one, some_words(rng) + " not" * other), (one + other) % 2

    for draw in (overlap, negations):
        assert baselines(draw)["hypothesis only"] < 0.65
        assert baselines(draw)["bag of words"] > 0.95


def test_regression_targets_are_told_by_regression_and_held_against_by_correlation():
    def overlap(rng):
        premise, count = rng.sample(WORDS, 4), rng.randrange(5)
        others = [word for word in WORDS if word not in premise]
        return (" ".join(premise), " ".join(premise[:count] + others[count:])), float(count)

    def chance(rng):
        return (some_words(rng), some_words(rng)), float(rng.randrange(5))

    assert baselines(overlap).keys() == {"hypothesis only", "bag of words"}
    assert abs(baselines(overlap)["hypothesis only"]) < 0.2
    assert baselines(overlap)["bag of words"] > 0.95
    assert abs(baselines(chance)["bag of words"]) < 0.2


@pytest.mark.parametrize(
    ("task", "split", "bound"),
    [
        ("sst2", "validation", 0.60),
        ("mnli", "validation_matched", 0.55),
        ("mnli", "validation_mismatched", 0.55),
        ("qqp", "validation", 0.70),
        ("mrpc", "validation", 0.76),
        ("qnli", "validation", 0.66),
        ("rte", "validation", 0.66),
        ("stsb", "validation", 0.70),
        ("cola", "validation", 0.58),
    ],
)
def test_words_give_little_of_the_built_in_tasks_away(task, split, bound):
    """With all there is to learn from, twice or three times what the profile smoke trains on."""
    train, evaluated = (load_examples(BuiltinSource(), TASKS[task], each) for each in ("train", split))
    found = trivial_baselines(train, evaluated)
    expected = {"majority", "hypothesis only", "bag of words"}
    expected -= {"hypothesis only"} if len(TASKS[task].columns) == 1 else set()
    expected -= {"majority"} if task == "stsb" else set()
    assert found.keys() == expected
    assert max(found.values()) < bound
    assert found == trivial_baselines(train, evaluated)
