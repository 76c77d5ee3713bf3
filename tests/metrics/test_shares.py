"""Intervals of shares against the definition of a score test, by a second route, and by simulation."""

import math
import re

import numpy as np
import pytest
import scipy

from bert_compression.errors import BadInput
from bert_compression.metrics import (
    bootstrap_interval,
    bounded_mean_interval,
    paired_bootstrap_interval,
    paired_share_interval,
    share_interval,
)


def outcomes(both: int, only_first: int, only_second: int, neither: int) -> tuple[list[int], list[int]]:
    """Two models' right (1) and wrong (0) answers, by how many examples fall into each cell."""
    first = [1] * both + [1] * only_first + [0] * only_second + [0] * neither
    second = [1] * both + [0] * only_first + [1] * only_second + [0] * neither
    return first, second


@pytest.mark.parametrize(("successes", "examples"), [(0, 20), (7, 20), (20, 20), (870, 872)])
def test_the_interval_of_a_share_is_what_the_score_test_would_not_reject(successes, examples):
    low, high = share_interval(successes, examples)
    share = successes / examples
    for bound in {low, high} - {0.0, 1.0}:
        z = (share - bound) / math.sqrt(bound * (1 - bound) / examples)
        assert abs(z) == pytest.approx(1.959964, rel=1e-5)
    assert low <= share <= high and high > low


def test_without_exception_a_share_is_not_proved_where_the_bootstrap_thinks_so():
    assert bootstrap_interval([1] * 20) == (1.0, 1.0)
    assert share_interval(20, 20) == pytest.approx((0.8389, 1.0), abs=1e-4)
    assert share_interval(2000, 2000)[0] > 0.998


def test_nineteen_of_twenty_intervals_cover_a_share_near_one():
    draws = np.random.default_rng(7).binomial(100, 0.98, 2000)
    covered = [share_interval(int(k), 100) for k in draws]
    assert 0.93 < np.mean([low <= 0.98 <= high for low, high in covered]) < 0.99


@pytest.mark.parametrize(("successes", "examples"), [(0, 0), (3, 2), (-1, 2)])
def test_a_share_of_nothing_is_refused(successes, examples):
    message = f"a share is of at least one example: {successes} of {examples} is none"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        share_interval(successes, examples)


@pytest.mark.parametrize(("only_first", "only_second", "pairs"), [(12, 2, 50), (3, 3, 40), (30, 0, 30)])
def test_the_paired_interval_is_that_of_the_score_test_with_the_likeliest_rates(
    only_first, only_second, pairs
):
    """A second route: for each difference of a grid, the likeliest rates of discordant pairs by search."""
    accepted = []
    for difference in np.linspace(-1, 1, 401):
        rates = np.linspace(max(0.0, -difference), (1 - difference) / 2, 4001)  # of only_second
        rest = np.maximum(1 - 2 * rates - difference, 0)
        counts = (
            (only_first, rates + difference),
            (only_second, rates),
            (pairs - only_first - only_second, rest),
        )
        likely = rates[np.argmax(sum(scipy.special.xlogy(count, rate) for count, rate in counts))]
        variance = pairs * (2 * likely + difference * (1 - difference))
        if (only_first - only_second - pairs * difference) ** 2 <= 1.959964**2 * variance + 1e-9:
            accepted.append(difference)
    first, second = outcomes(pairs - only_first - only_second, only_first, only_second, 0)
    assert paired_share_interval(first, second) == pytest.approx((accepted[0], accepted[-1]), abs=0.006)


def test_two_that_never_differ_are_not_proved_equal():
    first = [1] * 80 + [0] * 20
    assert paired_bootstrap_interval(first, first) == (0.0, 0.0)
    z2 = 1.959964**2
    assert paired_share_interval(first, first) == pytest.approx((-z2 / (100 + z2), z2 / (100 + z2)), abs=1e-6)


def test_with_many_pairs_the_score_interval_is_near_the_bootstrap():
    first, second = outcomes(700, 130, 90, 80)
    assert paired_share_interval(first, second) == pytest.approx(
        paired_bootstrap_interval(first, second), abs=0.003
    )


def test_nineteen_of_twenty_paired_intervals_cover_a_small_difference():
    random = np.random.default_rng(8)
    counts = random.multinomial(100, [0.9, 0.03, 0.01, 0.06], 600)
    intervals = [paired_share_interval(*outcomes(*count)) for count in counts.tolist()]
    assert 0.93 < np.mean([low <= 0.02 <= high for low, high in intervals]) < 0.99


def test_all_on_one_side_ends_at_the_edge():
    low, high = paired_share_interval([1] * 30, [0] * 30)
    assert 0.7 < low < 1 and high == 1.0
    with pytest.raises(BadInput, match="a difference of shares is one of truth values"):
        paired_share_interval([0.5], [1])


@pytest.mark.parametrize(("successes", "examples"), [(0, 20), (7, 20), (20, 20), (199, 200)])
def test_of_truth_values_the_bounds_of_a_mean_are_those_of_clopper_and_pearson(successes, examples):
    values = np.arange(examples) < successes
    low, high = bounded_mean_interval(values.astype(float), 0, 1, draws=200_000)
    beta = scipy.stats.beta
    exact_low = beta.ppf(0.025, successes, examples - successes + 1) if successes else 0.0
    exact_high = beta.ppf(0.975, successes + 1, examples - successes) if successes < examples else 1.0
    assert (low, high) == pytest.approx((exact_low, exact_high), abs=2e-3)


def test_the_bounds_of_a_mean_leave_room_for_what_is_rare_and_the_bootstrap_does_not():
    random = np.random.default_rng(11)
    missed = {bounded_mean_interval: 0, bootstrap_interval: 0}
    for _ in range(300):
        values = 1 - 0.8 * (random.uniform(size=100) < 0.01)
        for interval, ends in ((bounded_mean_interval, (0.0, 1.0)), (bootstrap_interval, ())):
            missed[interval] += interval(values, *ends, 0.95, 500)[0] > 1 - 0.008
    assert missed[bounded_mean_interval] <= 300 * 0.025 + 6 and missed[bootstrap_interval] > 60


def test_the_scale_of_a_mean_is_only_a_unit():
    values = np.random.default_rng(5).uniform(0.3, 0.9, 50)
    low, high = bounded_mean_interval(values, 0, 1)
    assert bounded_mean_interval(2 * values - 1, -1, 1) == pytest.approx((2 * low - 1, 2 * high - 1))
    mirrored = bounded_mean_interval(1 - values, 0, 1)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_values_beyond_the_ends_are_refused():
    with pytest.raises(BadInput, match=re.escape("values lie in [0, 1], and 0.5 to 1.5 were given")):
        bounded_mean_interval([0.5, 1.5], 0, 1)
