"""Error overlap: do two models err on the same examples, and on more of them together than chance explains?

Masks of any other sets of examples can take the place of errors, such as the inputs that a model flags as
out-of-distribution. Book: metrics/agreement.
"""

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.checks import (
    check_draws,
    checked,
    in_range,
    paired_labels,
    rectangle,
    tails,
    truth_values,
)
from bert_compression.errors import BadInput
from bert_compression.metrics.significance import TAILS

NAMES = ("errors_a", "errors_b")


@checked
def error_jaccard(errors_a: ArrayLike, errors_b: ArrayLike) -> float:
    """Of the examples that at least one of two models gets wrong, how many do both get wrong?

    Jaccard's coefficient of the two sets, |A and B| / |A or B|: a fraction in [0, 1]; 1 for equal sets, 0
    for sets without a common example (Rai et al. 2024, the first of four characteristics). Both arrays have
    the shape (examples,) and say of each example whether the model is wrong on it.

    >>> error_jaccard([True, True, True, False], [False, True, True, True])
    0.5

    Symmetric. Two models without any error have equal sets, the empty ones, and therefore 1. Raises BadInput
    for arrays of different length, empty ones, or others than truth values. Book: metrics/agreement.
    """
    a, b = _pair(errors_a, errors_b)
    either = np.sum(a | b)
    return float(np.sum(a & b) / either) if either else 1.0


@checked
def expected_error_jaccard(rate_a: float, rate_b: float) -> float:
    """What is the expected Jaccard of two models that err independently of each other, at these rates?

    a b / (a + b - a b), in [0, 1]: the chance that both are wrong over the chance that at least one is. Of
    the examples in either set each is in both with just this probability, so it is the expectation of the
    Jaccard, however many examples there are. Errors shuffled among n examples, so that both rates stay what
    they are, give a little more, by a term in 1 / n.

    >>> round(expected_error_jaccard(0.5, 0.5), 4)
    0.3333

    1 where neither ever errs, as `error_jaccard` has it. Raises BadInput for rates outside [0, 1].
    Book: metrics/agreement.
    """
    in_range(rate_a, "rate_a", 0, 1)
    in_range(rate_b, "rate_b", 0, 1)
    either = rate_a + rate_b - rate_a * rate_b
    return float(rate_a * rate_b / either) if either else 1.0


@checked
def error_association(errors_a: ArrayLike, errors_b: ArrayLike) -> float:
    """Do two models err together more often than chance has it, relative to the most that their rates allow?

    Cole's coefficient of association (Cole 1949): with rates a and b and the share s of examples that both
    get wrong, s - a b over the largest value that it can have, min(a, b) - a b; where s lies below a b,
    over a b - max(0, a + b - 1). It lies in [-1, 1]: 1 where one set holds the other, 0 at independence, -1
    where the sets avoid each other as far as they can. So pairs of different error rates can be compared.

    >>> error_association([1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0])
    1.0

    Symmetric. 0 where one model errs always or never, since its set leaves nothing to chance. Arguments and
    errors as for `error_jaccard`. Book: metrics/agreement.
    """
    a, b = _pair(errors_a, errors_b)
    return float(error_association_matrix([a, b])[0, 1])


