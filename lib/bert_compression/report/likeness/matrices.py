"""Every two models of a ladder held against each other, and every model against itself at another seed.

Drawn from records only. Two models can be alike by chance, and two seeds of one model are not the same: a
matrix holds both beside what it shows. Book: notebooks/miniature.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bert_compression.metrics.agreement import (
    error_jaccard,
    error_jaccard_intervals,
    error_jaccard_matrix,
    expected_error_jaccard,
)

Masks = Mapping[tuple[str, int], np.ndarray]  # by method and seed: which examples are in the model's set


@dataclass(frozen=True)
class Matrix:
    """Values between models, (models, models), fractions: off the diagonal the mean over seeds, on it the
    mean over pairs of seeds of one model. NaN where nothing was measured.

    `low` and `high` are the mean over seeds of the 95 % intervals over examples; `chance` is what two models
    would have that know nothing of each other.
    """

    names: tuple[str, ...]
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    chance: np.ndarray
    seeds: int

    def of(self, first: str, second: str) -> float:
        return float(self.values[self.names.index(first), self.names.index(second)])


def matrix_of_sets(masks: Masks, names: Sequence[str]) -> Matrix:
    """How far do the models' sets of examples agree? Jaccard's coefficients."""
    seeds = sorted({seed for _, seed in masks})
    size = (len(names), len(names))
    values, low, high = (np.full((len(seeds), *size), np.nan) for _ in range(3))
    for place, seed in enumerate(seeds):
        there = [i for i, name in enumerate(names) if (name, seed) in masks]
        if len(there) > 1:
            sets = np.stack([masks[names[i], seed] for i in there])
            bounds = error_jaccard_intervals(sets)
            inside = np.ix_(there, there)
            values[place][inside] = error_jaccard_matrix(sets)
            low[place][inside], high[place][inside] = bounds[..., 0], bounds[..., 1]
    values, low, high = (_mean(each) for each in (values, low, high))
    between = _between_seeds(names, seeds, lambda *pair: error_jaccard(*(masks[one] for one in pair)), masks)
    for each in (values, low, high):
        np.fill_diagonal(each, between if each is values else np.nan)
    rates = [np.mean([masks[n, s].mean() for s in seeds if (n, s) in masks] or [np.nan]) for n in names]
    chance = np.array(
        [[expected_error_jaccard(a, b) if a == a and b == b else np.nan for b in rates] for a in rates]
    )
    return Matrix(tuple(names), values, low, high, chance, len(seeds))


def matrix_of_pairs(records: Iterable[Mapping], names: Sequence[str], metric: str) -> Matrix:
    """The same from records of the kind "alike", each of which compares two models, in a metric of theirs."""
    places = {name: i for i, name in enumerate(names)}
    found: dict[tuple[int, int], list[Mapping]] = defaultdict(list)
    for record in records:
        params = record["params"]
        if record["kind"] == "alike" and record["status"] == "ok":
            row, column = places[record["method"]], places[params["other"]]
            if (row == column) != (record["seed"] == params["other_seed"]):
                found[row, column].append(record)
                found[column, row].append(record) if row != column else None
    size = (len(names), len(names))
    parts = {suffix: np.full(size, np.nan) for suffix in ("", "_low", "_high", "_chance")}
    for place, pair in found.items():
        for suffix, part in parts.items():
            values = [r["metrics"][metric + suffix] for r in pair if metric + suffix in r["metrics"]]
            part[place] = np.mean(values) if values else np.nan
    seeds = {record["seed"] for pair in found.values() for record in pair}
    return Matrix(tuple(names), parts[""], parts["_low"], parts["_high"], parts["_chance"], len(seeds))


def wrong_answers(records: Iterable[Mapping]) -> Masks:
    """Which questions each model gets wrong, from records of the kind "answer"."""
    return {
        (r["method"], r["seed"]): np.array([hit == "0" for hit in r["per_example"]["exact"]])
        for r in records
        if r["kind"] == "answer" and r["status"] == "ok"
    }


def outliers(records: Iterable[Mapping], task: str, k: int) -> Masks:
    """Which questions of another task each model finds strange by its `k`-th neighbour, from records of the
    kind "outliers"."""
    return {
        (r["method"], r["seed"]): np.array([flag == "1" for flag in r["per_example"]["outside"]])
        for r in records
        if (r["kind"], r["status"], r["task"], r["params"].get("k")) == ("outliers", "ok", task, k)
    }


def _between_seeds(
    names: Sequence[str], seeds: Sequence[int], compare: Callable, masks: Masks
) -> list[float]:
    """Of each model, the mean over all pairs of its seeds; NaN with fewer than two."""
    found = []
    for name in names:
        pairs = [((name, a), (name, b)) for a, b in combinations(seeds, 2)]
        values = [compare(*pair) for pair in pairs if all(each in masks for each in pair)]
        found.append(float(np.mean(values)) if values else np.nan)
    return found


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the first axis, without what is NaN."""
    there = np.isfinite(values)
    sums, counts = np.where(there, values, 0).sum(axis=0), there.sum(axis=0)
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
