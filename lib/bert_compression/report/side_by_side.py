"""The paper's table next to ours: for each column the reported value, then what each source has; and under
it the records behind every number."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from bert_compression.report.gates import learnt_nothing
from bert_compression.report.html import RUN, Cell, Grid, Line, Shown, folded, note, signed, table_html, tag
from bert_compression.report.html import Row as HtmlRow
from bert_compression.report.passport import passport
from bert_compression.report.records import (
    GIVEN,
    MEASURED,
    STALE,
    Source,
    comparable,
    difference,
    measured,
)
from bert_compression.report.reported import as_printed, reported_spread, reported_text, reported_value
from bert_compression.report.tables import Column, Panel, Row, Table
from bert_compression.report.views import parted

if TYPE_CHECKING:
    import pandas as pd

LEGEND = "▲ higher than reported, ▼ lower, ≈ near it"
MORE = "point at a number, or reach it with the tab key, for its seeds, spread and 95 % interval"
# What a difference is called where its symbol cannot be seen.
SPOKEN = {"higher": "higher than reported", "lower": "lower than reported", "near": "near what is reported"}
HEADS = ("Record", "Kind", "Task", "Split", "Method", "Seed", "Values", "Seconds")
RECORDS = "Records of “{source}” as they were measured: shares as fractions, sizes in bytes."
DIGITS = 12  # of a key: enough to tell any two records apart
# Parameters that tell records of one model apart.
TELLING = ("k", "other", "other_seed", "recipe", "settings", "source", "batched")


def side_by_side(sources: Mapping[str, Source], panel: str, table: Table, sortable: bool = False) -> Shown:
    """One panel of a paper's table as HTML, or as text where there is no browser.

    `sources` maps the words of a column head ("small", "this run") to its records. A measured cell holds
    the mean over seeds and its difference from the reported value, unless the model has learnt nothing, and
    how many seeds it has where another one of its column has more; the number of seeds, the spread, the
    interval and chance appear when it is pointed at or reached by keyboard. It leads to its line in
    `record_list`, which the page must show, too. What this run found stands under the committed value; in
    the book it is hidden until the reader asks for it, and generated English has no difference from a
    paper. Of a column that the profiles leave out, only the paper's numbers are shown. Under the table stands
    what it rests on, with its numbers as a file. A table without reported values can be made `sortable`: in
    the book, a click on the head of a column orders the lines.
    """
    chosen = table.panel(panel)
    kept, runs = parted(sources)
    found = {name: _with_guesses(source, table) for name, source in sources.items()}
    rows_shown, columns, left_out = _shown(table, chosen, list(found.values()))
    places = [_Place(name, found[name], comparable(source)) for name, source in (kept or runs).items()]
    beneath = [_Place(name, found[name], comparable(source)) for name, source in runs.items() if kept]
    bodies = []
    for group, rows in groupby(rows_shown, key=lambda row: row.group):
        body = [_line(table, row, columns, places, beneath) for row in rows]
        if group:
            width = 1 + sum(len(_heads(column, places)) for column in columns)
            body.insert(0, HtmlRow([Cell(group, "rowgroup", colspan=width)], kind="bc-group"))
        bodies.append(body)
    grid = Grid(chosen.caption, *_head(columns, places, bodies), sortable=sortable)
    shown = table_html(grid) + note("; ".join(filter(None, (left_out, _legend(columns, places)))))
    return Shown(_plain(table, rows_shown, columns, found), html=shown + passport(sources, table, chosen))


def _shown(
    table: Table, panel: Panel, found: "Sequence[pd.DataFrame]"
) -> tuple[list[Row], list[Column], str]:
    """The rows and columns of a panel, and in words of which columns the paper's numbers stand alone, since
    the profiles ask for none of their cells. Where they ask for nothing of a panel, lines that the paper does
    not have are left out."""
    rows, columns, alone = table.rows_of(panel), [], []
    for column in map(table.column, panel.columns):
        keys = [(row.method, column.name) for row in rows]
        asked = any(cells.loc[keys].asked.any() for cells in found)
        if not column.reported or not _measured_here(column) or asked:
            columns.append(column)
            continue
        printed = {each.name: getattr(column, each.name) for each in fields(Column)}
        columns.append(Column(**printed | {"measure": None}))
        alone.append(column.label)
    if len(alone) == len(columns):
        rows = [row for row in rows if any(as_printed(table, row, column) != "–" for column in columns)]
    return rows, columns, f"not run: {'; '.join(alone)}" if alone else ""


def _with_guesses(source: Source, table: Table) -> "pd.DataFrame":
    """What was measured, and in a further column "guessed" whether a model of the cell does not surely answer
    better than who does not read."""
    cells = measured(source, table)
    records = [[source.by_key[key] for key in keys] for keys in cells.records]
    return cells.assign(guessed=[bool(learnt_nothing(source, of_cell)) for of_cell in records])


class _Place(NamedTuple):
    """A source's cells of the table, under its name, and whether the paper's may be compared with them."""

    name: str
    cells: "pd.DataFrame"
    comparable: bool


def _measured_here(column: Column) -> bool:
    """Is it a column that somebody measures, or does the paper alone print it?"""
    return column.measure is not None or type(column) is not Column


def _heads(column: Column, places: Sequence[_Place]) -> list[str]:
    measured_here = [place.name for place in places] if _measured_here(column) else []
    return (["reported"] if column.reported else []) + measured_here


def _head(
    columns: Sequence[Column], places: Sequence[_Place], bodies: list
) -> tuple[list[HtmlRow], list, list[int]]:
    """Head rows, the bodies, and how many columns each measure spans, if any has several."""
    if all(len(_heads(column, places)) == 1 for column in columns):
        heads = ["Method", *(column.head for column in columns)]
        return [HtmlRow([Cell(head, "col") for head in heads])], bodies, []
    above, below = [Cell("Method", "col", rowspan=2)], []
    for column in columns:
        heads = _heads(column, places)
        above.append(Cell(column.head, "colgroup", colspan=len(heads)))
        below += [Cell(head, "col") for head in heads]
    return [HtmlRow(above), HtmlRow(below)], bodies, [len(_heads(column, places)) for column in columns]


def _line(
    table: Table, row: Row, columns: Sequence[Column], places: Sequence[_Place], beneath: Sequence[_Place]
) -> HtmlRow:
    line = [Cell(row.label, "row")]
    facing = table.facing(row)
    for column in columns:
        paper = reported_value(table, row, column)
        if column.reported and row is facing[0]:  # rows that face one line of the paper share its cell
            spread = reported_spread(table, row, column)
            more = () if math.isnan(spread) else (Line(f"± {reported_text(spread, table, column)}"),)
            line.append(Cell(as_printed(table, row, column), lines=more, rowspan=len(facing)))
        if not _measured_here(column):
            continue
        key = (row.method, column.name)
        under = tuple(
            Line(f"{place.name}: {found.text}", RUN, href=_address(found, place))
            for place in beneath
            if (found := place.cells.loc[key]).status == MEASURED
        )
        line += [_cell(place, key, paper, column, under if place is places[-1] else ()) for place in places]
    return HtmlRow(line)


def _address(cell: "pd.Series", place: _Place) -> str:
    return f"#{anchor(place.name, cell.records[0])}" if cell.records else ""


def _cell(place: _Place, key: tuple[str, str], paper: float, column: Column, under: tuple[Line, ...]) -> Cell:
    cell = place.cells.loc[key]
    if cell.status == GIVEN:
        return Cell(cell.text, lines=(Line("by definition"),), kind="bc-wraps")
    href = _address(cell, place)
    if cell.status != MEASURED:
        return Cell(cell.text, kind="bc-none", href=href, lines=under)
    found = difference(cell, paper) if place.comparable and not cell.guessed else None
    lines = []
    if found is not None:
        told = signed(found.amount, column.digits)
        lines.append(Line(told, f"bc-{found.word}", found.symbol, SPOKEN[found.word]))
    if cell.seeds < place.cells.seeds[place.cells.column == column.name].max():
        lines.append(Line(_seeds(cell.seeds)))  # two cells of a column are not of the same trainings
    lines.append(Line(_behind(cell, column), "bc-more"))
    mark = "†" * int(cell.stale) + "‡" * int(cell.failed > 0) + "∅" * int(cell.guessed)
    return Cell(cell.text, lines=(*lines, *under), style="strong", mark=mark, href=href)


def _behind(cell: "pd.Series", column: Column) -> str:
    """What stands behind a mean: such as "3 seeds ± 0.4, [65.0, 85.0], chance 12.0"."""
    seeds = _seeds(cell.seeds) + (f" ± {column.text(cell.spread)}" if cell.seeds > 1 else "")
    bounds = "" if math.isnan(cell.low) else f"[{column.text(cell.low)}, {column.text(cell.high)}]"
    chance = "" if math.isnan(cell.chance) else f"chance {column.text(cell.chance)}"
    return ", ".join(filter(None, (seeds, bounds, chance)))


def _seeds(number: int) -> str:
    return "1 seed" if number == 1 else f"{number} seeds"


def _legend(columns: Sequence[Column], places: Sequence[_Place]) -> str:
    """The line under a table: only the marks that occur in it."""
    import pandas as pd

    shown = pd.concat([place.cells for place in places])
    shown = shown[shown.column.isin([column.name for column in columns])]
    cells = shown[shown.status == MEASURED]
    compared = any(place.comparable for place in places)
    compared &= any(column.reported and _measured_here(column) for column in columns)
    notes = [LEGEND] if compared else []
    if len(cells):
        notes.append(MORE)
    if cells.stale.any():
        notes.append(f"† {STALE}")
    if (cells.failed > 0).any():
        notes.append("‡ some seeds failed and are left out")
    if cells.guessed.any():
        notes.append("∅ of a model that is not surely better than who does not read")
    return "; ".join(notes)


def _plain(
    table: Table, rows: Sequence[Row], columns: Sequence[Column], cells: "Mapping[str, pd.DataFrame]"
) -> str:
    """The same cells without spread and interval."""
    import pandas as pd

    texts: dict[str, list[str]] = {"method": [row.label for row in rows]}
    for column in columns:
        if column.reported:
            texts[f"{column.name}, reported"] = [as_printed(table, row, column) for row in rows]
        for name, found in cells.items() if _measured_here(column) else ():
            texts[f"{column.name}, {name}"] = [found.loc[(row.method, column.name)].text for row in rows]
    return pd.DataFrame(texts).to_string(index=False)


def anchor(source: str, key: str) -> str:
    """Where on the page a source's record of that key stands."""
    word = "".join(letter if letter.isalnum() else "-" for letter in source)
    return f"records-{word}-{key[:DIGITS]}"


