"""The paper's table beside ours: for each measure the reported value, then what each source has."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

import pandas as pd

from bert_compression.report.layouts import Layout, Measure, Part, Row
from bert_compression.report.record_list import DIGITS, anchor
from bert_compression.report.reported import reported_spread, reported_value
from bert_compression.report.shown import EARLIER, Shown, scrolling_table, tag
from bert_compression.report.tables import GIVEN, MEASURED, difference, measured, signed

LEGEND = "▲ higher than reported, ▼ lower, ≈ near it"
# What a difference is called where its symbol cannot be seen.
SPOKEN = {"higher": "higher than reported", "lower": "lower than reported", "near": "near what is reported"}


def side_by_side(
    sources: Mapping[str, Sequence[Mapping]], part: str, layout: Layout, sortable: bool = False
) -> Shown:
    """One part of a paper's table as HTML, or as text where there is no browser.

    `sources` maps the words of a column head ("small", "this run") to its records. A measured cell holds the
    mean over seeds, the spread, the interval and the difference from the reported value, and the number of
    seeds where not all of its source have as many; it leads to its lines in `record_list` and names its
    records when pointed at. A table without reported values can be made `sortable`: in the book, a click on
    the head of a column orders the lines.
    """
    chosen = layout.part(part)
    measures = [layout.measure(name) for name in chosen.measures]
    tables = {source: _counted(measured(records, layout), measures) for source, records in sources.items()}
    bodies = ""
    for group, rows in groupby(layout.rows_of(chosen), key=lambda row: row.group):
        lines = "".join(_line(layout, row, measures, tables) for row in rows)
        bodies += tag("tbody", _heading(group, measures, len(sources)), lines)
    content = (*_head(measures, list(tables)), bodies)
    table = scrolling_table(chosen.caption, *content, sortable=sortable)
    return Shown(
        text=_plain(layout, chosen, tables),
        html=table + tag("p", _legend(measures, tables), class_="bc-legend"),
    )


def _counted(table: pd.DataFrame, measures: list[Measure]) -> pd.DataFrame:
    """The shown cells, with `seeds_text` where rows differ in their number of seeds."""
    shown = table[table.measure.isin([measure.name for measure in measures])]
    seeds = shown.seeds[shown.status == MEASURED]
    words = seeds.map(lambda number: "1 seed" if number == 1 else f"{number} seeds")
    return shown.assign(seeds_text=words if seeds.nunique() > 1 else "")


def _columns(measure: Measure, sources: list[str]) -> list[str]:
    return (["reported"] if measure.reported else []) + (sources if measure.kind else [])


def _head(measures: list[Measure], sources: list[str]) -> tuple[str, str]:
    if all(len(_columns(measure, sources)) == 1 for measure in measures):
        heads = ("Method", *(f"{measure.label} ({measure.unit})" for measure in measures))
        return "", tag("thead", tag("tr", *(tag("th", escape(head), scope="col") for head in heads)))
    groups, above, below = "<colgroup></colgroup>", tag("th", "Method", scope="col", rowspan=2), ""
    for measure in measures:
        columns = _columns(measure, sources)
        groups += tag("colgroup", span=len(columns))
        title = escape(f"{measure.label} ({measure.unit})")
        above += tag("th", title, scope="colgroup", colspan=len(columns))
        below += "".join(tag("th", escape(column), scope="col") for column in columns)
    return groups, tag("thead", tag("tr", above), tag("tr", below))


def _heading(group: str, measures: list[Measure], sources: int) -> str:
    if not group:
        return ""
    width = 1 + sum(len(_columns(measure, [""] * sources)) for measure in measures)
    return tag("tr", tag("th", escape(group), scope="rowgroup", colspan=width), class_="bc-group")


def _line(layout: Layout, row: Row, measures: list[Measure], tables: Mapping[str, pd.DataFrame]) -> str:
    cells = tag("th", escape(row.label), scope="row")
    facing = layout.facing(row)
    for measure in measures:
        paper = reported_value(layout, row, measure)
        if measure.reported and row is facing[0]:  # rows that face one line of the paper share its cell
            spread = reported_spread(layout, row, measure)
            more = "" if math.isnan(spread) else _small(f"± {measure.reported_text(spread)}")
            rows = len(facing) if len(facing) > 1 else None
            cells += tag("td", measure.reported_text(paper), more, rowspan=rows)
        for source, table in tables.items() if measure.kind else ():
            cell = table.loc[(row.method, measure.name)]
            cells += _cell(cell, source, paper, measure)
    return tag("tr", cells)


def _cell(cell: pd.Series, source: str, paper: float, measure: Measure) -> str:
    text = escape(cell.text)
    if cell.status == GIVEN:
        return tag("td", text, _small("by definition"))
    if cell.records:
        keys = ", ".join(key[:DIGITS] for key in cell.records)
        text = tag("a", text, href=f"#{anchor(source, cell.records[0])}", title=f"records {keys}")
    if cell.status != MEASURED:
        return tag("td", text, class_="bc-none")
    marks = ("†" if cell.earlier_code else "") + ("‡" if cell.failed else "")
    spread = f"± {measure.text(cell.spread)}" if cell.seeds > 1 else ""
    bounds = "" if math.isnan(cell.low) else f"[{measure.text(cell.low)}, {measure.text(cell.high)}]"
    chance = "" if math.isnan(cell.chance) else f"chance {measure.text(cell.chance)}"
    below = (", ".join(filter(None, (spread, cell.seeds_text))), bounds, chance)
    return tag(
        "td",
        tag("strong", text),
        marks,
        *(_small(line) for line in below if line),
        _difference(cell, paper, measure),
    )


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
    shown = pd.concat(tables.values())
    cells = shown[shown.status == MEASURED]
    notes = [LEGEND] if any(measure.reported and measure.kind for measure in measures) else []
    if cells.earlier_code.any():
        notes.append(EARLIER)
    if (cells.failed > 0).any():
        notes.append("‡ some seeds failed and are left out")
    return "; ".join(notes)


def _plain(layout: Layout, part: Part, tables: Mapping[str, pd.DataFrame]) -> str:
    """The same cells without spread and interval."""
    shown = layout.rows_of(part)
    columns: dict[str, list[str]] = {"method": [row.label for row in shown]}
    for measure in map(layout.measure, part.measures):
        if measure.reported:
            papers = (reported_value(layout, row, measure) for row in shown)
            columns[f"{measure.name}, reported"] = [measure.reported_text(paper) for paper in papers]
        for source, table in tables.items() if measure.kind else ():
            cells = [table.loc[(row.method, measure.name)].text for row in shown]
            columns[f"{measure.name}, {source}"] = cells
    return pd.DataFrame(columns).to_string(index=False)
