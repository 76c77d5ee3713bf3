"""Rai et al. 2024, Compressed models are NOT miniature versions of large models: the same errors, neighbours,
outliers and adversarial weakness?"""

from bert_compression.papers.miniature.attacks import (
    between_seeds,
    budget_picture,
    budget_table,
    degradation_picture,
    degradation_table,
    left_within,
    settings_table,
)
from bert_compression.papers.miniature.claims import CLAIMS
from bert_compression.papers.miniature.classifiers import (
    CLASSIFIERS_MNLI,
    CLASSIFIERS_SST2,
    wrong_labels,
)
from bert_compression.papers.miniature.figures import cka_picture, curves, heat_map
from bert_compression.papers.miniature.overlap import (
    ASSOCIATION,
    JACCARD,
    errors_by_threshold,
    flagged,
    flagged_by_k,
    foreign_tasks,
    matrix_of_pairs,
    matrix_of_sets,
    neighbours_by_k,
    overlap_at,
    overlap_in_words,
    wrong_answers,
)
from bert_compression.papers.miniature.summary import key_numbers, ood_table
from bert_compression.papers.miniature.tables import (
    ATTACK_SETTINGS,
    DISTRIBUTION,
    ERRORS,
    REPRESENTATION,
    TABLES,
    TEXT,
    WEAKNESSES,
    language_model,
)

__all__ = [
    "ASSOCIATION",
    "ATTACK_SETTINGS",
    "CLAIMS",
    "CLASSIFIERS_MNLI",
    "CLASSIFIERS_SST2",
    "DISTRIBUTION",
    "ERRORS",
    "JACCARD",
    "REPRESENTATION",
    "TABLES",
    "TEXT",
    "WEAKNESSES",
    "between_seeds",
    "budget_picture",
    "budget_table",
    "cka_picture",
    "curves",
    "degradation_picture",
    "degradation_table",
    "errors_by_threshold",
    "flagged",
    "flagged_by_k",
    "foreign_tasks",
    "heat_map",
    "key_numbers",
    "language_model",
    "left_within",
    "matrix_of_pairs",
    "matrix_of_sets",
    "neighbours_by_k",
    "ood_table",
    "overlap_at",
    "overlap_in_words",
    "settings_table",
    "wrong_answers",
    "wrong_labels",
]
