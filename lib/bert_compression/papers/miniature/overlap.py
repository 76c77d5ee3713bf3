"""Which sets of examples do models have in common: their errors, and what they flag as out of distribution?

Two models overlap by chance, and two seeds of one model are not the same: a matrix holds both next to what it
shows. Drawn from records only. Book: notebooks/miniature.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bert_compression.errors import BadInput
from bert_compression.experiments import per_example
from bert_compression.metrics import (
    TAILS,
    error_association_matrix,
    error_jaccard,
    error_jaccard_matrix,
    expected_error_jaccard,
    resampled_error_associations,
    resampled_error_jaccards,
)
from bert_compression.papers.miniature.tables import (
    DISTRIBUTION,
    ERRORS,
    FOREIGN,
    MODELS,
    NEAREST,
    OTHER_NEAREST,
    REPRESENTATION,
    seed_pairs,
)
from bert_compression.report.html import Shown
from bert_compression.report.records import NOT_RUN, Source
from bert_compression.report.sentences import said
from bert_compression.report.tables import Table

if TYPE_CHECKING:
    import pandas as pd

Sets = Mapping[tuple[str, int], np.ndarray]  # by model and seed: which examples are in the model's set
LARGEST, *SMALLER = MODELS


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

    @property
    def table(self) -> "pd.DataFrame":
        """A line for every two models, the diagonal included, that have been compared."""
        import pandas as pd

        columns = ["first", "second", "value", "low", "high", "chance"]
        lines = [
            (self.names[row], self.names[column], *(float(each[row, column]) for each in self._parts))
            for row in range(len(self.names))
            for column in range(row + 1)
            if np.isfinite(self.values[row, column])
        ]
        return pd.DataFrame(lines, columns=columns)

    @property
    def _parts(self) -> tuple[np.ndarray, ...]:
        return self.values, self.low, self.high, self.chance

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


def wrong_answers(source: Source, answerable: bool | None = None) -> Sets:
    """Which questions each model gets wrong: of all, or of those alone that have an answer, or have none."""
    sets = {}
    for model in MODELS:
        for record in source.done(ERRORS, model, "exact_match"):
            wrong = per_example(record, "exact") == 0
            if answerable is not None:
                wrong = wrong[(per_example(record, "answerable") == 1) == answerable]
            sets[model, record["seed"]] = wrong
    return sets


def flagged(source: Source, foreign: str, k: int = NEAREST) -> Sets:
    """Which inputs of a foreign task each model finds out of distribution by its k-th nearest neighbour."""
    return flags_of(source, DISTRIBUTION, f"{foreign}_{k}_flagged")


def flags_of(source: Source, table: Table, column: str) -> Sets:
    """The foreign inputs that each model flags in the OOD detection that a column of a table rests on."""
    return {
        (model, record["seed"]): per_example(record, "outside") == 1
        for model in MODELS
        for record in source.done(table, model, column)
    }


def foreign_tasks(source: Source) -> list[str]:
    """The foreign tasks that have been measured, in alphabetical order."""
    return [foreign for foreign in sorted(FOREIGN) if flagged(source, foreign)]


def matrix_of_sets(sets: Sets, measure: SetMeasure = JACCARD) -> Matrix:
    """How far do the models' sets of examples agree, with intervals over examples?"""
    # In the order of their names: the same examples are drawn whatever order the sets come in.
    sets = dict(sorted(sets.items()))
    places = {model: place for place, model in enumerate(sets)}
    seeds = sorted({seed for _, seed in sets})
    names = tuple(MODELS)
    values, low, high, chance = (np.full((len(names), len(names)), np.nan) for _ in range(4))
    if sets:
        stacked = np.stack(list(sets.values()))
        found, draws = measure.matrix(stacked), measure.resampled(stacked)
    for cell in np.ndindex(values.shape) if sets else ():
        one, other = (names[i] for i in cell)
        pairs = [((one, a), (other, b)) for a, b in seed_pairs(seeds)]
        compared = [(places[x], places[y]) for x, y in pairs if x != y and x in places and y in places]
        if compared:
            rows, columns = (list(side) for side in zip(*compared, strict=True))
            values[cell] = found[rows, columns].mean()
            low[cell], high[cell] = np.quantile(draws[:, rows, columns].mean(axis=1), TAILS)
            chance[cell] = measure.by_chance(stacked[rows].mean(), stacked[columns].mean())
    return Matrix(names, values, low, high, chance, len(seeds))


def matrix_of_pairs(source: Source, metric: str) -> Matrix:
    """The same of representation similarity, in a metric of the records that compare two models."""
    places = {name: i for i, name in enumerate(MODELS)}
    found: dict[tuple[int, int], list[Mapping]] = defaultdict(list)
    for record in _comparisons(source):
        row, column = places[record["method"]], places[record["params"]["other"]]
        for place in {(row, column), (column, row)}:
            found[place].append(record)
    size = (len(places), len(places))
    parts = {suffix: np.full(size, np.nan) for suffix in ("", "_low", "_high", "_chance")}
    for place, pair in found.items():
        for suffix, part in parts.items():
            values = [r["metrics"][metric + suffix] for r in pair if metric + suffix in r["metrics"]]
            part[place] = np.mean(values) if values else np.nan
    seeds = {record["seed"] for pair in found.values() for record in pair}
    return Matrix(tuple(places), parts[""], parts["_low"], parts["_high"], parts["_chance"], len(seeds))


