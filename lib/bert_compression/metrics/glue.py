"""The scores that GLUE asks for. Book: metrics/accuracy.

All take gold labels and predictions of the shape (examples,), give 1 for the best there is, and raise
BadInput for arrays of different length, of more than one dimension, or empty, and for NaN, infinity and what
is no label. A score that is not defined, such as a correlation with predictions that are all the same, is 0:
nothing was learnt (SciPy warns and gives NaN). `glue_average` makes one number of the scores of all tasks.
"""

from collections.abc import Callable, Mapping

import numpy as np
import scipy
from numpy.typing import ArrayLike

from bert_compression.checks import checked, paired_labels, paired_numbers
from bert_compression.errors import BadInput, shown

NAMES = ("gold_labels", "predicted_labels")


@checked
def accuracy(gold_labels: ArrayLike, predicted_labels: ArrayLike) -> float:
    """How often is the answer right?

    The share of examples whose predicted label equals the gold label, in [0, 1]; 1 is best.
    Both arrays have the shape (examples,).

    >>> accuracy([0, 1, 1, 0], [0, 1, 0, 0])
    0.75

    Raises BadInput for arrays of different length, of more than one dimension, or empty.
    Book: metrics/accuracy.
    """
    gold, predicted = paired_labels(gold_labels, predicted_labels, NAMES)
    return float((gold == predicted).mean())


@checked
def f1(gold_labels: ArrayLike, predicted_labels: ArrayLike) -> float:
    """How well is class 1 found? The harmonic mean of precision and recall, in [0, 1].

    GLUE's score for paraphrases (QQP and MRPC), where class 1 is "equivalent". Unlike accuracy it minds which
    class is called 1, and to answer 1 always is not bad at all: with a share s of them, 2 s / (1 + s).

    >>> f1([1, 1, 1, 0], [1, 1, 0, 0])
    0.8
    """
    gold, predicted = paired_numbers(gold_labels, predicted_labels, NAMES)
    both, either = np.sum((gold == 1) & (predicted == 1)), np.sum(gold == 1) + np.sum(predicted == 1)
    return float(2 * both / either) if either else 0.0


@checked
def matthews_correlation(gold_labels: ArrayLike, predicted_labels: ArrayLike) -> float:
    """How well do two classes agree beyond chance? Matthews' coefficient, in [-1, 1]; 0 for a guess.

    GLUE's score for CoLA. It is the correlation of the two columns of 0 and 1.

    >>> matthews_correlation([1, 1, 0, 0], [1, 0, 0, 0]).__round__(3)
    0.577
    """
    gold, predicted = paired_numbers(gold_labels, predicted_labels, NAMES)
    for labels, name in zip((gold, predicted), NAMES, strict=True):
        if not np.isin(labels, (0, 1)).all():
            raise BadInput(f"{name} must be 0 or 1: Matthews' coefficient is that of two classes")
    return pearson_correlation(gold == 1, predicted == 1)


@checked
def pearson_correlation(gold_labels: ArrayLike, predicted_labels: ArrayLike) -> float:
    """How near to a line do predictions rise with the regression targets? Pearson's coefficient, in [-1, 1].

    GLUE's first score for STS-B, whose gold labels are numbers. Neither the unit nor the zero of the
    predictions matters.

    >>> pearson_correlation([0, 1, 2], [10, 12, 14])
    1.0
    """
    g, p = map(_centred, paired_numbers(gold_labels, predicted_labels, NAMES))
    scale = np.sqrt((g @ g) * (p @ p))
    return float(np.clip(g @ p / scale, -1, 1)) if scale > 0 else 0.0


@checked
def spearman_correlation(gold_labels: ArrayLike, predicted_labels: ArrayLike) -> float:
    """Are the examples put in the right order? Pearson's coefficient of the ranks, ties sharing theirs.

    GLUE's second score for STS-B, in [-1, 1].

    >>> spearman_correlation([0, 1, 2], [1, 10, 100])
    1.0
    """
    gold, predicted = paired_numbers(gold_labels, predicted_labels, NAMES)
    return pearson_correlation(scipy.stats.rankdata(gold), scipy.stats.rankdata(predicted))


def _centred(values: np.ndarray) -> np.ndarray:
    """The numbers less their mean, in a unit in which their squares neither overflow nor vanish; all 0 where
    they are equal, of which rounding may leave what looks like a scatter."""
    if (values == values[0]).all():
        return np.zeros(len(values))
    # A power of two changes no digit.
    x = np.ldexp(values, -np.frexp(np.abs(values).max())[1])
    x -= x.mean()
    return np.ldexp(x, -np.frexp(np.abs(x).max())[1])


