"""Intervals of shares, and of means on a scale with two ends: unlike the bootstrap they have a width where
all examples are alike, so that few of them prove nothing. Book: metrics/significance."""

import numpy as np
import scipy
from numpy.typing import ArrayLike

from bert_compression.checks import check_draws, checked, in_range, numbers, paired_labels, tails
from bert_compression.errors import BadInput
from bert_compression.metrics.significance import DRAWN_AT_ONCE


@checked
def share_interval(successes: int, examples: int, confidence: float = 0.95) -> tuple[float, float]:
    """Within which bounds lies the share of all examples of the kind, of which so many of so many were seen?

    Wilson's score interval (Wilson 1927): the shares that a score test would not reject. Unlike the bootstrap
    it has a width where all or none were seen, so that 20 of 20 does not prove 100 %:

    >>> low, high = share_interval(20, 20)
    >>> round(low, 3), high
    (0.839, 1.0)

    Raises BadInput for no examples, for more successes than examples, and for a confidence outside (0, 1).
    Book: metrics/significance.
    """
    tails(confidence)
    in_range(examples, "examples", 0, 2**53)  # beyond, no float tells two counts apart
    if not 0 <= successes <= examples or not examples:
        raise BadInput(f"a share is of at least one example: {successes} of {examples} is none")
    found = scipy.stats.binomtest(int(successes), int(examples)).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


@checked
def paired_share_interval(
    first: ArrayLike, second: ArrayLike, confidence: float = 0.95
) -> tuple[float, float]:
    """Within which bounds lies mean(first) - mean(second) of truth values, both of the same examples?

    Tango's score interval of a paired difference (Tango 1998): the differences that a score test would not
    reject. Shapes (examples,). Unlike `paired_bootstrap_interval` it has a width where the two never differ:

    >>> low, high = paired_share_interval([1] * 100, [1] * 100)
    >>> round(low, 3), round(high, 3)
    (-0.037, 0.037)

    Raises BadInput for arrays of different length, or empty, others than truth values, and a confidence
    outside (0, 1). Book: metrics/significance.
    """
    a, b = paired_labels(first, second, ("first", "second"))
    if not (np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all()):
        raise BadInput("a difference of shares is one of truth values, such as predicted == gold gives")
    n, z = len(a), scipy.stats.norm.ppf(tails(confidence)[1])
    only_first, only_second = int(np.sum(a > b)), int(np.sum(a < b))

    def beyond(difference: float) -> float:
        """The squared score statistic at this difference, less the quantile's, times the squared error."""
        linear = -only_first - only_second + (2 * n - only_first + only_second) * difference
        inside = linear**2 + 8 * n * only_second * difference * (1 - difference)
        likely = (np.sqrt(max(inside, 0.0)) - linear) / (4 * n)  # of only_second, under this difference
        variance = n * (2 * likely + difference * (1 - difference))
        return (only_first - only_second - n * difference) ** 2 - z**2 * max(variance, 0.0)

    middle = (only_first - only_second) / n
    bounds = []
    for edge in (-1.0, 1.0):
        near = middle + 1e-9 * (
            edge - middle
        )  # at the difference itself, the statistic and its error can be 0
        found = edge if beyond(edge) <= 0 or near == edge else scipy.optimize.brentq(beyond, edge, near)
        bounds.append(float(found))
    return bounds[0], bounds[1]


@checked
def bounded_mean_interval(
    values: ArrayLike,
    least: float,
    largest: float,
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Within which bounds lies the mean of all examples of the kind, where no value is below `least` or
    above `largest`?

    Gaffke's bounds (Gaffke 2005, shown to be tight by Learned-Miller and Thomas 2019): the mean is drawn
    with weights that are uniform on the simplex, and one more example that was not seen has the worst value
    there is. Of truth values these are Clopper and Pearson's exact bounds. `values` has the shape
    (examples,). The bootstrap knows nothing of a rare value that no example has; these bounds leave room
    for it:

    >>> low, high = bounded_mean_interval([1.0] * 100, 0, 1, draws=100_000)
    >>> round(low, 2), high
    (0.96, 1.0)

    Raises BadInput for an empty array, NaN, values beyond the ends, and a confidence outside (0, 1).
    Book: metrics/significance.
    """
    x, outer = numbers(values, "values", ("examples",)), tails(confidence)
    check_draws(draws, seed)
    if not least <= x.min() or not x.max() <= largest:
        raise BadInput(f"values lie in [{least:g}, {largest:g}], and {x.min():g} to {x.max():g} were given")
    random = np.random.default_rng(seed)
    block = max(1, DRAWN_AT_ONCE // len(x))
    seen, unseen = [], []
    for start in range(0, draws, block):
        weights = random.standard_exponential((min(block, draws - start), len(x) + 1))
        weights /= weights.sum(axis=1, keepdims=True)
        seen.append(weights[:, 1:] @ x)
        unseen.append(weights[:, 0])
    known, rest = np.concatenate(seen), np.concatenate(unseen)
    low = np.quantile(known + rest * least, outer[0])
    high = np.quantile(known + rest * largest, outer[1])
    return max(float(low), float(least)), min(float(high), float(largest))
