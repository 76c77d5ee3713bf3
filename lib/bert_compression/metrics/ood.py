"""Out-of-distribution detection: which inputs does a model find unlike its training data?

By deep nearest neighbours (Sun et al. 2022). In-distribution points are the *positive* ones, as in the paper:
they are to pass. Book: metrics/outliers.
"""

import numpy as np
import scipy
from numpy.typing import ArrayLike

from bert_compression.checks import check_k, checked, numbers
from bert_compression.errors import BadInput
from bert_compression.metrics.representation import cosine_blocks, unit_rows


@checked
def nearest_distances(features: ArrayLike, training_features: ArrayLike, k: int) -> np.ndarray:
    """How far is each point from its k-th nearest training point? Distances (points,), in [0, 2].

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


@checked
def outlier_threshold(in_distribution: ArrayLike, passing: float = 0.95) -> float:
    """Up to which distance does a point pass, if the share `passing` of in-distribution points is to pass?

    The smallest of the distances `in_distribution`, (points,), that at least this share does not exceed. They
    must be of points that are not among the training points. A point is flagged where its distance *exceeds*
    the threshold; `error_jaccard` measures how far the flags of two models overlap.

    >>> outlier_threshold([0.4, 0.1, 0.3, 0.2], passing=0.75)
    0.3

    Raises BadInput for distances that are no finite numbers, none at all, or a share outside (0, 1].
    Book: metrics/outliers.
    """
    if not 0 < passing <= 1:
        raise BadInput(f"passing must be a share above 0 and up to 1, not {passing!r}")
    return float(np.quantile(_distances(in_distribution, "in_distribution"), passing, method="inverted_cdf"))


@checked
def outlier_auroc(in_distribution: ArrayLike, out_of_distribution: ArrayLike) -> float:
    """How often is an out-of-distribution point farther away than an in-distribution one? The AUROC.

    The area under the ROC curve: the share of all pairs of an in- and an out-of-distribution point in which
    the latter has the larger distance; equal distances count one half. In [0, 1]; 1 is best, 0.5 chance. Both
    arguments are distances of the shape (points,), and which of the two is called positive makes no
    difference.

    >>> round(outlier_auroc([0.1, 0.2, 0.3], [0.3, 0.4]), 4)
    0.9167

    Raises BadInput for distances that are no finite numbers, or none at all. Book: metrics/outliers.
    """
    within = _distances(in_distribution, "in_distribution")
    beyond = _distances(out_of_distribution, "out_of_distribution")
    ranks = scipy.stats.rankdata(np.concatenate([within, beyond]))[len(within) :]
    # Less what the ranks would be if every out-of-distribution point were nearest (Mann-Whitney's U).
    return float((ranks.sum() - len(beyond) * (len(beyond) + 1) / 2) / (len(within) * len(beyond)))


@checked
def outlier_fpr(in_distribution: ArrayLike, out_of_distribution: ArrayLike, passing: float = 0.95) -> float:
    """What share of out-of-distribution points passes, where `passing` of the in-distribution ones do? FPR95.

    The false positive rate at 95 % true positives, with in-distribution points as positives: the share of the
    distances `out_of_distribution`, (points,), that do not exceed `outlier_threshold(in_distribution,
    passing)`. In [0, 1]; 0 is best, `passing` is chance.

    >>> outlier_fpr([0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.5, 0.6], passing=0.75)
    0.5

    Errors as for `outlier_threshold`. Book: metrics/outliers.
    """
    beyond = _distances(out_of_distribution, "out_of_distribution")
    return float(np.mean(beyond <= outlier_threshold(in_distribution, passing)))


def _distances(values: ArrayLike, name: str) -> np.ndarray:
    return numbers(values, name, ("points",))
