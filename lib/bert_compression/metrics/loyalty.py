"""Loyalty: does the student answer like its teacher? (Xu et al. 2021, section 3.1.) Book: metrics/loyalty."""

import math

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.checks import checked, distributions, paired_labels
from bert_compression.errors import BadInput

LEAST = 1e-12  # the probability that an answer has at least where its logarithm is taken


@checked
def label_agreements(teacher_labels: ArrayLike, student_labels: ArrayLike) -> np.ndarray:
    """On which examples does the student give its teacher's label, right or wrong? Truth values (examples,).

    The mean is `label_loyalty`; the values are what intervals and paired tests are made from. Arguments and
    errors as there.

    >>> label_agreements([0, 1, 1, 0], [0, 1, 0, 0]).tolist()
    [True, True, False, True]
    """
    teacher, student = paired_labels(teacher_labels, student_labels, ("teacher_labels", "student_labels"))
    return teacher == student


@checked
def label_loyalty(teacher_labels: ArrayLike, student_labels: ArrayLike) -> float:
    """How often does the student give its teacher's label, right or wrong?

    The accuracy of the student with the teacher's predictions in the place of gold labels
    (Xu et al. 2021, equation 1): a fraction in [0, 1]; 1 is best. Shapes (examples,).

    >>> label_loyalty([0, 1, 1, 0], [0, 1, 0, 0])
    0.75

    Symmetric in its arguments. Raises BadInput for arrays of different length or empty ones.
    Book: metrics/loyalty.
    """
    return float(label_agreements(teacher_labels, student_labels).mean())


@checked
def probability_loyalties(
    teacher_probs: ArrayLike, student_probs: ArrayLike, base: float = math.e
) -> np.ndarray:
    """How near is the student's distribution to its teacher's on each example? Shape (examples,), float64.

    One minus the Jensen-Shannon distance. The mean is `probability_loyalty`; the values are what intervals
    and paired tests are made from. Arguments and errors as there.
    """
    if not (1 < base < math.inf):
        raise BadInput(f"base must be a finite number greater than 1, not {base!r}")
    p, q = distributions(teacher_probs, "teacher_probs"), distributions(student_probs, "student_probs")
    if p.shape != q.shape:
        raise BadInput(
            f"teacher_probs has the shape {p.shape} and student_probs {q.shape}: they must be equal"
        )
    m = (p + q) / 2
    divergence = (_kl_terms(p, m) + _kl_terms(q, m)).sum(axis=1) / 2 / math.log(base)
    # Rounding can leave -1e-17 where both agree, and the root of that would be NaN.
    return 1 - np.sqrt(np.maximum(divergence, 0))


@checked
def probability_loyalty(teacher_probs: ArrayLike, student_probs: ArrayLike, base: float = math.e) -> float:
    """How near is the student's distribution over labels to its teacher's?

    The mean over examples of 1 - sqrt(JSD(teacher || student)) (Xu et al. 2021, equations 2 to 4),
    computed in float64. Both arguments have the shape (examples, classes), rows summing to one.

    `base` is the base of the logarithm. The paper names none: the authors' tool uses e, which bounds
    the result by [1 - sqrt(ln 2), 1] = [0.167, 1]; base 2 gives the interval [0, 1] that the paper states.

    >>> round(probability_loyalty([[1.0, 0.0]], [[0.0, 1.0]]), 4)
    0.1674
    >>> probability_loyalty([[1.0, 0.0]], [[0.0, 1.0]], base=2)
    0.0

    Symmetric; 1 exactly where the two agree. Raises BadInput for rows that are no distributions,
    for different shapes and for a base that is no base. Book: metrics/loyalty.
    """
    return float(probability_loyalties(teacher_probs, student_probs, base).mean())


@checked
def kl_divergences(from_probs: ArrayLike, to_probs: ArrayLike) -> np.ndarray:
    """How surprised is a reader of `to_probs` by what follows `from_probs`? Kullback and Leibler's
    divergence in nats of each example, (examples,), float64.

    The sum over classes of p log(p / q) (Kullback and Leibler 1951), 0 where both agree and unbounded
    otherwise: unlike the Jensen-Shannon distance it shows an answer that was called impossible. A probability
    below `LEAST` counts as that, so that an exact zero of a rounded answer costs much and not everything.
    Both arguments have the shape (examples, classes), rows summing to one.

    >>> kl_divergences([[0.5, 0.5]], [[0.25, 0.75]]).round(4).tolist()
    [0.1438]

    Not symmetric. Raises BadInput as `probability_loyalty` does. Book: metrics/loyalty.
    """
    p, q = distributions(from_probs, "from_probs"), distributions(to_probs, "to_probs")
    if p.shape != q.shape:
        raise BadInput(f"from_probs has the shape {p.shape} and to_probs {q.shape}: they must be equal")
    # Rounding can leave -1e-17 where both agree.
    return np.maximum(_kl_terms(p, np.maximum(q, LEAST)).sum(axis=1), 0.0)


def _kl_terms(p: np.ndarray, m: np.ndarray) -> np.ndarray:
    """p log(p / m), with 0 log 0 = 0; m is positive wherever p is."""
    ratio = np.divide(p, m, out=np.ones_like(p), where=p > 0)
    return p * np.log(ratio)
