"""What a model answers on a split: logits as an artifact, scores and answers in the record."""

import numpy as np

from bert_compression.compression.grades import CENTRE
from bert_compression.experiments.kinds.base import LOGITS, Outcome, Work, digits
from bert_compression.experiments.kinds.company import alone
from bert_compression.inference import predict_logits
from bert_compression.metrics.glue import SCORES
from bert_compression.metrics.intervals import score_interval
from bert_compression.metrics.significance import bootstrap_interval


def run(work: Work) -> Outcome:
    model, encoded = work.input_model(), work.encoded()
    logits = predict_logits(model, encoded, 1 if alone(work, model) else 32, work.progress)
    np.savez(work.folder / LOGITS, logits=logits)
    gold = np.array(work.examples.labels)
    predicted = CENTRE + logits[:, 0] if work.task.grades else logits.argmax(axis=1)
    metrics: dict[str, float] = {"examples": len(gold), "truncated_texts": encoded.truncated}
    for name in work.task.scores:
        low, high = _interval(name, gold, predicted)
        score = SCORES[name](gold, predicted)
        metrics |= {name: score, f"{name}_low": low, f"{name}_high": high}
    if work.params["split"] == "train":  # only a teacher's logits are read from there
        return Outcome(metrics)
    written = _grades if work.task.grades else digits
    return Outcome(metrics, {"predictions": written(predicted), "gold": written(gold)})


def passes(params: dict, rows: int) -> int:
    return rows


def _interval(name: str, gold: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    if name == "accuracy":
        return bootstrap_interval(gold == predicted)
    return score_interval(SCORES[name], gold, predicted)


def _grades(values: np.ndarray) -> list[float]:
    return [round(float(value), 3) for value in values]
