"""Calibration: is a model right as often as its probabilities say? Book: metrics/calibration."""

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from bert_compression.checks import checked, distributions, in_range, rectangle
from bert_compression.errors import BadInput
from bert_compression.metrics.loyalty import LEAST, kl_divergences

MOST_BINS = 100_000
TEMPERATURES = (1 / 50, 50.0)  # between which `matching_temperature` looks


class Reliability(NamedTuple):
    """The bins of a reliability diagram that hold examples; each array has the shape (bins that do,)."""

    low: np.ndarray  # where a bin begins; it ends 1 / bins further
    examples: np.ndarray  # how many
    confidence: np.ndarray  # their mean probability of the label that they were given
    accuracy: np.ndarray  # the share of them that was labelled rightly


@checked
def reliability(probabilities: ArrayLike, labels: ArrayLike, bins: int = 15) -> Reliability:
    """Of the answers given with about the same confidence, how many are right?

    `probabilities` has the shape (examples, classes), `labels` are the gold labels, (examples,). The
    confidence of an answer is its probability, that of the likeliest class; of equally likely classes the
    first is the answer. The bins are equally wide, ((m - 1) / bins, m / bins] (Guo et al. 2017, section 2),
    and those without examples, of which nothing can be said, are left out.

    >>> found = reliability([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]], [0, 1, 1], bins=5)
    >>> found.low.tolist(), found.examples.tolist(), found.accuracy.tolist()
    ([0.4, 0.8], [1, 2], [1.0, 0.5])

    Raises BadInput for rows that are no distributions, labels that are none of the classes, or less than one
    bin. Book: metrics/calibration.
    """
    p, gold = _checked(probabilities, labels)
    in_range(bins, "bins", 1, MOST_BINS)
    confidence = p.max(axis=1)
    place = np.searchsorted(np.arange(1, bins) / bins, confidence)
    counts, confident, right = (
        np.bincount(place, weights, minlength=bins)
        for weights in (None, confidence, p.argmax(axis=1) == gold)
    )
    held = counts > 0
    return Reliability(
        (np.arange(bins) / bins)[held],
        counts[held],
        *(total[held] / counts[held] for total in (confident, right)),
    )


@checked
def expected_calibration_error(probabilities: ArrayLike, labels: ArrayLike, bins: int = 15) -> float:
    """By how much does a model's confidence miss its accuracy, in the mean?

    |accuracy - confidence| of each bin of `reliability`, weighted by how many examples it holds (Guo et al.
    2017, equation 3): a fraction in [0, 1]; 0 is best. With finitely many examples even a perfectly
    calibrated model shows more than 0, by chance.

    >>> round(expected_calibration_error([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]], [0, 1, 1]), 4)
    0.4

    Arguments and errors as for `reliability`. Book: metrics/calibration.
    """
    found = reliability(probabilities, labels, bins)
    return float(np.average(np.abs(found.accuracy - found.confidence), weights=found.examples))


@checked
def brier_score(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """How far are the probabilities from the gold labels? Half the squared distance, in the mean.

    With y_i the distribution that sits on the gold label, the mean of |p_i - y_i|² / 2 (Brier 1950, there
    without the half): a fraction in [0, 1]; 0 is best, and of two classes it is (p - y)². Unlike the
    calibration error it needs no bins, and it is best, in expectation, at the true probabilities alone.

    >>> brier_score([[0.5, 0.5], [0.0, 1.0]], [0, 1])
    0.125

    Arguments and errors as for `reliability`. Book: metrics/calibration.
    """
    p, gold = _checked(probabilities, labels)
    return float(((p - np.eye(p.shape[1])[gold]) ** 2).sum(axis=1).mean() / 2)


@checked
def at_temperature(probabilities: ArrayLike, temperature: float) -> np.ndarray:
    """The probabilities that the same logits give at another temperature, (examples, classes), float64.

    softmax(z / T) from softmax(z): the power 1 / T, rescaled (Guo et al. 2017, section 4.2). Above 1 the
    model is less sure, below 1 surer; no label changes. A probability below `LEAST` counts as that.

    >>> at_temperature([[0.9, 0.1]], 2.0).round(4).tolist()
    [[0.75, 0.25]]

    Raises BadInput for rows that are no distributions, or a temperature that is not positive.
    Book: metrics/calibration.
    """
    if temperature <= 0:
        raise BadInput(f"a temperature is a positive number, not {temperature!r}")
    p = distributions(probabilities, "probabilities")
    logs = np.log(np.maximum(p, LEAST)) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@checked
def matching_temperature(teacher_probs: ArrayLike, student_probs: ArrayLike) -> float:
    """At which temperature is the student nearest to its teacher?

    The one of the least mean of KL(teacher || student at T), which is convex in 1 / T: above 1 the student is
    too sure, below 1 not sure enough, and 1 where its confidence needs no change. Looked for from 1/50 to 50,
    whose ends stand for "beyond", and rounded to four digits behind the point. Both arguments have the shape
    (examples, classes).

    >>> round(matching_temperature([[0.75, 0.25]], [[0.9, 0.1]]), 3)
    2.0

    Raises BadInput for rows that are no distributions, and for different shapes. Book: metrics/calibration.
    """
    teacher = distributions(teacher_probs, "teacher_probs")
    student = distributions(student_probs, "student_probs")

    def distance(log_temperature: float) -> float:
        scaled = at_temperature(student, float(np.exp(log_temperature)))
        return float(kl_divergences(teacher, scaled).mean())

    found = scipy.optimize.minimize_scalar(
        distance, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-6}
    )
    return round(float(np.exp(found.x)), 4) if found.fun < distance(0.0) else 1.0


def _checked(probabilities: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    p, gold = distributions(probabilities, "probabilities"), rectangle(labels, "labels")
    if gold.shape != p.shape[:1]:
        raise BadInput(f"there are probabilities of {len(p)} examples, but labels of the shape {gold.shape}")
    if gold.dtype.kind == "U" or not np.isin(gold, np.arange(p.shape[1])).all():
        raise BadInput(f"labels must be whole numbers from 0 to {p.shape[1] - 1}, one for each column")
    return p, gold.astype(int)
