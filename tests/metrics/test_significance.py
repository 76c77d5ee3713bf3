"""Intervals, contributions and p values by hand, against scipy, and by simulation: how often does an interval
cover the true mean, and how often does min F′ raise a false alarm?"""

import math
import re

import numpy as np
import pytest
import scipy.stats

from bert_compression.errors import BadInput
from bert_compression.metrics import (
    SCORES,
    SeedNoise,
    StandardError,
    bootstrap_interval,
    holm,
    mcnemar,
    min_f_errors,
    min_f_interval,
    min_f_prime,
    paired_bootstrap_interval,
    satterthwaite,
    score_contributions,
    score_interval,
    seed_error,
    seed_noise,
    spread_ratio,
)

COINS = np.random.default_rng(0).integers(0, 2, 400)


def outcomes(both: int, only_first: int, only_second: int, neither: int) -> tuple[list[int], list[int]]:
    """Two models' right (1) and wrong (0) answers, by how many examples fall into each cell."""
    first = [1] * both + [1] * only_first + [0] * only_second + [0] * neither
    second = [1] * both + [0] * only_first + [1] * only_second + [0] * neither
    return first, second


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


# Contributions of examples to a score


def draw_classes():
    random = np.random.default_rng(1)
    gold = random.integers(0, 2, 500)
    return gold, np.where(random.uniform(size=500) < 0.7, gold, random.integers(0, 2, 500))


def draw_grades():
    random = np.random.default_rng(2)
    gold = random.uniform(0, 5, 500).round(1)  # with ties
    return gold, gold + random.normal(size=500)


@pytest.mark.parametrize("name", SCORES)
def test_contributions_have_the_score_as_their_mean(name):
    gold, predicted = draw_grades() if name in ("pearson", "spearman") else draw_classes()
    contributions = score_contributions(name, gold, predicted)
    assert contributions.shape == gold.shape
    assert contributions.mean() == pytest.approx(SCORES[name](gold, predicted), abs=1e-12)


@pytest.mark.parametrize("name", SCORES)
def test_contributions_scatter_as_the_score_does_when_other_texts_are_drawn(name):
    gold, predicted = draw_grades() if name in ("pearson", "spearman") else draw_classes()
    low, high = score_interval(SCORES[name], gold, predicted)
    error = score_contributions(name, gold, predicted).std() / np.sqrt(len(gold))
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.08)
    assert low < SCORES[name](gold, predicted) < high


def test_an_undefined_score_has_no_contributions():
    assert score_contributions("f1", [0, 0], [0, 0]).tolist() == [0, 0]
    assert score_contributions("pearson", [1, 2], [3, 3]).tolist() == [0, 0]
    with pytest.raises(BadInput, match="unknown score 'bleu': choose one of accuracy, f1"):
        score_contributions("bleu", [0, 1], [0, 1])


@pytest.mark.parametrize("name", ["pearson", "spearman", "matthews"])
@pytest.mark.parametrize("value", [2.7, 0.1, 1.0])
def test_predictions_that_are_all_equal_contribute_nothing(name, value):
    # 1,500 times 2.7 has a mean that is not 2.7, by rounding; the rest must not be taken for a scatter.
    targets, same = np.random.default_rng(0).uniform(0, 5, 1500), np.full(1500, value)
    if name == "matthews":
        targets, same = targets > 2, same == value
    for gold, predicted in ((targets, same), (same, targets), (same, same)):
        contributions = score_contributions(name, gold, predicted)
        assert contributions.dtype == np.float64 and contributions.shape == (1500,)
        np.testing.assert_array_equal(contributions, 0)
    assert bootstrap_interval(score_contributions(name, targets, same)) == (0.0, 0.0)
    one_apart = np.where(np.arange(1500) == 7, value + 1, value)
    if name != "matthews":
        assert score_contributions(name, targets, one_apart).any()


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval([]), "values must have the shape (examples,), not (0,)"),
        (lambda: bootstrap_interval([[1.0, 2.0]]), "values must have the shape (examples,), not (1, 2)"),
        (lambda: bootstrap_interval([1.0, math.nan]), "values holds NaN or infinite values"),
        (lambda: holm([]), "p_values must have the shape (questions,), not (0,)"),
        (lambda: holm([0.1, 1.1]), "p_values lie in [0, 1], and 0.1 to 1.1 were given"),
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


