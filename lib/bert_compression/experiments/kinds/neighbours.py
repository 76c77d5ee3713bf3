"""Which points are nearest to each other in a model's eyes: searched once, compared with many."""

import numpy as np

from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.kinds.vectors import VECTORS
from bert_compression.metrics.representation import nearest_neighbours

NEIGHBOURS = "neighbours.npz"


def run(work: Work) -> Outcome:
    with np.load(work.inputs["vectors"] / VECTORS, allow_pickle=False) as arrays:
        found = nearest_neighbours(arrays["last"], work.params["k"])
    np.savez(work.folder / NEIGHBOURS, nearest=found.astype(np.int32))
    return Outcome({"points": len(found), "k": work.params["k"]})


def passes(params: dict, rows: int) -> int:
    return 0
