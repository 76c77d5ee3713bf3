"""Kinds that compare what others have computed: answers with answers, vectors with vectors, weights with
weights. No model runs."""

import numpy as np
import torch

from bert_compression.compression.rounded_layers import QuantizedWeight
from bert_compression.experiments.kinds.predict import VECTORS
from bert_compression.experiments.kinds.work import Outcome, Work, kind
from bert_compression.inference import softmax
from bert_compression.metrics import (
    accuracy,
    bootstrap_interval,
    brier_score,
    error_jaccard,
    error_jaccard_intervals,
    expected_calibration_error,
    expected_error_jaccard,
    expected_neighbour_jaccard,
    label_agreements,
    label_loyalty,
    linear_cka_matrix,
    mcnemar,
    nearest_distances,
    neighbour_jaccards,
    outlier_auroc,
    outlier_fpr,
    outlier_threshold,
    probability_loyalties,
    probability_loyalty,
)
from bert_compression.metrics import nearest_neighbours as find_neighbours

NEIGHBOURS = "neighbours.npz"  # "nearest", (examples, k): which examples are nearest to each
HISTOGRAM_BINS = 40
FLAGS = "flags.npz"  # which inputs are out of distribution: "inside" and "outside", each (examples,)


@kind(version=1)
def loyalty(work: Work) -> Outcome:
    """A student's predictions compared with its teacher's, for the same examples."""
    gold = np.array(work.examples.labels)
    teacher, student = work.logits("teacher"), work.logits("student")
    teacher_labels, student_labels = teacher.argmax(axis=1), student.argmax(axis=1)
    teacher_probs, student_probs = softmax(teacher), softmax(student)
    loyalties = probability_loyalties(teacher_probs, student_probs)
    label_low, label_high = bootstrap_interval(label_agreements(teacher_labels, student_labels))
    probability_low, probability_high = bootstrap_interval(loyalties)
    metrics = {
        "label_loyalty": label_loyalty(teacher_labels, student_labels),
        "label_loyalty_low": label_low,
        "label_loyalty_high": label_high,
        "probability_loyalty": probability_loyalty(teacher_probs, student_probs),
        "probability_loyalty_low": probability_low,
        "probability_loyalty_high": probability_high,
        "probability_loyalty_base2": probability_loyalty(teacher_probs, student_probs, base=2),
        "accuracy_difference": accuracy(gold, student_labels) - accuracy(gold, teacher_labels),
        "accuracy_difference_p": mcnemar(gold == teacher_labels, gold == student_labels),
    }
    return Outcome(metrics, {"probability_loyalty": np.round(loyalties, 3)})


@kind(version=1)
def calibration(work: Work) -> Outcome:
    """How far a model's probabilities can be taken at their word, from its predictions."""
    probabilities, gold = softmax(work.logits("predictions")), np.array(work.examples.labels)
    return Outcome(
        {
            "calibration_error": expected_calibration_error(probabilities, gold),
            "brier": brier_score(probabilities, gold),
            "confidence": float(probabilities.max(axis=1).mean()),
        }
    )


@kind(version=1)
def nearest_neighbours(work: Work) -> Outcome:
    """Which examples are nearest to each in a model's representation: searched once, compared with many."""
    found = find_neighbours(work.arrays("states", VECTORS)["last"], work.params["k"])
    np.savez(work.folder / NEIGHBOURS, nearest=found.astype(np.int32))
    return Outcome({"points": len(found), "k": work.params["k"]})