ZEROS = np.zeros((4, 2))
# Seeds' means 2 and 4: variance 2. Examples' means 2, 2, 4, 4: variance 4/3. Mean 3.
BY_HAND = [[1, 3], [1, 3], [3, 5], [3, 5]]


def by_t_tests(differences):
    """Clark's formula from two t tests, whose squares are F1 and F2; no surer than either of them."""
    one, two = (scipy.stats.ttest_1samp(differences.mean(axis=axis), 0) for axis in (0, 1))
    f1, f2 = one.statistic**2, two.statistic**2
    n1, n2 = differences.shape[1] - 1, differences.shape[0] - 1
    value = f1 * f2 / (f1 + f2)
    df = (f1 + f2) ** 2 / (f1**2 / n2 + f2**2 / n1)
    return value, df, max(2 * scipy.stats.t.sf(math.sqrt(value), df), one.pvalue, two.pvalue)


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


# min F′: one pair


def test_min_f_by_hand():
    # F1 = 9 / (2 / 2) = 9 and F2 = 9 / (4/3 / 4) = 27, with 1 and 3 degrees of freedom:
    # 9 * 27 / 36, and 36² / (81 / 3 + 729 / 1).
    value, df, p = min_f_prime(BY_HAND, ZEROS)
    assert (value, df) == (pytest.approx(6.75), pytest.approx(1296 / 756))
    # Of min F' it would be 0.14; but F1 alone, of two seeds, leaves 0.20.
    assert 2 * scipy.stats.t.sf(math.sqrt(6.75), 1296 / 756) == pytest.approx(0.14, abs=0.005)
    assert p == pytest.approx(2 * scipy.stats.t.sf(3, 1)) == pytest.approx(0.20, abs=0.005)


@pytest.mark.parametrize(("examples", "seeds"), [(2, 2), (5, 3), (400, 3), (30, 10)])
def test_min_f_is_that_of_two_t_tests(examples, seeds):
    first, second = np.random.default_rng(examples).normal(size=(2, examples, seeds)) + 0.3
    assert min_f_prime(first, second) == pytest.approx(by_t_tests(first - second))


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_min_f_is_no_surer_than_either_of_its_parts(seeds):
    for draw in range(50):
        random = np.random.default_rng(draw)
        differences = random.normal(0.5, 1, size=(40, seeds)) + random.normal(0, 0.3, size=(1, seeds))
        value, _, p = min_f_prime(differences, np.zeros((40, seeds)))
        low, high = min_f_interval(differences, np.zeros((40, seeds)))
        for axis in (0, 1):
            alone = scipy.stats.ttest_1samp(differences.mean(axis=axis), 0)
            assert value < alone.statistic**2 and p >= alone.pvalue * (1 - 1e-9)
            narrower = alone.confidence_interval()
            assert low <= narrower.low + 1e-9 and narrower.high <= high + 1e-9


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


# min F′: what the other methods say of seeds


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [None, SeedNoise(0.01, 7)])
def test_the_interval_leaves_out_zero_just_where_p_says_so(seed, noise):
    draws = np.random.default_rng(seed)
    first, second = draws.normal(0.15, 0.5, (60, 3)), draws.normal(0, 0.5, (60, 3))
    p = min_f_prime(first, second, noise).p_value
    for confidence, without in ((1 - p + 1e-6, False), (1 - p - 1e-6, True)):
        low, high = min_f_interval(first, second, noise, confidence)
        assert (low > 0 or high < 0) == without
        assert (low + high) / 2 == pytest.approx((first - second).mean())


