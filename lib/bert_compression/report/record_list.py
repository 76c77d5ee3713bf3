"""The records behind a table or a figure, folded at the foot of its page: where every number can be followed
back to."""

from collections.abc import Mapping, Sequence
from html import escape

from bert_compression.report.layouts import Layout, place_of
from bert_compression.report.shown import Shown, scrolling_table, tag
from bert_compression.report.tables import relevant

HEADS = ("Record", "Kind", "Task", "Split", "Method", "Seed", "Values", "Seconds")
CAPTION = "Records of “{source}” as they were measured: shares as fractions, sizes in bytes. † earlier code."
DIGITS = 12  # of a key: enough to tell any two records apart


def anchor(source: str, key: str) -> str:
    """Where on the page a source's record of that key stands."""
    word = "".join(letter if letter.isalnum() else "-" for letter in source)
    return f"records-{word}-{key[:DIGITS]}"


def record_list(sources: Mapping[str, Sequence[Mapping]], layout: Layout) -> Shown:
    """Every record that a table rests on, with the first digits of its key and what it holds for it."""
    lines = {}
    for source, records in sources.items():
        lines[source] = [
            _cells(record, [m.recorded for m in layout.measures if layout.place(m) == place_of(record)])
            for record in relevant(records, layout)
        ]
    return _folded(lines)


def records_of_kind(
    sources: Mapping[str, Sequence[Mapping]], kind: str, told: Sequence[str], metrics: Sequence[str]
) -> Shown:
    """Every record of a kind, likewise, for figures that rest on all of them: what it holds of the `metrics`,
    after the parameters `told`, which tell records of the same model apart."""
    lines = {}
    for source, records in sources.items():
        lines[source] = [_cells(record, metrics, told) for record in records if record["kind"] == kind]
    return _folded(lines)


def _cells(record: Mapping, metrics: Sequence[str], told: Sequence[str] = ()) -> list[str]:
    """A line of the list, below `HEADS`; it begins with the whole key."""
    values = [f"{name} {record['params'][name]}" for name in told]
    if record["status"] == "ok":
        found = {name: record["metrics"].get(name) for name in metrics}
        values += [f"{n} {'undefined' if value is None else f'{value:.6g}'}" for n, value in found.items()]
    else:
        values.append(f"failed: {record['error']}")
    mark = " †" if record.get("earlier_code") else ""
    model = (record["method"], str(record["seed"]))
    return [record["key"], *place_of(record), *model, ", ".join(values) + mark, f"{record['seconds']:.1f}"]


def _folded(lines: Mapping[str, Sequence[Sequence[str]]]) -> Shown:
    """A table for each source."""
    folded, plain = "", []
    for source, listed in lines.items():
        rows = ""
        for key, *cells in listed:
            rows += _row(anchor(source, key), key[:DIGITS], cells)
            plain.append("  ".join((source, key[:DIGITS], *cells)))
        head = tag("thead", tag("tr", *(tag("th", title, scope="col") for title in HEADS)))
        table = scrolling_table(CAPTION.format(source=source), head, tag("tbody", rows))
        folded += tag("details", tag("summary", f"{len(listed)} records: {escape(source)}"), table)
    return Shown(text="\n".join(plain) or "no records", html=folded)


def _row(identity: str, key: str, cells: Sequence[str]) -> str:
    *middle, seconds = (escape(cell) for cell in cells)
    marked = "".join(tag("td", cell, class_="bc-left") for cell in middle)
    return tag("tr", tag("th", tag("code", key), scope="row"), marked, tag("td", seconds), id=identity)
