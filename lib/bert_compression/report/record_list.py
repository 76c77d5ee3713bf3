"""The records behind a table, folded at the foot of its page: where every number can be followed back to."""

from collections.abc import Mapping, Sequence
from html import escape

from bert_compression.report.layouts import Layout, Place, place_of
from bert_compression.report.shown import Shown, scrolling_table, tag
from bert_compression.report.tables import relevant

HEADS = ("Record", "Kind", "Task", "Split", "Method", "Seed", "Values", "Seconds")
CAPTION = "Records of “{source}” as they were measured: shares as fractions, sizes in bytes. † earlier code."


def anchor(source: str, place: Place, method: str) -> str:
    """Where on the page the records of one place and method begin."""
    word = "".join(letter if letter.isalnum() else "-" for letter in source)
    return "-".join(("records", word, *place, method))


def record_list(sources: Mapping[str, Sequence[Mapping]], layout: Layout) -> Shown:
    """Every record that a table rests on, with the first 12 digits of its key and what it holds for it."""
    folded, plain = "", []
    for source, records in sources.items():
        used = relevant(records, layout)
        rows, seen = "", set()
        for record in used:
            place, method = place_of(record), record["method"]
            cells = [record["key"][:12], *place, method, str(record["seed"])]
            cells += [_values(record, layout), f"{record['seconds']:.1f}"]
            address = anchor(source, place, method)
            rows += _row(cells, identity=None if address in seen else address)
            seen.add(address)
            plain.append("  ".join((source, *cells)))
        head = tag("thead", tag("tr", *(tag("th", title, scope="col") for title in HEADS)))
        table = scrolling_table(CAPTION.format(source=source), head, tag("tbody", rows))
        folded += tag("details", tag("summary", f"{len(used)} records: {escape(source)}"), table)
    return Shown(text="\n".join(plain) or "no records", html=folded)


def _row(cells: Sequence[str], identity: str | None) -> str:
    key, *others, seconds = (escape(cell) for cell in cells)
    middle = "".join(tag("td", cell, class_="bc-left") for cell in others)
    return tag("tr", tag("th", tag("code", key), scope="row"), middle, tag("td", seconds), id=identity)


def _values(record: Mapping, layout: Layout) -> str:
    if record["status"] != "ok":
        return f"failed: {record['error']}"
    names = [m.recorded for m in layout.measures if layout.place(m) == place_of(record)]
    found = {name: record["metrics"].get(name) for name in names}
    texts = {name: "undefined" if value is None else f"{value:.6g}" for name, value in found.items()}
    mark = " †" if record.get("earlier_code") else ""
    return ", ".join(f"{name} {text}" for name, text in texts.items()) + mark