def record_list(sources: Mapping[str, Source], *tables: Table) -> Shown:
    """Every record that the cells of these tables rest on, folded at the foot of a page: with the first
    digits of its key, what tells it from other records of its model, and what it holds for the tables."""
    contents, plain = "", []
    _, runs = parted(sources)
    for name, source in sources.items():
        lines = _record_lines(source, tables)
        rows = []
        for key, *cells in lines:
            *middle, seconds = cells
            told = [Cell(text, kind="bc-left") for text in middle]
            first = Cell(key[:DIGITS], "row", style="code")
            rows.append(HtmlRow([first, *told, Cell(seconds)], identity=anchor(name, key)))
            plain.append("  ".join((name, key[:DIGITS], *cells)))
        head = [HtmlRow([Cell(title, "col") for title in HEADS])]
        grid = Grid(RECORDS.format(source=name), head, [rows])
        list_of_source = folded(f"{len(lines)} records: {escape(name)}", table_html(grid))
        contents += tag("div", list_of_source, class_=RUN) if name in runs else list_of_source
    return Shown(text="\n".join(plain) or "no records", html=contents)


def _record_lines(source: Source, tables: Sequence[Table]) -> list[list[str]]:
    """A line a record, below `HEADS`; it begins with the whole key."""
    metrics: dict[str, list[str]] = {}
    records = {}
    for table in tables:
        for record in source.of(table):
            records[record["key"]] = record
        for column in table.columns:
            for row in table.rows:
                for record in source.cell(table, row.method, column.name):
                    names = metrics.setdefault(record["key"], [])
                    names += [column.recorded] if column.recorded not in names else []
    return [_record_line(record, metrics[key]) for key, record in records.items()]


def _record_line(record: Mapping, metrics: Sequence[str]) -> list[str]:
    params = record["params"]
    values = [f"{name} {params[name]}" for name in TELLING if params.get(name)]
    if record["status"] == "ok":
        cut = record["metrics"].get("truncated_texts")
        told = {name: record["metrics"].get(name) for name in metrics} | ({"texts cut": cut} if cut else {})
        values += [f"{n} {'undefined' if value is None else f'{value:.6g}'}" for n, value in told.items()]
    else:
        values.append(f"failed: {record['error']}")
    values += ["stale"] if record.get("stale") else []
    place = (record["kind"], record["task"], params.get("split", ""), record["method"], str(record["seed"]))
    return [record["key"], *place, ", ".join(values), f"{record['seconds']:.1f}"]