def _comparisons(source: Source) -> list[Mapping]:
    """The records that compare two models, or one with itself at another seed."""
    return [record for record in source.of(REPRESENTATION) if record["status"] == "ok"]


def with_largest(source: Source) -> list[Mapping]:
    """The comparisons of the largest model with another, or with itself at another seed."""
    return [record for record in _comparisons(source) if record["method"] == LARGEST]


def cka_maps(source: Source) -> dict[str, np.ndarray]:
    """Linear CKA of every layer of the largest model with every layer of another, by its name: (layers of the
    largest, layers of the other), the mean over seeds."""
    found: dict[str, list] = {}
    for record in with_largest(source):
        if record["params"]["other"] != LARGEST:
            found.setdefault(record["params"]["other"], []).append(per_example(record, "cka"))
    return {other: np.mean(found[other], axis=0) for other in SMALLER if other in found}


# What models have in common with the largest, by a setting that the paper does not name. Each table has the
# columns other (a model, or SAME, or CHANCE), setting, and jaccard (in percent, mean over pairs of seeds).

SAME, CHANCE = "the same with another seed", "chance"
COLUMNS = ("other", "setting", "jaccard")
_JACCARD = re.compile(r"neighbour_jaccard_(\d+)")
_THRESHOLDS = (0.25, 0.5, 0.75, 1.0)


def neighbours_by_k(source: Source) -> "pd.DataFrame":
    """How many nearest neighbours does the largest model share with each other one, by how many are looked
    at?"""
    lines = []
    for record in with_largest(source):
        other = SAME if record["params"]["other"] == LARGEST else record["params"]["other"]
        for name, value in record["metrics"].items():
            if match := _JACCARD.fullmatch(name):
                k = int(match.group(1))
                lines.append((other, k, 100 * value))
                lines.append((CHANCE, k, 100 * record["metrics"][f"{name}_chance"]))
    return _means(lines)


def flagged_by_k(source: Source, foreign: str) -> "pd.DataFrame":
    """How many inputs of a foreign task are flagged in common, by which of the nearest training points
    counts?"""
    tried = sorted((NEAREST, *OTHER_NEAREST))
    return _means(line for k in tried for line in _shared(flagged(source, foreign, k), k))


def errors_by_threshold(source: Source) -> "pd.DataFrame":
    """How many errors are shared, if an answer is wrong whose F1 lies below a threshold? At 1 only an answer
    that has the same words is right."""
    f1 = {
        (model, record["seed"]): per_example(record, "answer_f1")
        for model in MODELS
        for record in source.done(ERRORS, model, "exact_match")
    }
    return _means(
        line
        for threshold in _THRESHOLDS
        for line in _shared({model: each < threshold for model, each in f1.items()}, threshold)
    )


def overlap_at(source: Source, threshold: float) -> Shown:
    """Error overlap with the largest model if an answer is wrong whose F1 lies below a threshold: a sentence.

    Raises BadInput for a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise BadInput(f"a threshold of F1 lies above 0 and is at most 1, not {threshold}")
    f1 = {
        (model, record["seed"]): per_example(record, "answer_f1")
        for model in MODELS
        for record in source.done(ERRORS, model, "exact_match")
    }
    means = _means(_shared({model: each < threshold for model, each in f1.items()}, threshold))
    told = ", ".join(f"{line.other} {line.jaccard:.1f} %" for line in means.itertuples())
    return said(f"With F1 below {threshold:g} as an error, shared with {LARGEST}: {told or 'nothing yet'}.")


def overlap_in_words(matrix: Matrix) -> Shown:
    """What each model has in common with the largest, in percent: a sentence."""
    named = zip(matrix.names, matrix.values[0], strict=True)
    told = ", ".join(f"{name} {100 * value:.1f} %" for name, value in named if np.isfinite(value))
    return said(f"In common with {LARGEST}, itself at another seed first: {told or 'nothing yet'}.")


def _shared(sets: Sets, setting: float) -> list[tuple[str, float, float]]:
    """The largest model's sets compared with those of the others, and with its own at another seed."""
    seeds = seed_pairs(sorted({seed for _, seed in sets}))
    pairs = [(name, (LARGEST, a), (name, b)) for name in SMALLER for a, b in seeds]
    pairs += [(SAME, (LARGEST, a), (LARGEST, b)) for a, b in seeds if a < b]
    return [
        (name, setting, 100 * error_jaccard(sets[one], sets[other]))
        for name, one, other in pairs
        if one in sets and other in sets
    ]


def _means(lines: Iterable[tuple[str, float, float]]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(lines, columns=COLUMNS).groupby(["other", "setting"], as_index=False).jaccard.mean()


def measured_range(values: np.ndarray) -> str:
    """Such as "38.5 to 73.5", in percent; "not run" for none."""
    there = 100 * values[np.isfinite(values)]
    return f"{there.min():.1f} to {there.max():.1f}" if len(there) else NOT_RUN
