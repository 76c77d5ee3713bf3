"""Checks of the arguments of metrics, in one place, so that each metric holds only its formula."""

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.errors import BadInput


def paired_labels(
    first: ArrayLike, second: ArrayLike, names: tuple[str, str]
) -> tuple[np.ndarray, np.ndarray]:
    """Two one-dimensional arrays of equal, non-zero length."""
    a, b = np.asarray(first), np.asarray(second)
    for array, name in ((a, names[0]), (b, names[1])):
        if array.ndim != 1:
            raise BadInput(f"{name} must be one-dimensional (examples,), but its shape is {array.shape}")
    if len(a) != len(b):
        raise BadInput(
            f"{names[0]} has {len(a)} examples and {names[1]} has {len(b)}: they must answer the same"
        )
    if not len(a):
        raise BadInput(f"{names[0]} and {names[1]} are empty: a share of no examples is undefined")
    return a, b


def distributions(probs: ArrayLike, name: str) -> np.ndarray:
    """A float64 array (examples, classes) whose rows are distributions, rescaled to sum to one exactly."""
    p = np.asarray(probs, dtype=np.float64)
    if p.ndim != 2 or not p.shape[0] or p.shape[1] < 2:
        raise BadInput(
            f"{name} must have the shape (examples, classes) with 2 classes or more, not {p.shape}"
        )
    if not np.isfinite(p).all():
        raise BadInput(f"{name} holds NaN or infinite values")
    totals = p.sum(axis=1, keepdims=True)
    if (p < 0).any() or (np.abs(totals - 1) > 1e-3).any():
        raise BadInput(
            f"each row of {name} must be a probability distribution; pass probabilities, not logits"
        )
    return p / totals


def feature_matrix(values: ArrayLike, name: str) -> np.ndarray:
    """An array (points, features) of finite numbers."""
    x = np.asarray(values)
    if x.ndim != 2 or not x.size:
        raise BadInput(f"{name} must have the shape (points, features), not {x.shape}")
    if not np.isfinite(x).all():
        raise BadInput(f"{name} holds NaN or infinite values")
    return x


def check_k(k: int, others: int, of_what: str) -> None:
    """Raises BadInput unless there is a k-th nearest among so many others."""
    if not isinstance(k, int | np.integer) or not 0 < k <= others:
        raise BadInput(f"k must be a whole number from 1 to {others}, the number of {of_what}, not {k!r}")


def tails(confidence: float) -> list[float]:
    """The two quantiles between which this share of a distribution lies, as much on either side left out."""
    if not 0 < confidence < 1:
        raise BadInput(f"confidence must lie between 0 and 1, not {confidence!r}")
    return [(1 - confidence) / 2, (1 + confidence) / 2]
