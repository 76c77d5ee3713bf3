"""Intervals and p values against formulas worked by hand, scipy, and simulated coverage."""

import math
import re

import numpy as np
import pytest
import scipy.stats

from bert_compression.errors import BadInput
from bert_compression.metrics import bootstrap_interval, holm, mcnemar, paired_bootstrap_interval

COINS = np.random.default_rng(0).integers(0, 2, 400)


def outcomes(both: int, only_first: int, only_second: int, neither: int) -> tuple[list[int], list[int]]:
    """Two models' right (1) and wrong (0) answers, by how many examples fall into each cell."""
    first = [1] * both + [1] * only_first + [0] * only_second + [0] * neither
    second = [1] * both + [0] * only_first + [1] * only_second + [0] * neither
    return first, second


# McNemar


def test_mcnemar_of_five_to_none_and_of_eight_to_two_by_hand():
    assert mcnemar(*outcomes(0, 5, 0, 0)) == 2 / 2**5
    assert mcnemar(*outcomes(3, 8, 2, 7)) == pytest.approx(2 * (1 + 10 + 45) / 2**10, rel=1e-12)


@pytest.mark.parametrize(("first", "second"), [(30, 12), (12, 30), (41, 40), (1, 0)])
def test_mcnemar_is_twice_the_smaller_binomial_tail(first, second):
    n, smaller = first + second, min(first, second)
    tail = sum(math.comb(n, k) for k in range(smaller + 1)) / 2**n
    p = mcnemar(*outcomes(10, first, second, 10))
    assert p == pytest.approx(min(1.0, 2 * tail), rel=1e-9)
    assert p == pytest.approx(scipy.stats.binomtest(first, n).pvalue, rel=1e-9)


def test_only_examples_that_one_model_alone_gets_right_count():
    few, many = outcomes(1, 9, 2, 1), outcomes(500, 9, 2, 500)
    assert mcnemar(*few) == mcnemar(*many)
    assert mcnemar(*few) != mcnemar(*outcomes(1, 8, 3, 1))


def test_models_that_never_differ_or_split_evenly_are_not_told_apart():
    assert mcnemar([1, 0, 1], [1, 0, 1]) == 1.0
    assert mcnemar(*outcomes(4, 6, 6, 4)) == 1.0
    assert mcnemar(*outcomes(4, 12, 0, 4)) < 0.001


# Holm


def test_holm_by_hand():
    # Sorted 0.01, 0.03, 0.04 times 3, 2, 1 is 0.03, 0.06, 0.04; never falling: 0.03, 0.06, 0.06.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06], rtol=1e-12)
    np.testing.assert_allclose(holm([0.6, 0.7]), [1.0, 1.0])
    assert holm([0.04]).tolist() == [0.04]


def test_holm_decides_as_its_step_down_rule_does():
    random = np.random.default_rng(1)
    for _ in range(50):
        p = random.uniform(0, 0.1, 6)
        rejected = np.zeros(6, dtype=bool)
        for step, index in enumerate(np.argsort(p)):
            if p[index] > 0.05 / (6 - step):
                break
            rejected[index] = True
        np.testing.assert_array_equal(holm(p) <= 0.05, rejected)


def test_holm_makes_no_p_smaller_and_keeps_their_order():
    p = np.random.default_rng(2).uniform(0, 1, 20)
    corrected = holm(p)
    assert (corrected >= p).all() and (corrected > p).any() and corrected.max() <= 1.0
    assert (np.diff(corrected[np.argsort(p)]) >= 0).all()


# Bootstrap


def test_the_interval_of_coin_flips_is_near_the_normal_one():
    mean, half_width = COINS.mean(), 1.96 * math.sqrt(COINS.mean() * (1 - COINS.mean()) / len(COINS))
    low, high = bootstrap_interval(COINS)
    assert low < mean < high
    assert (low, high) == pytest.approx((mean - half_width, mean + half_width), abs=0.006)


