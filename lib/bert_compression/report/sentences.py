"""Sentences whose numbers come from a table: the words stand in the notebook, the numbers in the records."""

from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace

import pandas as pd

from bert_compression.report.layouts import Layout, place_of
from bert_compression.report.shown import Shown
from bert_compression.report.tables import MEASURED, relevant


def say(table: pd.DataFrame, template: str, **words: str) -> Shown:
    """Fill a sentence with the numbers of a table made by `measured`, and with further words by name.

    `{kd.label_loyalty}` is the printed value of that cell; `{highest.label_loyalty}` and
    `{lowest.label_loyalty}` name the compressed model with the largest and the smallest value, and that
    value. A cell without a value is filled with the reason, such as "not run".
    """
    methods, measures = (list(dict.fromkeys(table[name])) for name in ("method", "measure"))
    fields = {method: SimpleNamespace(**table.loc[method].text) for method in methods}
    for word, choose in (("highest", max), ("lowest", min)):
        found = {measure: _extreme(table[table.measure == measure], choose) for measure in measures}
        fields[word] = SimpleNamespace(**found)
    sentence = template.format(**fields, **words).replace(" %", "\u00a0%")  # never at the end of a line
    return Shown(text=sentence, markdown=sentence)


def _extreme(column: pd.DataFrame, choose: Callable) -> str:
    cells = column[(column.status == MEASURED) & (column.method != "teacher")]
    if cells.empty:
        return "not run"
    wanted = cells.text[cells.value == choose(cells.value)].iloc[0]
    # Models that print the same share the place: a difference that cannot be seen is not claimed.
    return f"{' and '.join(cells.label[cells.text == wanted])} ({wanted})"


def sizes_of(records: Iterable[Mapping], layout: Layout) -> str:
    """On how much do the answers of each task rest? Such as "QQP 1 seed and 1,000 texts; RTE ..."."""
    answers: dict[str, tuple[set, int]] = {}
    for record in relevant(records, layout):
        if record["kind"] == "predict" and record["status"] == "ok":
            for measure in layout.measures:
                if layout.place(measure) == place_of(record):
                    seeds, _ = answers.get(measure.label, (set(), 0))
                    answers[measure.label] = (seeds | {record["seed"]}, len(record["per_example"]["gold"]))
    told = [
        f"{label} {len(seeds)} seed{'s' if len(seeds) > 1 else ''} and {texts:,} texts"
        for label, (seeds, texts) in answers.items()
    ]
    return "; ".join(told) or "nothing yet"


def size_of(records: Iterable[Mapping], layout: Layout) -> str:
    """On how much do these records rest? Such as "3 seeds, 872 texts, 400 of them attacked".

    Where methods have been measured with different numbers of seeds, "1 to 3 seeds".
    """
    done = [record for record in relevant(records, layout) if record["status"] == "ok"]
    answered = {r["params"]["split"]: len(r["per_example"]["gold"]) for r in done if r["kind"] == "predict"}
    attacked = [len(record["per_example"]["outcomes"]) for record in done if record["kind"] == "attack"]
    if layout.main_split not in answered or not attacked:
        return "nothing yet"
    methods = {record["method"] for record in done}
    numbers = {len({r["seed"] for r in done if r["method"] == method}) for method in methods}
    few, many = min(numbers), max(numbers)
    seeds = f"{few} to {many} seeds" if few < many else "1 seed" if many == 1 else f"{many} seeds"
    others = "".join(
        f", and {answered[split]:,} of {split}" for split in answered if split != layout.main_split
    )
    return f"{seeds}, {answered[layout.main_split]:,} texts, {max(attacked):,} of them attacked{others}"
