"""min F′ by hand, against two t tests, and by simulation: how often does it raise a false alarm?"""

import math
import re

import numpy as np
import pytest
import scipy.stats

from bert_compression.errors import BadInput
from bert_compression.metrics import holm, min_f_prime, seed_noise
from bert_compression.metrics.paired_tests import SeedNoise

ZEROS = np.zeros((4, 2))
# Seeds' means 2 and 4: variance 2. Examples' means 2, 2, 4, 4: variance 4/3. Mean 3.
BY_HAND = [[1, 3], [1, 3], [3, 5], [3, 5]]


def by_t_tests(differences):
    """Clark's formula from two t tests, whose squares are F1 and F2."""
    f1 = scipy.stats.ttest_1samp(differences.mean(axis=0), 0).statistic ** 2
    f2 = scipy.stats.ttest_1samp(differences.mean(axis=1), 0).statistic ** 2
    n1, n2 = differences.shape[1] - 1, differences.shape[0] - 1
    value = f1 * f2 / (f1 + f2)
    df = (f1 + f2) ** 2 / (f1**2 / n2 + f2**2 / n1)
    return value, df, 2 * scipy.stats.t.sf(math.sqrt(value), df)


def crossed(random, methods, examples=80, seeds=3, of_seeds=0.0, of_examples=0.0, of_both=1.0):
    """Outcomes (methods, examples, seeds) of methods that differ in nothing but chance, which seeds, examples
    and their meeting bring to each method; difficulty and a seed's luck are common to all."""
    common = random.normal(size=(1, examples, 1)) + random.normal(size=(1, 1, seeds))
    return (
        common
        + of_seeds * random.normal(size=(methods, 1, seeds))
        + of_examples * random.normal(size=(methods, examples, 1))
        + of_both * random.normal(size=(methods, examples, seeds))
    )


# one pair


def test_min_f_by_hand():
    # F1 = 9 / (2 / 2) = 9 and F2 = 9 / (4/3 / 4) = 27, with 1 and 3 degrees of freedom:
    # 9 * 27 / 36, and 36² / (81 / 3 + 729 / 1).
    value, df, p = min_f_prime(BY_HAND, ZEROS)
    assert (value, df) == (pytest.approx(6.75), pytest.approx(1296 / 756))
    assert p == pytest.approx(2 * scipy.stats.t.sf(math.sqrt(6.75), 1296 / 756))


@pytest.mark.parametrize(("examples", "seeds"), [(2, 2), (5, 3), (400, 3), (30, 10)])
def test_min_f_is_that_of_two_t_tests(examples, seeds):
    first, second = np.random.default_rng(examples).normal(size=(2, examples, seeds)) + 0.3
    assert min_f_prime(first, second) == pytest.approx(by_t_tests(first - second))


def test_min_f_lies_below_both_of_its_parts():
    differences = np.random.default_rng(1).normal(0.5, 1, size=(40, 3))
    value, _, p = min_f_prime(differences, np.zeros((40, 3)))
    f1 = scipy.stats.ttest_1samp(differences.mean(axis=0), 0).statistic ** 2
    f2 = scipy.stats.ttest_1samp(differences.mean(axis=1), 0).statistic ** 2
    assert value < min(f1, f2)
    assert p > scipy.stats.ttest_1samp(differences.mean(axis=1), 0).pvalue


def test_one_seed_leaves_the_paired_t_test_over_examples():
    first, second = np.random.default_rng(2).normal(0.2, 1, size=(2, 50, 1))
    expected = scipy.stats.ttest_rel(first[:, 0], second[:, 0])
    value, df, p = min_f_prime(first, second)
    assert (value, df, p) == pytest.approx((expected.statistic**2, 49, expected.pvalue))


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([[0, 0], [0, 0]], (0, 1, 1)),  # nothing differs
        ([[1, -1], [-1, 1]], (0, 1, 1)),  # all that differs cancels
        ([[1, 1], [3, 3], [5, 5]], (9 / (4 / 3), 2, 0.1217)),  # seeds agree: F2 alone, 9 / (4 / 3)
        ([[1, 3], [1, 3], [1, 3]], (4, 1, 0.2952)),  # examples agree: F1 alone, 4 / (2 / 2)
        ([[2, 2], [2, 2]], (math.inf, 1, 0)),  # nothing varies
        ([[0.1] * 3] * 7, (math.inf, 6, 0)),
    ],
)
def test_degenerate_differences(differences, expected):
    assert min_f_prime(differences, np.zeros_like(differences)) == pytest.approx(expected, abs=1e-4)


# what the other methods say of seeds


def test_seed_noise_by_hand_and_for_nothing_to_compare():
    # Rows 0 2 and 1 1: what is left after rows and columns is ∓½, ±½; squares sum to 1, with one degree.
    assert seed_noise([[0, 2], [1, 1]]) == SeedNoise(pytest.approx(1.0), 1)
    assert seed_noise([[5, 7, 9], [1, 3, 5]]) == SeedNoise(pytest.approx(0.0), 2)  # seeds move both alike
    for alone in ([[1, 2, 3]], [[1], [2]]):
        variance, df = seed_noise(alone)
        assert math.isnan(variance) and df == 0