def test_the_interval_is_near_scipys_percentile_bootstrap():
    values = np.random.default_rng(3).exponential(size=100)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(4)
    ).confidence_interval
    assert bootstrap_interval(values, resamples=4000) == pytest.approx(tuple(theirs), abs=0.03)


def test_nineteen_of_twenty_intervals_cover_the_true_mean():
    random = np.random.default_rng(5)
    intervals = [bootstrap_interval(random.normal(size=60), resamples=400, seed=i) for i in range(300)]
    covered = np.mean([low <= 0 <= high for low, high in intervals])
    assert 0.90 < covered < 0.98


def test_more_confidence_and_fewer_examples_widen_the_interval():
    def width(interval: tuple[float, float]) -> float:
        return interval[1] - interval[0]

    assert width(bootstrap_interval(COINS, 0.8)) < width(bootstrap_interval(COINS, 0.95))
    assert 1.7 < width(bootstrap_interval(COINS[:100])) / width(bootstrap_interval(COINS)) < 2.3
    assert bootstrap_interval([0.3] * 7) == pytest.approx((0.3, 0.3), abs=1e-15)


def test_one_seed_gives_one_interval_and_another_seed_another():
    assert bootstrap_interval(COINS, seed=1) == bootstrap_interval(COINS, seed=1)
    values = np.random.default_rng(6).normal(size=200)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)


def test_drawing_block_by_block_is_drawing_at_once():
    values = np.random.default_rng(7).normal(size=30_000)  # 66 resamples a block
    drawn = np.random.default_rng(8).integers(0, len(values), (150, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    assert bootstrap_interval(values, resamples=150, seed=8) == pytest.approx((low, high), abs=1e-15)


def test_a_paired_interval_lets_what_is_hard_for_both_cancel():
    random = np.random.default_rng(9)
    difficulty = random.normal(0, 1, 300)
    first, second = (difficulty + shift + random.normal(0, 0.1, 300) for shift in (0.2, 0.0))
    low, high = paired_bootstrap_interval(first, second)
    assert 0.15 < low < 0.2 < high < 0.25
    assert (low, high) == bootstrap_interval(first - second)
    torn_low, torn_high = paired_bootstrap_interval(first, random.permutation(second))
    assert torn_high - torn_low > 5 * (high - low)


def test_a_paired_interval_has_the_sign_of_first_minus_second_and_takes_truth_values():
    first, second = (np.array(side, dtype=bool) for side in outcomes(80, 15, 5, 20))
    low, high = paired_bootstrap_interval(first, second)
    assert 0 < low < 10 / 120 < high
    assert paired_bootstrap_interval(second, first) == pytest.approx((-high, -low), abs=1e-15)
    assert paired_bootstrap_interval(first, first) == (0.0, 0.0)


NEEDED = "a non-empty one-dimensional array of finite numbers is needed, not shape "


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval([]), f"{NEEDED}(0,)"),
        (lambda: bootstrap_interval([[1.0, 2.0]]), f"{NEEDED}(1, 2)"),
        (lambda: bootstrap_interval([1.0, math.nan]), f"{NEEDED}(2,)"),
        (lambda: holm([]), f"{NEEDED}(0,)"),
        (lambda: bootstrap_interval([1.0], 1.0), "confidence must lie between 0 and 1, not 1.0"),
        (lambda: bootstrap_interval([1.0], 95), "confidence must lie between 0 and 1, not 95"),
        (
            lambda: paired_bootstrap_interval([1.0], [1.0, 2.0]),
            "first has 1 examples and second has 2: they must answer the same",
        ),
        (
            lambda: mcnemar([1], [1, 0]),
            "first_correct has 1 examples and second_correct has 2: they must answer the same",
        ),
        (
            lambda: mcnemar([], []),
            "first_correct and second_correct are empty: a share of no examples is undefined",
        ),
    ],
)
def test_what_no_interval_or_p_value_can_come_from_is_refused(call, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        call()
