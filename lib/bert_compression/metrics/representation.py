"""Representation similarity: shared nearest neighbours and linear CKA. Book: metrics/representation."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from bert_compression.checks import check_k, checked, feature_matrix, in_range, rectangle
from bert_compression.errors import BadInput

COSINE_BLOCK = 16 * 2**20  # bytes of cosines at a time: few enough to stay near the processor
GRAM_BLOCK = 64 * 2**20  # bytes of Gram matrices at a time
GRID = 2.0**36  # cosines nearer to each other than 1 / GRID differ by rounding, if at all
MOST_POINTS = 100_000_000
NOTHING = 1e-12  # what rounding leaves where nothing should be left, relative to what there was


# Neighbours


@checked
def nearest_neighbours(vectors: ArrayLike, k: int) -> np.ndarray:
    """Which k other points are nearest to each point by cosine? Indices (points, k), the nearest first.

    `vectors` has the shape (points, features). The search is exact, and of points that are equally near the
    one that comes first in the array counts as nearer. So the nearest 10 are the first 10 columns of the
    nearest 100, and a model is searched once, however many others it is compared with.

    >>> nearest_neighbours([[1, 0], [3, 1], [0, 2], [-1, 9]], k=2).tolist()
    [[1, 2], [0, 2], [3, 1], [2, 1]]

    Cosines that differ by less than 1e-11 count as equal: rounding depends on block and thread. Raises
    BadInput for another shape, NaN, a zero vector (it has no cosine), or k not smaller than the number of
    points. Book: metrics/representation.
    """
    unit = unit_rows(vectors, "vectors")
    points = len(unit)
    check_k(k, points - 1, "other points")
    found = np.empty((points, k), dtype=np.int64)
    places = np.arange(points)
    for rows, cosines in cosine_blocks(unit, unit):
        # Cosine and place in one whole number: sorting it breaks ties, whatever the rounding of a product.
        keys = np.rint(cosines * -GRID).astype(np.int64)
        keys *= points
        keys += places
        keys[places[: len(keys)], places[rows]] = np.iinfo(np.int64).max  # no point is its own neighbour
        keys.partition(k - 1, axis=1)
        found[rows] = np.sort(keys[:, :k], axis=1) % points
    return found


@checked
def neighbour_jaccards(neighbours_a: ArrayLike, neighbours_b: ArrayLike) -> np.ndarray:
    """Jaccard's coefficient of two models' neighbours of each point: shape (points,), float64.

    Both arguments have the shape (points, k), as from `nearest_neighbours`; what intervals and paired
    comparisons are made from. Raises BadInput where the shapes differ.

    >>> neighbour_jaccards([[1, 2], [0, 2]], [[2, 1], [2, 3]]).round(3).tolist()
    [1.0, 0.333]
    """
    a, b = rectangle(neighbours_a, "neighbours_a"), rectangle(neighbours_b, "neighbours_b")
    if a.ndim != 2 or a.shape != b.shape or not a.size:
        raise BadInput(f"both must have one shape (points, k), but they have {a.shape} and {b.shape}")
    for side, name in ((a, "neighbours_a"), (b, "neighbours_b")):
        each = np.sort(side, axis=1)
        if side.dtype.kind not in "iu" or (each[:, 1:] == each[:, :-1]).any():
            raise BadInput(f"{name} must hold k different whole numbers of each point: its neighbours")
    together = np.sort(np.concatenate([a, b], axis=1), axis=1)
    common = (together[:, 1:] == together[:, :-1]).sum(axis=1)
    return common / (2 * a.shape[1] - common)


@checked
def neighbour_jaccard(vectors_a: ArrayLike, vectors_b: ArrayLike, k: int) -> float:
    """Have points the same k nearest neighbours in two models?

    The mean over points of |A and B| / |A or B|, for the sets A and B of the k points that are nearest by
    cosine, the point itself excluded (Rai et al. 2024, the second of four characteristics): a fraction in
    [0, 1]; 1 is best, `expected_neighbour_jaccard` is chance. The arguments have the shapes (points,
    features), row for row the same points; the numbers of features may differ.

    >>> vectors = [[1, 0], [3, 1], [0, 2], [-1, 9]]
    >>> round(neighbour_jaccard(vectors, [[1, 0], [0, 2], [3, 1], [-1, 9]], k=2), 4)
    0.6667

    Symmetric. For several models, several k or single points, call `nearest_neighbours` once a model and
    compare with `neighbour_jaccards`. Raises BadInput for different numbers of points, and as
    `nearest_neighbours` does. Book: metrics/representation.
    """
    shapes = np.shape(vectors_a), np.shape(vectors_b)
    if shapes[0][:1] != shapes[1][:1]:
        raise BadInput(f"vectors of the shapes {shapes[0]} and {shapes[1]} cannot be of the same points")
    a, b = (nearest_neighbours(vectors, k) for vectors in (vectors_a, vectors_b))
    return float(neighbour_jaccards(a, b).mean())


@checked
def expected_neighbour_jaccard(points: int, k: int) -> float:
    """What would `neighbour_jaccard` be if neighbours were drawn at random? About k / (2 points).

    Two random sets of k of the points - 1 others share a number of points with a hypergeometric
    distribution; this is the exact expectation of their Jaccard. Raises BadInput where k is not smaller
    than the number of points.

    >>> round(expected_neighbour_jaccard(3, 1), 4), round(expected_neighbour_jaccard(10_000, 50), 4)
    (0.5, 0.0025)
    """
    in_range(points, "points", 2, MOST_POINTS)
    check_k(k, points - 1, "other points")
    common = np.arange(k + 1)
    return float(scipy.stats.hypergeom(points - 1, k, k).pmf(common) @ (common / (2 * k - common)))


def unit_rows(vectors: ArrayLike, name: str) -> np.ndarray:
    """The vectors scaled to length 1, in float64.

    The vectors of an encoder may all point in nearly the same direction. Then the rounding of float32 would
    decide which of them are neighbours.
    """
    x = feature_matrix(vectors, name).astype(np.float64)
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    if not lengths.all():
        row = int(np.argmin(lengths))
        raise BadInput(f"{name} has a zero vector in row {row}, which points nowhere: leave that point out")
    x /= lengths
    return x


def cosine_blocks(queries: np.ndarray, bank: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Some rows of `queries`, and their cosines with all rows of `bank`; all rows have length 1.

    The search is exact, and block by block, so that no matrix of all pairs is ever kept.
    """
    size = max(1, COSINE_BLOCK // (bank.itemsize * len(bank)))
    for start in range(0, len(queries), size):
        rows = slice(start, min(start + size, len(queries)))
        yield rows, queries[rows] @ bank.T


# Linear CKA


@checked
def linear_cka(features_a: ArrayLike, features_b: ArrayLike, unbiased: bool = False) -> float:
    """Are points that lie apart in one model apart in the other, up to rotation and scale?

    Linear centred kernel alignment (Kornblith et al. 2019, section 3): with features X and Y whose columns
    have mean 0, |Yᵀ X|² / (|Xᵀ X| |Yᵀ Y|) in Frobenius norms. A fraction in [0, 1]; 1 where one is a
    rotated and scaled copy of the other. The shapes are (points, features), row for row the same points.

    Where points are no more than features, even unrelated models come out high. `unbiased` takes Song et
    al.'s estimator of each product instead (Nguyen et al. 2021, equation 3): 0 is then chance, and the
    range [-1, 1].

    >>> round(linear_cka([[0, 0], [2, 0], [0, 1]], [[5, 0], [5, 4], [3, 0]]), 12)
    1.0

    Symmetric; computed in float64. Raises BadInput for different numbers of points, NaN, and features that
    do not tell points apart: constant ones, or for `unbiased` fewer than 4 points or points that are all
    equally unlike. Book: metrics/representation.
    """
    return float(_cka([_layer(features_a, "features_a")], [_layer(features_b, "features_b")], unbiased)[0, 0])


@checked
def linear_cka_matrix(
    layers_a: Sequence[ArrayLike], layers_b: Sequence[ArrayLike], unbiased: bool = False
) -> np.ndarray:
    """`linear_cka` of every layer of one model with every layer of another: (layers of A, layers of B).

    Each layer has the shape (points, features), all for the same points. The layers of several models can be
    strung together. All pairs come from a few matrix products, over features or over points, whichever are
    fewer. Errors as for `linear_cka`. Book: metrics/representation.
    """
    a, b = (
        [_layer(features, f"{name}[{number}]") for number, features in enumerate(layers)]
        for name, layers in (("layers_a", layers_a), ("layers_b", layers_b))
    )
    if not a or not b:
        raise BadInput("layers_a and layers_b must hold at least one layer each")
    return _cka(a, b, unbiased)


# Inner products ⟨X Xᵀ, Y Yᵀ⟩ of many layers' centred features at once: of all pairs of `a` and `b`, and of
# each of `a` and each of `b` with itself.
_Products = tuple[np.ndarray, np.ndarray, np.ndarray]


class _Layer(NamedTuple):
    """Features as they were given. They are centred, in float64, when needed, and not kept so."""

    name: str
    features: np.ndarray  # (points, features)
    mean: np.ndarray  # (features,)
    lengths: np.ndarray  # (points,): squared, of the centred features

    def centred(self) -> np.ndarray:
        return self.features - self.mean


def _layer(features: ArrayLike, name: str) -> _Layer:
    """Features that tell at least two points apart."""
    x = feature_matrix(features, name)
    mean = x.mean(axis=0, dtype=np.float64)
    centred = x - mean
    lengths = np.einsum("pf,pf->p", centred, centred)
    if lengths.sum() <= NOTHING**2 * len(x) * (mean @ mean):
        raise BadInput(f"{name} is the same for all points, so CKA is undefined: leave it out")
    return _Layer(name, x, mean, lengths)


def _cka(a: list[_Layer], b: list[_Layer], unbiased: bool) -> np.ndarray:
    points = len(a[0].lengths)
    for each in a + b:
        if len(each.lengths) != points:
            told = f"{a[0].name} has {points} points and {each.name} {len(each.lengths)}"
            raise BadInput(f"{told}: they must be the same points")
    if unbiased and points < 4:
        raise BadInput(f"the unbiased estimator needs 4 points or more, not {points}")
    products = _inner_products(a, b)
    between, of_a, of_b = _without_diagonals(products, a, b) if unbiased else products
    for each, own in zip(a + b, [*of_a, *of_b], strict=True):
        if own <= NOTHING * each.lengths.sum() ** 2:
            raise BadInput(f"all points of {each.name} are equally unlike, so CKA is undefined: leave it out")
    return np.clip(between / np.sqrt(np.outer(of_a, of_b)), -1, 1)


def _inner_products(a: list[_Layer], b: list[_Layer]) -> _Products:
    """All inner products, by whichever matrices are smaller: features by features, or points by points."""
    points, widths_a, widths_b = len(a[0].lengths), [len(x.mean) for x in a], [len(y.mean) for y in b]
    over_features = sum(widths_a) * sum(widths_b) + sum(width**2 for width in widths_a + widths_b)
    over_points = points * (sum(widths_a) + sum(widths_b) + len(a) * len(b))
    return _over_points(a, b) if over_points < over_features else _over_features(a, b)


def _over_features(a: list[_Layer], b: list[_Layer]) -> _Products:
    """All inner products as |Xᵀ Y|²."""
    products, of_a, of_b = np.empty((len(a), len(b))), np.empty(len(a)), np.empty(len(b))
    for i, one in enumerate(a):
        x = one.centred()
        of_a[i] = np.sum((x.T @ x) ** 2)
        products[i] = [np.sum((x.T @ other.centred()) ** 2) for other in b]
    for j, other in enumerate(b):
        y = other.centred()
        of_b[j] = np.sum((y.T @ y) ** 2)
    return products, of_a, of_b


def _over_points(a: list[_Layer], b: list[_Layer]) -> _Products:
    """All inner products from Gram matrices, each made once, some rows at a time, as one long row."""
    points, layers = len(a[0].lengths), a + b
    products, of_all = np.zeros((len(a), len(b))), np.zeros(len(layers))
    size = max(1, GRAM_BLOCK // (8 * points * len(layers)))
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


def _without_diagonals(products: _Products, a: list[_Layer], b: list[_Layer]) -> _Products:
    """The inner products by the unbiased estimator (Song et al. 2012; Nguyen et al. 2021, equation 3).

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
