"""Sentences whose numbers come from a table: the words stand in the notebook, the numbers in the records."""

from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace

import pandas as pd

from bert_compression.report.layouts import LOYALTY_TABLE_3, Layout, Measure
from bert_compression.report.shown import Shown
from bert_compression.report.tables import MEASURED, cell_text, relevant


def say(table: pd.DataFrame, template: str, layout: Layout = LOYALTY_TABLE_3, **words: str) -> Shown:
    """Fill a sentence with the numbers of a table made by `measured`, and with further words by name.

    `{kd.label_loyalty}` is the printed value of that cell; `{highest.label_loyalty}` and
    `{lowest.label_loyalty}` name the compressed model with the largest and the smallest value, and that
    value. A cell without a value is filled with the reason, such as "not run".
    """
    fields = {row.method: SimpleNamespace(**texts(table, row.method, layout)) for row in layout.rows}
    for word, choose in (("highest", max), ("lowest", min)):
        found = {measure.name: _extreme(table, layout, measure, choose) for measure in layout.measures}
        fields[word] = SimpleNamespace(**found)
    sentence = template.format(**fields, **words).replace(" %", "\u00a0%")  # never at the end of a line
    return Shown(text=sentence, markdown=sentence)


def texts(table: pd.DataFrame, method: str, layout: Layout = LOYALTY_TABLE_3) -> dict[str, str]:
    """Every measure of one method as it is printed, by name."""
    return {m.name: cell_text(table.loc[(method, m.name)], m) for m in layout.measures}


def size_of(records: Iterable[Mapping], layout: Layout = LOYALTY_TABLE_3) -> str:
    """On how much do these records rest? Such as "3 seeds, 872 texts, 400 of them attacked"."""
    done = [record for record in relevant(records, layout) if record["status"] == "ok"]
    texts_seen = {len(record["per_example"]["gold"]) for record in done if record["kind"] == "predict"}
    attacked = {len(record["per_example"]["outcomes"]) for record in done if record["kind"] == "attack"}
    if not texts_seen or not attacked:
        return "nothing yet"
    seeds = len({record["seed"] for record in done})
    word = "seed" if seeds == 1 else "seeds"
    return f"{seeds} {word}, {max(texts_seen)} texts, {max(attacked)} of them attacked"


def _extreme(table: pd.DataFrame, layout: Layout, measure: Measure, choose: Callable) -> str:
    cells = table[(table.measure == measure.name) & (table.status == MEASURED) & (table.method != "teacher")]
    if cells.empty:
        return "not run"
    labels = {row.method: row.label for row in layout.rows}
    wanted = measure.text(choose(cells.value))
    # Models that print the same share the place: a difference that cannot be seen is not claimed.
    equal = [labels[cell.method] for cell in cells.itertuples() if measure.text(cell.value) == wanted]
    return f"{' and '.join(equal)} ({wanted})"