def test_seed_noise_is_the_residual_of_a_regression_on_methods_and_seeds():
    means = np.random.default_rng(3).normal(size=(5, 4))
    methods, seeds = (
        np.eye(size)[index.ravel()] for size, index in zip((5, 4), np.indices((5, 4)), strict=True)
    )
    design = np.hstack([methods, seeds])
    residual = means.ravel() - design @ np.linalg.lstsq(design, means.ravel(), rcond=None)[0]
    assert seed_noise(means) == SeedNoise(pytest.approx(residual @ residual / 12), 12)


def test_two_methods_alone_have_the_noise_of_their_difference():
    first, second = np.random.default_rng(4).normal(size=(2, 30, 3))
    noise = seed_noise([first.mean(axis=0), second.mean(axis=0)]).of_difference()
    assert min_f_prime(first, second, noise) == pytest.approx(min_f_prime(first, second))


def test_a_mean_of_methods_is_quieter_than_one():
    assert SeedNoise(1.0, 8).of_difference() == SeedNoise(2.0, 8)
    assert SeedNoise(1.0, 8).of_difference(4, 1) == SeedNoise(1.25, 8)


def test_the_larger_variance_over_seeds_counts():
    # By hand: the seeds of BY_HAND have a variance of 2.
    alone = min_f_prime(BY_HAND, ZEROS)
    quiet = min_f_prime(BY_HAND, ZEROS, SeedNoise(0.5, 10))
    loud = min_f_prime(BY_HAND, ZEROS, SeedNoise(6.0, 10))
    assert quiet.value == pytest.approx(alone.value) and quiet.df > alone.df
    assert loud.value == pytest.approx(9 / (6 / 2 + 1 / 3)) and loud.p_value > quiet.p_value


def test_noise_lets_one_seed_speak_of_others():
    first, second = np.array([[1.0], [2.0], [3.0]]), np.zeros((3, 1))
    noisy = min_f_prime(first, second, SeedNoise(1.0, 20))
    assert noisy.value == pytest.approx(4 / (1 + 1 / 3))
    assert noisy.p_value > min_f_prime(first, second).p_value
    assert min_f_prime(first, second, SeedNoise(math.nan, 0)) == min_f_prime(first, second)


# how often it errs


@pytest.mark.parametrize(
    ("chance", "low", "high"),
    [
        ({"of_both": 1.0}, 0.0, 0.04),  # counted on both sides: fewer alarms than the level allows
        ({"of_examples": 1.0, "of_both": 0.5}, 0.02, 0.07),
        ({"of_seeds": 1.0, "of_both": 0.5}, 0.02, 0.07),
        ({"of_seeds": 0.3, "of_examples": 1.0, "of_both": 0.5}, 0.02, 0.10),
    ],
)
def test_false_alarms_of_one_pair_at_the_level_of_five_percent(chance, low, high):
    random = np.random.default_rng(5)
    alarms = np.mean([min_f_prime(*crossed(random, 2, **chance)).p_value < 0.05 for _ in range(800)])
    assert low <= alarms <= high


def alarms_in_tables(with_noise, tables=80, **chance):
    """In what share of tables of eight equal methods does a pair differ after Holm's correction?"""
    random = np.random.default_rng(6)
    alarms = 0
    for _ in range(tables):
        methods = crossed(random, 8, examples=60, **chance)
        noise = seed_noise(methods.mean(axis=1)).of_difference() if with_noise else None
        p = [min_f_prime(a, b, noise).p_value for i, a in enumerate(methods) for b in methods[:i]]
        alarms += holm(p).min() < 0.05
    return alarms / tables


def test_where_seeds_matter_the_noise_of_all_methods_keeps_false_alarms_down():
    chance = {"of_seeds": 0.7, "of_examples": 1.5, "of_both": 0.5}
    assert alarms_in_tables(True, **chance) <= 0.06
    assert alarms_in_tables(False, **chance) > 0.15


def test_a_difference_that_is_there_is_found_and_the_larger_the_surer():
    random = np.random.default_rng(7)
    found = {}
    for difference in (0.1, 0.5, 1.0):
        pairs = [crossed(random, 2, 200, of_seeds=0.05, of_examples=0.5) for _ in range(200)]
        found[difference] = np.mean([min_f_prime(a + difference, b).p_value < 0.05 for a, b in pairs])
    assert found[0.1] < found[0.5] and found[0.5] > 0.9 and found[1.0] == 1.0


def test_torn_pairs_are_worse_than_whole_ones():
    random = np.random.default_rng(8)
    first, second = crossed(random, 2, of_both=0.3)
    torn = random.permutation(second)
    assert min_f_prime(first + 0.2, second).p_value < 0.01 < min_f_prime(first + 0.2, torn).p_value


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: min_f_prime([1, 2], [1, 2]),
            "both must have the shape (examples, seeds) and hold finite numbers only, not the shape (2,)",
        ),
        (
            lambda: min_f_prime([[1.0, math.nan]], [[1, 2]]),
            "both must have the shape (examples, seeds) and hold finite numbers only, not the shape (1, 2)",
        ),
        (
            lambda: min_f_prime([[1, 2], [3, 4]], [[1], [2]]),
            "the two methods have the shapes (2, 2) and (2, 1): they must answer the same",
        ),
        (
            lambda: min_f_prime([[1, 2]], [[0, 0]]),
            "one example says nothing of others: two or more are needed",
        ),
        (
            lambda: seed_noise([1, 2]),
            "means must have the shape (methods, seeds) and hold finite numbers only, not the shape (2,)",
        ),
    ],
)
def test_what_cannot_be_tested_is_refused(call, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        call()
