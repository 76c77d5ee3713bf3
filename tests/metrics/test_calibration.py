"""Calibration against hand-filled bins, a loop over the definition, and scikit-learn's Brier score."""

import re

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from bert_compression.errors import BadInput
from bert_compression.metrics import (
    accuracy,
    at_temperature,
    brier_score,
    expected_calibration_error,
    kl_divergences,
    matching_temperature,
    reliability,
)


def answers(examples: int, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and labels drawn from them: a model that is perfectly calibrated."""
    random = np.random.default_rng(seed)
    p = random.dirichlet(np.ones(classes), examples)
    labels = (random.uniform(size=(examples, 1)) > p.cumsum(axis=1)).sum(axis=1)
    return p, np.minimum(labels, classes - 1)


def test_the_bins_of_four_answers_by_hand():
    p = [[0.95, 0.05], [0.85, 0.15], [0.3, 0.7], [0.55, 0.45]]
    found = reliability(p, [0, 1, 1, 1], bins=10)
    np.testing.assert_allclose(found.low, [0.5, 0.6, 0.8, 0.9])
    assert found.examples.tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(found.confidence, [0.55, 0.7, 0.85, 0.95])
    assert found.accuracy.tolist() == [0, 1, 0, 1]
    error = (0.55 + 0.3 + 0.85 + 0.05) / 4
    assert expected_calibration_error(p, [0, 1, 1, 1], bins=10) == pytest.approx(error, rel=1e-12)
    # In one bin too much confidence and too little cancel.
    assert expected_calibration_error(p, [0, 1, 1, 1], bins=1) == pytest.approx(3.05 / 4 - 0.5, rel=1e-12)


@pytest.mark.parametrize("bins", [1, 5, 15, 100])
def test_the_error_is_the_definition_bin_by_bin(bins):
    p, labels = answers(300)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    total = 0.0
    for m in range(1, bins + 1):
        held = (confidence > (m - 1) / bins) & (confidence <= m / bins)
        if held.any():
            total += held.sum() / 300 * abs(right[held].mean() - confidence[held].mean())
    assert expected_calibration_error(p, labels, bins) == pytest.approx(total, rel=1e-10)


def test_a_bin_holds_its_upper_end():
    halves = [[0.5, 0.5]] * 3  # of equal probabilities the first is the answer
    found = reliability(halves, [0, 1, 0], bins=2)
    assert (found.low.tolist(), found.examples.tolist(), found.accuracy.tolist()) == ([0.0], [3], [2 / 3])
    certain = reliability([[1.0, 0.0]], [0], bins=2)
    assert (certain.low.tolist(), certain.confidence.tolist()) == ([0.5], [1.0])


def test_the_bins_hold_all_examples_and_their_mean_is_the_accuracy():
    p, labels = answers(300)
    found = reliability(p, labels)
    assert found.examples.sum() == 300
    assert np.average(found.accuracy, weights=found.examples) == pytest.approx(
        accuracy(labels, p.argmax(axis=1)), rel=1e-12
    )
    assert found.low.min() >= 1 / 3 - 1 / 15  # no confidence lies below that of a guess among three


def test_a_calibrated_model_has_a_small_error_that_shrinks_and_an_overconfident_one_keeps_it():
    few, many = (expected_calibration_error(*answers(n)) for n in (200, 20_000))
    assert 0 < many < 0.015 < few
    p, labels = answers(20_000)
    sharper = p**3 / (p**3).sum(axis=1, keepdims=True)
    assert expected_calibration_error(sharper, labels) > 0.1


def test_always_wrong_and_sure_of_it_is_the_worst_and_right_and_sure_the_best():
    sure = np.eye(3)[[0, 1, 2]]
    for metric in (expected_calibration_error, brier_score):
        assert metric(sure, [1, 2, 0]) == 1.0
        assert metric(sure, [0, 1, 2]) == 0.0


@pytest.mark.parametrize("classes", [2, 3])
def test_brier_is_half_of_scikit_learns_unhalved_score(classes):
    p, labels = answers(200, classes)
    theirs = brier_score_loss(
        labels, p if classes > 2 else p[:, 1], labels=range(classes), scale_by_half=True
    )
    assert brier_score(p, labels) == pytest.approx(theirs, rel=1e-12)


def test_brier_sees_what_the_calibration_error_does_not():
    # Half of the texts are of class 0: to say so of each is calibrated, and says nothing.
    labels = np.arange(100) % 2
    guess, knowing = np.full((100, 2), 0.5), np.eye(2)[labels] * 0.8 + 0.1
    assert expected_calibration_error(guess, labels) == 0.0 < expected_calibration_error(knowing, labels)
    assert brier_score(guess, labels) == 0.25
    assert brier_score(knowing, labels) == pytest.approx(0.01, rel=1e-12)


HALVES = [[0.5, 0.5]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: expected_calibration_error([[2.0, -1.0]], [0]),
            "each row of probabilities must be a probability distribution; pass probabilities, not logits",
        ),
        (
            lambda: brier_score(HALVES, [0, 1]),
            "there are probabilities of 1 examples, but labels of the shape (2,)",
        ),
        (lambda: brier_score(HALVES, [2]), "labels must be whole numbers from 0 to 1, one for each column"),
        (lambda: reliability(HALVES, [0.5]), "labels must be whole numbers from 0 to 1, one for each column"),
        (lambda: reliability(HALVES, [0], bins=0), "bins must lie in 1..100000, not 0"),
        (
            lambda: expected_calibration_error(HALVES, [0], bins=1.5),
            "bins must be a whole number, not 1.5",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        call()


def test_a_temperature_divides_the_logits():
    logits = np.random.default_rng(1).normal(size=(20, 3))

    def softmax(z):
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)

    np.testing.assert_allclose(at_temperature(softmax(logits), 2.5), softmax(logits / 2.5), rtol=1e-12)
    np.testing.assert_allclose(at_temperature(softmax(logits), 1.0), softmax(logits), rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.4, 1.7, 2.5])
def test_a_student_that_is_its_teacher_at_another_temperature_is_found_out(temperature):
    teacher, _ = answers(100)
    student = at_temperature(teacher, 1 / temperature)
    found = matching_temperature(teacher, student)
    assert found == pytest.approx(temperature, rel=1e-3)
    assert kl_divergences(teacher, at_temperature(student, found)).mean() < 1e-5
    assert kl_divergences(teacher, student).mean() > 0.01


def test_equal_models_need_no_temperature_and_the_search_ends_somewhere():
    teacher, _ = answers(100)
    assert matching_temperature(teacher, teacher) == 1.0
    assert matching_temperature([[0.5, 0.5]], [[0.9, 0.1]]) == pytest.approx(50, rel=0.01)


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.inf, np.nan])
def test_what_is_no_temperature_is_refused(temperature):
    finite = abs(temperature) < float("inf")
    message = f"a temperature is a positive number, not {temperature!r}"
    message = message if finite else f"temperature must be a finite number, not {temperature!r}"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        at_temperature([[0.5, 0.5]], temperature)
