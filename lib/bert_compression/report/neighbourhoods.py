"""How alike models represent the same questions, beyond one number a pair; and how well they notice others.

Drawn from records of the kinds "alike" and "outliers". Book: notebooks/miniature.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bert_compression.report.figures import picture
from bert_compression.report.shown import Shown, scrolling_table, tag

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JACCARD = re.compile(r"neighbour_jaccard_(\d+)")
SAME, CHANCE = "the same with another seed", "chance"
NOTICED = {"auroc": "AUROC (%)", "fpr95": "FPR95 (%)", "flagged": "flagged (%)"}


def neighbours_by_k(records: Iterable[Mapping], methods: Sequence[str]) -> pd.DataFrame:
    """What of its neighbours does the first of these models share with each of the others, by how many are
    looked at? Columns: other (a method, or `SAME`, or `CHANCE`), k, jaccard (in percent)."""
    lines = []
    for record in _with_first(records, methods):
        other = SAME if record["params"]["other"] == methods[0] else record["params"]["other"]
        for name, value in record["metrics"].items():
            if match := JACCARD.fullmatch(name):
                k = int(match.group(1))
                lines.append({"other": other, "k": k, "jaccard": 100 * value})
                lines.append({"other": CHANCE, "k": k, "jaccard": 100 * record["metrics"][f"{name}_chance"]})
    table = pd.DataFrame(lines, columns=["other", "k", "jaccard"])
    return table.groupby(["other", "k"], as_index=False).jaccard.mean()


def neighbours_picture(sources: Mapping[str, Sequence[Mapping]], methods: Sequence[str]) -> Shown:
    """A panel a source: neighbours in common with the first model, by their number, a line for each other."""
    import seaborn
    from matplotlib.figure import Figure

    tables = {source: neighbours_by_k(records, methods) for source, records in sources.items()}
    drawn = {source: table for source, table in tables.items() if len(table)}
    figure = Figure(figsize=(8, 3.6 * max(1, len(drawn))), layout="constrained")
    panels = figure.subplots(max(1, len(drawn)), squeeze=False)[:, 0]
    order = [*methods[1:], SAME, CHANCE]
    dashes = {name: "" if name in methods else (4, 2) if name == SAME else (1, 1) for name in order}
    for axes, (source, table) in zip(panels, drawn.items(), strict=False):
        look = {"hue": "other", "style": "other", "hue_order": order, "style_order": order, "dashes": dashes}
        seaborn.lineplot(table, x="k", y="jaccard", palette="colorblind", ax=axes, **look)
        axes.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
        axes.set_title(source, loc="left", fontweight="bold")
        axes.set(xlabel="neighbours looked at, K", ylabel="in common (%)", xscale="log")
        axes.set_xticks(sorted(set(table.k)), [str(k) for k in sorted(set(table.k))], minor=False)
        axes.grid(color="0.92")
        axes.spines[["top", "right"]].set_visible(False)
    words = " ".join(f"Panel “{source}”: {_in_words(table)}" for source, table in tables.items())
    return picture(figure, f"Neighbours in common with {methods[0]}, in percent, by their number. {words}")


def _in_words(table: pd.DataFrame) -> str:
    lines = (
        f"{other}: " + ", ".join(f"{line.jaccard:.1f} of {line.k}" for line in lines.itertuples())
        for other, lines in table.groupby("other")
    )
    return "; ".join(lines) + "." if len(table) else "nothing yet."


def cka_picture(sources: Mapping[str, Sequence[Mapping]], methods: Sequence[str]) -> Shown:
    """A row a source: for each other model a map of its layers, to the right, against those of the first,
    upwards; the lighter, the more alike."""
    drawn = {source: found for source, each in sources.items() if (found := _cka(each, methods))}
    words = []
    for source in sources:
        told = (
            f"{other}: last layers {100 * cka[-1, -1]:.0f}" for other, cka in drawn.get(source, {}).items()
        )
        words.append(f"Panel “{source}”: {', '.join(told) or 'nothing yet'}.")
    return picture(
        _layers(drawn, methods[0]),
        f"Linear CKA of every layer of {methods[0]} with every layer of the others, in percent. "
        + " ".join(words),
    )


def _cka(records: Iterable[Mapping], methods: Sequence[str]) -> dict[str, np.ndarray]:
    """Of each other model the mean over seeds: (layers of the first, layers of the other)."""
    found: dict[str, list] = {}
    for record in _with_first(records, methods):
        if record["params"]["other"] != methods[0]:
            found.setdefault(record["params"]["other"], []).append(record["per_example"]["cka"])
    return {other: np.mean(found[other], axis=0) for other in methods if other in found}


def _layers(drawn: Mapping[str, Mapping[str, np.ndarray]], first: str) -> "Figure":
    from matplotlib.figure import Figure

    columns = max((len(found) for found in drawn.values()), default=1)
    figure = Figure(figsize=(1.9 * columns + 0.6, 2.3 * max(1, len(drawn))), layout="constrained")
    panels = figure.subplots(max(1, len(drawn)), columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for row, (source, found) in zip(panels, drawn.items(), strict=False):
        for axes, (other, cka) in zip(row, found.items(), strict=False):
            axes.set_axis_on()
            axes.imshow(cka, vmin=0, vmax=1, cmap="viridis", origin="lower")
            for at, value in np.ndenumerate(cka):
                if cka.size <= 49:
                    colour = "black" if value > 0.5 else "white"
                    axes.text(
                        at[1], at[0], f"{100 * value:.0f}", ha="center", va="center", size=6, color=colour
                    )
            axes.set_title(f"{source}: {other}", fontsize=8)
            axes.set_xticks(range(cka.shape[1]), range(1, cka.shape[1] + 1), fontsize=6)
            axes.set_yticks(range(cka.shape[0]), range(1, cka.shape[0] + 1), fontsize=6)
        row[0].set_ylabel(f"layer of {first}", fontsize=8)
    return figure


def outliers_table(sources: Mapping[str, Sequence[Mapping]], methods: Sequence[str]) -> Shown:
    """A line a model: how well it tells each set of foreign questions from those of its own kind, mean over
    seeds."""
    found = pd.DataFrame(
        [
            {
                "source": source,
                "task": r["task"],
                "method": r["method"],
                **{n: r["metrics"][n] for n in NOTICED},
            }
            for source, records in sources.items()
            for r in records
            if r["kind"] == "outliers" and r["status"] == "ok" and r["method"] in methods
        ],
        columns=["source", "task", "method", *NOTICED],
    )
    means = 100 * found.groupby(["source", "task", "method"])[list(NOTICED)].mean()
    sets = list(dict.fromkeys((source, task) for source, task, _ in means.index))
    above = "".join(tag("th", escape(f"{s}, {t}"), scope="colgroup", colspan=len(NOTICED)) for s, t in sets)
    below = "".join(tag("th", name, scope="col") for _ in sets for name in NOTICED.values())
    head = tag("thead", tag("tr", tag("th", "Model", scope="col", rowspan=2), above), tag("tr", below))
    lines = ""
    for method in methods:
        cells = ""
        for source, task in sets:
            there = (source, task, method) in means.index
            for name in NOTICED:
                cells += tag("td", f"{means.loc[(source, task, method), name]:.1f}" if there else "not run")
        lines += tag("tr", tag("th", escape(method), scope="row"), cells)
    caption = "How well foreign questions are noticed, mean over seeds."
    return Shown(means.round(1).to_string(), html=scrolling_table(caption, head, tag("tbody", lines)))


def _with_first(records: Iterable[Mapping], methods: Sequence[str]) -> list[Mapping]:
    """The comparisons of the first model with another, or with itself at another seed."""
    return [
        r
        for r in records
        if r["kind"] == "alike"
        and r["status"] == "ok"
        and r["method"] == methods[0]
        and (r["seed"] == r["params"]["other_seed"]) != (r["params"]["other"] == methods[0])
    ]
