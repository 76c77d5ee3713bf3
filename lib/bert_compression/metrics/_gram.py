"""Inner products ⟨X Xᵀ, Y Yᵀ⟩ of many layers' centred features at once, for CKA."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.errors import BadInput
from bert_compression.metrics._cosine import matrix

BLOCK = 64 * 2**20  # bytes of Gram matrices at a time
NOTHING = 1e-12  # what rounding leaves where nothing should be left, relative to what there was

Products = tuple[
    np.ndarray, np.ndarray, np.ndarray
]  # of all pairs; of each of `a`, of each of `b` with itself


class Layer(NamedTuple):
    """Features as they were given. They are centred, in float64, when needed, and not kept so."""

    name: str
    features: np.ndarray  # (points, features)
    mean: np.ndarray  # (features,)
    lengths: np.ndarray  # (points,): squared, of the centred features

    def centred(self) -> np.ndarray:
        return self.features - self.mean


def layer(features: ArrayLike, name: str) -> Layer:
    """Features that tell at least two points apart."""
    x = matrix(features, name)
    mean = x.mean(axis=0, dtype=np.float64)
    centred = x - mean
    lengths = np.einsum("pf,pf->p", centred, centred)
    if lengths.sum() <= NOTHING**2 * len(x) * (mean @ mean):
        raise BadInput(f"{name} is the same for all points, so CKA is undefined: leave it out")
    return Layer(name, x, mean, lengths)


def inner_products(a: list[Layer], b: list[Layer]) -> Products:
    """By whichever products of matrices are cheaper: features with features, or points with points."""
    points, widths_a, widths_b = len(a[0].lengths), [len(x.mean) for x in a], [len(y.mean) for y in b]
    over_features = sum(widths_a) * sum(widths_b) + sum(width**2 for width in widths_a + widths_b)
    over_points = points * (sum(widths_a) + sum(widths_b) + len(a) * len(b))
    return _over_points(a, b) if over_points < over_features else _over_features(a, b)


def _over_features(a: list[Layer], b: list[Layer]) -> Products:
    """As |Xᵀ Y|²."""
    products, of_a, of_b = np.empty((len(a), len(b))), np.empty(len(a)), np.empty(len(b))
    for i, one in enumerate(a):
        x = one.centred()
        of_a[i] = np.sum((x.T @ x) ** 2)
        products[i] = [np.sum((x.T @ other.centred()) ** 2) for other in b]
    for j, other in enumerate(b):
        y = other.centred()
        of_b[j] = np.sum((y.T @ y) ** 2)
    return products, of_a, of_b


def _over_points(a: list[Layer], b: list[Layer]) -> Products:
    """Each layer's Gram matrix is made once and laid out as one long row, some of its rows at a time."""
    points, layers = len(a[0].lengths), a + b
    products, of_all = np.zeros((len(a), len(b))), np.zeros(len(layers))
    size = max(1, BLOCK // (8 * points * len(layers)))
    for start in range(0, points, size):
        rows = slice(start, min(start + size, points))
        grams = np.empty((len(layers), rows.stop - start, points - start))
        for gram, each in zip(grams, layers, strict=True):
            x = each.centred()
            np.matmul(x[rows], x[start:].T, out=gram)
        grams[..., rows.stop - start :] *= 2**0.5  # they stand for their mirror image, too
        flat = grams.reshape(len(layers), -1)
        products += flat[: len(a)] @ flat[len(a) :].T
        of_all += np.einsum("ij,ij->i", flat, flat)
    return products, of_all[: len(a)], of_all[len(a) :]


def without_diagonals(products: Products, a: list[Layer], b: list[Layer]) -> Products:
    """The same by the unbiased estimator (Song et al. 2012; Nguyen et al. 2021, equation 3).

    It sets the diagonals to 0 and corrects by sums of rows. Of centred features the rows of X Xᵀ sum to 0, so
    without the diagonal they sum to minus that, and the diagonal is all that one has to know: the lengths.
    """
    lengths_a, lengths_b = (np.stack([each.lengths for each in side]) for side in (a, b))
    pairs = (lengths_a[:, None], lengths_b), (lengths_a, lengths_a), (lengths_b, lengths_b)
    between, of_a, of_b = (
        product - _of_diagonals(*lengths) for product, lengths in zip(products, pairs, strict=True)
    )
    return between, of_a, of_b


def _of_diagonals(lengths_a: np.ndarray, lengths_b: np.ndarray) -> np.ndarray:
    n = lengths_a.shape[-1]
    shared = np.einsum("...n,...n->...", lengths_a, lengths_b)
    totals = lengths_a.sum(axis=-1) * lengths_b.sum(axis=-1)
    return shared * n / (n - 2) - totals / ((n - 1) * (n - 2))
