"""Arrays in, numbers out: no model, no file. Every metric is a fraction; tables print percent."""

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
from bert_compression.metrics.paired_tests import min_f_prime, seed_noise
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
    "f1",
    "holm",
    "label_loyalty",
    "matthews_correlation",
    "mcnemar",
    "min_f_prime",
    "paired_bootstrap_interval",
    "pearson_correlation",
    "probability_loyalties",
    "probability_loyalty",
    "score_contributions",
    "score_interval",
    "seed_noise",
    "spearman_correlation",
]
