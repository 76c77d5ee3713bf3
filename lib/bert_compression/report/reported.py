"""The numbers that the papers print, as they print them: one CSV file a table, in each paper's folder."""

import math
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from bert_compression.errors import BadInput
from bert_compression.report.tables import Column, Row, Table

if TYPE_CHECKING:
    import pandas as pd


@cache
def reported(paper: str, name: str) -> "pd.DataFrame":
    """What does the paper's table say? One row a line of the paper, in its order and units.

    `name` is a file of the paper's folder `reported` without its ending, such as "loyalty_table_3".
    Percentages are in percent, speed-ups in multiples of the teacher's speed. Raises BadInput for an unknown
    name.
    """
    import pandas as pd

    folder = files("bert_compression.papers") / paper / "reported"
    known = (
        sorted(file.name.removesuffix(".csv") for file in folder.iterdir() if file.name.endswith(".csv"))
        if folder.is_dir()
        else []
    )
    if name not in known:
        raise BadInput(
            f"unknown reported table {name!r} of {paper}: the known ones are {', '.join(known) or 'none'}"
        )
    with (folder / f"{name}.csv").open(encoding="utf-8") as lines:
        return pd.read_csv(lines)


def reported_value(table: Table, row: Row, column: Column) -> float:
    """The paper's number for this cell, in printed units; NaN where the paper has none, or one that is of
    another metric than its column."""
    return math.nan if column.name in row.unlike else _number(table, row, column, column.reported)


def as_printed(table: Table, row: Row, column: Column) -> str:
    """The paper's number for this cell as a table shows it, such as "71.1 (accuracy)" where it is of another
    metric than its column."""
    text = reported_text(_number(table, row, column, column.reported), table, column)
    return f"{text} ({row.unlike[column.name]})" if column.name in row.unlike else text


def reported_spread(table: Table, row: Row, column: Column) -> float:
    """The paper's standard deviation for this cell, in printed units; NaN where the paper has none."""
    return _number(table, row, column, f"{column.reported}_std")


def _number(table: Table, row: Row, column: Column, name: str | None) -> float:
    """The value in the only line whose key columns say what row and column say. Raises BadInput where a
    declared row has no line, or several."""
    if not row.reported or not column.reported:
        return math.nan
    lines = reported(table.paper, table.reported)
    if name not in lines:
        return math.nan
    keys = {**row.reported, **column.keys}
    found = lines
    for key, value in keys.items():
        if key not in lines:
            raise BadInput(f"{table.reported} has no column {key!r}: choose from {', '.join(lines)}")
        found = found[found[key].isna() if value is None else found[key] == value]
    if len(found) != 1:
        told = ", ".join(f"{key} = {value}" for key, value in keys.items())
        raise BadInput(f"{table.reported} has {len(found)} lines with {told}, not one")
    return float(found[name].iloc[0])


def reported_text(value: float, table: Table, column: Column) -> str:
    """A number of the paper with as many digits as its column has there; a dash for what is not printed."""
    if math.isnan(value):
        return "–"
    digits = _digits(table.paper, table.reported, column.reported or "") if column.digits else 0
    return f"{value:.{digits}f}"


@cache
def _digits(paper: str, name: str, column: str) -> int:
    """How many digits after the point the numbers of a column have: one, or two where any has two."""
    values = reported(paper, name)[column].dropna()
    return 2 if any(round(float(value), 2) != round(float(value), 1) for value in values) else 1
