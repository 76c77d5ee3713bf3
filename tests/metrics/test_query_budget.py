"""Accuracy under a budget of queries against hand-worked numbers, and its two ends against the others'."""

import re

import numpy as np
import pytest

from bert_compression.errors import BadInput
from bert_compression.metrics import attack_summary
from bert_compression.metrics.query_budget import accuracy_within_budget

OUTCOMES, QUERIES = [0, 1, 2, 2], [1, 400, 30, 60]


def test_a_text_falls_with_the_query_that_fools_the_model():
    found = accuracy_within_budget(OUTCOMES, QUERIES, [29, 30, 31, 59, 60])
    assert found.tolist() == [0.75, 0.5, 0.5, 0.5, 0.25]


def test_nothing_asked_takes_nothing_and_no_budget_takes_all():
    draw = np.random.default_rng(0)
    outcomes, queries = draw.integers(0, 3, 200), draw.integers(1, 500, 200)
    summary = attack_summary(outcomes, np.zeros(200, int), queries)
    found = accuracy_within_budget(outcomes, queries, range(501))
    assert found[0] == summary["clean_accuracy"] and found[-1] == summary["after_attack_accuracy"]
    assert (np.diff(found) <= 0).all()


def test_what_withstood_stays_however_much_was_asked():
    assert accuracy_within_budget([1, 0], [5, 1], [1000]).tolist() == [0.5]
    assert accuracy_within_budget([1], [5], []).shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([3], [1], [1]), "outcomes must be 0 (already wrong), 1 (withstood) or 2 (fooled), not 3"),
        (([2], [-1], [1]), "queries must not be negative, but -1 was found"),
        (([2], [1], [-5]), "budgets must not be negative, but -5 was found"),
        (([2], [1], 5), "budgets must have the shape (budgets,), not ()"),
        (([2, 1], [1], [1]), "outcomes has 2 examples and queries has 1: they must answer the same"),
        (([], [], [1]), "outcomes and queries are empty: a share of no examples is undefined"),
    ],
)
def test_what_is_no_attack_is_refused(arguments, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        accuracy_within_budget(*arguments)
