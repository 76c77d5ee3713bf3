"""Arrays in, numbers out: no model, no file. Every metric is a fraction; tables print percent."""

from bert_compression.metrics.agreement import (
    error_association,
    error_association_matrix,
    error_jaccard,
    error_jaccard_intervals,
    error_jaccard_matrix,
    expected_error_jaccard,
    resampled_error_associations,
    resampled_error_jaccards,
)
from bert_compression.metrics.calibration import (
    brier_score,
    expected_calibration_error,
    reliability,
)
from bert_compression.metrics.contributions import score_contributions
from bert_compression.metrics.glue import (
    accuracy,
    f1,
    matthews_correlation,
    pearson_correlation,
    spearman_correlation,
)
from bert_compression.metrics.intervals import bootstrap_intervals, score_interval
from bert_compression.metrics.loyalty import (
    label_loyalty,
    probability_loyalties,
    probability_loyalty,
)
from bert_compression.metrics.ood import (
    nearest_distances,
    outlier_auroc,
    outlier_fpr,
    outlier_threshold,
)
from bert_compression.metrics.paired_tests import min_f_prime, seed_noise
from bert_compression.metrics.representation import (
    expected_neighbour_jaccard,
    linear_cka,
    linear_cka_matrix,
    nearest_neighbours,
    neighbour_jaccard,
    neighbour_jaccards,
)
from bert_compression.metrics.robustness import attack_summary
from bert_compression.metrics.significance import (
    bootstrap_interval,
    holm,
    mcnemar,
    paired_bootstrap_interval,
)

__all__ = [
    "accuracy",
    "attack_summary",
    "bootstrap_interval",
    "bootstrap_intervals",
    "brier_score",
    "error_association",
    "error_association_matrix",
    "error_jaccard",
    "error_jaccard_intervals",
    "error_jaccard_matrix",
    "expected_calibration_error",
    "expected_error_jaccard",
    "expected_neighbour_jaccard",
    "f1",
    "holm",
    "label_loyalty",
    "linear_cka",
    "linear_cka_matrix",
    "matthews_correlation",
    "mcnemar",
    "min_f_prime",
    "nearest_distances",
    "nearest_neighbours",
    "neighbour_jaccard",
    "neighbour_jaccards",
    "outlier_auroc",
    "outlier_fpr",
    "outlier_threshold",
    "paired_bootstrap_interval",
    "pearson_correlation",
    "probability_loyalties",
    "probability_loyalty",
    "reliability",
    "resampled_error_associations",
    "resampled_error_jaccards",
    "score_contributions",
    "score_interval",
    "seed_noise",
    "spearman_correlation",
]
