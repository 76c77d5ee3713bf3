"""What each text got from each method at each seed: the values whose means a table shows, and which intervals
and paired tests are made from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bert_compression.errors import BadInput, Failure
from bert_compression.experiments import per_example
from bert_compression.metrics import (
    SCORES,
    SeedNoise,
    label_agreements,
    query_contributions,
    score_contributions,
    withstood,
)
from bert_compression.report.noise import BySeed, noise_of_rows, pooled
from bert_compression.report.records import Source
from bert_compression.report.tables import Derived, MeanOf, Row, Table


@dataclass(frozen=True)
class PerText:
    """One seed's value for each text, (texts,), the digest of the texts, and the records that were read."""

    values: np.ndarray
    digest: str
    records: tuple[Mapping, ...]


@dataclass(frozen=True)
class Paired:
    """Two sides on the same texts and seeds, arrays of (texts, seeds), and the records behind them."""

    first: np.ndarray
    second: np.ndarray
    records: tuple[Mapping, ...]

    @property
    def seeds(self) -> int:
        return self.first.shape[1]


def per_text(source: Source, record: Mapping, metric: str) -> PerText | None:
    """For each text that a record speaks of, a number whose mean over texts is the record's `metric`.

    Accuracy, F1 and the correlations are read from predictions and gold labels (`score_contributions`), label
    loyalty from the predictions of teacher and student, after-attack accuracy and queries from the attack's
    outcomes.
    Returns None where labels or predictions that this takes are not in the source. Raises BadInput for a
    metric that is no mean over texts.
    """
    found = _reader(metric)(source, record, metric)
    if found is None:
        return None
    values, records = found
    return PerText(values.astype(np.float64), _digest(record), records)


class Outcomes:
    """The values behind those columns of a table that are means over texts, each read once from a source."""

    def __init__(self, source: Source, table: Table):
        self.source, self.table = source, table
        self._read: dict[tuple[str, str], dict[int, PerText]] = {}
        self._noise: dict[tuple[str, ...], SeedNoise | None] = {}

    def of(self, columns: Sequence[str], method: str) -> dict[int, PerText]:
        """By seed, a number for each text whose mean is what the cell shows; of several columns, or of a
        `MeanOf`, one whose mean is the mean over the columns. Empty without the records that it takes.

        Raises BadInput for a column that is no mean over texts.
        """
        parts = [self._of_column(name, method) for column in columns for name in self._parts(column)]
        if len(parts) == 1:
            return parts[0]
        shared = set.intersection(*(set(part) for part in parts))
        return {seed: _mean_over_columns([part[seed] for part in parts]) for seed in sorted(shared)}

    def paired(self, columns: Sequence[str], first: Sequence[str], second: Sequence[str]) -> Paired:
        """Two methods, or the means of several on either side, on the texts and seeds that all of them have.

        Raises Failure, with the reason, where there are none.
        """
        return self._aligned([[self.of(columns, method) for method in side] for side in (first, second)])

    def paired_columns(self, method: str, first: str, second: str) -> Paired:
        """One method in two columns, on the texts and seeds that both have. Raises Failure as `paired`."""
        return self._aligned([[self.of([column], method)] for column in (first, second)])

    def _aligned(self, sides: Sequence[Sequence[dict[int, PerText]]]) -> Paired:
        everyone = [seeds for side in sides for seeds in side]
        shared = sorted(set.intersection(*(set(seeds) for seeds in everyone)))
        if not shared:
            raise Failure("records are missing")
        used = [seeds[seed] for seed in shared for seeds in everyone]
        if len({(each.digest, len(each.values)) for each in used}) > 1:
            raise Failure("the two were not measured on the same texts")
        a, b = (
            np.mean([[seeds[seed].values for seed in shared] for seeds in side], axis=0).T for side in sides
        )
        return Paired(a, b, _each_once(used))

    def noise(self, columns: Sequence[str]) -> SeedNoise | None:
        """How much the methods of the table differ in what a seed does to them, and those of the table that
        is kin to a single column (`Table.kin`); None without records."""
        key = tuple(columns)
        if key not in self._noise:
            rows = self._rows(columns)
            if len(key) == 1 and key[0] in self.table.kin:
                table, column = self.table.kin[key[0]]
                rows += outcomes(self.source, table)._rows([column])
            self._noise[key] = pooled(rows)
        return self._noise[key]

    def noise_between(self, first: str, second: str) -> SeedNoise | None:
        """How much a seed moves what one column exceeds another by, pooled over the methods that have both at
        several seeds and that the two ways of measuring tell apart; None where there is none."""
        found = []
        for row in self.table.rows:
            one, other = (self.of([column], row.method) for column in (first, second))
            shared = one.keys() & other.keys()
            apart = [one[s].values.mean() - other[s].values.mean() for s in sorted(shared)]
            if not isinstance(row, Derived) and len(apart) > 1 and any(apart):
                found.append(apart)
        df = sum(len(each) - 1 for each in found)
        return SeedNoise(sum(float(np.var(each)) * len(each) for each in found) / df, df) if df else None

    def _rows(self, columns: Sequence[str]) -> list[BySeed]:
        def read(row: Row) -> tuple[BySeed, list[Mapping]]:
            found = self.of(columns, row.method)
            means = {seed: float(each.values.mean()) for seed, each in found.items()}
            return means, [record for each in found.values() for record in each.records]

        return noise_of_rows(self.source, self.table, columns, read)

    def _parts(self, column: str) -> tuple[str, ...]:
        found = self.table.column(column)
        return found.of if isinstance(found, MeanOf) else (column,)

    def _of_column(self, column: str, method: str) -> dict[int, PerText]:
        if (column, method) not in self._read:
            metric = self.table.column(column).recorded
            _reader(metric)  # says what is wrong even where there is no record
            records = self.source.done(self.table, method, column)
            read = {record["seed"]: per_text(self.source, record, metric) for record in records}
            self._read[column, method] = {seed: each for seed, each in read.items() if each is not None}
        return self._read[column, method]