# The scores by their names in the settings of tasks.
SCORES: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "accuracy": accuracy,
    "f1": f1,
    "matthews": matthews_correlation,
    "pearson": pearson_correlation,
    "spearman": spearman_correlation,
}


@checked
def score_contributions(score: str, gold_labels: ArrayLike, predicted_labels: ArrayLike) -> np.ndarray:
    """What does each example contribute to a score of GLUE? Shape (examples,), float64.

    F1 and a correlation are no mean over examples. But each has numbers, one an example, whose mean is the
    score and whose scatter is, for many examples, that of the score when other examples are drawn: the score,
    plus how much the example pulls at it (the infinitesimal jackknife; Efron 1982, The Jackknife, the
    Bootstrap and Other Resampling Plans, chapter 6). So two models can be compared example by example.

    `score` is a name of `SCORES`; both arrays have the shape (examples,). Of accuracy these are 1 and 0.
    Where a score is not defined (and therefore 0), such as a correlation with predictions that are all equal,
    all are 0. Raises BadInput for another score, and as the scores do. Book: metrics/accuracy.

    >>> score_contributions("f1", [1, 1, 0], [1, 0, 0]).round(3).tolist()
    [1.333, 0.0, 0.667]
    """
    if score == "accuracy":
        gold, predicted = paired_labels(gold_labels, predicted_labels, NAMES)
        return (gold == predicted).astype(np.float64)
    gold, predicted = paired_numbers(gold_labels, predicted_labels, NAMES)
    if score == "f1":
        return _of_ratio(2.0 * ((gold == 1) & (predicted == 1)), (gold == 1) + 1.0 * (predicted == 1))
    if score == "matthews":
        matthews_correlation(gold, predicted)  # refuses what is no class
        return _of_correlation(1.0 * (gold == 1), 1.0 * (predicted == 1))
    if score == "pearson":
        return _of_correlation(gold, predicted)
    if score == "spearman":
        return _of_correlation(scipy.stats.rankdata(gold), scipy.stats.rankdata(predicted))
    raise BadInput(f"unknown score {shown(score)}: choose one of accuracy, f1, matthews, pearson, spearman")


def _of_ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Contributions to the ratio of two means."""
    if not below.any():
        return np.zeros(len(below))
    ratio = above.mean() / below.mean()
    return ratio + (above - ratio * below) / below.mean()


def _of_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Contributions to Pearson's coefficient; ranks are taken as they are, whatever examples are drawn."""
    a, b = _centred(first), _centred(second)
    if not (a.any() and b.any()):
        return np.zeros(len(a))
    a, b = a / a.std(), b / b.std()
    correlation = (a * b).mean()
    return a * b + correlation - correlation * (a**2 + b**2) / 2


# What the average of Wu et al. 2022 is the mean of: one score a task, and both of MNLI's sets.
GLUE_AVERAGE = (
    "cola_mcc",
    "mnli_m_acc",
    "mnli_mm_acc",
    "mrpc_acc",
    "qnli_acc",
    "qqp_acc",
    "rte_acc",
    "sst2_acc",
    "stsb_pearson",
)


@checked
def glue_average(scores: Mapping[str, float], without_cola: bool = False) -> float:
    """One number for the scores of all tasks of GLUE, as Wu et al. 2022 average them (the "Avg." of tables
    C.2 to C.17).

    `scores` holds fractions by the names of `GLUE_AVERAGE`; others in it, such as F1, are not looked at. The
    mean is over nine numbers: MNLI counts twice, matched and mismatched; of MRPC and QQP accuracy counts, of
    STS-B Pearson's coefficient. The paper does not tell this rule; it is recovered from its lines. Not GLUE's
    own average, which takes the mean of a task's two scores first. `without_cola` leaves CoLA out ("Avg. w/o
    CoLA"). Raises BadInput, naming the first score that is missing.

    >>> round(glue_average(dict.fromkeys(GLUE_AVERAGE, 0.8) | {"cola_mcc": 0.5, "mrpc_f1": 0.9}), 4)
    0.7667
    """
    names = [name for name in GLUE_AVERAGE if not (without_cola and name == "cola_mcc")]
    missing = [name for name in names if name not in scores]
    if missing:
        raise BadInput(f"the average needs the score {missing[0]}: it is over {', '.join(names)}")
    for name in names:
        if not -1 <= scores[name] <= 1:
            raise BadInput(f"the score {name} is a fraction, not {shown(scores[name])}")
    return sum(scores[name] for name in names) / len(names)
