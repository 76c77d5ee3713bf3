"""What stands behind a table or a figure: its records, their seeds, data, machines and time; the command that
measures it again; its numbers as a file."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from bert_compression.experiments.progress import duration
from bert_compression.report.html import BELOW, RUN, Shown, folded, simple_table, tag
from bert_compression.report.records import THIS_RUN, Source, measured
from bert_compression.report.reported import reported_value
from bert_compression.report.tables import Panel, Table
from bert_compression.report.views import parted

if TYPE_CHECKING:
    import pandas as pd

SUMMARY = "Where these numbers come from, and the numbers as a file"
NUMBERS = ["value", "spread", "low", "high", "chance", "seeds"]


def passport(sources: Mapping[str, Source], table: Table, panel: Panel) -> str:
    """HTML, folded: for each source what its numbers of the panel rest on, and how to measure them again; and
    a link that saves them as CSV."""
    cells = [(row.method, column) for row in table.rows_of(panel) for column in panel.columns]
    name = f"{table.paper}_{table.name}_{panel.name}"
    return below(rests_on(sources, {table: cells}), name, numbers(sources, table, panel))


def below(rests: str, name: str, frame: "pd.DataFrame") -> str:
    """HTML, folded: list items that say what a table rests on, and a link that saves the frame."""
    return tag("div", folded(SUMMARY, tag("ul", rests, saved(name, frame))), class_=BELOW)


def measured_table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    name: str,
    rests: str,
    groups: Sequence[tuple[str, int]] = (),
) -> Shown:
    """A `simple_table` of measured numbers, over what it rests on (`rests_on`) and its cells as a file."""
    import pandas as pd

    table = simple_table(caption, heads, rows, groups)
    above = [f"{word}, " for word, span in groups for _ in range(span)]
    above = [""] * (len(heads) - len(above)) + above  # what has no group comes first
    frame = pd.DataFrame(rows, columns=[group + head for group, head in zip(above, heads, strict=True)])
    return Shown(table.text, html=(table.html or "") + below(rests, name, frame))


def rests_on(sources: Mapping[str, Source], cells: Mapping[Table, Sequence[tuple[str, str]]]) -> str:
    """HTML, a list item for each source and table: the records of these cells, by method and column; of a
    table without any named, of all its cells."""
    _, runs = parted(sources)
    told = ""
    for name, source in sources.items():
        for table, some in cells.items():
            every = some or [(row.method, column.name) for row in table.rows for column in table.columns]
            title = f"{name}, {table.title}" if len(cells) > 1 else name
            told += tag("li", _told(title, source, table, every), class_=RUN if name in runs else "")
    return told


def saved(name: str, frame: "pd.DataFrame") -> str:
    """HTML, a list item: a link that saves the frame as CSV under that name."""
    csv = frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    data = base64.b64encode(csv.encode()).decode()
    file = f"{name}.csv"
    return tag("li", tag("a", escape(file), href=f"data:text/csv;base64,{data}", download=file))


def numbers(sources: Mapping[str, Source], table: Table, panel: Panel) -> "pd.DataFrame":
    """Every number of a panel, one a line and in the printed unit: paper, table, method, label, column, unit,
    reported, source, status, value (mean over seeds), spread (standard deviation over seeds), low, high (95 %
    interval over examples), chance, seeds, records (the beginnings of their keys)."""
    import pandas as pd

    shown = []
    rows = {row.method: row for row in table.rows_of(panel)}
    for source in sources.values():
        cells = measured(source, table)
        cells = cells[cells.method.isin(rows) & cells.column.isin(panel.columns)]
        columns = [table.column(name) for name in cells.column]
        reported = [
            reported_value(table, rows[method], column)
            for method, column in zip(cells.method, columns, strict=True)
        ]
        shown.append(
            cells.assign(
                paper=table.paper,
                table=table.name,
                unit=[column.unit for column in columns],
                reported=reported,
                source=source.name,
                records=[" ".join(key[:12] for key in keys) for keys in cells.records],
            )
        )
    order = ["paper", "table", "method", "label", "column", "unit", "reported", "source", "status"]
    return pd.concat(shown)[[*order, *NUMBERS, "records"]]


def _told(name: str, source: Source, table: Table, cells: Sequence[tuple[str, str]]) -> str:
    """One source's records of cells in words, and the command that measures them again."""
    found = {record["key"]: record for cell in cells for record in source.cell(table, *cell)}
    records = sorted(found.values(), key=lambda record: record["created"])
    again = f"bert-compression run --profile {source.profile.name} --paper {table.paper} --table {table.name}"
    if source.profile.builtin_data:
        where = "generated English"
    else:
        where, again = "real texts", f"{again} --data FOLDER"
    again += "" if name.startswith(THIS_RUN) else " --fresh"
    command = f"Again: {tag('code', escape(again))}"
    if not records:
        return f"{tag('strong', escape(name))}: nothing measured. {command}"
    texts = {r["data"]["digest"][:8]: f"{r['data']['rows']:,}" for r in records if r["data"]}
    parts = (
        f"{len(records)} record{'s' * (len(records) > 1)}",
        _listed("seed", map(str, sorted({record["seed"] for record in records}))),
        # Of what has no data, such as matrices that are drawn, there are no texts to tell of.
        texts and f"{where}: {', '.join(f'{rows} ({digest})' for digest, rows in texts.items())}",
        f"measured {_between([record['created'][:10] for record in records])}",
        _listed("commit", ((record["commit"] or "unknown")[:8] for record in records)),
        ", ".join(dict.fromkeys(_machine(record["hardware"]) for record in records)),
        f"{duration(sum(r['seconds'] for r in source.with_inputs(records)))}, models included",
    )
    return f"{tag('strong', escape(name))}: {escape('; '.join(filter(None, parts)))}. {command}"


def _listed(what: str, found: Iterable[str]) -> str:
    """Such as "seed 0" or "seeds 0, 1"."""
    names = list(dict.fromkeys(found))
    return f"{what}{'s' * (len(names) > 1)} {', '.join(names)}"


def _between(days: Sequence[str]) -> str:
    """The first and the last of days in order, or the only one."""
    return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"


def _machine(hardware: Mapping) -> str:
    return hardware["gpu"] or f"{hardware['processor']}, {hardware['cores']} cores"
