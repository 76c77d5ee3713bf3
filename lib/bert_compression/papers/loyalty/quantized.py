"""Is the robustness of a quantized model its own? Three ways to be fooled, as tables and as a picture.

Adversarial texts whose source is one model, put to another target: whatever they were not made for looks
robust. A batch-dependent model: what an attack finds in a batch may not hold one at a time. And an attack
that searches in batches and judges alone. Book: notebooks/loyalty/quantized_robustness,
notebooks/loyalty/search_and_verdict, metrics/robustness.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from bert_compression.experiments import per_example
from bert_compression.metrics import FOOLED
from bert_compression.papers.loyalty.tables import QUANTIZED_ROBUSTNESS
from bert_compression.report.figures import picture
from bert_compression.report.html import Shown, signed
from bert_compression.report.passport import measured_table, rests_on
from bert_compression.report.records import NOT_RUN, Source
from bert_compression.report.reported import reported_value
from bert_compression.report.tables import Row, Table
from bert_compression.report.views import in_two_views


@in_two_views
def transfer_table(sources: Mapping[str, Source]) -> Shown:
    """Of the adversarial texts made for one model, how many fool the other? In both directions, a line a
    model.

    A rate counts only texts that the target answers correctly as they stood. Next to it what a careless judge
    would report as robustness: the accuracy on all attacked texts, transferred from the other model's attack,
    and the accuracy under an attack of its own; all at the seeds that have all of them.
    """
    heads = [
        "Quantized model",
        "Records",
        "Texts that fooled the teacher fool it, too",
        "Texts that fooled it fool the teacher, too",
        "Accuracy on texts transferred from the teacher",
        "Accuracy under an attack of its own",
    ]
    rows = []
    for row in QUANTIZED_ROBUSTNESS.rows:
        for name, source in sources.items():
            rows.append([row.label, name, *_transferred(source, row.method)])
    caption = "Transfer of adversarial texts between the teacher and its quantized copies, in percent."
    cells = [(row.method, column) for row in QUANTIZED_ROBUSTNESS.rows for column in TRANSFERS]
    rests = rests_on(sources, {QUANTIZED_ROBUSTNESS: cells})
    return measured_table(caption, heads, rows, "transfer", rests)


TRANSFERS = ("from_teacher", "to_teacher", "attacked")
BATCHED = ("q8_ptq_int8", "q8_ptq_dynamic")  # the models whose answers depend on the batch
ASKED = (("accuracy", "accuracy_batched"), ("attacked", "attacked_batched"))


@in_two_views
def batch_table(sources: Mapping[str, Source]) -> Shown:
    """What changes when a batch-dependent model is asked in batches of 32?"""
    heads = [
        "Quantized model",
        "Records",
        "Labels that differ",
        "Accuracy, one at a time",
        "in batches",
        "After-attack accuracy, attacked one at a time",
        "in batches, judged alone",
        "in batches, as found",
        "Successes in batches that do not hold alone",
    ]
    rows = []
    for method in BATCHED:
        for name, source in sources.items():
            answers, attacks = (_both(source, method, *columns) for columns in ASKED)
            changed = [
                float((per_example(one, "predictions") != per_example(other, "predictions")).mean())
                for one, other in answers
            ]
            lost = sum(batched["metrics"]["successes_lost_alone"] for _, batched in attacks)
            kept = sum(batched["metrics"]["successes"] for _, batched in attacks)
            rows.append(
                [
                    QUANTIZED_ROBUSTNESS.row(method).label,
                    name,
                    f"{100 * fmean(changed):.2f} %" if changed else NOT_RUN,
                    *(_percent([pair[side] for pair in answers], "accuracy") for side in (0, 1)),
                    *_attacked(attacks),
                    f"{lost} of {kept + lost}" if attacks else NOT_RUN,
                ]
            )
    caption = "The same models asked one at a time and in batches of 32: what a batch changes."
    cells = [(method, column) for method in BATCHED for pair in ASKED for column in pair]
    return measured_table(caption, heads, rows, "batches", rests_on(sources, {QUANTIZED_ROBUSTNESS: cells}))


def _attacked(attacks: Sequence[tuple[Mapping, Mapping]]) -> list[str]:
    """After-attack accuracy one at a time; searched in batches and judged alone; and as the batches found
    it."""
    alone, judged = (_percent([pair[side] for pair in attacks], "after_attack_accuracy") for side in (0, 1))
    found = [
        each["metrics"]["after_attack_accuracy"]
        - each["metrics"]["successes_lost_alone"] / each["data"]["rows"]
        for _, each in attacks
    ]
    return [alone, judged, f"{100 * fmean(found):.1f} %" if found else NOT_RUN]


def batch_facts(source: Source, method: str = "q8_ptq_int8") -> dict[str, str]:
    """Numbers for sentences, of the seeds that have been attacked both ways: what an attack leaves a model
    "alone", searched in batches and "judged" alone, and "found" in batches; and at which "seeds"."""
    attacks = _both(source, method, "attacked", "attacked_batched")
    seeds = ", ".join(str(one["seed"]) for one, _ in attacks) or NOT_RUN
    return dict(zip(("alone", "judged", "found"), _attacked(attacks), strict=True)) | {"seeds": seeds}


# How a text's search and its verdict are drawn: marker, colours of edge and face.
PROTOCOLS = {
    "alone": ("o", "black", "white"),
    "released": ("D", "black", "tab:orange"),
    "as_found": ("v", "0.45", "0.8"),
}


def search_picture(source: Source, *tables: Table) -> Shown:
    """By how much does an attack leave each model more than its teacher, by who is in the batch while
    searching and while judging? A panel a table, a line a model that was searched in batches, small marks for
    single seeds, the same in all three protocols, and what the paper reports as crosses: it does not say by
    which protocol."""
    import pandas as pd
    from matplotlib.figure import Figure

    drawn = {
        table: rows
        for table in tables
        if (rows := [row for row in table.rows[1:] if source.done(table, row.method, "released")])
    }
    lines = sum(map(len, drawn.values()))
    figure = Figure(figsize=(7, 0.42 * lines + 0.5 * len(drawn) + 1.2), layout="constrained")
    ratios = [len(rows) for rows in drawn.values()] or [1]
    panels = figure.subplots(
        len(ratios), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": ratios}
    )[:, 0]
    words, points = [], []
    for axes, (table, rows) in zip(panels, drawn.items(), strict=False):
        axes.axvline(0, color="0.5", lw=1)
        for place, row in enumerate(rows):
            told = []
            over = {name: _over_teacher(source, table, row, name) for name in PROTOCOLS}
            seeds = set.intersection(*(set(of_seeds) for of_seeds in over.values() if of_seeds))
            for shift, (name, (marker, edge, face)) in zip((-0.16, 0, 0.16), PROTOCOLS.items(), strict=True):
                gains = [gain for seed, gain in over[name].items() if seed in seeds]
                for seed in sorted(seeds & over[name].keys()):
                    points.append((table.name, row.method, row.label, name, seed, over[name][seed]))
                if gains:
                    axes.plot(gains, [place + shift] * len(gains), marker, color=edge, ms=2.5, alpha=0.5)
                    axes.plot(fmean(gains), place + shift, marker, mec=edge, mfc=face, ms=8)
                mean = signed(fmean(gains), 1) if gains else NOT_RUN
                told.append(f"{table.column(name).label.lower()} {mean}")
            papers = [reported_value(table, each, table.column("released")) for each in (row, table.rows[0])]
            paper = papers[0] - papers[1]
            if not math.isnan(paper):
                axes.plot(paper, place, "x", color="tab:red", ms=8, mew=2)
                told.append(f"reported {signed(paper, 1)}")
                points.append((table.name, row.method, row.label, "reported", None, paper))
            at = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, sorted(seeds)))}"
            words.append(f"{table.title}, {row.label}, {at}: {'; '.join(told)}.")
        axes.set_yticks(range(len(rows)), [row.short_label for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_title(table.title, loc="left", fontweight="bold")
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("after-attack accuracy: points above the teacher, in the same protocol")
    marks = [
        *(
            panels[0].plot([], [], m, mec=e, mfc=f, ms=8, label=tables[0].column(name).label)[0]
            for name, (m, e, f) in PROTOCOLS.items()
        ),
        panels[0].plot([], [], "x", color="tab:red", ms=8, mew=2, label="Reported")[0],
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=4, frameon=False, fontsize="small")
    sources, columns = {source.name: source}, tuple(PROTOCOLS)
    cells = {table: [(row.method, name) for row in table.rows for name in columns] for table in tables}
    return picture(
        figure,
        f"Points above the teacher. {' '.join(words)}"
        if words
        else "Nothing has been searched in batches yet.",
        "loyalty_search_and_verdict",
        pd.DataFrame(points, columns=["table", "method", "label", "protocol", "seed", "over_teacher"]),
        rests_on(sources, cells),
    )


def _over_teacher(source: Source, table: Table, row: Row, name: str) -> dict[int, float]:
    """By how many points a model exceeds its teacher in a column, by seed, at those that both have."""
    model, teacher = source.shared(table, (row, table.rows[0]), table.column(name))
    return {seed: value - teacher[seed] for seed, value in model.items()}


def lost_successes(source: Source, table: Table, method: str) -> tuple[int, int, int]:
    """Of a model that was searched in batches: the successes that the search found, over all seeds; those of
    them that did not hold for the text alone; and of these the texts that fool the model all the same where
    search and verdict are alone. Had it become robust, they would not."""
    found = lost = fallen = 0
    alone = {record["seed"]: record for record in source.done(table, method, "alone")}
    for record in source.done(table, method, "released"):
        if record["seed"] in alone:
            as_found, judged = (per_example(record, name) for name in ("as_found", "outcomes"))
            gone = (as_found == FOOLED) & (judged != FOOLED)
            found += int((as_found == FOOLED).sum())
            lost += int(gone.sum())
            fallen += int((gone & (per_example(alone[record["seed"]], "outcomes") == FOOLED)).sum())
    return found, lost, fallen


def transfer_facts(source: Source) -> dict[str, str]:
    """Numbers for sentences, as they print: the rates `<method>_from_teacher` and `<method>_to_teacher`, and
    `<method>_attacked`, the accuracy under an attack of its own at the same seeds."""
    found: dict[str, str] = {}
    for row in QUANTIZED_ROBUSTNESS.rows:
        there, back, own = _at_shared_seeds(source, row.method)
        rates = [_percent(there, "transfer_rate"), _percent(back, "transfer_rate")]
        told = (*rates, _percent(own, "after_attack_accuracy"))
        found |= {f"{row.method}_{column}": text for column, text in zip(TRANSFERS, told, strict=True)}
    return found


def _transferred(source: Source, method: str) -> list[str]:
    there, back, own = _at_shared_seeds(source, method)
    transferred = _percent(there, "accuracy_on_transferred_texts")
    return [_rate(there), _rate(back), transferred, _percent(own, "after_attack_accuracy")]


def _at_shared_seeds(source: Source, method: str) -> list[list[Mapping]]:
    """The records of the columns `TRANSFERS`, at the seeds that all of them have that have any."""
    columns = [_done(source, method, column) for column in TRANSFERS]
    there = [{record["seed"] for record in found} for found in columns if found]
    seeds = set.intersection(*there) if there else set()
    return [[record for record in found if record["seed"] in seeds] for found in columns]


def _done(source: Source, method: str, column: str) -> list[Mapping]:
    return source.done(QUANTIZED_ROBUSTNESS, method, column)


def _both(source: Source, method: str, one: str, other: str) -> list[tuple[Mapping, Mapping]]:
    """For each seed that has both: the record of either column."""
    first, second = ({r["seed"]: r for r in _done(source, method, column)} for column in (one, other))
    return [(first[seed], second[seed]) for seed in sorted(first.keys() & second.keys())]


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
