"""From records to a tidy table: one line for each method and measure, and what stands in that cell."""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from bert_compression.report.layouts import LOYALTY_TABLE_3, Layout, Measure, Row
from bert_compression.report.reported import reported

# What a cell can be: a mean of records, a value that follows from a definition, or a reason for no value.
MEASURED, GIVEN, FAILED, NOT_RUN, UNDEFINED = "measured", "by definition", "failed", "not run", "undefined"


def measured(records: Iterable[Mapping], layout: Layout = LOYALTY_TABLE_3) -> pd.DataFrame:
    """What do these records say for every cell of a table? One line a cell, in the units that are printed.

    Columns: method, measure, status, value (mean over seeds), spread (standard deviation over seeds with
    n - 1 in the denominator, since the seeds are a sample of those that could have been drawn; NaN for
    fewer than two), low and high (the 95 % interval over examples: the mean over seeds of each record's
    own bounds, hence the uncertainty of one trained model; NaN where the records hold none), seeds (how
    many have a value), failed (how many have none), earlier_code, records (their keys, full length).

    Which records count is said in `relevant`. Book: notebooks/loyalty/table_3_sst2.
    """
    used = relevant(records, layout)
    cells = [
        _cell(row, measure, [r for r in used if (r["kind"], r["method"]) == (measure.kind, row.method)])
        for row in layout.rows
        for measure in layout.measures
    ]
    return pd.DataFrame(cells).set_index(["method", "measure"], drop=False)


def relevant(records: Iterable[Mapping], layout: Layout) -> list[Mapping]:
    """The records that a table rests on: of its task and kinds, one for each kind, method and seed.

    Answers to the training set serve distillation and are left out. Of several records of the same kind,
    method and seed the one created last counts.
    """
    kinds = list(dict.fromkeys(measure.kind for measure in layout.measures))
    latest: dict[tuple, Mapping] = {}
    for record in sorted(records, key=lambda record: record.get("created") or ""):
        asked = record["task"] == layout.task and record["kind"] in kinds
        if asked and record["params"].get("split") != "train":
            latest[record["kind"], record["method"], record["seed"]] = record
    methods = [row.method for row in layout.rows]
    return sorted(
        (record for record in latest.values() if record["method"] in methods),
        key=lambda r: (kinds.index(r["kind"]), methods.index(r["method"]), r["seed"]),
    )


def _cell(row: Row, measure: Measure, records: list[Mapping]) -> dict:
    done = [r for r in records if r["status"] == "ok"]
    values = _numbers(done, measure.name, measure.scale)
    low, high = (_numbers(done, f"{measure.name}_{end}", measure.scale) for end in ("low", "high"))
    cell = {
        "method": row.method,
        "measure": measure.name,
        "status": MEASURED,
        "value": statistics.fmean(values) if values else math.nan,
        "spread": statistics.stdev(values) if len(values) > 1 else math.nan,
        "low": statistics.fmean(low) if values and len(low) == len(values) else math.nan,
        "high": statistics.fmean(high) if values and len(high) == len(values) else math.nan,
        "seeds": len(values),
        "failed": len(records) - len(done),
        "earlier_code": any(r.get("earlier_code", False) for r in done),
        "records": tuple(r["key"] for r in records),
    }
    if not values and measure.name in row.given:
        return cell | {"status": GIVEN, "value": row.given[measure.name] * measure.scale}
    if not values:
        return cell | {"status": UNDEFINED if done else FAILED if records else NOT_RUN}
    return cell


def _numbers(records: list[Mapping], metric: str, scale: float) -> list[float]:
    found = (record["metrics"].get(metric) for record in records)
    return [value * scale for value in found if value is not None]


def reported_value(layout: Layout, row: Row, measure: Measure) -> float:
    """The paper's number for this cell, in printed units; NaN where the paper has none."""
    if measure.reported is None:
        return math.nan
    paper = reported(layout.name).set_index("method")
    return float(paper.loc[row.reported, measure.reported])


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


def cell_text(cell: Mapping, measure: Measure) -> str:
    """The cell in a few characters: its number without the unit, or why there is none."""
    return measure.text(cell["value"]) if cell["status"] in (MEASURED, GIVEN) else cell["status"]


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign, and a minus that is as wide as the plus; none for what rounds to zero."""
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else text[1:]
