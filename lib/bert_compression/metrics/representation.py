"""Do two models see the same points as alike? Neighbours and linear CKA. Book: metrics/representation."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import hypergeom

from bert_compression.errors import BadInput
from bert_compression.metrics._cosine import check_k, cosine_blocks, matrix, unit_rows

GRID = 2.0**36  # cosines nearer to each other than 1 / GRID differ by rounding, if at all
BLOCK = 16 * 2**20  # bytes of Gram matrices at a time
NOTHING = 1e-12  # what rounding leaves where nothing should be left, relative to what there was


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
    return float(_cka({"features_a": features_a}, {"features_b": features_b}, unbiased)[0, 0])


def linear_cka_matrix(
    layers_a: Sequence[ArrayLike], layers_b: Sequence[ArrayLike], unbiased: bool = False
) -> np.ndarray:
    """`linear_cka` of every layer of one model with every layer of another: (layers of A, layers of B).

    Each layer has the shape (points, features), all for the same points. The layers of several models can be
    strung together. All pairs come from a few matrix products, over features or over points, whichever are
    fewer; a copy of all layers in float64 is kept meanwhile.
    """
    named_a, named_b = (
        {f"{name}[{number}]": layer for number, layer in enumerate(layers)}
        for name, layers in (("layers_a", layers_a), ("layers_b", layers_b))
    )
    if not named_a or not named_b:
        raise BadInput("layers_a and layers_b must hold at least one layer each")
    return _cka(named_a, named_b, unbiased)


def _cka(named_a: dict[str, ArrayLike], named_b: dict[str, ArrayLike], unbiased: bool) -> np.ndarray:
    names = [*named_a, *named_b]
    layers = [_centred(layer, name) for name, layer in (named_a | named_b).items()]
    points = len(layers[0])
    for name, x in zip(names, layers, strict=True):
        if len(x) != points:
            raise BadInput(
                f"{names[0]} has {points} points and {name} {len(x)}: they must be the same points"
            )
    if unbiased and points < 4:
        raise BadInput(f"the unbiased estimator needs 4 points or more, not {points}")
    a, b = layers[: len(named_a)], layers[len(named_a) :]
    products, of_a, of_b = _inner_products(a, b)
    if unbiased:
        lengths_a, lengths_b = (np.stack([np.einsum("pf,pf->p", x, x) for x in side]) for side in (a, b))
        products -= _of_diagonals(lengths_a[:, None], lengths_b)
        of_a -= _of_diagonals(lengths_a, lengths_a)
        of_b -= _of_diagonals(lengths_b, lengths_b)
    for name, own in zip(names, [*of_a, *of_b], strict=True):
        if own <= NOTHING:
            raise BadInput(f"all points of {name} are equally unlike, so CKA is undefined: leave it out")
    return np.clip(products / np.sqrt(np.outer(of_a, of_b)), -1, 1)


def _centred(layer: ArrayLike, name: str) -> np.ndarray:
    """The columns brought to mean 0, and the whole to norm 1, which CKA does not see."""
    x = matrix(layer, name)
    mean = x.mean(axis=0)
    x -= mean
    norm = np.linalg.norm(x)
    if norm <= NOTHING * np.linalg.norm(mean) * len(x) ** 0.5:
        raise BadInput(f"{name} is the same for all points, so CKA is undefined: leave it out")
    x /= norm
    return x


def _inner_products(a: list[np.ndarray], b: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """⟨X Xᵀ, Y Yᵀ⟩ = |Xᵀ Y|² of all pairs, and of each layer of `a`, and of `b`, with itself."""
    points, widths_a, widths_b = len(a[0]), [x.shape[1] for x in a], [x.shape[1] for x in b]
    over_features = sum(widths_a) * sum(widths_b) + sum(width**2 for width in widths_a + widths_b)
    over_points = points * (sum(widths_a) + sum(widths_b) + len(a) * len(b))
    return _over_points(a, b) if over_points < over_features else _over_features(a, b)


def _over_features(a: list[np.ndarray], b: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    products = np.array([[np.sum((x.T @ y) ** 2) for y in b] for x in a])
    of_a, of_b = (np.array([np.sum((x.T @ x) ** 2) for x in side]) for side in (a, b))
    return products, of_a, of_b


def _over_points(a: list[np.ndarray], b: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each layer's Gram matrix is made once and laid out as one long row, some of its rows at a time."""
    points, layers = len(a[0]), len(a) + len(b)
    products, of_a, of_b = np.zeros((len(a), len(b))), np.zeros(len(a)), np.zeros(len(b))
    size = max(1, BLOCK // (8 * points * layers))
    for start in range(0, points, size):
        rows = slice(start, min(start + size, points))
        grams = np.empty((layers, rows.stop - start, points - start))
        for gram, x in zip(grams, a + b, strict=True):
            np.matmul(x[rows], x[start:].T, out=gram)
        grams[..., rows.stop - start :] *= 2**0.5  # they stand for their mirror image, too
        flat = grams.reshape(layers, -1)
        products += flat[: len(a)] @ flat[len(a) :].T
        own = np.einsum("ij,ij->i", flat, flat)
        of_a += own[: len(a)]
        of_b += own[len(a) :]
    return products, of_a, of_b


def _of_diagonals(lengths_a: np.ndarray, lengths_b: np.ndarray) -> np.ndarray:
    """What the diagonals of two centred Gram matrices add to their inner product, by which it is biased.

    Both hold squared lengths of points, (..., points): those diagonals. Song et al. set them to 0 and correct
    by sums of rows, of which centring has left nothing else than the diagonal, with a minus.
    """
    n = lengths_a.shape[-1]
    shared = np.einsum("...n,...n->...", lengths_a, lengths_b)
    totals = lengths_a.sum(axis=-1) * lengths_b.sum(axis=-1)
    return shared * n / (n - 2) - totals / ((n - 1) * (n - 2))
