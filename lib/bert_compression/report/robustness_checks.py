"""Is the robustness of a quantized model its own? Two ways to be fooled, laid out as tables.

Adversarial texts made for one model and given to another: whatever model they were not made for looks robust.
And a model that answers differently in company: what an attack finds in a batch may not hold alone.
Book: notebooks/loyalty/quantized_robustness, metrics/robustness.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from statistics import fmean

from bert_compression.report.layouts import Layout
from bert_compression.report.shown import Shown, scrolling_table, tag

NOT_RUN = "not run"
TEACHER = "teacher"


def transfer_table(sources: Mapping[str, Sequence[Mapping]], methods: Sequence[str], layout: Layout) -> Shown:
    """Of the texts that fooled one model, how many fool the other? In both directions, a line a method.

    A rate counts only texts that the judged model answers correctly as they stood. Beside it what a careless
    judge would report as robustness: the accuracy on all attacked texts, borrowed from the other model's
    attack, against the accuracy under an attack of its own.
    """
    heads = (
        "Quantized model",
        "Records",
        "Texts that fooled the teacher fool it, too",
        "Texts that fooled it fool the teacher, too",
        "Accuracy on texts borrowed from the teacher",
        "Accuracy under an attack of its own",
    )
    rows = []
    for method in methods:
        for source, records in sources.items():
            there, back = _transfers(records, TEACHER, method), _transfers(records, method, TEACHER)
            own = [r for r in _of(records, "attack", method, layout) if not r["params"].get("in_company")]
            borrowed = _percent(there, "accuracy_on_borrowed_texts")
            rates = [_rate(there), _rate(back), borrowed, _percent(own, "after_attack_accuracy")]
            rows.append([layout.row(method).label, source, *rates])
    caption = "Transfer of adversarial texts between the teacher and its quantized copies, in percent."
    return _table(caption, heads, rows)


def company_table(sources: Mapping[str, Sequence[Mapping]], methods: Sequence[str], layout: Layout) -> Shown:
    """What changes when a model whose answers depend on its batch is asked in batches of 32?"""
    heads = (
        "Quantized model",
        "Records",
        "Labels that differ",
        "Accuracy alone",
        "in batches",
        "After-attack accuracy, attacked alone",
        "attacked in batches",
        "Successes in batches that do not hold alone",
    )
    rows = []
    for method in methods:
        for source, records in sources.items():
            answers, attacks = (_matched(records, kind, method, layout) for kind in ("predict", "attack"))
            changed = [_share_changed(*pair) for pair in answers]
            lost = [crowd["metrics"]["successes_lost_alone"] for _, crowd in attacks]
            found = [crowd["metrics"]["successes"] for _, crowd in attacks]
            rows.append(
                [
                    layout.row(method).label,
                    source,
                    f"{100 * fmean(changed):.2f} %" if changed else NOT_RUN,
                    *(_percent([pair[side] for pair in answers], "accuracy") for side in (0, 1)),
                    *(_percent([pair[side] for pair in attacks], "after_attack_accuracy") for side in (0, 1)),
                    f"{sum(lost)} of {sum(found) + sum(lost)}" if attacks else NOT_RUN,
                ]
            )
    caption = "The same models asked alone and in batches of 32: what company changes. Seeds that have both."
    return _table(caption, heads, rows)


def transfer_facts(records: Sequence[Mapping], methods: Sequence[str]) -> dict[str, str]:
    """Numbers for sentences: `<method>_from_teacher` and `<method>_to_teacher`, each a rate as it prints."""
    facts = {}
    for method in methods:
        facts[f"{method}_from_teacher"] = _percent(_transfers(records, TEACHER, method), "transfer_rate")
        facts[f"{method}_to_teacher"] = _percent(_transfers(records, method, TEACHER), "transfer_rate")
    return facts


def _transfers(records: Iterable[Mapping], made_for: str, judged: str) -> list[Mapping]:
    return [
        record
        for record in records
        if (record["kind"], record["status"], record["method"]) == ("transfer", "ok", judged)
        and record["params"]["made_for"] == made_for
    ]


def _of(records: Iterable[Mapping], kind: str, method: str, layout: Layout) -> list[Mapping]:
    """A method's records of a kind on the table's main split, those in company among them."""
    return [
        record
        for record in records
        if (record["kind"], record["method"], record["task"]) == (kind, method, layout.task)
        and record["params"].get("split") == layout.main_split
        and record["status"] == "ok"
    ]


def _matched(
    records: Sequence[Mapping], kind: str, method: str, layout: Layout
) -> list[tuple[Mapping, Mapping]]:
    """For each seed that has both: the record alone, and the record in company."""
    found: dict[bool, dict[int, Mapping]] = {False: {}, True: {}}
    for record in _of(records, kind, method, layout):
        found[bool(record["params"].get("in_company"))][record["seed"]] = record
    alone, crowd = found[False], found[True]
    return [(alone[seed], crowd[seed]) for seed in sorted(alone.keys() & crowd.keys())]


def _share_changed(first: Mapping, second: Mapping) -> float:
    pairs = zip(first["per_example"]["predictions"], second["per_example"]["predictions"], strict=True)
    return fmean(a != b for a, b in pairs)


def _percent(records: Sequence[Mapping], metric: str) -> str:
    return f"{100 * fmean(record['metrics'][metric] for record in records):.1f} %" if records else NOT_RUN


def _rate(records: Sequence[Mapping]) -> str:
    """The transfer rate with the number of texts that it rests on and its interval over them."""
    if not records:
        return NOT_RUN
    judged = sum(record["metrics"]["texts_judged"] for record in records)
    rate, low, high = (
        100 * fmean(record["metrics"][f"transfer_rate{end}"] for record in records)
        for end in ("", "_low", "_high")
    )
    return f"{rate:.1f} % [{low:.1f}, {high:.1f}] of {judged}"


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Shown:
    head = tag("thead", tag("tr", *(tag("th", escape(title), scope="col") for title in heads)))
    body = ""
    for label, *cells in rows:
        name = tag("th", escape(label), scope="row")
        body += tag("tr", name, *(tag("td", escape(cell), class_="bc-one-line") for cell in cells))
    plain = "\n".join("  ".join(row) for row in (heads, *rows))
    return Shown(text=plain, html=scrolling_table(caption, head, tag("tbody", body)))
