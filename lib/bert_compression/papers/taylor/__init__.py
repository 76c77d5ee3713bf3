"""Dasgupta et al. 2023, Cost-effective Distillation: a distillation loss with a first-order Taylor term."""

from bert_compression.papers.taylor.claims import CLAIMS, TABLE_2_CLAIMS
from bert_compression.papers.taylor.figures import (
    curves_in_words,
    curves_picture,
    lambda_picture,
    sizes_picture,
    sweep_in_words,
)
from bert_compression.papers.taylor.tables import (
    LAMBDA_SWEEP,
    TABLE_2,
    TABLES,
    TASKS,
    TEN_EPOCHS,
    TRAINING_SIZES,
)

__all__ = [
    "CLAIMS",
    "LAMBDA_SWEEP",
    "TABLES",
    "TABLE_2",
    "TABLE_2_CLAIMS",
    "TASKS",
    "TEN_EPOCHS",
    "TRAINING_SIZES",
    "curves_in_words",
    "curves_picture",
    "lambda_picture",
    "sizes_picture",
    "sweep_in_words",
]
