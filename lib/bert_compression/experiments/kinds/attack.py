"""TextFooler against a model; every success is confirmed with the text alone."""

import numpy as np

from bert_compression.attacks.textfooler import textfooler
from bert_compression.experiments.kinds.attacking import attack_input_model
from bert_compression.experiments.kinds.base import Outcome, Work, digits
from bert_compression.metrics.robustness import WITHSTOOD, attack_summary
from bert_compression.metrics.significance import bootstrap_interval


def run(work: Work) -> Outcome:
    result = attack_input_model(work, textfooler)
    low, high = bootstrap_interval(np.array(result.outcomes) == WITHSTOOD)
    metrics = {
        **attack_summary(result.outcomes, work.examples.labels, result.queries),
        "after_attack_accuracy_low": low,
        "after_attack_accuracy_high": high,
        "successes": result.outcomes.count(2),
        "successes_lost_alone": result.lost_alone,
        "words_changed_mean": result.words_changed_mean,
    }
    return Outcome(metrics, {"outcomes": digits(result.outcomes), "queries": list(result.queries)})


def passes(params: dict, rows: int) -> int:
    return 80 * rows
