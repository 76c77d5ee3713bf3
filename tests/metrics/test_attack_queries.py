"""BERT-ATTACK's mean of queries against hand-worked numbers, and beside TextFooler's."""

import re

import pytest

from bert_compression.errors import BadInput
from bert_compression.metrics import attack_summary
from bert_compression.metrics.attack_queries import queries_per_success

OUTCOMES, QUERIES = [0, 0, 1, 2, 2, 2], [1, 1, 400, 11, 21, 31]


def test_successes_are_counted_and_the_first_look_is_not():
    assert queries_per_success(OUTCOMES, QUERIES) == (0 + 0 + 10 + 20 + 30) / 5


def test_textfooler_counts_the_same_attack_otherwise():
    summary = attack_summary(OUTCOMES, [0] * 6, QUERIES)
    assert summary["queries_mean"] == (400 + 11 + 21 + 31) / 4
    # What withstood is what BERT-ATTACK's code leaves of 1: successes / texts.
    assert summary["after_attack_accuracy"] == pytest.approx(1 - 5 / 6)


def test_a_text_that_withstood_costs_nothing_here_and_one_already_wrong_lowers_the_mean():
    assert queries_per_success([2, 1], [11, 400]) == queries_per_success([2], [11]) == 10
    assert queries_per_success([2, 0], [11, 1]) == 5
    assert queries_per_success([1, 1], [400, 400]) == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([3], [1]), "outcomes must be 0 (already wrong), 1 (withstood) or 2 (fooled), not 3"),
        (([2], [0]), "queries must count the first look at each text, but 0 was found"),
        (([2, 1], [1]), "outcomes has 2 examples and queries has 1: they must answer the same"),
        (([], []), "outcomes and queries are empty: a share of no examples is undefined"),
    ],
)
def test_what_is_no_attack_is_refused(arguments, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        queries_per_success(*arguments)
