"""How sure is a score, and does a difference between two models go beyond chance? Book: metrics/significance.

Bootstrap intervals speak of the choice of examples, for models that are already trained. The spread over
seeds is another source of chance; min F′ and the interval that it implies take both into account.
`score_contributions` of GLUE's scores writes F1 and correlations as means over examples, to be tested, too.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike
from scipy.special import fdtrc, stdtrit

from bert_compression.checks import (
    LARGEST,
    check_draws,
    checked,
    in_range,
    numbers,
    paired_labels,
    paired_numbers,
    tails,
    truth_values,
)
from bert_compression.errors import BadInput, one_line, shown

DRAWN_AT_ONCE = 2_000_000  # indices or weights of examples at a time, so that memory stays small
SMALLEST = 1e-100  # of what is divided by
LABELS = ("gold_labels", "predicted_labels")
TAILS = (0.025, 0.975)  # the quantiles between which 95 % of all resamples lie

# Intervals


@checked
def bootstrap_interval(
    values: ArrayLike, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Within which bounds would the mean fall, had other examples of the same kind been drawn?

    The percentile bootstrap over examples: `values` has the shape (examples,), one number an example
    (0 or 1 for an accuracy); returns (low, high). Constant values give an interval of no width.

    >>> bootstrap_interval([1, 1, 1])
    (1.0, 1.0)

    Raises BadInput for an empty array, NaN, or a confidence outside (0, 1).
    """
    x, outer = numbers(values, "values", ("examples",)), tails(confidence)
    low, high = np.quantile(_resampled_means(x, resamples, seed), outer)
    return float(low), float(high)


