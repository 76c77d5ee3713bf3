"""Robustness against hand-worked numbers; each count of queries and each budget next to the others."""

import re

import numpy as np
import pytest

from bert_compression.errors import BadInput
from bert_compression.metrics import (
    ALREADY_WRONG,
    FOOLED,
    WITHSTOOD,
    accuracy_within_budget,
    attack_summary,
    degradation,
    queries_per_success,
    query_contributions,
    relative_degradation_difference,
    withstood,
)

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


def test_the_texts_that_withstood_are_those_whose_mean_is_the_after_attack_accuracy():
    assert withstood(OUTCOMES).tolist() == [False, False, True, True, True] + [False] * 5
    assert withstood(OUTCOMES).mean() == attack_summary(OUTCOMES, LABELS, QUERIES)["after_attack_accuracy"]
    assert withstood([ALREADY_WRONG, WITHSTOOD, FOOLED]).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        ([], "outcomes must have the shape (texts,) and hold at least one, not (0,)"),
        ([[0, 1]], "outcomes must have the shape (texts,) and hold at least one, not (1, 2)"),
        ([0, 3], "outcomes must be 0 (already wrong), 1 (withstood) or 2 (fooled), not 3"),
    ],
)
def test_what_is_no_outcome_cannot_have_withstood(outcomes, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        withstood(outcomes)


# Degradation


def test_points_and_shares_can_disagree_on_who_is_hurt_most():
    strong, weak = degradation([1] * 50 + [2] * 50), degradation([0] * 60 + [1] * 4 + [2] * 36)
    assert strong["degradation"] > weak["degradation"]
    assert strong["relative_degradation"] == 0.5 and weak["relative_degradation"] == pytest.approx(0.9)


def test_the_intervals_of_degradation_hold_the_values():
    found = degradation([0, 1, 2, 2, 1] * 20)
    for name in ("degradation", "relative_degradation"):
        assert found[f"{name}_low"] < found[name] < found[f"{name}_high"]


def test_a_model_that_was_never_right_has_no_share_to_lose():
    assert degradation([0, 0]).keys() == {"degradation", "degradation_low", "degradation_high"}


@pytest.mark.parametrize("outcomes", [[], [[0, 1]], [0, 3]])
def test_degradation_of_no_outcomes_is_refused(outcomes):
    with pytest.raises(BadInput, match="outcomes must"):
        degradation(outcomes)


def drawn_outcomes(seeds: int, texts: int, fooled: float, seed: int = 0) -> np.ndarray:
    """Outcomes (seeds, texts) of a model that is right on most texts and loses about this share of them."""
    random = np.random.default_rng(seed)
    lost = np.where(random.uniform(size=(seeds, texts)) < fooled, FOOLED, WITHSTOOD)
    return np.where(random.uniform(size=(seeds, texts)) < 0.1, ALREADY_WRONG, lost)


def test_the_difference_of_relative_degradations_by_hand():
    # Seed by seed 1/2 and 2/2 are lost of the first, 1/4 and 2/4 of the second: 3/4 less 3/8.
    first = [[1, 2, 0, 0], [0, 2, 0, 2]]
    second = [[1, 1, 1, 2], [2, 1, 2, 1]]
    assert relative_degradation_difference(first, second)[0] == 3 / 8
    assert relative_degradation_difference(second, first)[0] == -3 / 8
    # Where every text has the same outcomes, other texts would change nothing.
    assert relative_degradation_difference([[2] * 5, [1] * 5], [[1] * 5, [1] * 5]) == (0.5, 0.5, 0.5)
    assert relative_degradation_difference(second, second) == (0, 0, 0)


def test_its_effect_is_the_mean_over_seeds_of_what_each_model_loses():
    first, second = drawn_outcomes(3, 200, 0.6), drawn_outcomes(3, 200, 0.4, seed=1)
    shares = [[degradation(each)["relative_degradation"] for each in model] for model in (first, second)]
    effect, low, high = relative_degradation_difference(first, second)
    assert effect == pytest.approx(np.mean(shares[0]) - np.mean(shares[1]), abs=1e-12)
    assert low < effect < high
    points = relative_degradation_difference(first, second, scale=100)
    assert points == pytest.approx((100 * effect, 100 * low, 100 * high), rel=1e-12)
    assert relative_degradation_difference(first, second, seed=1) != (effect, low, high)


def test_both_models_and_all_seeds_answer_the_same_drawn_texts():
    one = drawn_outcomes(1, 100, 0.5)
    many = np.repeat(one, 4, axis=0)
    assert relative_degradation_difference(many, many) == (0, 0, 0)  # what is hard for both cancels
    other = drawn_outcomes(1, 100, 0.3, seed=1)
    alone = relative_degradation_difference(one, other)
    assert relative_degradation_difference(many, np.repeat(other, 4, axis=0)) == pytest.approx(alone)
    # The same outcomes torn apart text from text leave the effect and widen the interval.
    near = np.where(np.arange(100) < 90, one, other)
    torn = np.random.default_rng(0).permutation(near[0])[None]
    whole, apart = (relative_degradation_difference(one, each) for each in (near, torn))
    assert whole[0] == apart[0] and apart[2] - apart[1] > 2 * (whole[2] - whole[1])


def test_its_interval_is_that_of_texts_drawn_one_by_one():
    first, second = drawn_outcomes(2, 80, 0.6), drawn_outcomes(2, 80, 0.4, seed=1)
    random = np.random.default_rng(2)
    by_hand = []
    for _ in range(2000):
        drawn = random.integers(80, size=80)
        one, other = (
            np.mean([(each[drawn] == FOOLED).sum() / (each[drawn] != ALREADY_WRONG).sum() for each in model])
            for model in (first, second)
        )
        by_hand.append(one - other)
    found = relative_degradation_difference(first, second)
    assert found[1:] == pytest.approx(np.quantile(by_hand, [0.025, 0.975]), abs=0.02)


def test_a_model_that_was_never_right_has_no_difference_to_show():
    with np.errstate(all="raise"):
        assert np.isnan(relative_degradation_difference([[0, 0]], [[1, 2]])).all()
        # Half of the draws of two texts hold the one that was right, or both; the others say nothing.
        effect, *bounds = relative_degradation_difference([[0, 2]], [[1, 1]])
    assert effect == 1.0 and np.isnan(bounds).all()


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([0, 1], [0, 1], "both must have one shape (seeds, texts), but they have (2,) and (2,)"),
        ([[0, 1]], [[0], [1]], "both must have one shape (seeds, texts), but they have (1, 2) and (2, 1)"),
        ([[]], [[]], "both must have one shape (seeds, texts), but they have (1, 0) and (1, 0)"),
        ([[1]], [[3]], "outcomes must be 0 (already wrong), 1 (withstood) or 2 (fooled), not 3"),
    ],
)
def test_a_difference_of_no_outcomes_is_refused(first, second, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        relative_degradation_difference(first, second)


# Queries of a success


SIX_TEXTS, THEIR_QUERIES = [0, 0, 1, 2, 2, 2], [1, 1, 400, 11, 21, 31]


def test_successes_are_counted_and_the_first_look_is_not():
    assert queries_per_success(SIX_TEXTS, THEIR_QUERIES) == (0 + 0 + 10 + 20 + 30) / 5


def test_textfooler_counts_the_same_attack_otherwise():
    summary = attack_summary(SIX_TEXTS, [0] * 6, THEIR_QUERIES)
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
def test_queries_of_no_attack_are_refused(arguments, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        queries_per_success(*arguments)


# Budgets


def test_a_text_falls_with_the_query_that_fools_the_model():
    found = accuracy_within_budget([0, 1, 2, 2], [1, 400, 30, 60], [29, 30, 31, 59, 60])
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([3], [1], [1]), "outcomes must be 0 (already wrong), 1 (withstood) or 2 (fooled), not 3"),
        (([2], [-1], [1]), "queries must not be negative, but -1 was found"),
        (([2], [1], [-5]), "budgets must not be negative, but -5 was found"),
        (([2], [1], []), "budgets must have the shape (budgets,), not (0,)"),
        (([2], [1.5], [5]), "queries must be whole numbers, and 1.5 is none"),
        (([2], [1], 5), "budgets must have the shape (budgets,), not ()"),
        (([2, 1], [1], [1]), "outcomes has 2 examples and queries has 1: they must answer the same"),
        (([], [], [1]), "outcomes and queries are empty: a share of no examples is undefined"),
    ],
)
def test_budgets_of_no_attack_are_refused(arguments, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        accuracy_within_budget(*arguments)


def test_contributions_of_queries_scatter_as_their_ratio_does():
    """The variance of a mean over right texts, by drawing texts anew, against that of the contributions."""
    random = np.random.default_rng(0)
    outcomes, queries = random.integers(0, 3, 300), random.integers(1, 60, 300)
    found = query_contributions(outcomes, queries)
    assert found.mean() == pytest.approx(queries[outcomes != 0].mean())
    drawn = random.integers(0, 300, (4000, 300))
    right = outcomes[drawn] != 0
    means = (queries[drawn] * right).sum(axis=1) / right.sum(axis=1)
    assert found.std() / np.sqrt(300) == pytest.approx(means.std(), rel=0.05)
    assert query_contributions([0, 0], [1, 1]).tolist() == [0, 0]
