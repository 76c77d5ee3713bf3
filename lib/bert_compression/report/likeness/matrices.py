"""Every two models of a ladder held against each other, and every model against itself at another seed.

Drawn from records only. Two models can be alike by chance, and two seeds of one model are not the same: a
matrix holds both beside what it shows. Book: notebooks/miniature.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bert_compression.experiments.papers.miniature import seed_pairs
from bert_compression.metrics.agreement import (
    error_association_matrix,
    error_jaccard_matrix,
    expected_error_jaccard,
    resampled_error_associations,
    resampled_error_jaccards,
)

TAILS = (0.025, 0.975)
Masks = Mapping[tuple[str, int], np.ndarray]  # by method and seed: which examples are in the model's set


@dataclass(frozen=True)
class Matrix:
    """Values between models, (models, models), fractions: means over the pairs of seeds at which two models,
    or on the diagonal one model and itself, are compared (`seed_pairs`). NaN where nothing was measured.

    `low` and `high` bound the 95 % intervals over examples; `chance` is what two models would have that know
    nothing of each other.
    """

    names: tuple[str, ...]
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    chance: np.ndarray
    seeds: int

    def of(self, first: str, second: str) -> float:
        return float(self.values[self.names.index(first), self.names.index(second)])


@dataclass(frozen=True)
class SetMeasure:
    """How far two sets agree: of every two models, of every two in resampled examples, and by chance at the
    shares of the examples that the sets hold. Book: metrics/agreement."""

    matrix: Callable[[np.ndarray], np.ndarray]
    resampled: Callable[[np.ndarray], np.ndarray]
    by_chance: Callable[[float, float], float]


JACCARD = SetMeasure(error_jaccard_matrix, resampled_error_jaccards, expected_error_jaccard)
# From chance, 0, to what sets of these sizes allow at most, 1.
ASSOCIATION = SetMeasure(error_association_matrix, resampled_error_associations, lambda one, other: 0.0)


def matrix_of_sets(masks: Masks, names: Sequence[str], measure: SetMeasure = JACCARD) -> Matrix:
    """How far do the models' sets of examples agree, with intervals over examples?"""
    places = {model: place for place, model in enumerate(masks)}
    seeds = sorted({seed for _, seed in masks})
    values, low, high, chance = (np.full((len(names), len(names)), np.nan) for _ in range(4))
    if masks:
        sets = np.stack(list(masks.values()))
        found, draws = measure.matrix(sets), measure.resampled(sets)
    for cell in np.ndindex(values.shape):
        one, other = (names[i] for i in cell)
        pairs = [((one, a), (other, b)) for a, b in seed_pairs(seeds)]
        compared = [(places[x], places[y]) for x, y in pairs if x != y and x in places and y in places]
        if compared:
            rows, columns = (list(side) for side in zip(*compared, strict=True))
            values[cell] = found[rows, columns].mean()
            low[cell], high[cell] = np.quantile(draws[:, rows, columns].mean(axis=1), TAILS)
            chance[cell] = measure.by_chance(sets[rows].mean(), sets[columns].mean())
    return Matrix(tuple(names), values, low, high, chance, len(seeds))


def matrix_of_pairs(records: Iterable[Mapping], names: Sequence[str], metric: str) -> Matrix:
    """The same from records of the kind "alike", each of which compares two models, in a metric of theirs."""
    places = {name: i for i, name in enumerate(names)}
    found: dict[tuple[int, int], list[Mapping]] = defaultdict(list)
    for record in records:
        params = record["params"]
        if record["kind"] == "alike" and record["status"] == "ok":
            row, column = places[record["method"]], places[params["other"]]
            for place in {(row, column), (column, row)}:
                found[place].append(record)
    size = (len(names), len(names))
    parts = {suffix: np.full(size, np.nan) for suffix in ("", "_low", "_high", "_chance")}
    for place, pair in found.items():
        for suffix, part in parts.items():
            values = [r["metrics"][metric + suffix] for r in pair if metric + suffix in r["metrics"]]
            part[place] = np.mean(values) if values else np.nan
    seeds = {record["seed"] for pair in found.values() for record in pair}
    return Matrix(tuple(names), parts[""], parts["_low"], parts["_high"], parts["_chance"], len(seeds))


def wrong_answers(records: Iterable[Mapping], answerable: bool | None = None) -> Masks:
    """Which questions each model gets wrong, from records of the kind "answer": of all questions, or of those
    alone that have an answer, or have none."""
    masks = {}
    for record in records:
        if record["kind"] == "answer" and record["status"] == "ok":
            told = record["per_example"]
            wrong = ~_marked(told["exact"])
            if answerable is not None:
                wrong = wrong[_marked(told["answerable"]) == answerable]
            masks[record["method"], record["seed"]] = wrong
    return masks


def outliers(records: Iterable[Mapping], task: str, k: int) -> Masks:
    """Which questions of another task each model finds strange by its `k`-th neighbour, from records of the
    kind "outliers"."""
    return {
        (r["method"], r["seed"]): _marked(r["per_example"]["outside"])
        for r in records
        if (r["kind"], r["status"], r["task"], r["params"].get("k")) == ("outliers", "ok", task, k)
    }


def _marked(digits: str) -> np.ndarray:
    """Which examples have a 1 in the record, (examples,)."""
    return np.array([digit == "1" for digit in digits])
