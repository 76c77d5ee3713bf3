"""Arrays in, numbers out: no model, no file. Every metric is a fraction; tables print percent."""

from bert_compression.metrics.glue import accuracy
from bert_compression.metrics.intervals import bootstrap_intervals
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
    "holm",
    "label_loyalty",
    "mcnemar",
    "min_f_prime",
    "paired_bootstrap_interval",
    "probability_loyalties",
    "probability_loyalty",
    "seed_noise",
]
