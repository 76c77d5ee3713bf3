"""How alike two models represent the same points: their neighbours, and CKA of all pairs of layers."""

import numpy as np

from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.kinds.neighbours import NEIGHBOURS
from bert_compression.experiments.kinds.vectors import VECTORS
from bert_compression.metrics.representation import (
    expected_neighbour_jaccard,
    linear_cka_matrix,
    neighbour_jaccards,
)
from bert_compression.metrics.significance import bootstrap_interval


def run(work: Work) -> Outcome:
    """Inputs are the vectors and the neighbours of "a" and of "b", for the same examples."""
    one, other = (_array(work, f"neighbours_{side}", NEIGHBOURS, "nearest") for side in "ab")
    metrics: dict[str, float] = {"points": len(one)}
    told: dict[str, list] = {}
    for k in work.params["ks"]:
        jaccards = neighbour_jaccards(one[:, :k], other[:, :k])
        told |= (
            {"neighbour_jaccards": np.round(jaccards, 3).tolist()} if k == work.params["per_point"] else {}
        )
        low, high = bootstrap_interval(jaccards)
        metrics |= {
            f"neighbour_jaccard_{k}": float(jaccards.mean()),
            f"neighbour_jaccard_{k}_low": low,
            f"neighbour_jaccard_{k}_high": high,
            f"neighbour_jaccard_{k}_chance": expected_neighbour_jaccard(len(one), k),
        }
    layers = [_array(work, f"vectors_{side}", VECTORS, "layers").astype(np.float64) for side in "ab"]
    # What [CLS] is embedded as is the same for all texts: only layers have seen other words.
    cka = linear_cka_matrix(list(layers[0][1:]), list(layers[1][1:]), unbiased=True)
    metrics["cka_last"] = float(cka[-1, -1])
    return Outcome(metrics, {**told, "cka": np.round(cka, 4).tolist()})


def _array(work: Work, name: str, file: str, array: str) -> np.ndarray:
    with np.load(work.inputs[name] / file, allow_pickle=False) as arrays:
        return arrays[array]


def passes(params: dict, rows: int) -> int:
    return 0
