"""From records to numbers: what stands in a table's cells, in the units that are printed."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from bert_compression.experiments import Job, Profile, in_order
from bert_compression.report.tables import (
    Best,
    Column,
    Derived,
    Difference,
    Increase,
    MeanOf,
    Row,
    Spread,
    Table,
)

if TYPE_CHECKING:
    import pandas as pd

# What a cell can be: a mean of records, a value that follows from a definition, or a reason for no value.
MEASURED, GIVEN, FAILED, NOT_RUN, UNDEFINED = "measured", "by definition", "failed", "not run", "undefined"
OTHERS = "of others"
NOT_ASKED = "not asked"  # of a row that is measured in other columns alone
NO_MODEL = "– no such model"  # at this profile, such as five twelfths of six layers
LEFT_OUT = "left out"  # by the profile, which asks no job for it
STALE = "stale: measured with an earlier version of the code"
# Profiles whose models and texts are real. Generated English says nothing for or against a paper.
EVIDENCE = ("small", "paper")
THIS_RUN = "this run"


@dataclass(frozen=True, eq=False)
class Source:
    """The records under one column head of a page: a profile's committed ones ("small"), or those of a run
    ("this run (smoke)", which begins with `THIS_RUN`). `gold` holds labels by the digest of the examples."""

    name: str
    profile: Profile
    records: Sequence[Mapping]
    gold: Mapping[str, np.ndarray] = field(default_factory=dict)
    _cells: dict = field(init=False, repr=False, default_factory=dict)

    @cached_property
    def by_identity(self) -> dict[str, Mapping]:
        return {record["identity"]: record for record in self.records}

    @cached_property
    def by_key(self) -> dict[str, Mapping]:
        return {record["key"]: record for record in self.records}

    def cells(self, table: Table) -> dict[tuple[str, str], list[Job]]:
        """The jobs of the table's cells, by method and column."""
        if table not in self._cells:
            self._cells[table] = table.cells(table.decided(self.profile, self.by_identity))
        return self._cells[table]

    def asks(self, table: Table, row: Row, column: Column) -> bool:
        """Does the profile ask jobs for all parts of a cell, of the row's model or of one that it is made
        of?"""
        cells = self.cells(table)
        return all(any(cells[name, part] for name in row.made_of) for part in column.parts)

    def has_model(self, table: Table, row: Row) -> bool:
        """Does the profile ask any job of the row's model, or of one that it is made of?"""
        return any(self.cells(table)[name, column.name] for name in row.made_of for column in table.columns)

    def cell(self, table: Table, method: str, column: str) -> list[Mapping]:
        """The records of a cell, one a seed, failed ones included; those that are missing are left out."""
        row = self.chosen(table, table.row(method), column)
        return self._found(self.cells(table)[row.method, column]) if row else []

    def done(self, table: Table, method: str, column: str) -> list[Mapping]:
        """The records of a cell that hold a result."""
        return [record for record in self.cell(table, method, column) if record["status"] == "ok"]

    def of(self, table: Table) -> list[Mapping]:
        """Every record that a cell of the table rests on, each once: column by column, in the rows' order."""
        cells = self.cells(table)
        jobs = [job for c in table.columns for r in table.rows for job in cells[r.method, c.name]]
        return self._found({job.identity: job for job in jobs}.values())

    def all_of(self, table: Table) -> list[Mapping]:
        """The same with the records of models and other inputs, inputs first."""
        return self._found(in_order(job for cell in self.cells(table).values() for job in cell))

    def with_inputs(self, records: Iterable[Mapping]) -> list[Mapping]:
        """Records with those of all that they were made of, each once, as far as they are there."""
        found: dict[str, Mapping] = {}
        waiting = list(records)
        while waiting:
            record = waiting.pop()
            if record["key"] not in found:
                found[record["key"]] = record
                waiting += [self.by_key[key] for key in record["inputs"].values() if key in self.by_key]
        return list(found.values())

    def chosen(self, table: Table, row: Row, column: str) -> Row | None:
        """The row itself; of a `Best`, the row whose cell it shows in a column: None until all candidates
        have been measured at one seed at least, since the best of some is not the best of all. Seeds that
        some have and others do not do not count: the luck of a seed would choose."""
        if not isinstance(row, Best):
            return row
        candidates = [table.row(method) for method in row.of]
        decides = table.column(row.decides(column))
        means = [_mean([*of_row.values()]) for of_row in self.shared(table, candidates, decides)]
        return None if any(map(math.isnan, means)) else candidates[means.index(max(means))]

    def shared(self, table: Table, rows: Sequence[Row], column: Column) -> list[dict[int, float]]:
        """The values of each row in a column, by seed, at the seeds that all of them have."""
        values = [dict(self.values(table, row, column)) for row in rows]
        seeds = sorted(set.intersection(*map(set, values))) if values else []
        return [{seed: of_row[seed] for seed in seeds} for of_row in values]

    def values(self, table: Table, row: Row, column: Column) -> list[tuple[int, float]]:
        """A cell's values in the printed unit, each with its seed."""
        if isinstance(row, Difference):
            first, second = self.shared(table, [table.row(name) for name in row.of], column)
            return [(seed, value - second[seed]) for seed, value in first.items()]
        if isinstance(row, Spread):
            found = self.values(table, table.row(row.of[0]), column)
            return [(found[0][0], statistics.pstdev([v for _, v in found]))] if len(found) > 1 else []
        if isinstance(column, MeanOf):
            parts = [dict(self.values(table, row, table.column(name))) for name in column.of]
            shared = [seed for seed in parts[0] if all(seed in part for part in parts)]
            return [(seed, statistics.fmean(part[seed] for part in parts)) for seed in shared]
        if isinstance(column, Increase):
            of, base = table.column(column.of), column.base(row.method)
            over = dict(self.values(table, table.row(base), of)) if base else {}
            return [(seed, v - over[seed]) for seed, v in self.values(table, row, of) if seed in over]
        chosen = self.chosen(table, row, column.name)
        return self.numbers(table, chosen, column, column.recorded) if chosen else []

    def numbers(self, table: Table, row: Row, column: Column, metric: str) -> list[tuple[int, float]]:
        """The same of another metric of the cell's records, such as a bound of its interval."""
        found = [(r["seed"], r["metrics"].get(metric)) for r in self.done(table, row.method, column.name)]
        return [(seed, value * column.scale) for seed, value in found if value is not None]

    def _found(self, jobs) -> list[Mapping]:
        return [self.by_identity[job.identity] for job in jobs if job.identity in self.by_identity]


