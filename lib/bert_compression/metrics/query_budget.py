"""What an attack leaves when it may ask only so often. Book: metrics/attacks."""

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.errors import BadInput
from bert_compression.metrics._checks import paired_labels
from bert_compression.metrics.robustness import ALREADY_WRONG, FOOLED, check_outcomes


def accuracy_within_budget(outcomes: ArrayLike, queries: ArrayLike, budgets: ArrayLike) -> np.ndarray:
    """How often is the model right while an attacker may ask it about a text no more than so many times?

    `outcomes` and `queries` have the shape (texts,) and hold what `attacks.attack` reports: 0 (already
    wrong), 1 (withstood) or 2 (fooled), and how often the model was asked, the first look included. `budgets`
    has the shape (budgets,).

    Returns the accuracy that is left at each budget, (budgets,), fractions of all texts: what was right
    before still is, unless the model was fooled with at most so many queries. With a budget of 0 that is the
    accuracy before any attack, and with one that is never used up the after-attack accuracy of
    `attack_summary`; in between it never rises. An attack that stops when its budget is spent would leave as
    much, if it does not plan with the budget.

    >>> accuracy_within_budget([0, 1, 2, 2], [1, 400, 30, 60], budgets=[0, 30, 60]).tolist()
    [0.75, 0.5, 0.25]

    Raises BadInput for arrays of different length, empty ones, an unknown outcome or a negative count.
    Source: budgets as Yoo et al. 2020 fix them; read off finished attacks, ours. Book: metrics/attacks.
    """
    outcome, asked = paired_labels(outcomes, queries, ("outcomes", "queries"))
    check_outcomes(outcome)
    allowed = np.asarray(budgets)
    if allowed.ndim != 1:
        raise BadInput(f"budgets must have the shape (budgets,), not {allowed.shape}")
    for counts, name in ((asked, "queries"), (allowed, "budgets")):
        if (counts < 0).any():
            raise BadInput(f"{name} must not be negative, but {counts.min()} was found")
    fallen = (outcome == FOOLED) & (asked <= allowed[:, None])
    return ((outcome != ALREADY_WRONG) & ~fallen).mean(axis=1)
