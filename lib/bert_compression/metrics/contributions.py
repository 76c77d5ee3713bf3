"""Scores as means over texts, so that two models can be compared text by text. Book: metrics/accuracy.

F1 and a correlation are no mean of what single texts got. But each has numbers, one a text, whose mean is
the score and whose scatter is, for many texts, that of the score when other texts are drawn: the score,
plus how much the text pulls at it (the infinitesimal jackknife; Efron 1982, The Jackknife, the Bootstrap
and Other Resampling Plans, chapter 6).
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from bert_compression.errors import BadInput
from bert_compression.metrics._checks import paired_labels

NAMES = ("gold_labels", "predicted_labels")


def score_contributions(score: str, gold_labels: ArrayLike, predicted_labels: ArrayLike) -> np.ndarray:
    """What does each text contribute to a score of GLUE? Shape (examples,), float64; the mean is the score.

    `score` is a name of `metrics.glue.SCORES`; both arrays have the shape (examples,). Of accuracy these
    are 1 and 0. Where a score is not defined (and therefore 0), all are 0. Raises BadInput for another
    score, and as the scores do.

    >>> score_contributions("f1", [1, 1, 0], [1, 0, 0]).round(3).tolist()
    [1.333, 0.0, 0.667]
    """
    gold, predicted = paired_labels(gold_labels, predicted_labels, NAMES)
    if score == "accuracy":
        return (gold == predicted).astype(np.float64)
    if score == "f1":
        return _of_ratio(2.0 * ((gold == 1) & (predicted == 1)), (gold == 1) + 1.0 * (predicted == 1))
    if score == "matthews":
        return _of_correlation(gold == 1, predicted == 1)
    if score == "pearson":
        return _of_correlation(gold, predicted)
    if score == "spearman":
        return _of_correlation(rankdata(gold), rankdata(predicted))
    raise BadInput(f"unknown score {score!r}: choose one of accuracy, f1, matthews, pearson, spearman")


def _of_ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Of the ratio of two means."""
    if not below.any():
        return np.zeros(len(below))
    ratio = above.mean() / below.mean()
    return ratio + (above - ratio * below) / below.mean()


def _of_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of Pearson's coefficient; ranks are taken as they are, whatever texts are drawn."""
    a, b = (x.astype(np.float64) - x.mean() for x in (first, second))
    scale = np.sqrt((a @ a) * (b @ b)) / len(a)
    if not scale > 0:
        return np.zeros(len(a))
    a, b = a / a.std(), b / b.std()
    correlation = (a * b).mean()
    return a * b + correlation - correlation * (a**2 + b**2) / 2