def measured(source: Source, table: Table) -> "pd.DataFrame":
    """What do the records of a source say for every cell of a table? One line a cell, in the printed units.

    Columns: method, label (the row's), column, status, value (mean over seeds), text (the value as it is
    printed, or why there is none), spread (standard deviation over seeds with n - 1 in the denominator, since
    the seeds are a sample of those that could have been drawn; NaN for fewer than two), low and high (the
    95 % interval over examples: the mean over seeds of each record's own bounds, hence the uncertainty of one
    trained model; NaN where the records hold none), chance (what chance alone would give, likewise), seeds
    (how many have a value), failed (how many have none), asked (does the profile ask a job for it?), stale
    (has a kind of job had another version since?), records (their keys, full length).
    """
    import pandas as pd

    cells = [_cell(source, table, row, column) for row in table.rows for column in table.columns]
    return pd.DataFrame(cells).set_index(["method", "column"], drop=False)


def _cell(source: Source, table: Table, row: Row, column: Column) -> dict:
    records = source.cell(table, row.method, column.name)
    done = [record for record in records if record["status"] == "ok"]
    values = [value for _, value in source.values(table, row, column)]
    low, high, chance = (
        [value for _, value in source.numbers(table, row, column, f"{column.recorded}_{end}")]
        for end in ("low", "high", "chance")
    )
    status, value = MEASURED, _mean(values)
    if not values and column.name in row.given:
        status, value = GIVEN, row.given[column.name] * column.scale
    elif not values:
        others = row.recipe is None and not isinstance(row, Derived)
        # Records of before a metric was there do not have it.
        lacking = column.measure and not any(column.recorded in record["metrics"] for record in done)
        undefined = done and not lacking
        failed = records and not done
        elsewhere = row.columns and column.name not in row.columns
        reasons = (
            (UNDEFINED, undefined),
            (FAILED, failed),
            (OTHERS, others),
            (NOT_ASKED, elsewhere),
            (NO_MODEL, not source.has_model(table, row)),
            (LEFT_OUT, column.measure and not source.asks(table, row, column)),
        )
        status = next((reason for reason, holds in reasons if holds), NOT_RUN)
    return {
        "method": row.method,
        "label": row.label,
        "column": column.name,
        "status": status,
        "value": value,
        "text": status if math.isnan(value) else column.text(value),
        "spread": statistics.stdev(values) if len(values) > 1 else math.nan,
        "low": statistics.fmean(low) if values and len(low) == len(values) else math.nan,
        "high": statistics.fmean(high) if values and len(high) == len(values) else math.nan,
        "chance": statistics.fmean(chance) if chance else math.nan,
        "seeds": len(values),
        "failed": len(records) - len(done),
        "asked": source.asks(table, row, column),
        "stale": any(record.get("stale", False) for record in done),
        "records": tuple(record["key"] for record in records),
    }


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else math.nan


@dataclass(frozen=True)
class Departure:
    """Our value minus the paper's. `word` is "higher", "lower" or "near"; `symbol` says it without colour."""

    amount: float
    word: str
    symbol: str


def difference(cell: Mapping, paper: float) -> Departure | None:
    """How does a measured cell stand to the reported value?

    "near" where the reported value lies within the 95 % interval over examples; for a column without
    an interval, where both print as the same number with the paper's one digit. None where there is
    nothing to compare.
    """
    if cell["status"] != MEASURED or math.isnan(paper):
        return None
    amount = cell["value"] - paper
    if math.isnan(cell["low"]):
        near = f"{cell['value']:.1f}" == f"{paper:.1f}"
    else:
        near = cell["low"] <= paper <= cell["high"]
    word, symbol = ("near", "≈") if near else ("higher", "▲") if amount > 0 else ("lower", "▼")
    return Departure(amount, word, symbol)


def comparable(source: Source) -> bool:
    """May reported values stand next to these records? Not where they were measured on generated text."""
    return all(record["profile"] in EVIDENCE for record in source.records)
