"""How far a model's probabilities can be taken at their word."""

import numpy as np

from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.inference import softmax
from bert_compression.metrics.calibration import brier_score, expected_calibration_error


def run(work: Work) -> Outcome:
    """The input "answers" holds the logits for the same examples."""
    probabilities, gold = softmax(work.input_logits("answers")), np.array(work.examples.labels)
    return Outcome(
        {
            "calibration_error": expected_calibration_error(probabilities, gold),
            "brier": brier_score(probabilities, gold),
            "confidence": float(probabilities.max(axis=1).mean()),
        }
    )


def passes(params: dict, rows: int) -> int:
    return 0
