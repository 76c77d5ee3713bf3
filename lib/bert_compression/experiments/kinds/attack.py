"""TextFooler against a model; every success is confirmed with the text alone."""

import json

import numpy as np

from bert_compression.attacks.resources import load_resources
from bert_compression.attacks.run import attack
from bert_compression.compression.quantization import quantization_mode
from bert_compression.devices import best_device
from bert_compression.experiments.kinds.base import ADVERSARIAL, Outcome, Work, digits
from bert_compression.experiments.kinds.company import alone
from bert_compression.metrics.robustness import WITHSTOOD, attack_summary
from bert_compression.metrics.significance import bootstrap_interval
from bert_compression.models import load_tokenizer


def run(work: Work) -> Outcome:
    model = work.input_model()
    if quantization_mode(model) != "int8":  # whose kernels are the processor's
        model.to(best_device())
    result = attack(
        model,
        load_tokenizer(work.params["encoder"]),
        work.examples,
        load_resources(work.params["resources"], work.data_folder),
        task=work.task,
        max_length=work.params["max_length"],
        seed=work.params["seed"],
        one_at_a_time=alone(work, model),
        progress=work.progress,
    )
    (work.folder / ADVERSARIAL).write_text(json.dumps(result.texts), encoding="utf-8")
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
