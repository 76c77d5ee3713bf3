"""Do two methods differ beyond the chance of seeds and of examples at once? Clark's min F′.

A test over examples alone speaks of the two models at hand, a test over seeds alone of the texts at hand.
Whoever speaks of *methods* needs both. Book: metrics/significance.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import f as f_distribution

from bert_compression.errors import BadInput


class MinF(NamedTuple):
    """min F′, with 1 and `df` degrees of freedom, and the chance of as large a value without a difference."""

    value: float
    df: float
    p_value: float


class SeedNoise(NamedTuple):
    """How much a method's mean moves from seed to seed, apart from what moves all methods alike: a variance
    (NaN where it cannot be known) and its degrees of freedom."""

    variance: float
    df: int

    def of_difference(self, first: int = 1, second: int = 1) -> "SeedNoise":
        """The same for the difference of two methods, or of the means of so many methods on either side."""
        return SeedNoise(self.variance * (1 / first + 1 / second), self.df)


def seed_noise(means: ArrayLike) -> SeedNoise:
    """How much do methods differ in what a seed does to them?

    The mean square of the interaction of methods and seeds, the error term of an analysis of variance with
    seeds as blocks, with (methods - 1)(seeds - 1) degrees of freedom. `means` has the shape (methods, seeds).

    >>> seed_noise([[0.0, 2.0], [1.0, 1.0]])
    SeedNoise(variance=1.0, df=1)

    NaN with 0 degrees of freedom for a single method or a single seed. Raises BadInput for anything but
    finite numbers in two dimensions.
    """
    m = _matrix(means, "means must have the shape (methods, seeds)")
    df = (m.shape[0] - 1) * (m.shape[1] - 1)
    if not df:
        return SeedNoise(np.nan, 0)
    left = m - m.mean(axis=0) - m.mean(axis=1, keepdims=True) + m.mean()
    return SeedNoise(float((left**2).sum() / df), df)


def min_f_prime(first: ArrayLike, second: ArrayLike, noise: SeedNoise | None = None) -> MinF:
    """Would two methods differ this much with other seeds and other examples, too?

    Clark 1973: with F1 from the means of the seeds, F2 from the means of the examples, and n1 and n2 degrees
    of freedom of their errors,

        min F′ = F1 F2 / (F1 + F2),    df = (F1 + F2)² / (F1² / n2 + F2² / n1).

    Both arguments have the shape (examples, seeds) and are paired: a row is one example, a column one seed.
    It is a lower bound, since the chance that is peculiar to one example under one seed counts on both sides.

    Three seeds can agree by accident, and then F1 is far too large: among twelve methods that differ in
    nothing, up to a third of all tables would have a false alarm in spite of Holm's correction. Therefore
    `noise`, the variance of such a difference from seed to seed as all methods of a table show it
    (`seed_noise(...).of_difference()`), can take part: the larger of the two variances counts, with the
    degrees of freedom of the noise. Then even a single seed can be judged, as if these two methods minded
    seeds as the others do; without noise a single seed leaves the test over examples, F2.

    >>> f, df, p = min_f_prime([[1, 0], [0, 1], [2, 1], [1, 2]], [[0, 0], [0, 0], [0, 0], [0, 0]])
    >>> (round(f, 6), round(df, 6), round(p, 4))
    (12.0, 3.0, 0.0405)

    Symmetric in the two methods. No difference in the mean gives p = 1. Where seeds (examples) never differ,
    all chance is that of examples (seeds); where neither do, p is 0. Raises BadInput for other shapes, fewer
    than two examples, or numbers that are not finite.
    """
    a, b = (_matrix(side, "both must have the shape (examples, seeds)") for side in (first, second))
    if a.shape != b.shape:
        raise BadInput(f"the two methods have the shapes {a.shape} and {b.shape}: they must answer the same")
    if len(a) < 2:
        raise BadInput("one example says nothing of others: two or more are needed")
    differences = a - b
    examples, seeds = differences.shape
    mean = float(differences.mean())
    if abs(mean) <= np.finfo(float).eps * np.abs(differences).max():
        return MinF(0.0, float(examples - 1), 1.0)
    n1, n2 = max(seeds - 1, 1), examples - 1
    of_seeds = float(differences.mean(axis=0).var(ddof=1)) if seeds > 1 else 0.0
    if noise is not None and noise.df:
        of_seeds, n1 = max(of_seeds, noise.variance), noise.df
    of_examples = float(differences.mean(axis=1).var(ddof=1))
    return _test(mean, (of_seeds / seeds, n1), (of_examples / examples, n2))


def _test(mean: float, *errors: tuple[float, int]) -> MinF:
    """min F′ from the squared standard errors of seeds and examples, each with its degrees of freedom.

    F1 and F2 are mean² over these, so min F′ is mean² over their sum, and Clark's degrees of freedom are
    Satterthwaite's for that sum.
    """
    total = sum(error for error, _ in errors)
    if total <= np.finfo(float).eps * mean**2:
        return MinF(np.inf, float(errors[-1][1]), 0.0)
    df = total**2 / sum(error**2 / n for error, n in errors)
    value = mean**2 / total
    return MinF(value, df, float(f_distribution.sf(value, 1, df)))


def _matrix(values: ArrayLike, needed: str) -> np.ndarray:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise BadInput(f"{needed} and hold finite numbers only, not the shape {x.shape}")
    return x
