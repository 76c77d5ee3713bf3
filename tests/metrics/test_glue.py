"""GLUE's scores against hand counts, scikit-learn and scipy."""

import re

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from bert_compression.errors import BadInput
from bert_compression.metrics import (
    SCORES,
    accuracy,
    f1,
    matthews_correlation,
    pearson_correlation,
    spearman_correlation,
)


def test_three_of_four_answers_are_right():
    assert accuracy([0, 1, 1, 0], [0, 1, 0, 0]) == 0.75
    assert accuracy([1, 0, 0, 1], [1, 0, 0, 1]) == 1.0
    assert accuracy([1, 0, 0, 1], [0, 1, 1, 0]) == 0.0


def test_accuracy_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    gold, predicted = random.integers(0, 3, (2, 1000))
    assert accuracy(gold, predicted) == accuracy_score(gold, predicted)
    assert accuracy(gold, predicted) != accuracy(gold, predicted[::-1])


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([0, 1], [0], "gold_labels has 2 examples and predicted_labels has 1: they must answer the same"),
        ([], [], "gold_labels and predicted_labels are empty: a share of no examples is undefined"),
        (
            [0, 1],
            [[0.1, 0.9], [0.8, 0.2]],
            "predicted_labels must be one-dimensional (examples,), but its shape is (2, 2)",
        ),
        ([[0]], [0], "gold_labels must be one-dimensional (examples,), but its shape is (1, 1)"),
    ],
)
def test_what_is_no_pair_of_labels_is_refused(gold, predicted, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        accuracy(gold, predicted)


# The other scores


def draw_classes():
    random = np.random.default_rng(1)
    gold = random.integers(0, 2, 500)
    return gold, np.where(random.uniform(size=500) < 0.7, gold, random.integers(0, 2, 500))


def draw_grades():
    random = np.random.default_rng(2)
    gold = random.uniform(0, 5, 500).round(1)  # with ties
    return gold, gold + random.normal(size=500)


def test_scores_by_hand():
    # Two of three are found, and two of three finds are right.
    assert f1([1, 1, 1, 0, 0], [1, 1, 0, 1, 0]) == pytest.approx(2 / 3)
    # TP 2, TN 1, FP 1, FN 1: (2 - 1) / sqrt(3 * 3 * 2 * 2).
    assert matthews_correlation([1, 1, 1, 0, 0], [1, 1, 0, 1, 0]) == pytest.approx(1 / 6)
    assert pearson_correlation([0, 1, 2], [0, 2, 1]) == pytest.approx(0.5)
    assert spearman_correlation([0, 1, 5], [0, 20, 1]) == pytest.approx(0.5)
    assert (
        spearman_correlation([0, 1, 5], [0, 1, 90])
        == pytest.approx(1)
        != pearson_correlation([0, 1, 5], [0, 1, 90])
    )


def test_scores_are_those_of_scikit_learn_and_scipy():
    gold, predicted = draw_classes()
    assert f1(gold, predicted) == pytest.approx(f1_score(gold, predicted), abs=1e-12)
    assert f1(1 - gold, 1 - predicted) != pytest.approx(f1(gold, predicted), abs=1e-3)
    assert matthews_correlation(gold, predicted) == pytest.approx(
        matthews_corrcoef(gold, predicted), abs=1e-12
    )
    grades = draw_grades()
    assert pearson_correlation(*grades) == pytest.approx(pearsonr(*grades).statistic, abs=1e-12)
    assert spearman_correlation(*grades) == pytest.approx(spearmanr(*grades).statistic, abs=1e-12)


@pytest.mark.parametrize("score", SCORES.values())
def test_the_best_is_one_and_a_constant_answer_is_zero_or_a_share(score):
    gold = [0, 1, 1, 0, 1]
    assert score(gold, gold) == pytest.approx(1)
    constant = {accuracy: 0.6, f1: 0.75}.get(score, 0.0)
    assert score(gold, [1] * 5) == pytest.approx(constant)
    assert score([0] * 5, [0] * 5) in (0.0, 1.0)  # and never NaN


# What is no number


@pytest.mark.parametrize("score", [pearson_correlation, spearman_correlation])
@pytest.mark.parametrize("size", [1e-320, 1e-200, 1.0, 1e200, 1.5e308])
def test_a_correlation_minds_no_unit(score, size):
    gold, predicted = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.1, 0.5, 0.3, 0.9])
    expected = score(gold, predicted)
    assert 0 < expected < 1
    assert score(gold, predicted * size) == pytest.approx(expected, rel=1e-3 if size < 1e-300 else 1e-12)
    assert score(gold * (size / 4), -predicted) == pytest.approx(
        -expected, rel=1e-3 if size < 1e-300 else 1e-12
    )


@pytest.mark.parametrize("score", [pearson_correlation, spearman_correlation, matthews_correlation])
def test_predictions_that_are_all_equal_correlate_with_nothing(score):
    gold = np.random.default_rng(0).integers(0, 2, 1500)
    for same in (0.0, 1.0) if score is matthews_correlation else (0.1, 2.7, 1e300):
        assert score(gold, np.full(1500, same)) == 0.0 == score(np.full(1500, same), gold)


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_label(score, bad):
    for first, second in (([1.0, 0.0], [1.0, bad]), ([bad, 0.0], [1.0, 0.0])):
        with pytest.raises(BadInput, match=r"_labels holds NaN or infinite values$"):
            score(first, second)


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_words_are_labels_of_accuracy_alone(score):
    words = ["good", "bad"]
    if score is accuracy:
        assert score(words, ["good", "good"]) == 0.5
        with pytest.raises(BadInput, match=r"must both be words, or both numbers$"):
            score(words, [1, 0])
    else:
        with pytest.raises(BadInput, match=r"^gold_labels must be numbers in a rectangle"):
            score(words, words)


def test_matthews_coefficient_is_that_of_two_classes():
    with pytest.raises(BadInput, match=r"^predicted_labels must be 0 or 1"):
        matthews_correlation([0, 1, 1], [0, 1, 2])