@checked
def error_jaccard_matrix(errors: ArrayLike) -> np.ndarray:
    """`error_jaccard` of every pair of models: (models, examples) in, (models, models) out.

    >>> error_jaccard_matrix([[1, 1, 0], [0, 1, 1], [0, 0, 0]]).round(3).tolist()
    [[1.0, 0.333, 0.0], [0.333, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return _jaccards(_shared(_of_models(errors)))


@checked
def error_association_matrix(errors: ArrayLike) -> np.ndarray:
    """`error_association` of every pair of models: (models, examples) in, (models, models) out.

    >>> error_association_matrix([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0]]).tolist()
    [[1.0, 1.0, -1.0], [1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]
    """
    wrong = _of_models(errors)
    return _associations(_shared(wrong), wrong.shape[1])


@checked
def resampled_error_jaccards(errors: ArrayLike, resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """`error_jaccard_matrix` of resampled examples: (resamples, models, models).

    The bootstrap over examples. All models answer the same drawn examples, so that the difference of two
    entries, as of two models and of two seeds of one model, can be taken draw by draw. `errors` has the shape
    (models, examples); the order of the examples does not matter.
    """
    return _jaccards(_resampled_shared(_of_models(errors), resamples, seed))


@checked
def resampled_error_associations(errors: ArrayLike, resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """`error_association_matrix` of resampled examples: (resamples, models, models).

    The draws are those of `resampled_error_jaccards`, and so are the arguments.
    """
    wrong = _of_models(errors)
    return _associations(_resampled_shared(wrong, resamples, seed), wrong.shape[1])


@checked
def error_jaccard_intervals(
    errors: ArrayLike, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> np.ndarray:
    """Within which bounds would each Jaccard fall, had other examples of the same kind been drawn?

    Percentiles of `resampled_error_jaccards`: (models, models, 2), low and high. Pair by pair this is what
    `score_interval(error_jaccard, ...)` gives, but for the draws. Raises BadInput for a confidence outside
    (0, 1), and as `error_jaccard` does. Book: metrics/agreement.
    """
    outer = tails(confidence)
    return np.moveaxis(np.quantile(resampled_error_jaccards(errors, resamples, seed), outer, axis=0), 0, -1)


@checked
def error_overlap_difference(
    reference_errors: ArrayLike,
    other_errors: ArrayLike,
    association: bool = False,
    resamples: int = 2000,
    seed: int = 0,
    scale: float = 1.0,
) -> tuple[float, float, float]:
    """How much more do two trainings of one model overlap in their errors than that model and another one?

    Both arguments have the shape (seeds, examples), with a row for each seed of the model, and the same seeds
    for both. Returns (effect, low, high). The effect is the mean `error_jaccard` over pairs of the reference
    model's seeds, less its mean over the two models at different seeds: above 0 where the other model differs
    from the reference by more than the choice of a seed explains. Low and high bound its 95 % percentile
    bootstrap interval over examples, with the same examples drawn for all models and seeds.

    The reference's two seeds share one error of three; each of them shares none with the other model:

    >>> reference, other = [[1, 1, 0, 0], [0, 1, 1, 0]], [[0, 0, 0, 1], [0, 0, 0, 1]]
    >>> effect, low, high = error_overlap_difference(reference, other)
    >>> round(effect, 3)
    0.333

    `association` takes `error_association` in the place of Jaccard's coefficient. `scale` is a factor for all
    three: 100 gives percentage points. Raises BadInput for different shapes, fewer than two seeds, or others
    than truth values. Book: metrics/agreement.
    """
    reference = rectangle(reference_errors, "reference_errors")
    other = rectangle(other_errors, "other_errors")
    if reference.ndim != 2 or reference.shape != other.shape or not reference.size or len(reference) < 2:
        raise BadInput(
            "both must have one shape (seeds, examples) with 2 seeds or more, "
            f"but they have {reference.shape} and {other.shape}"
        )
    named = ((reference, "reference_errors"), (other, "other_errors"))
    wrong = np.concatenate([truth_values(errors, name) for errors, name in named])
    matrix, resampled = (
        (error_association_matrix, resampled_error_associations)
        if association
        else (error_jaccard_matrix, resampled_error_jaccards)
    )
    effect = scale * _within_less_between(matrix(wrong)[None], len(reference))[0]
    differences = scale * _within_less_between(resampled(wrong, resamples, seed), len(reference))
    low, high = np.quantile(differences, TAILS)
    return float(effect), float(low), float(high)


def _within_less_between(overlaps: np.ndarray, seeds: int) -> np.ndarray:
    """From (draws, models, models), the seeds of one model first and then those of the other: (draws,)."""
    different = ~np.eye(seeds, dtype=bool)
    within, between = overlaps[:, :seeds, :seeds], overlaps[:, :seeds, seeds:]
    return within[:, different].mean(axis=1) - between[:, different].mean(axis=1)


def _shared(wrong: np.ndarray) -> np.ndarray:
    """How many errors every two models share, (models, models): on the diagonal each model's own."""
    counted = wrong.astype(np.float64)  # sums of ones are exact, and BLAS knows no integers
    return counted @ counted.T


def _resampled_shared(wrong: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """How many errors every two models share in resampled examples, (resamples, models, models)."""
    # What counts of an example is which models get it wrong. So patterns are drawn, as often as they occur.
    patterns, counts = np.unique(wrong, axis=1, return_counts=True)
    check_draws(resamples, seed)
    drawn = np.random.default_rng(seed).multinomial(wrong.shape[1], counts / wrong.shape[1], resamples)
    pairs = (patterns[:, None] & patterns[None, :]).reshape(-1, len(counts))
    both = drawn.astype(np.float64) @ pairs.T.astype(np.float64)
    return both.reshape(resamples, len(wrong), len(wrong))


def _jaccards(both: np.ndarray) -> np.ndarray:
    """Jaccard's coefficients from the numbers of shared errors, (..., models, models)."""
    one, other = _sizes(both)
    either = one + other - both
    return np.divide(both, either, out=np.ones_like(both), where=either > 0)


def _associations(both: np.ndarray, examples: int) -> np.ndarray:
    """Associations from the numbers of shared errors, (..., models, models), and of examples."""
    one, other = _sizes(both)
    # In whole numbers, times the square of the examples, so that independence gives 0 and no rounding.
    chance = one * other
    beyond = examples * both - chance
    most = examples * np.minimum(one, other)
    least = examples * np.maximum(0, one + other - examples)
    room = np.where(beyond >= 0, most - chance, chance - least)
    return np.divide(beyond, room, out=np.zeros_like(both), where=room > 0)


def _sizes(both: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many errors each has of every two models."""
    sizes = np.diagonal(both, axis1=-2, axis2=-1)
    return sizes[..., :, None], sizes[..., None, :]


def _pair(errors_a: ArrayLike, errors_b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    a, b = paired_labels(errors_a, errors_b, NAMES)
    return truth_values(a, NAMES[0]), truth_values(b, NAMES[1])


def _of_models(errors: ArrayLike) -> np.ndarray:
    wrong = rectangle(errors, "errors")
    if wrong.ndim != 2 or not wrong.size:
        raise BadInput(f"errors must have the shape (models, examples), not {wrong.shape}")
    return truth_values(wrong, "errors")
