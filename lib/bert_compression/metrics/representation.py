"""Do two models see the same points as alike? Neighbours and linear CKA. Book: metrics/representation."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import hypergeom

from bert_compression.errors import BadInput
from bert_compression.metrics._cosine import check_k, cosine_blocks, unit_rows
from bert_compression.metrics._gram import NOTHING, Layer, inner_products, layer, without_diagonals

GRID = 2.0**36  # cosines nearer to each other than 1 / GRID differ by rounding, if at all


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


def neighbour_jaccards(neighbours_a: ArrayLike, neighbours_b: ArrayLike) -> np.ndarray:
    """Jaccard's coefficient of two models' neighbours, point by point: shape (points,), float64.

    Both arguments have the shape (points, k), as from `nearest_neighbours`; what intervals and paired
    comparisons are made from. Raises BadInput where the shapes differ.

    >>> neighbour_jaccards([[1, 2], [0, 2]], [[2, 1], [2, 3]]).round(3).tolist()
    [1.0, 0.333]
    """
    a, b = np.asarray(neighbours_a), np.asarray(neighbours_b)
    if a.ndim != 2 or a.shape != b.shape or not a.size:
        raise BadInput(f"both must have one shape (points, k), but they have {a.shape} and {b.shape}")
    together = np.sort(np.concatenate([a, b], axis=1), axis=1)
    common = (together[:, 1:] == together[:, :-1]).sum(axis=1)
    return common / (2 * a.shape[1] - common)


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


def expected_neighbour_jaccard(points: int, k: int) -> float:
    """What would `neighbour_jaccard` be if neighbours were drawn at random? About k / (2 points).

    Two random sets of k of the points - 1 others share a number of points with a hypergeometric
    distribution; this is the exact expectation of their Jaccard. Raises BadInput where k is not smaller
    than the number of points.

    >>> round(expected_neighbour_jaccard(3, 1), 4), round(expected_neighbour_jaccard(10_000, 50), 4)
    (0.5, 0.0025)
    """
    check_k(k, points - 1, "other points")
    common = np.arange(k + 1)
    return float(hypergeom(points - 1, k, k).pmf(common) @ (common / (2 * k - common)))


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
    return float(_cka([layer(features_a, "features_a")], [layer(features_b, "features_b")], unbiased)[0, 0])


def linear_cka_matrix(
    layers_a: Sequence[ArrayLike], layers_b: Sequence[ArrayLike], unbiased: bool = False
) -> np.ndarray:
    """`linear_cka` of every layer of one model with every layer of another: (layers of A, layers of B).

    Each layer has the shape (points, features), all for the same points. The layers of several models can be
    strung together. All pairs come from a few matrix products, over features or over points, whichever are
    fewer. Errors as for `linear_cka`.
    """
    a, b = (
        [layer(features, f"{name}[{number}]") for number, features in enumerate(layers)]
        for name, layers in (("layers_a", layers_a), ("layers_b", layers_b))
    )
    if not a or not b:
        raise BadInput("layers_a and layers_b must hold at least one layer each")
    return _cka(a, b, unbiased)


def _cka(a: list[Layer], b: list[Layer], unbiased: bool) -> np.ndarray:
    points = len(a[0].lengths)
    for each in a + b:
        if len(each.lengths) != points:
            told = f"{a[0].name} has {points} points and {each.name} {len(each.lengths)}"
            raise BadInput(f"{told}: they must be the same points")
    if unbiased and points < 4:
        raise BadInput(f"the unbiased estimator needs 4 points or more, not {points}")
    products = inner_products(a, b)
    between, of_a, of_b = without_diagonals(products, a, b) if unbiased else products
    for each, own in zip(a + b, [*of_a, *of_b], strict=True):
        if own <= NOTHING * each.lengths.sum() ** 2:
            raise BadInput(f"all points of {each.name} are equally unlike, so CKA is undefined: leave it out")
    return np.clip(between / np.sqrt(np.outer(of_a, of_b)), -1, 1)
