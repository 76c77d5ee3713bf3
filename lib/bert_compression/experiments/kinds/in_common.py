"""What two models of one task have in common: their errors, and the foreign inputs that they find strange."""

import numpy as np

from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.kinds.outliers import FLAGS
from bert_compression.metrics.agreement import (
    error_jaccard,
    error_jaccard_intervals,
    expected_error_jaccard,
)


def run(work: Work) -> Outcome:
    """Inputs are the answers to the same examples and the outliers in the same foreign set of "a" and "b"."""
    gold = np.array(work.examples.labels)
    wrong = [work.input_logits(f"answers_{side}").argmax(axis=1) != gold for side in "ab"]
    strange = [_outside(work, f"outliers_{side}") for side in "ab"]
    return Outcome({**_compared("error_jaccard", *wrong), **_compared("outlier_jaccard", *strange)})


def _outside(work: Work, name: str) -> np.ndarray:
    with np.load(work.inputs[name] / FLAGS, allow_pickle=False) as arrays:
        return arrays["outside"]


def _compared(name: str, one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Jaccard's coefficient of two sets with its interval over examples, and what chance would give."""
    low, high = error_jaccard_intervals(np.stack([one, other]))[0, 1]
    return {
        name: error_jaccard(one, other),
        f"{name}_low": float(low),
        f"{name}_high": float(high),
        f"{name}_chance": expected_error_jaccard(one.mean(), other.mean()),
    }


def passes(params: dict, rows: int) -> int:
    return 0
