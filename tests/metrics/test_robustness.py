"""After-attack accuracy against hand-worked numbers."""

import re

import numpy as np
import pytest

from bert_compression.errors import BadInput
from bert_compression.metrics.robustness import attack_summary

# Ten texts: two already wrong, three withstood, five fooled.
OUTCOMES = [0, 0, 1, 1, 1, 2, 2, 2, 2, 2]
LABELS = [0, 1, 0, 0, 1, 0, 1, 1, 1, 1]
QUERIES = [1, 1, 40, 50, 60, 10, 20, 30, 10, 20]


def test_summary_of_ten_texts_worked_by_hand():
    assert attack_summary(OUTCOMES, LABELS, QUERIES) == {
        "after_attack_accuracy": 3 / 10,
        "clean_accuracy": 8 / 10,
        "queries_mean": 240 / 8,  # the two single questions to the already wrong are left out
        "attacked": 10,
        "after_attack_accuracy_class_0": 2 / 4,
        "after_attack_accuracy_class_1": 1 / 6,
    }


def test_the_order_of_texts_does_not_matter_but_their_pairing_does():
    order = np.random.default_rng(0).permutation(10)
    shuffled = [np.asarray(column)[order] for column in (OUTCOMES, LABELS, QUERIES)]
    assert attack_summary(*shuffled) == attack_summary(OUTCOMES, LABELS, QUERIES)
    assert attack_summary(OUTCOMES, LABELS[::-1], QUERIES) != attack_summary(OUTCOMES, LABELS, QUERIES)


def test_a_collapsed_model_is_seen_in_the_classes():
    always_one = attack_summary([0] * 5 + [1] * 5, [0] * 5 + [1] * 5, [1] * 5 + [30] * 5)
    assert always_one["after_attack_accuracy"] == 0.5
    assert always_one["after_attack_accuracy_class_0"] == 0.0
    assert always_one["after_attack_accuracy_class_1"] == 1.0


def test_an_absent_class_has_no_key_and_no_right_answer_no_queries():
    summary = attack_summary([0, 0], [2, 2], [1, 1])
    assert summary == {
        "after_attack_accuracy": 0.0,
        "clean_accuracy": 0.0,
        "queries_mean": 0.0,
        "attacked": 2,
        "after_attack_accuracy_class_2": 0.0,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([3], [0], [1]), "outcomes must be 0 (already wrong), 1 (withstood) or 2 (fooled), not 3"),
        (([1], [0], [-1]), "queries must not be negative, but -1 was found"),
        (([1, 1], [0], [1, 1]), "outcomes has 2 examples and labels has 1: they must answer the same"),
        (([], [], []), "outcomes and labels are empty: a share of no examples is undefined"),
    ],
)
def test_what_is_no_attack_is_refused(arguments, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        attack_summary(*arguments)
