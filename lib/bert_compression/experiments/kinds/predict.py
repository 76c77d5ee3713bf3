"""What a model answers on a split: logits as an artifact, accuracy and labels in the record."""

import numpy as np

from bert_compression.experiments.kinds.base import LOGITS, Outcome, Work, digits
from bert_compression.experiments.kinds.company import alone
from bert_compression.inference import predict_logits
from bert_compression.metrics.glue import accuracy
from bert_compression.metrics.significance import bootstrap_interval


def run(work: Work) -> Outcome:
    model, encoded = work.input_model(), work.encoded()
    logits = predict_logits(model, encoded, 1 if alone(work, model) else 32, work.progress)
    np.savez(work.folder / LOGITS, logits=logits)
    gold, predicted = np.array(work.examples.labels), logits.argmax(axis=1)
    low, high = bootstrap_interval(gold == predicted)
    metrics = {
        "accuracy": accuracy(gold, predicted),
        "accuracy_low": low,
        "accuracy_high": high,
        "examples": len(gold),
        "truncated_texts": encoded.truncated,
    }
    if work.params["split"] == "train":  # only a teacher's logits are read from there
        return Outcome(metrics)
    return Outcome(metrics, {"predictions": digits(predicted), "gold": digits(gold)})


def passes(params: dict, rows: int) -> int:
    return rows
