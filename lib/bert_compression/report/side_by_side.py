"""The paper's table beside ours: for each measure the reported value, then what each source has."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd

from bert_compression.report.layouts import LOYALTY_TABLE_3, Layout, Measure, Row
from bert_compression.report.record_list import anchor
from bert_compression.report.shown import EARLIER, Shown, scrolling_table, tag
from bert_compression.report.tables import (
    GIVEN,
    MEASURED,
    cell_text,
    difference,
    measured,
    reported_value,
    signed,
)

LEGEND = "▲ higher than reported, ▼ lower, ≈ near it"
# What a difference is called where its symbol cannot be seen.
SPOKEN = {"higher": "higher than reported", "lower": "lower than reported", "near": "near what is reported"}


def side_by_side(
    sources: Mapping[str, Sequence[Mapping]], part: str, layout: Layout = LOYALTY_TABLE_3
) -> Shown:
    """One part of a paper's table as HTML, or as text where there is no browser.

    `sources` maps the words of a column head ("small", "this run") to its records. A measured cell holds the
    mean over seeds, the spread, the interval and the difference from the reported value; it leads to its
    lines in `record_list` and names its records when pointed at.
    """
    chosen = next(p for p in layout.parts if p.name == part)
    measures = [layout.measure(name) for name in chosen.measures]
    tables = {source: measured(records, layout) for source, records in sources.items()}
    lines = "".join(_line(layout, row, measures, tables) for row in layout.rows)
    table = scrolling_table(chosen.caption, *_head(measures, list(tables)), tag("tbody", lines))
    return Shown(
        text=_plain(layout, measures, tables),
        html=table + tag("p", _legend(measures, tables), class_="bc-legend"),
    )


def _head(measures: list[Measure], sources: list[str]) -> tuple[str, str]:
    groups, above, below = "<colgroup></colgroup>", tag("th", "Method", scope="col", rowspan=2), ""
    for measure in measures:
        columns = (["reported"] if measure.reported else []) + sources
        groups += tag("colgroup", span=len(columns))
        title = escape(f"{measure.label} ({measure.unit})")
        above += tag("th", title, scope="colgroup", colspan=len(columns))
        below += "".join(tag("th", escape(column), scope="col") for column in columns)
    return groups, tag("thead", tag("tr", above), tag("tr", below))


def _line(layout: Layout, row: Row, measures: list[Measure], tables: Mapping[str, pd.DataFrame]) -> str:
    cells = tag("th", escape(row.label), scope="row")
    facing = [other for other in layout.rows if other.reported == row.reported]
    for measure in measures:
        paper = reported_value(layout, row, measure)
        if measure.reported and row is facing[0]:  # rows that face one line of the paper share its cell
            cells += tag("td", f"{paper:.1f}", rowspan=len(facing) if len(facing) > 1 else None)
        for source, table in tables.items():
            cells += _cell(source, table.loc[(row.method, measure.name)], paper, measure)
    return tag("tr", cells)


def _cell(source: str, cell: pd.Series, paper: float, measure: Measure) -> str:
    text = escape(cell_text(cell, measure))
    if cell.status == GIVEN:
        return tag("td", text, _small("by definition"))
    keys = ", ".join(key[:12] for key in cell.records)
    if keys:
        text = tag("a", text, href=f"#{anchor(source, measure.kind, cell.method)}", title=f"records {keys}")
    if cell.status != MEASURED:
        return tag("td", text, class_="bc-none")
    marks = ("†" if cell.earlier_code else "") + ("‡" if cell.failed else "")
    spread = _small(f"± {measure.text(cell.spread)}") if cell.seeds > 1 else ""
    bounds = f"[{measure.text(cell.low)}, {measure.text(cell.high)}]"
    interval = "" if math.isnan(cell.low) else _small(bounds)
    return tag("td", tag("strong", text), marks, spread, interval, _difference(cell, paper, measure))


def _difference(cell: pd.Series, paper: float, measure: Measure) -> str:
    found = difference(cell, paper)
    if found is None:
        return ""
    symbol = tag("span", found.symbol, aria_hidden="true")
    spoken = tag("span", f" {SPOKEN[found.word]}", class_="bc-hidden")
    return _small(f"{symbol} {signed(found.amount, measure.digits)}{spoken}", f" bc-{found.word}")


def _small(content: str, more: str = "") -> str:
    return tag("span", content, class_="bc-small" + more)


def _legend(measures: list[Measure], tables: Mapping[str, pd.DataFrame]) -> str:
    """The line under a table: only the marks that occur in it."""
    names = [measure.name for measure in measures]
    shown = pd.concat(table[table.measure.isin(names)] for table in tables.values())
    cells = shown[shown.status == MEASURED]
    notes = [LEGEND] if any(measure.reported for measure in measures) else []
    if cells.earlier_code.any():
        notes.append(EARLIER)
    if (cells.failed > 0).any():
        notes.append("‡ some seeds failed and are left out")
    return "; ".join(notes)


def _plain(layout: Layout, measures: list[Measure], tables: Mapping[str, pd.DataFrame]) -> str:
    """The same cells without spread and interval."""
    columns: dict[str, list[str]] = {"method": [row.label for row in layout.rows]}
    for measure in measures:
        if measure.reported:
            papers = (reported_value(layout, row, measure) for row in layout.rows)
            columns[f"{measure.name}, reported"] = [f"{paper:.1f}" for paper in papers]
        for source, table in tables.items():
            cells = (table.loc[(row.method, measure.name)] for row in layout.rows)
            columns[f"{measure.name}, {source}"] = [cell_text(cell, measure) for cell in cells]
    return pd.DataFrame(columns).to_string(index=False)
