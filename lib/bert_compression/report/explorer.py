"""The explorer: every measured number of the book in one table, to be filtered, ordered and drawn."""

import json
import math
from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING

from bert_compression.report.html import Shown, note, styled, tag
from bert_compression.report.records import MEASURED, STALE, Source, measured
from bert_compression.report.reported import reported_text, reported_value
from bert_compression.report.tables import Column, Row, Table

if TYPE_CHECKING:
    import pandas as pd

HEADS = ("Paper", "Table", "Task", "Method", "Measure", "Mean", "Seeds", "95 %", "Reported")
CAPTION = "What was measured at {}: a line a cell of a paper's table, the mean over its seeds."


def explorer(source: Source, tables: Iterable[Table], pages: Mapping[Table, str]) -> Shown:
    """A line for every measured cell of the tables; `pages` has the address of the page that shows a table.

    In the book a script filters the lines and draws those that are left, from what stands in the table;
    without it the table is whole.
    """
    lines, plain = "", []
    for table in tables:
        cells = measured(source, table)
        for cell in cells[cells.status == MEASURED].itertuples():
            row, column = table.row(cell.method), table.column(cell.column)
            words = _words(source, table, row, column)
            lines += _line(source, table, row, column, cell, words, pages.get(table, ""))
            plain.append("  ".join((*words, cell.text)))
    heads = "".join(tag("th", head, scope="col") for head in HEADS)
    caption = tag("caption", escape(CAPTION.format(source.name)))
    table_ = tag(
        "table", caption, tag("thead", tag("tr", heads)), tag("tbody", lines), class_="bc-table bc-sortable"
    )
    around = tag("div", table_, class_="bc-scroll", tabindex=0, role="region", aria_label="All numbers")
    return Shown("\n".join(plain), html=styled(tag("div", around, class_="bc-explorer")) + note(f"† {STALE}"))


def _words(source: Source, table: Table, row: Row, column: Column) -> tuple[str, ...]:
    """Paper, table, task, method and measure of a cell."""
    records = source.done(table, row.method, column.name)
    task = records[0]["task"] if records else table.task
    method = f"{row.group}: {row.label}" if row.group else row.label
    return table.paper, table.title, task, method, column.head


def _line(
    source: Source,
    table: Table,
    row: Row,
    column: Column,
    cell: "pd.Series",
    words: tuple[str, ...],
    page: str,
) -> str:
    paper, title, *others = words
    by_seed = dict(source.values(table, row, column))
    reported = reported_value(table, row, column) if column.reported else math.nan
    bounds = "" if math.isnan(cell.low) else f"{column.text(cell.low)} to {column.text(cell.high)}"
    numbers = {"value": cell.value, "low": cell.low, "high": cell.high, "reported": reported}
    # What the script draws, with the digits that a drawing can show; NaN is no JSON.
    drawn = {name: _short(value) for name, value in numbers.items() if not math.isnan(value)}
    seeds_drawn = {seed: _short(value) for seed, value in by_seed.items()}
    seeds = ", ".join(f"{seed}: {column.text(value)}" for seed, value in by_seed.items())
    told = [tag("td", escape(text), class_="bc-left") for text in others]
    mean = column.text(cell.value) + "†" * int(cell.stale)
    told += [tag("td", text) for text in (mean, seeds, bounds)]
    told.append(tag("td", "" if math.isnan(reported) else reported_text(reported, table, column)))
    shown_by = tag("td", tag("a", escape(title), href=page) if page else escape(title), class_="bc-left")
    first = tag("th", paper, scope="row")
    return tag("tr", first, shown_by, *told, data_numbers=json.dumps({**drawn, "seeds": seeds_drawn}))


def _short(value: float) -> float:
    return float(f"{value:.5g}")