@kind(version=1)
def similarity(work: Work) -> Outcome:
    """Representation similarity of two models, "a" and "b": shared nearest neighbours, and CKA of all pairs
    of layers."""
    one, other = (work.arrays(f"neighbours_{side}", NEIGHBOURS)["nearest"] for side in "ab")
    metrics: dict[str, float] = {"points": len(one)}
    per_example: dict[str, np.ndarray] = {}
    for k in work.params["ks"]:
        jaccards = neighbour_jaccards(one[:, :k], other[:, :k])
        if k == work.params["per_point"]:
            per_example["neighbour_jaccards"] = np.round(jaccards, 3)
        low, high = bootstrap_interval(jaccards)
        metrics |= {
            f"neighbour_jaccard_{k}": float(jaccards.mean()),
            f"neighbour_jaccard_{k}_low": low,
            f"neighbour_jaccard_{k}_high": high,
            f"neighbour_jaccard_{k}_chance": expected_neighbour_jaccard(len(one), k),
        }
    layers = [work.arrays(f"states_{side}", VECTORS)["layers"].astype(np.float64) for side in "ab"]
    # What [CLS] is embedded as is the same for all texts: only layers have seen other words.
    cka = linear_cka_matrix(list(layers[0][1:]), list(layers[1][1:]), unbiased=True)
    metrics["cka_last"] = float(cka[-1, -1])
    return Outcome(metrics, {**per_example, "cka": np.round(cka, 4)})


@kind(version=1)
def ood_detection(work: Work) -> Outcome:
    """Which inputs lie far from a model's training examples: those of the same task ("inside"), and those of
    another ("outside")? Inputs are [CLS] states of all three."""
    k = work.params["k"]
    states = {name: work.arrays(name, VECTORS)["last"] for name in ("training", "inside", "outside")}
    inside, outside = (
        nearest_distances(states[name], states["training"], k) for name in ("inside", "outside")
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
        "training_points": len(states["training"]),
    }
    return Outcome(metrics, dict(flagged))


@kind(version=1)
def overlap(work: Work) -> Outcome:
    """Error and OOD overlap of two models, "a" and "b": from predictions for the same examples, and, where it
    is there, from the OOD detection of the same foreign set."""
    gold = np.array(work.examples.labels)
    wrong = [work.logits(f"predictions_{side}").argmax(axis=1) != gold for side in "ab"]
    metrics = _jaccard("error_jaccard", *wrong)
    if "ood_a" in work.inputs:
        flagged = [work.arrays(f"ood_{side}", FLAGS)["outside"] for side in "ab"]
        metrics |= _jaccard("outlier_jaccard", *flagged)
    return Outcome(metrics)


def _jaccard(name: str, one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Jaccard's coefficient of two sets with its interval over examples, and what chance would give."""
    low, high = error_jaccard_intervals(np.stack([one, other]))[0, 1]
    return {
        name: error_jaccard(one, other),
        f"{name}_low": float(low),
        f"{name}_high": float(high),
        f"{name}_chance": expected_error_jaccard(one.mean(), other.mean()),
    }


@kind(version=2)
def weight_distances(work: Work) -> Outcome:
    """How far are the weights that a quantized model computes with from those of the model that it was made
    of, "start"? How far would rounding alone have taken them, and how far has training moved what is rounded?
    And how are they distributed? Of binary weights all sizes are scales."""
    one, other = work.model(), work.model("start")
    distances: dict[str, list[float]] = {"distances": [], "rounding": [], "training": []}
    sizes, counts = [], []
    with torch.inference_mode():
        for name, module in one.named_modules():
            if not isinstance(module, QuantizedWeight):
                continue
            weight, before = module.rounded_weight(), other.get_submodule(name).weight
            if weight.ndim == 2 and ".layer." in name:
                rounded = module.weight_grid.round(before)
                distances["distances"].append(float((weight - before).norm()))
                distances["rounding"].append(float((rounded - before).norm()))
                distances["training"].append(float((module.weight - before).norm()))
            sizes.append(weight.abs().flatten())
            counts.append(weight.numel())
    every = torch.cat(sizes).numpy()
    largest = float(every.max())
    numbers, _ = np.histogram(every, bins=HISTOGRAM_BINS, range=(0.0, largest))
    return Outcome(
        {"distance": float(np.mean(distances["distances"])), "weights": sum(counts), "largest": largest},
        {
            **{
                name: [[round(d, 4) for d in layer] for layer in np.reshape(found, (-1, 6)).tolist()]
                for name, found in distances.items()
            },
            "histogram": [int(n) for n in numbers],
        },
    )