def test_of_one_seed_the_interval_is_that_of_the_paired_t_test():
    first, second = np.random.default_rng(0).normal(size=(2, 30, 1))
    expected = scipy.stats.ttest_rel(first[:, 0], second[:, 0]).confidence_interval()
    assert min_f_interval(first, second) == pytest.approx(tuple(expected))


def test_an_interval_holds_what_is_true_as_often_as_it_promises():
    draws = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        seeds, texts = draws.normal(0, 1, (12, 1, 3)), draws.normal(0, 4, (12, 200, 1))
        right = 0.5 + seeds + texts + draws.normal(0, 1, (12, 200, 3))
        noise = seed_noise(right.mean(axis=1)).of_difference()
        low, high = min_f_interval(right[0], right[1], noise)
        held += low <= 0 <= high
    assert 0.95 <= held / 400 <= 0.995  # the larger of two variances is rather too large


def test_few_seeds_have_the_noise_of_all_unless_they_differ_by_far_more():
    noise = SeedNoise(0.5, 12)
    assert seed_error([1.0, 1.1], noise) == (0.25, 12)  # they agree by accident
    assert seed_error([0.0, 1.2], noise) == (pytest.approx(0.36), 12)  # larger, as may happen
    assert seed_error([0.0, 4.0], noise) == (4.0, 1)  # 16 times: F(1, 12) has 4.7 at 5 %
    assert seed_error([2.0], noise) == (0.5, 12)
    assert seed_error([2.0]) == (0.0, 1)
    assert seed_error([1.0, 2.0], SeedNoise(0.0, 12)) == (0.25, 1)


def test_errors_add_up_and_none_leaves_the_estimate():
    errors = [StandardError(0.5, 20), StandardError(0.5, 100)]
    df = 1 / (0.25 / 20 + 0.25 / 100)
    reach = scipy.stats.t.ppf(0.975, df)
    found = satterthwaite(2.0, errors)
    assert (found.low, found.high) == pytest.approx((2 - reach, 2 + reach))
    assert found.p_value == pytest.approx(2 * scipy.stats.t.sf(2.0, df))
    # With 2 degrees of freedom, half of the variance alone leaves more room than all of it with 7.7.
    few = [StandardError(0.5, 2), StandardError(0.5, 100)]
    reach = scipy.stats.t.ppf(0.975, 2) * math.sqrt(0.5)
    found = satterthwaite(2.0, few)
    assert (found.low, found.high) == pytest.approx((2 - reach, 2 + reach))
    assert found.p_value == pytest.approx(2 * scipy.stats.t.sf(2 / math.sqrt(0.5), 2))
    assert satterthwaite(2.0, [StandardError(0.0, 1)]) == (2.0, 2.0, 0.0)
    assert satterthwaite(0.0, [StandardError(0.0, 1)]) == (0.0, 0.0, 1.0)
    with pytest.raises(BadInput, match=r"^without any error nothing is uncertain"):
        satterthwaite(2.0, [])
    with pytest.raises(BadInput, match="confidence"):
        satterthwaite(2.0, errors, confidence=1.0)


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


