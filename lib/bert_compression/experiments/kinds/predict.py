"""Kinds that ask a model: logits, answers of extractive QA, vectors of [CLS]."""

import json
from dataclasses import replace

import numpy as np

from bert_compression.compression import PLATT_CENTRE
from bert_compression.experiments.kinds.work import LOGITS, Outcome, Work, kind
from bert_compression.inference import answer_questions, cls_vectors, predict_logits
from bert_compression.metrics import (
    SCORES,
    answer_f1,
    bootstrap_interval,
    exact_match,
    score_interval,
    squad_scores,
)
from bert_compression.tasks import Windows, gold_texts

ANSWERS = "answers.json"  # a text a question, "" for no answer
VECTORS = "vectors.npz"  # "last", (examples, size), and "layers", (layers + 1, some examples, size)


def _once(params: dict, rows: int) -> int:
    return rows


@kind(version=1, passes=_once)
def predict(work: Work) -> Outcome:
    """What a model answers on a split: logits as an artifact, scores and predictions in the record."""
    model, encoded = work.model(), work.encoded()
    logits = predict_logits(model, encoded, work.batch_size(model), work.progress)
    np.savez(work.folder / LOGITS, logits=logits)
    gold, regression = np.array(work.examples.labels), work.task.outputs == 1
    predicted = PLATT_CENTRE + logits[:, 0] if regression else logits.argmax(axis=1)
    metrics: dict[str, float] = {"examples": len(gold), "truncated_texts": encoded.truncated}
    for name in work.task.scores:
        low, high = _interval(name, gold, predicted)
        score = SCORES[name](gold, predicted)
        metrics |= {name: score, f"{name}_low": low, f"{name}_high": high}
    if work.params["split"] == "train":  # only a teacher's logits are read from there
        return Outcome(metrics)
    kept = [round(float(value), 3) for value in predicted] if regression else predicted
    return Outcome(metrics, {"predictions": kept})


def _interval(name: str, gold: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    if name == "accuracy":
        return bootstrap_interval(gold == predicted)
    return score_interval(SCORES[name], gold, predicted)


@kind(version=1, passes=_once)
def answer_qa(work: Work) -> Outcome:
    """What an extractive QA model answers: texts as an artifact, scores and hits in the record."""
    windows = work.windows()
    contexts = [context for _, context in work.examples.texts]
    answers = answer_questions(work.model(), windows, contexts, progress=work.progress)
    (work.folder / ANSWERS).write_text(json.dumps(answers.texts), encoding="utf-8")
    gold = [gold_texts(label) for label in work.examples.labels]
    pairs = list(zip(answers.texts, gold, strict=True))
    exact = np.array([exact_match(*pair) for pair in pairs])
    f1 = np.array([answer_f1(*pair) for pair in pairs])
    metrics: dict[str, float] = {
        "examples": len(gold),
        "windows": len(windows),
        "truncated_texts": windows.truncated,
    }
    for name, values in (("exact_match", exact), ("answer_f1", f1)):
        low, high = bootstrap_interval(values)
        metrics |= {f"{name}_low": low, f"{name}_high": high}
    told = {
        "exact": exact.astype(int),
        "answer_f1": np.round(f1, 3),
        "answerable": np.array([bool(each) for each in gold]),
    }
    return Outcome({**metrics, **squad_scores(answers.texts, gold)}, told)


@kind(version=1, passes=lambda params, rows: min(rows, params["at_most"]))
def cls_states(work: Work) -> Outcome:
    """The vectors of [CLS] for the examples of a split: of the last layer for all, of every layer for
    some."""
    encoded = replace(work, examples=work.examples.at_most(work.params["at_most"])).encoded()
    if isinstance(encoded, Windows):
        encoded = encoded.first_of_each()
    model = work.model()
    vectors = cls_vectors(model, encoded, work.batch_size(model), work.progress)
    np.savez(work.folder / VECTORS, last=vectors[-1], layers=vectors[:, : work.params["layerwise"]])
    return Outcome({"examples": len(encoded), "size": vectors.shape[-1], "layers": len(vectors) - 1})
