"""Do two models err on the same examples, and on more of them together than chance explains?

Whatever a mask marks, its sets are compared alike: wrong answers, or the points that a model finds unlike its
training data. Book: metrics/agreement.
"""

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.errors import BadInput
from bert_compression.metrics._checks import paired_labels

NAMES = ("errors_a", "errors_b")


def error_jaccard(errors_a: ArrayLike, errors_b: ArrayLike) -> float:
    """Of the examples that at least one of two models gets wrong, how many do both get wrong?

    Jaccard's coefficient of the two sets, |A and B| / |A or B|: a fraction in [0, 1]; 1 for equal sets, 0
    for sets without a common example (Rai et al. 2024, the first of four characteristics). Both arrays have
    the shape (examples,) and say of each example whether the model is wrong.

    >>> error_jaccard([True, True, True, False], [False, True, True, True])
    0.5

    Symmetric. Two models without any error have equal sets, the empty ones, and therefore 1. Raises BadInput
    for arrays of different length, empty ones, or others than truth values. Book: metrics/agreement.
    """
    a, b = _pair(errors_a, errors_b)
    either = np.sum(a | b)
    return float(np.sum(a & b) / either) if either else 1.0


def expected_error_jaccard(rate_a: float, rate_b: float) -> float:
    """What would the Jaccard be of two models that err independently of each other, at these rates?

    a b / (a + b - a b), in [0, 1]: the chance that both are wrong over the chance that at least one is. Of
    the examples in either set each is in both with just this probability, so it is the expectation of the
    Jaccard, however many examples there are. Errors shuffled among n examples, so that both rates stay what
    they are, give a little more, by a term in 1 / n.

    >>> round(expected_error_jaccard(0.5, 0.5), 4)
    0.3333

    1 where neither ever errs, as `error_jaccard` has it. Raises BadInput for rates outside [0, 1].
    Book: metrics/agreement.
    """
    for rate in (rate_a, rate_b):
        if not 0 <= rate <= 1:
            raise BadInput(f"an error rate is a fraction between 0 and 1, not {rate!r}")
    either = rate_a + rate_b - rate_a * rate_b
    return float(rate_a * rate_b / either) if either else 1.0


def error_association(errors_a: ArrayLike, errors_b: ArrayLike) -> float:
    """How far from chance towards what these error rates allow at most do two models err together?

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


def error_jaccard_matrix(errors: ArrayLike) -> np.ndarray:
    """`error_jaccard` of every pair of models: (models, examples) in, (models, models) out.

    >>> error_jaccard_matrix([[1, 1, 0], [0, 1, 1], [0, 0, 0]]).round(3).tolist()
    [[1.0, 0.333, 0.0], [0.333, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return _jaccards(_shared(_of_models(errors)))


def error_association_matrix(errors: ArrayLike) -> np.ndarray:
    """`error_association` of every pair of models: (models, examples) in, (models, models) out.

    >>> error_association_matrix([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0]]).tolist()
    [[1.0, 1.0, -1.0], [1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]
    """
    wrong = _of_models(errors)
    return _associations(_shared(wrong), wrong.shape[1])


def resampled_error_jaccards(errors: ArrayLike, resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """`error_jaccard_matrix`, had other examples been drawn, `resamples` times: (resamples, models, models).

    The bootstrap over examples. All models answer the same drawn examples, so that the difference of two
    entries, as of two models and of two seeds of one model, can be taken draw by draw. `errors` has the shape
    (models, examples); the order of the examples does not matter.
    """
    return _jaccards(_resampled_shared(_of_models(errors), resamples, seed))


def resampled_error_associations(errors: ArrayLike, resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """`error_association_matrix` of the same draws, (resamples, models, models); as
    `resampled_error_jaccards`."""
    wrong = _of_models(errors)
    return _associations(_resampled_shared(wrong, resamples, seed), wrong.shape[1])


def error_jaccard_intervals(
    errors: ArrayLike, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> np.ndarray:
    """Within which bounds would each Jaccard fall, had other examples of the same kind been drawn?

    Percentiles of `resampled_error_jaccards`: (models, models, 2), low and high. Pair by pair this is what
    `score_interval(error_jaccard, ...)` gives, but for the draws. Raises BadInput for a confidence outside
    (0, 1), and as `error_jaccard` does. Book: metrics/agreement.
    """
    if not 0 < confidence < 1:
        raise BadInput(f"confidence must lie between 0 and 1, not {confidence!r}")
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    return np.moveaxis(np.quantile(resampled_error_jaccards(errors, resamples, seed), tails, axis=0), 0, -1)


def _shared(wrong: np.ndarray) -> np.ndarray:
    """How many errors every two models share, (models, models): on the diagonal each model's own."""
    counted = wrong.astype(np.float64)  # sums of ones are exact, and BLAS knows no integers
    return counted @ counted.T


def _resampled_shared(wrong: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """The same of `resamples` draws of as many examples, (resamples, models, models)."""
    # What counts of an example is which models get it wrong. So patterns are drawn, as often as they occur.
    patterns, counts = np.unique(wrong, axis=1, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(wrong.shape[1], counts / wrong.shape[1], resamples)
    pairs = (patterns[:, None] & patterns[None, :]).reshape(-1, len(counts))
    both = drawn.astype(np.float64) @ pairs.T.astype(np.float64)
    return both.reshape(resamples, len(wrong), len(wrong))


def _jaccards(both: np.ndarray) -> np.ndarray:
    """From the numbers of shared errors, (..., models, models)."""
    one, other = _sizes(both)
    either = one + other - both
    return np.divide(both, either, out=np.ones_like(both), where=either > 0)


def _associations(both: np.ndarray, examples: int) -> np.ndarray:
    """From the same, and the number of examples."""
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
    return _truth_values(a, NAMES[0]), _truth_values(b, NAMES[1])


def _of_models(errors: ArrayLike) -> np.ndarray:
    wrong = np.asarray(errors)
    if wrong.ndim != 2 or not wrong.size:
        raise BadInput(f"errors must have the shape (models, examples), not {wrong.shape}")
    return _truth_values(wrong, "errors")


def _truth_values(errors: np.ndarray, name: str) -> np.ndarray:
    if errors.dtype != bool and not np.isin(errors, (0, 1)).all():
        raise BadInput(f"{name} must say of each example whether it is wrong, as predicted != gold does")
    return errors.astype(bool)