def test_where_trainings_are_missing_the_noise_is_the_residual_of_those_that_are_there():
    random = np.random.default_rng(3)
    means, measured = random.normal(size=(5, 4)), np.ones((5, 4), bool)
    measured[1, 3] = measured[4, 1:] = False  # one method lacks a seed, and one was trained once
    whole = seed_noise(means[:4], measured[:4])
    assert whole.df == 15 - (4 + 4 - 1) and seed_noise(means, measured) == pytest.approx(whole)
    drawn = [seed_noise(random.normal(size=(5, 4)), measured).variance for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(1.0, abs=0.03)  # the mean square has no bias
    almost = seed_noise(means, np.ones((5, 4)))
    assert almost == seed_noise(means)
    with pytest.raises(BadInput, match="measured must have the shape of the means"):
        seed_noise(means, measured[:4])


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


# min F′: how often it errs


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


@pytest.mark.parametrize("with_noise", [True, False])
def test_where_seeds_matter_few_tables_have_a_false_alarm(with_noise):
    assert alarms_in_tables(with_noise, of_seeds=0.7, of_examples=1.5, of_both=0.5) <= 0.06


def test_a_difference_that_is_there_is_found_and_the_noise_of_all_methods_finds_it_more_often():
    random = np.random.default_rng(7)
    found = {}
    for difference in (0.1, 0.5, 1.0):
        for name in ("alone", "with the others"):
            seen = 0
            for _ in range(200):
                methods = crossed(random, 8, 200, of_seeds=0.05, of_examples=0.5)
                noise = seed_noise(methods.mean(axis=1)).of_difference() if name != "alone" else None
                seen += min_f_prime(methods[0] + difference, methods[1], noise).p_value < 0.05
            found[difference, name] = seen / 200
        assert found[difference, "alone"] <= found[difference, "with the others"]
    alone, others = ([found[d, name] for d in (0.1, 0.5, 1.0)] for name in ("alone", "with the others"))
    assert alone[0] < 0.2 < 0.8 < alone[1] < alone[2] and others[1] > 0.95 and others[2] == 1.0


def test_torn_pairs_are_worse_than_whole_ones():
    random = np.random.default_rng(8)
    first, second = crossed(random, 2, seeds=8, of_both=0.3)
    torn = random.permutation(second)
    assert min_f_prime(first + 0.2, second).p_value < 0.01 < min_f_prime(first + 0.2, torn).p_value


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: min_f_prime([1, 2], [1, 2]),
            "first must have the shape (examples, seeds), not (2,)",
        ),
        (
            lambda: min_f_prime([[1.0, math.nan]], [[1, 2]]),
            "first holds NaN or infinite values",
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
            "means must have the shape (methods, seeds), not (2,)",
        ),
    ],
)
def test_what_cannot_be_tested_is_refused(call, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval([1e308, 1e308]), "values holds 1e+308, of which no square is a number"),
        (
            lambda: min_f_prime([[1e200, 0], [0, 1]], [[0, 0], [0, 0]]),
            "first holds 1e+200, of which",
        ),
        (
            lambda: satterthwaite(1.0, [StandardError(math.nan, 2)]),
            "the variance of an error must lie",
        ),
        (lambda: satterthwaite(1.0, [StandardError(-1.0, 2)]), "the variance of an error must lie"),
        (lambda: satterthwaite(1.0, [StandardError(1.0, 0)]), "the degrees of freedom of an error must be "),
        (lambda: seed_error([1.0, 2.0], SeedNoise(math.nan, 3)), "the variance of the noise must lie in 0.."),
        (lambda: spread_ratio(1e300, 1.0, 3), "first must lie in 0..1e+100, not 1e+300"),
    ],
)
def test_what_would_end_as_no_number_is_refused(call, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        call()


def test_a_spread_is_smaller_as_surely_as_it_is_larger():
    assert spread_ratio(1.0, 2.0, 3).p_value == pytest.approx(spread_ratio(2.0, 1.0, 3).p_value)
    assert spread_ratio(1.0, 2.0, 3).p_value == pytest.approx(0.4)


@pytest.mark.parametrize("noise", [None, SeedNoise(0.5, 10)])
def test_the_errors_of_min_f_give_its_interval_and_its_p(noise):
    errors = min_f_errors(BY_HAND, ZEROS, noise)
    found = satterthwaite(float(np.mean(BY_HAND)), errors)
    assert found[:2] == pytest.approx(min_f_interval(BY_HAND, ZEROS, noise))
    assert found.p_value == pytest.approx(min_f_prime(BY_HAND, ZEROS, noise).p_value)
