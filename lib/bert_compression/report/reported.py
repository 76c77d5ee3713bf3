"""The numbers that the papers print, as they print them: one CSV file a table."""

import math
from functools import cache
from importlib.resources import files

import pandas as pd

from bert_compression.errors import BadInput
from bert_compression.report.layouts import Layout, Measure, Row


def reported(name: str) -> pd.DataFrame:
    """What does the paper's table say? One row a method, in the paper's row order and units.

    `name` is a file of `report/reported` without its ending, such as "loyalty_table_3". Percentages are
    in percent, speed-ups in multiples of the teacher's speed. Raises BadInput for an unknown name.
    """
    folder = files("bert_compression.report") / "reported"
    known = sorted(file.name.removesuffix(".csv") for file in folder.iterdir() if file.name.endswith(".csv"))
    if name not in known:
        raise BadInput(f"unknown reported table {name!r}: the known ones are {', '.join(known)}")
    with (folder / f"{name}.csv").open() as lines:
        return pd.read_csv(lines)


@cache
def reported_lines(name: str) -> pd.DataFrame:
    """The same, indexed by the names that `Row.reported` uses: a line that builds on another, or stands in a
    block, is named with it, so that "+KD" under "Head Prune" is "Head Prune +KD"."""
    table = reported(name)
    heading = next((table[column].fillna("") for column in ("base_method", "block") if column in table), "")
    return table.set_index((heading + " " + table.method).str.strip())


def reported_value(layout: Layout, row: Row, measure: Measure) -> float:
    """The paper's number for this cell, in printed units; NaN where the paper has none."""
    return _number(layout, row, measure.reported)


def reported_spread(layout: Layout, row: Row, measure: Measure) -> float:
    """The paper's standard deviation for this cell, in printed units; NaN where the paper has none."""
    return _number(layout, row, f"{measure.reported}_std")


def _number(layout: Layout, row: Row, column: str | None) -> float:
    if not row.reported or not column:
        return math.nan
    lines = reported_lines(layout.name)
    return float(lines.loc[row.reported, column]) if column in lines else math.nan
