"""Intervals of many means at once, and of scores that are no means. Book: metrics/significance."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.errors import BadInput
from bert_compression.metrics._checks import paired_labels


def bootstrap_intervals(
    values: ArrayLike, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> np.ndarray:
    """Within which bounds would each of these means fall, had other examples of the same kind been drawn?

    `values` has the shape (examples, columns), returned is (columns, 2): for each column what
    `significance.bootstrap_interval` says of it, since all are resampled alike. How often each example is
    drawn is counted once for all columns, so that a hundred intervals cost little more than one.

    >>> bootstrap_intervals([[1, 0], [1, 0]]).tolist()
    [[1.0, 1.0], [0.0, 0.0]]

    Raises BadInput for another shape, an empty array, NaN, or a confidence outside (0, 1).
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise BadInput(f"an array of finite numbers (examples, columns) is needed, not shape {x.shape}")
    if not 0 < confidence < 1:
        raise BadInput(f"confidence must lie between 0 and 1, not {confidence!r}")
    random = np.random.default_rng(seed)
    rows, columns = x.shape
    block = max(1, 2_000_000 // rows)
    means = np.empty((resamples, columns))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = random.integers(0, rows, (size, rows)) + rows * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows)
        means[start : start + size] = counts.astype(np.float64) @ x / rows
    return np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0).T


def score_interval(
    score: Callable[[ArrayLike, ArrayLike], float],
    gold_labels: ArrayLike,
    predicted_labels: ArrayLike,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Within which bounds would `score(gold, predicted)` fall, had other examples been drawn?

    The percentile bootstrap over examples, for scores that are no mean of single examples, such as F1 or a
    correlation. Both arrays have the shape (examples,); returns (low, high). Raises BadInput for arrays of
    different length, or empty, or a confidence outside (0, 1).
    """
    gold, predicted = paired_labels(gold_labels, predicted_labels, ("gold_labels", "predicted_labels"))
    if not 0 < confidence < 1:
        raise BadInput(f"confidence must lie between 0 and 1, not {confidence!r}")
    random = np.random.default_rng(seed)
    draws = (random.integers(0, len(gold), len(gold)) for _ in range(resamples))
    scores = [score(gold[drawn], predicted[drawn]) for drawn in draws]
    low, high = np.quantile(scores, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