@lru_cache(maxsize=32)
def outcomes(source: Source, table: Table) -> Outcomes:
    """The `Outcomes` of a table in a source: the same ones for all that is asked of both."""
    return Outcomes(source, table)


def _mean_over_columns(parts: Sequence[PerText]) -> PerText:
    """The texts of several columns as one set. The mean of its values is the mean over the columns; each
    value is that, plus how much its text pulls at it. So their scatter is that of texts drawn column by
    column."""
    means = [part.values.mean() for part in parts]
    texts = sum(len(part.values) for part in parts)
    values = [
        np.mean(means) + texts / (len(parts) * len(part.values)) * (part.values - mean)
        for part, mean in zip(parts, means, strict=True)
    ]
    return PerText(np.concatenate(values), " ".join(part.digest for part in parts), _each_once(parts))


def _each_once(read: Sequence[PerText]) -> tuple[Mapping, ...]:
    return tuple({record["key"]: record for each in read for record in each.records}.values())


Read = tuple[np.ndarray, tuple[Mapping, ...]]


def _scored(source: Source, record: Mapping, metric: str) -> Read | None:
    gold = source.gold.get(_digest(record))
    if gold is None:
        return None
    return score_contributions(metric, gold, per_example(record, "predictions")), (record,)


def _label_loyalty(source: Source, record: Mapping, metric: str) -> Read | None:
    teacher, student = (source.by_key.get(record["inputs"][side]) for side in ("teacher", "student"))
    if teacher is None or student is None:
        return None
    predictions = [per_example(each, "predictions") for each in (teacher, student)]
    return label_agreements(*predictions), (record, student, teacher)


def _probability_loyalty(source: Source, record: Mapping, metric: str) -> Read:
    return per_example(record, "probability_loyalty"), (record,)


def _withstood(source: Source, record: Mapping, metric: str) -> Read:
    kept = "as_found" if metric == "as_found_accuracy" else "outcomes"
    return withstood(per_example(record, kept)), (record,)


def _queries(source: Source, record: Mapping, metric: str) -> Read:
    return query_contributions(*(per_example(record, kept) for kept in ("outcomes", "queries"))), (record,)


_READERS: dict[str, Callable[[Source, Mapping, str], Read | None]] = {
    **dict.fromkeys(SCORES, _scored),
    "label_loyalty": _label_loyalty,
    "probability_loyalty": _probability_loyalty,
    **dict.fromkeys(("after_attack_accuracy", "as_found_accuracy"), _withstood),
    "queries_mean": _queries,
}


def _reader(metric: str) -> Callable[[Source, Mapping, str], Read | None]:
    if metric not in _READERS:
        raise BadInput(f"{metric} is no mean over texts: choose one of {', '.join(_READERS)}")
    return _READERS[metric]


def _digest(record: Mapping) -> str:
    return (record["data"] or {}).get("digest", "")