@checked
def paired_bootstrap_interval(
    first: ArrayLike, second: ArrayLike, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Within which bounds lies mean(first) - mean(second), both measured on the same examples?

    Resamples examples, keeping each pair together, so that what is hard for both cancels. Shapes
    (examples,). An interval without 0 is a difference at that confidence.
    """
    a, b = paired_numbers(first, second, ("first", "second"))
    return bootstrap_interval(a - b, confidence, resamples, seed)


@checked
def score_interval(
    score: Callable[[ArrayLike, ArrayLike], float],
    gold_labels: ArrayLike,
    predicted_labels: ArrayLike,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Within which bounds would `score(gold, predicted)` fall, had other examples been drawn?

    The percentile bootstrap over examples, for scores that are no mean over examples, such as F1 or a
    correlation. Both arrays have the shape (examples,); returns (low, high). Raises BadInput for arrays of
    different length, or empty, or a confidence outside (0, 1).
    """
    gold, predicted = paired_labels(gold_labels, predicted_labels, LABELS)
    outer = tails(confidence)
    check_draws(resamples, seed)
    random = np.random.default_rng(seed)
    draws = (random.integers(0, len(gold), len(gold)) for _ in range(resamples))
    try:
        scores = numbers([score(gold[drawn], predicted[drawn]) for drawn in draws], "scores", ("resamples",))
    except TypeError as error:
        raise BadInput(f"score must take gold labels and predictions: {one_line(error)}") from error
    low, high = np.quantile(scores, outer)
    return float(low), float(high)


# Tests


@checked
def mcnemar(first_correct: ArrayLike, second_correct: ArrayLike) -> float:
    """Could two models of equal accuracy differ this much on these examples by chance? The p value.

    The exact McNemar test (McNemar 1947): only the examples on which exactly one model is right count,
    and under equal accuracy each side is right on half of them. Shapes (examples,), truth values.

    >>> mcnemar([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0])
    0.0625

    1.0 where the two never differ. Raises BadInput for arrays of different length, or others than of truth
    values.
    """
    names = ("first_correct", "second_correct")
    pair = paired_labels(first_correct, second_correct, names)
    a, b = (truth_values(side, name) for side, name in zip(pair, names, strict=True))
    only_first, only_second = int(np.sum(a & ~b)), int(np.sum(~a & b))
    if only_first + only_second == 0:
        return 1.0
    return float(scipy.stats.binomtest(only_first, only_first + only_second, 0.5).pvalue)


class StandardError(NamedTuple):
    """A squared standard error, and the degrees of freedom that it is known with."""

    variance: float
    df: float


class Estimate(NamedTuple):
    """The bounds of an estimate, and the chance of as large a value if there were nothing."""

    low: float
    high: float
    p_value: float


class MinF(NamedTuple):
    """min F′, with 1 and `df` degrees of freedom, and the chance of as large a value without a difference."""

    value: float
    df: float
    p_value: float


class SeedNoise(NamedTuple):
    """How much a method's mean moves from seed to seed, apart from what moves all methods equally: a variance
    (NaN where it cannot be known) and its degrees of freedom."""

    variance: float
    df: int

    def of_difference(self, first: int = 1, second: int = 1) -> "SeedNoise":
        """The noise of the difference of two methods, or of the means of so many methods on either side."""
        return SeedNoise(self.variance * (1 / first + 1 / second), self.df)


@checked
def seed_noise(means: ArrayLike, measured: ArrayLike = True) -> SeedNoise:
    """How much do methods differ in what a seed does to them? The noise that `min_f_prime` can take.

    The mean square of the interaction of methods and seeds, the error term of an analysis of variance with
    seeds as blocks, with (methods - 1)(seeds - 1) degrees of freedom. `means` has the shape (methods, seeds).
    Where not every method was trained with every seed, `measured` says which numbers count, truth values of
    the same shape: what is left after the best fit of methods and seeds, with as many degrees of freedom as
    there are numbers beyond those that the fit takes.

    >>> seed_noise([[0.0, 2.0], [1.0, 1.0]])
    SeedNoise(variance=1.0, df=1)
    >>> noise = seed_noise([[0.0, 2.0, 4.0], [1.0, 1.0, 0.0]], measured=[[1, 1, 1], [1, 1, 0]])
    >>> round(noise.variance, 6), noise.df
    (1.0, 1)

    NaN with 0 degrees of freedom for a single method or a single seed. Raises BadInput for anything but
    finite numbers in two dimensions, and for another shape of `measured`.
    """
    m = numbers(means, "means", ("methods", "seeds"))
    counts = truth_values(np.asarray(measured), "measured")
    if counts.shape not in ((), m.shape):
        raise BadInput(f"measured must have the shape of the means, {m.shape}, not {counts.shape}")
    if not counts.any():
        raise BadInput("measured leaves no number to judge by")
    counts = np.broadcast_to(counts, m.shape)
    if counts.all():
        df = (m.shape[0] - 1) * (m.shape[1] - 1)
        left = m - m.mean(axis=0) - m.mean(axis=1, keepdims=True) + m.mean()
    else:
        method, seed = np.nonzero(counts)
        fitted = np.hstack([np.eye(m.shape[0])[method], np.eye(m.shape[1])[seed]])
        best, _, rank, _ = np.linalg.lstsq(fitted, m[counts])
        df, left = int(counts.sum() - rank), m[counts] - fitted @ best
    return SeedNoise(float((left**2).sum() / df), df) if df else SeedNoise(np.nan, 0)


@checked
def min_f_prime(first: ArrayLike, second: ArrayLike, noise: SeedNoise | None = None) -> MinF:
    """Would two methods differ this much with other seeds and other examples, too? Clark's min F′.

    A test over examples alone speaks of the two models at hand, a test over seeds alone of the examples at
    hand; whoever speaks of methods needs both (Clark 1973). With F1 from the means of the seeds, F2 from the
    means of the examples, and n1 and n2 degrees of freedom of their errors,

        min F′ = F1 F2 / (F1 + F2),    df = (F1 + F2)² / (F1² / n2 + F2² / n1).

    Both arguments have the shape (examples, seeds) and are paired: a row is one example, a column one seed.
    It is a lower bound, since the chance that is peculiar to one example under one seed counts on both sides.
    The p value is no smaller than that of F1 or of F2 alone: with two or three seeds df can make it so, and
    no further chance makes a difference surer.

    Three seeds know little of their own scatter: with 2 degrees of freedom hardly any difference is sure.
    Therefore `noise`, the variance of such a difference from seed to seed as all methods of a table show it
    (`seed_noise(...).of_difference()`), can take part (`seed_error`), also of a single seed, which without
    it leaves the test over examples, F2.

    >>> f, df, p = min_f_prime([[1, 0], [0, 1], [2, 1], [1, 2]], [[0, 0], [0, 0], [0, 0], [0, 0]])
    >>> (round(f, 6), round(df, 6), round(p, 4))
    (12.0, 3.0, 0.0405)

    Symmetric in the two methods. No difference in the mean gives p = 1. Where seeds (examples) never differ,
    all chance is that of examples (seeds); where neither do, p is 0. Raises BadInput for other shapes, fewer
    than two examples, or numbers that are not finite.
    """
    mean, scale, errors = _two_way(first, second, noise)
    if abs(mean) <= np.finfo(float).eps * scale:
        return MinF(0.0, float(errors[-1].df), 1.0)
    return _test(mean, *errors)


@checked
def min_f_errors(
    first: ArrayLike, second: ArrayLike, noise: SeedNoise | None = None
) -> tuple[StandardError, StandardError]:
    """The two squared standard errors of mean(first) - mean(second) that min F′ adds up: that of seeds and
    that of examples.

    Arguments as there. With `satterthwaite` they give what `min_f_interval` does, and together with others
    the interval of what several such differences are part of.

    >>> of_seeds, of_examples = min_f_errors([[1, 0], [0, 1], [2, 1], [1, 2]], [[0, 0]] * 4)
    >>> of_seeds.variance, of_seeds.df, round(of_examples.variance, 4), of_examples.df
    (0.0, 1, 0.0833, 3)

    Raises BadInput as `min_f_prime` does.
    """
    return _two_way(first, second, noise)[2]


@checked
def min_f_interval(
    first: ArrayLike, second: ArrayLike, noise: SeedNoise | None = None, confidence: float = 0.95
) -> tuple[float, float]:
    """Within which bounds lies mean(first) - mean(second), with other seeds and other examples, too?

    What `min_f_prime` implies: the mean difference, plus and minus the quantile of t with its degrees of
    freedom times the root of the two squared standard errors together, and no narrower than either has it
    alone. Arguments as there; without 0 where p is below 1 - `confidence`; of no width where nothing differs.

    >>> low, high = min_f_interval([[1, 0], [0, 1], [2, 1], [1, 2]], [[0, 0], [0, 0], [0, 0], [0, 0]])
    >>> (round(low, 3), round(high, 3))
    (0.081, 1.919)

    Raises BadInput as `min_f_prime` does, and for a confidence outside (0, 1).
    """
    mean, _, errors = _two_way(first, second, noise)
    found = satterthwaite(mean, errors, confidence)
    return found.low, found.high


@checked
def seed_error(differences: ArrayLike, noise: SeedNoise | None = None) -> StandardError:
    """The squared standard error of a mean over seeds. `differences` has the shape (seeds,).

    Its variance is that of the differences, with seeds - 1 degrees of freedom. Where `noise` is known, how
    much a seed moves such a difference among all methods, the larger of the two variances counts, with the
    degrees of freedom of the noise: few seeds may agree by accident. Only where the differences vary more
    than the noise explains (an F test at 5 %) do these methods mind seeds more than others, and have the few
    degrees of freedom of their own.

    >>> seed_error([1.0, 2.0, 3.0])
    StandardError(variance=0.3333333333333333, df=2)
    >>> seed_error([1.0, 2.0, 3.0], SeedNoise(3.0, 20))
    StandardError(variance=1.0, df=20)

    A single seed without noise has no error, and 1 degree of freedom. Raises BadInput for an empty array or
    numbers that are not finite.
    """
    x = numbers(differences, "differences", ("seeds",))
    seeds = len(x)
    own = float(x.var(ddof=1)) if seeds > 1 else 0.0
    if noise is not None and noise.df:
        in_range(noise.variance, "the variance of the noise", 0, LARGEST)
        in_range(noise.df, "the degrees of freedom of the noise", 1)
    if noise is None or not noise.df:
        return StandardError(own / seeds, max(seeds - 1, 1))
    times = own / noise.variance if noise.variance else np.inf
    if own > noise.variance and fdtrc(seeds - 1, noise.df, times) < 0.05:
        return StandardError(own / seeds, seeds - 1)
    return StandardError(max(own, noise.variance) / seeds, noise.df)


@checked
def satterthwaite(estimate: float, errors: Sequence[StandardError], confidence: float = 0.95) -> Estimate:
    """Within which bounds lies a number that several independent chances have moved, and is it 0?

    Each of `errors` is a squared standard error with the degrees of freedom that it is known with. They add
    up, and Satterthwaite's approximation gives the sum (sum v)² / sum(v² / df) degrees of freedom of a t
    distribution (Satterthwaite 1946). With few degrees of freedom it can be narrower than one of the errors
    alone would have it; then that one counts, since no further chance makes an estimate surer. Without any
    chance the bounds are the estimate, and p is 0, or 1 for an estimate of 0.

    >>> low, high, p = satterthwaite(3.0, [StandardError(0.5, 20), StandardError(0.5, 100)])
    >>> (round(low, 2), round(high, 2), round(p, 2))
    (1.0, 5.0, 0.0)

    Raises BadInput for a confidence outside (0, 1), and without errors.
    """
    if not len(errors):
        raise BadInput("without any error nothing is uncertain: name at least one")
    for error in errors:
        in_range(error.variance, "the variance of an error", 0, LARGEST)
        in_range(error.df, "the degrees of freedom of an error", SMALLEST)
    total = sum(error.variance for error in errors)
    if not total > 0:
        return Estimate(estimate, estimate, float(estimate == 0))
    outer = tails(confidence)[1]
    # Of scipy.special: those of scipy.stats take a hundred times as long for a single number.
    reach = max(float(stdtrit(e.df, outer) * math.sqrt(e.variance)) for e in _least_sure(errors))
    return Estimate(estimate - reach, estimate + reach, _test(estimate, *errors).p_value)


@checked
def spread_interval(spread: float, seeds: int, confidence: float = 0.95) -> tuple[float, float]:
    """Within which bounds lies the standard deviation that trainings have over all seeds?

    `spread` is that of so many trainings, with seeds - 1 in the denominator. The chi-squared interval of a
    variance, which takes normally distributed scores. Three seeds leave room for a factor of six:

    >>> low, high = spread_interval(1.0, seeds=3)
    >>> round(low, 2), round(high, 2)
    (0.52, 6.28)

    Raises BadInput for fewer than two seeds, or a spread that is negative or missing.
    """
    in_range(seeds, "seeds", 2)
    in_range(spread, "spread", 0, LARGEST)
    squares = scipy.stats.chi2(float(seeds - 1))
    low, high = (spread * float(np.sqrt((seeds - 1) / squares.ppf(tail))) for tail in tails(confidence)[::-1])
    return low, high


@checked
def spread_ratio(first: float, second: float, seeds: int, confidence: float = 0.95) -> Estimate:
    """Within which bounds lies the ratio of two methods' standard deviations over seeds, and is it 1?

    Both are standard deviations of so many trainings each, with seeds - 1 in the denominator. The F test of
    two variances, two-sided, which takes normally distributed scores. Few seeds tell hardly anything:

    >>> low, high, p = spread_ratio(2.0, 1.0, seeds=3)
    >>> (round(low, 2), round(high, 2), round(p, 2))
    (0.32, 12.49, 0.4)

    Raises BadInput for fewer than two seeds, a negative or missing spread, or a second one of 0.
    """
    in_range(seeds, "seeds", 2)
    in_range(first, "first", 0, LARGEST)
    in_range(second, "second", SMALLEST, LARGEST)
    if not first >= 0 or not second > 0:
        raise BadInput(
            f"the ratio of two spreads takes a spread and one above 0, not {shown(first)} and {shown(second)}"
        )
    f = (first / second) ** 2
    own = scipy.stats.f(float(seeds - 1), float(seeds - 1))
    below, above = tails(confidence)
    p_value = min(1.0, 2 * min(float(own.sf(f)), float(own.cdf(f))))
    return Estimate(float(np.sqrt(f / own.ppf(above))), float(np.sqrt(f / own.ppf(below))), p_value)


def _two_way(
    first: ArrayLike, second: ArrayLike, noise: SeedNoise | None
) -> tuple[float, float, tuple[StandardError, StandardError]]:
    """The mean difference, the largest difference, and the squared standard errors of seeds and examples."""
    a, b = (
        numbers(side, name, ("examples", "seeds")) for side, name in ((first, "first"), (second, "second"))
    )
    if a.shape != b.shape:
        raise BadInput(f"the two methods have the shapes {a.shape} and {b.shape}: they must answer the same")
    if len(a) < 2:
        raise BadInput("one example says nothing of others: two or more are needed")
    differences = a - b
    examples = len(differences)
    of_examples = float(differences.mean(axis=1).var(ddof=1))
    errors = (
        seed_error(differences.mean(axis=0), noise),
        StandardError(of_examples / examples, examples - 1),
    )
    return float(differences.mean()), float(np.abs(differences).max()), errors


@checked
def holm(p_values: ArrayLike) -> np.ndarray:
    """p values corrected for having asked several questions at once (Holm 1979), in the given order.

    Holds the chance of even one false alarm among them at the level that one compares with.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]

    Raises BadInput for what is no p value, and for none.
    """
    p = numbers(p_values, "p_values", ("questions",))
    if p.min() < 0 or p.max() > 1:
        raise BadInput(f"p_values lie in [0, 1], and {p.min():g} to {p.max():g} were given")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def _resampled_means(x: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Means of `resamples` draws with replacement; block by block, so that memory stays small."""
    check_draws(resamples, seed)
    random = np.random.default_rng(seed)
    block = max(1, DRAWN_AT_ONCE // len(x))
    means = [
        x[random.integers(0, len(x), (min(block, resamples - start), len(x)))].mean(axis=1)
        for start in range(0, resamples, block)
    ]
    return np.concatenate(means)


def _test(mean: float, *errors: StandardError) -> MinF:
    """min F′ from the squared standard errors of seeds and examples.

    F1 and F2 are mean² over these, so min F′ is mean² over their sum, and Clark's degrees of freedom are
    Satterthwaite's for that sum.
    """
    total = sum(error.variance for error in errors)
    if total <= np.finfo(float).eps * mean**2:
        return MinF(np.inf, float(errors[-1].df), 0.0)
    together, *alone = _least_sure(errors)
    p_values = [float(fdtrc(1, each.df, mean**2 / each.variance)) for each in (together, *alone)]
    return MinF(mean**2 / together.variance, float(together.df), max(p_values))


def _least_sure(errors: Sequence[StandardError]) -> list[StandardError]:
    """The sum of the errors, with Satterthwaite's degrees of freedom, and then each that there is alone."""
    there = [error for error in errors if error.variance > 0]
    total = sum(error.variance for error in there)
    return [StandardError(total, total**2 / sum(e.variance**2 / e.df for e in there)), *there]
