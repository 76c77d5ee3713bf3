"""BERT-ATTACK's own mean of queries, beside TextFooler's in `robustness`. Book: metrics/attacks."""

from numpy.typing import ArrayLike

from bert_compression.errors import BadInput
from bert_compression.metrics._checks import paired_labels
from bert_compression.metrics.robustness import FOOLED, WITHSTOOD, check_outcomes


def queries_per_success(outcomes: ArrayLike, queries: ArrayLike) -> float:
    """How many questions does a success cost, as BERT-ATTACK's released code counts?

    Both arguments have the shape (texts,) and hold what `attacks.attack` reports: `outcomes` 0 (already
    wrong), 1 (withstood) or 2 (fooled), and `queries`, which count the first look at every text.

    Returns the mean over texts that ended as successes. A text that was already wrong is one, with 0
    queries; the first look is not counted; texts that withstood, which cost most, are left out. So the mean
    falls when a model is bad to begin with, and when it is robust. `attack_summary` has the mean over the
    texts that were right at first. After-attack accuracy is the same in both countings. 0.0 without any
    success.

    >>> queries_per_success([0, 1, 2, 2], [1, 400, 31, 61])  # (0 + 30 + 60) / 3
    30.0

    Raises BadInput for arrays of different length, empty ones, an unknown outcome, or no first look.
    Source: Li et al. 2020, released code, `evaluate`. Book: metrics/attacks.
    """
    outcome, asked = paired_labels(outcomes, queries, ("outcomes", "queries"))
    check_outcomes(outcome)
    if (asked < 1).any():
        raise BadInput(f"queries must count the first look at each text, but {asked.min()} was found")
    counted = (asked - 1) * (outcome == FOOLED)
    success = outcome != WITHSTOOD
    return float(counted[success].mean()) if success.any() else 0.0
