"""What a model answers to the questions of a split: texts as an artifact, scores and hits in the record."""

import json

import numpy as np

from bert_compression.answering import answer_questions
from bert_compression.experiments.kinds.base import Outcome, Work, digits
from bert_compression.metrics.significance import bootstrap_interval
from bert_compression.metrics.squad import answer_f1, exact_match, squad_scores
from bert_compression.tasks.examples import gold_texts

ANSWERS = "answers.json"  # a text a question, "" for no answer


def run(work: Work) -> Outcome:
    windows = work.windows()
    contexts = [context for _, context in work.examples.texts]
    answers = answer_questions(work.input_model(), windows, contexts, progress=work.progress)
    (work.folder / ANSWERS).write_text(json.dumps(answers.texts), encoding="utf-8")
    gold = [gold_texts(label) for label in work.examples.labels]
    pairs = list(zip(answers.texts, gold, strict=True))
    exact, f1 = (
        np.array([exact_match(*pair) for pair in pairs]),
        np.array([answer_f1(*pair) for pair in pairs]),
    )
    metrics: dict[str, float] = {
        "examples": len(gold),
        "windows": len(windows),
        "truncated_texts": windows.truncated,
    }
    for name, values in (("exact_match", exact), ("answer_f1", f1)):
        low, high = bootstrap_interval(values)
        metrics |= {f"{name}_low": low, f"{name}_high": high}
    told = {
        "exact": digits(exact),
        "answer_f1": np.round(f1, 3).tolist(),
        "answerable": digits(bool(each) for each in gold),
    }
    return Outcome({**metrics, **squad_scores(answers.texts, gold)}, told)


def passes(params: dict, rows: int) -> int:
    return rows
