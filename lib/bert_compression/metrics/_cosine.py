"""Exact search by cosine, block by block, so that no matrix of all pairs is ever kept."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.errors import BadInput

BLOCK = 16 * 2**20  # bytes of cosines at a time: few enough to stay near the processor


def matrix(values: ArrayLike, name: str) -> np.ndarray:
    """An array (points, features) of finite numbers."""
    x = np.asarray(values)
    if x.ndim != 2 or not x.size:
        raise BadInput(f"{name} must have the shape (points, features), not {x.shape}")
    if not np.isfinite(x).all():
        raise BadInput(f"{name} holds NaN or infinite values")
    return x


def unit_rows(vectors: ArrayLike, name: str) -> np.ndarray:
    """The vectors scaled to length 1, in float64.

    The vectors of an encoder may all point in nearly the same direction. Then the rounding of float32 would
    decide which of them are neighbours.
    """
    x = matrix(vectors, name).astype(np.float64)
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    if not lengths.all():
        row = int(np.argmin(lengths))
        raise BadInput(f"{name} has a zero vector in row {row}, which points nowhere: leave that point out")
    x /= lengths
    return x


def cosine_blocks(queries: np.ndarray, bank: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Some rows of `queries`, and their cosines with all rows of `bank`; all rows have length 1."""
    size = max(1, BLOCK // (bank.itemsize * len(bank)))
    for start in range(0, len(queries), size):
        rows = slice(start, min(start + size, len(queries)))
        yield rows, queries[rows] @ bank.T


def check_k(k: int, others: int, of_what: str) -> None:
    """Is there a k-th nearest among so many others?"""
    if not isinstance(k, int | np.integer) or not 0 < k <= others:
        raise BadInput(f"k must be a whole number from 1 to {others}, the number of {of_what}, not {k!r}")
