"""How sure can one be of a mean, and of a difference between two models on the same examples?

Intervals here speak of the choice of examples, for one trained model. The spread over seeds is another
source of chance and is reported beside them, never mixed in. Book: metrics/significance.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from bert_compression.errors import BadInput
from bert_compression.metrics._checks import paired_labels


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
    x = _finite(values)
    if not 0 < confidence < 1:
        raise BadInput(f"confidence must lie between 0 and 1, not {confidence!r}")
    means = _resampled_means(x, resamples, seed)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def paired_bootstrap_interval(
    first: ArrayLike, second: ArrayLike, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Within which bounds lies mean(first) - mean(second), both measured on the same examples?

    Resamples examples, keeping each pair together, so that what is hard for both cancels. Shapes
    (examples,). An interval without 0 is a difference at that confidence.
    """
    a, b = paired_labels(first, second, ("first", "second"))
    return bootstrap_interval(a.astype(np.float64) - b, confidence, resamples, seed)


def mcnemar(first_correct: ArrayLike, second_correct: ArrayLike) -> float:
    """Could two models of equal accuracy differ this much on these examples by chance? The p value.

    The exact McNemar test (McNemar 1947): only the examples on which exactly one model is right count,
    and under equal accuracy each side is right on half of them. Shapes (examples,), truth values.

    >>> mcnemar([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0])
    0.0625

    1.0 where the two never differ. Raises BadInput for arrays of different length.
    """
    a, b = paired_labels(first_correct, second_correct, ("first_correct", "second_correct"))
    only_first = int(np.sum(a.astype(bool) & ~b.astype(bool)))
    only_second = int(np.sum(~a.astype(bool) & b.astype(bool)))
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def holm(p_values: ArrayLike) -> np.ndarray:
    """p values corrected for having asked several questions at once (Holm 1979), in the given order.

    Holds the chance of even one false alarm among them at the level that one compares with.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = _finite(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def _finite(values: ArrayLike) -> np.ndarray:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not len(x) or not np.isfinite(x).all():
        raise BadInput(f"a non-empty one-dimensional array of finite numbers is needed, not shape {x.shape}")
    return x


def _resampled_means(x: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Means of `resamples` draws with replacement; block by block, so that memory stays small."""
    random = np.random.default_rng(seed)
    block = max(1, 2_000_000 // len(x))
    means = [
        x[random.integers(0, len(x), (min(block, resamples - start), len(x)))].mean(axis=1)
        for start in range(0, resamples, block)
    ]
    return np.concatenate(means)
