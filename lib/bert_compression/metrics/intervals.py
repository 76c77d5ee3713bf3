"""Intervals of many means at once, on the same resamples. Book: metrics/significance."""

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.errors import BadInput


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
