"""Which inputs a model finds unlike its training data: those of its own task, and those of another."""

import numpy as np

from bert_compression.experiments.kinds.base import Outcome, Work, digits
from bert_compression.experiments.kinds.vectors import VECTORS
from bert_compression.metrics.ood import nearest_distances, outlier_auroc, outlier_fpr, outlier_threshold
from bert_compression.metrics.significance import bootstrap_interval

FLAGS = "flags.npz"  # which inputs are strange: "inside" and "outside", each (examples,)


def run(work: Work) -> Outcome:
    """Inputs are vectors of the "training" examples, of others of the same task ("inside"), and of another
    task ("outside")."""
    k = work.params["k"]
    vectors = {name: _last(work, name) for name in ("training", "inside", "outside")}
    inside, outside = (
        nearest_distances(vectors[name], vectors["training"], k) for name in ("inside", "outside")
    )
    threshold = outlier_threshold(inside)
    flagged = {"inside": inside > threshold, "outside": outside > threshold}
    np.savez(work.folder / FLAGS, inside=flagged["inside"], outside=flagged["outside"])
    low, high = bootstrap_interval(flagged["outside"])
    metrics = {
        "auroc": outlier_auroc(inside, outside),
        "fpr95": outlier_fpr(inside, outside),
        "flagged": float(flagged["outside"].mean()),
        "flagged_low": low,
        "flagged_high": high,
        "threshold": threshold,
        "training_points": len(vectors["training"]),
    }
    return Outcome(metrics, {name: digits(each) for name, each in flagged.items()})


def _last(work: Work, name: str) -> np.ndarray:
    with np.load(work.inputs[name] / VECTORS, allow_pickle=False) as arrays:
        return arrays["last"]


def passes(params: dict, rows: int) -> int:
    return 0
