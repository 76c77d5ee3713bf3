"""The records behind a table, folded at the foot of its page: where every number can be followed back to."""

from collections.abc import Mapping, Sequence
from html import escape

from bert_compression.report.layouts import LOYALTY_TABLE_3, Layout
from bert_compression.report.shown import Shown, scrolling_table, tag
from bert_compression.report.tables import relevant

HEADS = ("Record", "Kind", "Method", "Seed", "Values", "Seconds")
CAPTION = "Records of “{source}” as they were measured: shares as fractions, sizes in bytes. † earlier code."


def anchor(source: str, kind: str, method: str) -> str:
    """Where on the page the records of one kind and method begin."""
    word = "".join(letter if letter.isalnum() else "-" for letter in source)
    return f"records-{word}-{kind}-{method}"


def record_list(sources: Mapping[str, Sequence[Mapping]], layout: Layout = LOYALTY_TABLE_3) -> Shown:
    """Every record that a table rests on: key (first 12 digits), kind, method, seed, values, seconds."""
    folded, plain = "", []
    for source, records in sources.items():
        used = relevant(records, layout)
        rows, seen = "", set()
        for record in used:
            cells = [record["key"][:12], record["kind"], record["method"], str(record["seed"])]
            cells += [_values(record, layout), f"{record['seconds']:.1f}"]
            place = anchor(source, record["kind"], record["method"])
            rows += _row(cells, identity=None if place in seen else place)
            seen.add(place)
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
    found = {m.name: record["metrics"].get(m.name) for m in layout.measures if m.kind == record["kind"]}
    texts = {name: "undefined" if value is None else f"{value:.6g}" for name, value in found.items()}
    mark = " †" if record.get("earlier_code") else ""
    return ", ".join(f"{name} {text}" for name, text in texts.items()) + mark
