"""From records to a tidy table: one line for each method and measure, and what stands in that cell."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from bert_compression.report.layouts import Layout, Measure, Row, place_of

# What a cell can be: a mean of records, a value that follows from a definition, or a reason for no value.
MEASURED, GIVEN, FAILED, NOT_RUN, UNDEFINED = "measured", "by definition", "failed", "not run", "undefined"
OTHERS = "of others"


def measured(records: Iterable[Mapping], layout: Layout) -> pd.DataFrame:
    """What do these records say for every cell of a table? One line a cell, in the units that are printed.

    Columns: method, label (the row's), measure, status, value (mean over seeds), text (the value as it is
    printed, or why there is none), spread (standard deviation over seeds with n - 1 in the denominator, since
    the seeds are a sample of those that could have been drawn; NaN for fewer than two), low and high (the
    95 % interval over examples: the mean over seeds of each record's own bounds, hence the uncertainty of one
    trained model; NaN where the records hold none), chance (what chance alone would give, likewise), seeds
    (how many have a value), failed (how many have none), earlier_code, records (their keys, full length).

    Which records count is said in `relevant`. Book: notebooks/loyalty/table_3_sst2.
    """
    found: dict[tuple, list[Mapping]] = defaultdict(list)
    for record in relevant(records, layout):
        found[place_of(record), record["method"]].append(record)
    cells = []
    for row in layout.rows:
        for measure in layout.measures:
            place = layout.place(measure)
            own = found[place, row.method] or found[place, row.stands_for]
            cells.append(_cell(row, measure, own))
    return pd.DataFrame(cells).set_index(["method", "measure"], drop=False)


def relevant(records: Iterable[Mapping], layout: Layout) -> list[Mapping]:
    """The records that a table rests on: of its tasks, methods, kinds and splits, one for each seed.

    So records of another table's methods are not seen, nor answers to the training set, which serve
    distillation, nor those given `in_company` where a model must answer alone, which serve a comparison of
    their own. Of several records of the same kind, split, method and seed the one created last counts.
    """
    wanted, methods = layout.places, [row.method for row in layout.rows]
    latest: dict[tuple, Mapping] = {}
    for record in sorted(records, key=lambda record: record.get("created") or ""):
        place = place_of(record)
        ours = record["method"] in methods and place in wanted
        if ours and not record["params"].get("in_company"):
            latest[place, record["method"], record["seed"]] = record
    return sorted(
        latest.values(), key=lambda r: (wanted.index(place_of(r)), methods.index(r["method"]), r["seed"])
    )


def _cell(row: Row, measure: Measure, records: list[Mapping]) -> dict:
    done = [r for r in records if r["status"] == "ok"]
    values = _numbers(done, measure.recorded, measure.scale)
    low, high, chance = (
        _numbers(done, f"{measure.recorded}_{end}", measure.scale) for end in ("low", "high", "chance")
    )
    status, value = MEASURED, statistics.fmean(values) if values else math.nan
    if not values and measure.name in row.given:
        status, value = GIVEN, row.given[measure.name] * measure.scale
    elif not values:
        status = UNDEFINED if done else FAILED if records else OTHERS if row.quoted else NOT_RUN
    return {
        "method": row.method,
        "label": row.label,
        "measure": measure.name,
        "status": status,
        "value": value,
        "text": status if math.isnan(value) else measure.text(value),
        "spread": statistics.stdev(values) if len(values) > 1 else math.nan,
        "low": statistics.fmean(low) if values and len(low) == len(values) else math.nan,
        "high": statistics.fmean(high) if values and len(high) == len(values) else math.nan,
        "chance": statistics.fmean(chance) if chance else math.nan,
        "seeds": len(values),
        "failed": len(records) - len(done),
        "earlier_code": any(r.get("earlier_code", False) for r in done),
        "records": tuple(r["key"] for r in records),
    }


def _numbers(records: list[Mapping], metric: str, scale: float) -> list[float]:
    found = (record["metrics"].get(metric) for record in records)
    return [value * scale for value in found if value is not None]


@dataclass(frozen=True)
class Difference:
    """Our value minus the paper's. `word` is "higher", "lower" or "near"; `symbol` says it without colour."""

    amount: float
    word: str
    symbol: str


def difference(cell: Mapping, paper: float) -> Difference | None:
    """How does a measured cell stand to the reported value?

    "near" where the reported value lies within the 95 % interval over examples; for a measure without
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
    return Difference(amount, word, symbol)


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign, and a minus that is as wide as the plus; no sign for what rounds to zero, and a
    dash for what is not there."""
    if math.isnan(value):
        return "–"
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else text[1:]
