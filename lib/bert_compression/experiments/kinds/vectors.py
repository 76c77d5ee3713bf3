"""The vectors of [CLS] for the examples of a split: of the last layer for all, of every layer for some."""

from dataclasses import replace

import numpy as np

from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.kinds.company import alone
from bert_compression.hidden import cls_vectors
from bert_compression.tasks.windows import Windows

VECTORS = "vectors.npz"


def run(work: Work) -> Outcome:
    encoded = replace(work, examples=work.examples.at_most(work.params["at_most"])).encoded()
    if isinstance(encoded, Windows):
        encoded = encoded.first_of_each()
    model = work.input_model()
    vectors = cls_vectors(model, encoded, 1 if alone(work, model) else 32, work.progress)
    layers = vectors[:, : work.params["layerwise"]]
    np.savez(work.folder / VECTORS, last=vectors[-1], layers=layers)
    return Outcome({"examples": len(encoded), "size": vectors.shape[-1], "layers": len(vectors) - 1})


def passes(params: dict, rows: int) -> int:
    return rows
