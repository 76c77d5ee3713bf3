"""Do the texts that fooled one model fool another, too?"""

import json

import numpy as np

from bert_compression.errors import Failure
from bert_compression.experiments.kinds.base import ADVERSARIAL, Outcome, Work, digits
from bert_compression.experiments.kinds.company import alone
from bert_compression.inference import predict_logits
from bert_compression.metrics.significance import bootstrap_interval
from bert_compression.models import load_tokenizer
from bert_compression.tasks.batching import encode


def run(work: Work) -> Outcome:
    """Of the texts that fooled the model they were made for, only those count that this model answers
    correctly as they stood: a text that is wrong from the start is not transferred."""
    texts = json.loads((work.inputs["attack"] / ADVERSARIAL).read_text(encoding="utf-8"))
    fooled = np.array([bool(text) for text in texts])
    if not fooled.any():
        raise Failure("the attack fooled its model with no text: there is nothing to transfer")
    column = work.task.attacked
    changed = [
        (*row[:column], text, *row[column + 1 :]) if text else row
        for row, text in zip(work.examples.texts, texts, strict=True)
    ]
    gold = np.array(work.examples.labels)
    before, after = (_answers(work, rows) == gold for rows in (work.examples.texts, changed))
    judged = fooled & before
    carried = ~after[judged]
    low, high = bootstrap_interval(carried) if judged.any() else (0.0, 0.0)
    metrics = {
        "adversarial_texts": int(fooled.sum()),
        "texts_judged": int(judged.sum()),
        "transfer_rate": float(carried.mean()) if judged.any() else 0.0,
        "transfer_rate_low": low,
        "transfer_rate_high": high,
        # What one would take for robustness by attacking one model and judging another.
        "accuracy_on_borrowed_texts": float(after.mean()),
    }
    return Outcome(metrics, {"right_on_original": digits(before), "right_on_borrowed": digits(after)})


def _answers(work: Work, texts) -> np.ndarray:
    model = work.input_model()
    encoded = encode(texts, load_tokenizer(work.params["encoder"]), work.params["max_length"])
    return predict_logits(model, encoded, 1 if alone(work, model) else 32, work.progress).argmax(axis=1)


def passes(params: dict, rows: int) -> int:
    return 2 * rows
