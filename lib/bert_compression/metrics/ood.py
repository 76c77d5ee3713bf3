"""Which inputs does a model find unlike its training data? Deep nearest neighbours (Sun et al. 2022).

In-distribution points are the *positive* ones, as in the paper: they are to pass. Book: metrics/outliers.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from bert_compression.errors import BadInput
from bert_compression.metrics._cosine import check_k, cosine_blocks, unit_rows


def nearest_distances(features: ArrayLike, training_features: ArrayLike, k: int) -> np.ndarray:
    """How far is each point from its k-th nearest training point? Shape (points,), in [0, 2].

    Both arguments have the shape (points, features) and are scaled to length 1 first; the distance is
    Euclidean (Sun et al. 2022, section 3). A training point is its own nearest neighbour.

    >>> nearest_distances([[0, 3], [2, 0]], [[1, 0], [5, 0], [0, 1]], k=2).round(4).tolist()
    [1.4142, 0.0]

    Raises BadInput for other shapes, NaN, zero vectors, or k above the number of training points.
    Book: metrics/outliers.
    """
    points, training = unit_rows(features, "features"), unit_rows(training_features, "training_features")
    if points.shape[1] != training.shape[1]:
        raise BadInput(
            f"features are {points.shape[1]} a point and training_features {training.shape[1]}: "
            "they must come from the same model"
        )
    check_k(k, len(training), "training points")
    cosine = np.empty(len(points))
    for rows, cosines in cosine_blocks(points, training):
        cosines.partition(len(training) - k, axis=1)
        cosine[rows] = cosines[:, len(training) - k]
    # Of two points of length 1. Rounding can bring a cosine above 1.
    return np.sqrt(np.maximum(2 - 2 * cosine, 0))


def outlier_threshold(inside: ArrayLike, passing: float = 0.95) -> float:
    """Up to which distance does a point pass, if the share `passing` of in-distribution points is to pass?

    The smallest of the distances `inside`, (points,), that at least this share does not exceed. They must
    be of points that are not among the training points. A point is flagged where its distance *exceeds* the
    threshold; the flags of two models are compared with `error_jaccard`.

    >>> outlier_threshold([0.4, 0.1, 0.3, 0.2], passing=0.75)
    0.3

    Raises BadInput for distances that are no finite numbers, none at all, or a share outside (0, 1].
    Book: metrics/outliers.
    """
    if not 0 < passing <= 1:
        raise BadInput(f"passing must be a share above 0 and up to 1, not {passing!r}")
    return float(np.quantile(_distances(inside, "inside"), passing, method="inverted_cdf"))


def outlier_auroc(inside: ArrayLike, outside: ArrayLike) -> float:
    """How often is a point from outside farther away than one from inside? The area under the ROC curve.

    Over all pairs of a distance of an in-distribution point, `inside`, and of an out-of-distribution point,
    `outside`; equal distances count one half. In [0, 1]; 1 is best, 0.5 chance. Both have the shape
    (points,), and which of the two is called positive makes no difference.

    >>> round(outlier_auroc([0.1, 0.2, 0.3], [0.3, 0.4]), 4)
    0.9167

    Raises BadInput for distances that are no finite numbers, or none at all. Book: metrics/outliers.
    """
    within, beyond = _distances(inside, "inside"), _distances(outside, "outside")
    ranks = rankdata(np.concatenate([within, beyond]))[len(within) :]
    # Less what the ranks would be if every point from outside were nearest (Mann-Whitney's U).
    return float((ranks.sum() - len(beyond) * (len(beyond) + 1) / 2) / (len(within) * len(beyond)))


def outlier_fpr(inside: ArrayLike, outside: ArrayLike, passing: float = 0.95) -> float:
    """How many points from outside pass, where the share `passing` of those inside does? FPR95, in [0, 1].

    The false positive rate at 95 % true positives, with in-distribution points as positives: the share of
    `outside` that does not exceed `outlier_threshold(inside, passing)`. 0 is best, `passing` is chance.

    >>> outlier_fpr([0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.5, 0.6], passing=0.75)
    0.5

    Errors as for `outlier_threshold`. Book: metrics/outliers.
    """
    return float(np.mean(_distances(outside, "outside") <= outlier_threshold(inside, passing)))


def _distances(values: ArrayLike, name: str) -> np.ndarray:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not len(x) or not np.isfinite(x).all():
        raise BadInput(f"{name} must be finite distances of the shape (points,), not of the shape {x.shape}")
    return x
