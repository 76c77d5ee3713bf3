"""The workshop: what its two notebooks call. Models and answers to work on, checkers, recaps, questions to
unfold. Book: workshop/teach."""

from bert_compression.workshop.checks import Check
from bert_compression.workshop.lesson import CHECKS, recap, table, unfold
from bert_compression.workshop.material import (
    attacked,
    distil,
    probabilities,
    real_models,
    rounded,
    small_models,
)
from bert_compression.workshop.measures import (
    check_after_attack_accuracy,
    check_error_overlap,
    check_label_loyalty,
    check_lost_alone,
    check_overconfidence,
    check_probability_loyalty,
)
from bert_compression.workshop.methods import (
    check_binarize,
    check_fake_quantize,
    check_kd_loss,
    check_per_row,
)

__all__ = [
    "CHECKS",
    "Check",
    "attacked",
    "check_after_attack_accuracy",
    "check_binarize",
    "check_error_overlap",
    "check_fake_quantize",
    "check_kd_loss",
    "check_label_loyalty",
    "check_lost_alone",
    "check_overconfidence",
    "check_per_row",
    "check_probability_loyalty",
    "distil",
    "probabilities",
    "real_models",
    "recap",
    "rounded",
    "small_models",
    "table",
    "unfold",
]
