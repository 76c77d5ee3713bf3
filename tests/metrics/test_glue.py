"""Accuracy against a hand count and scikit-learn."""

import re

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from bert_compression.errors import BadInput
from bert_compression.metrics import accuracy


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
