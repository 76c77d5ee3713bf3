"""What an attack left of a model's accuracy, and what it cost the attacker. Book: metrics/robustness."""

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.errors import BadInput
from bert_compression.metrics._checks import paired_labels

ALREADY_WRONG, WITHSTOOD, FOOLED = 0, 1, 2


def check_outcomes(outcomes: np.ndarray) -> None:
    """Raises BadInput for what is no outcome of an attack."""
    unknown = set(outcomes.tolist()) - {ALREADY_WRONG, WITHSTOOD, FOOLED}
    if unknown:
        raise BadInput(
            f"outcomes must be 0 (already wrong), 1 (withstood) or 2 (fooled), not {min(unknown)!r}"
        )


def attack_summary(outcomes: ArrayLike, labels: ArrayLike, queries: ArrayLike) -> dict[str, float]:
    """How often is the model still right once an attacker has tried, and after how many questions?

    All three arguments have the shape (texts,): `outcomes` holds 0 (answered wrongly before any attack),
    1 (withstood) or 2 (fooled), `labels` the gold labels, `queries` how often the attacker asked the model.

    Returns fractions in [0, 1], and counts:
    - `after_attack_accuracy`: texts that withstood, over *all* texts, as TextFooler's authors count
      (Jin et al. 2020; Xu et al. 2021, section 3.2); higher is more robust;
    - `after_attack_accuracy_class_<label>`: the same among the texts of one gold label. A model that has
      collapsed onto one class looks robust in the mean and shows itself here. A label that no text
      has is left out;
    - `clean_accuracy`: texts that were answered rightly before the attack;
    - `queries_mean`: mean queries over the texts that were answered rightly at first; 0.0 if none was;
    - `attacked`: the number of texts.

    >>> summary = attack_summary([0, 1, 2, 2], labels=[0, 0, 1, 1], queries=[1, 30, 10, 20])
    >>> summary["after_attack_accuracy"], summary["clean_accuracy"], summary["queries_mean"]
    (0.25, 0.75, 20.0)
    >>> summary["after_attack_accuracy_class_0"], summary["after_attack_accuracy_class_1"]
    (0.5, 0.0)

    Raises BadInput for arrays of different length, empty ones, an unknown outcome or a negative count.
    Book: metrics/robustness.
    """
    outcome, label = paired_labels(outcomes, labels, ("outcomes", "labels"))
    outcome, asked = paired_labels(outcome, queries, ("outcomes", "queries"))
    check_outcomes(outcome)
    if (asked < 0).any():
        raise BadInput(f"queries must not be negative, but {asked.min()} was found")
    withstood, right = outcome == WITHSTOOD, outcome != ALREADY_WRONG
    summary = {
        "after_attack_accuracy": float(withstood.mean()),
        "clean_accuracy": float(right.mean()),
        "queries_mean": float(asked[right].mean()) if right.any() else 0.0,
        "attacked": len(outcome),
    }
    for value in np.unique(label).tolist():
        summary[f"after_attack_accuracy_class_{value}"] = float(withstood[label == value].mean())
    return summary
