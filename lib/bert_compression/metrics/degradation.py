"""How much of a model's accuracy does an attack take? Book: metrics/attacks."""

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.errors import BadInput
from bert_compression.metrics.robustness import ALREADY_WRONG, FOOLED, check_outcomes
from bert_compression.metrics.significance import bootstrap_interval


def degradation(outcomes: ArrayLike) -> dict[str, float]:
    """What an attack took of a model's accuracy, in points and as a share of what there was.

    `outcomes` has the shape (texts,) and holds 0 (answered wrongly before any attack), 1 (withstood) or 2
    (fooled). Returns fractions in [0, 1], each with a 95 % bootstrap interval over texts (`_low`, `_high`):

    - `degradation`: texts that were fooled, over all texts: accuracy before less accuracy after;
    - `relative_degradation`: the same over the texts that were right before. Left out where none was.

    A model that is often wrong from the start has little to lose in points, so the two can disagree on who is
    hurt most; Rai et al. 2024 do not say which theirs is.

    >>> found = degradation([0, 0, 1, 2])
    >>> found["degradation"], found["relative_degradation"]
    (0.25, 0.5)

    Raises BadInput for an empty array or an unknown outcome. Book: metrics/attacks.
    """
    found = np.asarray(outcomes)
    if found.ndim != 1 or not found.size:
        raise BadInput(f"outcomes must have the shape (texts,) and hold at least one, not {found.shape}")
    check_outcomes(found)
    fooled = found == FOOLED
    shares = {"degradation": fooled, "relative_degradation": fooled[found != ALREADY_WRONG]}
    summary: dict[str, float] = {}
    for name, share in shares.items():
        if share.size:
            low, high = bootstrap_interval(share)
            summary |= {name: float(share.mean()), f"{name}_low": low, f"{name}_high": high}
    return summary
