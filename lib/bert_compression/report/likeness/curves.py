"""What models have in common with the largest of them, by a setting that a paper does not name.

Each table has the columns other (a method, or `SAME`, or `CHANCE`), setting, and jaccard (in percent, mean
over pairs of seeds). Book: notebooks/miniature.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from bert_compression.experiments.papers.miniature import seed_pairs
from bert_compression.metrics.agreement import error_jaccard
from bert_compression.report.figures import picture
from bert_compression.report.likeness.matrices import Masks, outliers
from bert_compression.report.shown import Shown

SAME, CHANCE = "the same with another seed", "chance"
COLUMNS = ("other", "setting", "jaccard")
_JACCARD = re.compile(r"neighbour_jaccard_(\d+)")
_THRESHOLDS = (0.25, 0.5, 0.75, 1.0)


def neighbours_by_k(records: Iterable[Mapping], methods: Sequence[str]) -> pd.DataFrame:
    """How many of its nearest neighbours does the first of these models share with each of the others, by how
    many are looked at? From records of the kind "alike"."""
    lines = []
    for record in with_first(records, methods):
        other = SAME if record["params"]["other"] == methods[0] else record["params"]["other"]
        for name, value in record["metrics"].items():
            if match := _JACCARD.fullmatch(name):
                k = int(match.group(1))
                lines.append((other, k, 100 * value))
                lines.append((CHANCE, k, 100 * record["metrics"][f"{name}_chance"]))
    return _means(lines)


def outliers_by_k(records: Sequence[Mapping], methods: Sequence[str], task: str) -> pd.DataFrame:
    """How many of the strange inputs of a foreign task, by which of the nearest training points is looked at?
    From records of the kind "outliers"."""
    tried = sorted({record["params"]["k"] for record in records if record["kind"] == "outliers"})
    return _means(line for k in tried for line in _shared(outliers(records, task, k), methods, k))


def errors_by_threshold(records: Sequence[Mapping], methods: Sequence[str]) -> pd.DataFrame:
    """How many of its errors, if an answer is wrong whose F1 lies below a threshold? At 1 only an answer that
    has the same words is right. From records of the kind "answer"."""
    f1 = {
        (record["method"], record["seed"]): np.asarray(record["per_example"]["answer_f1"])
        for record in records
        if record["kind"] == "answer" and record["status"] == "ok"
    }
    return _means(
        line
        for threshold in _THRESHOLDS
        for line in _shared({model: each < threshold for model, each in f1.items()}, methods, threshold)
    )


def _shared(masks: Masks, methods: Sequence[str], setting: float) -> list[tuple[str, float, float]]:
    """The first model's sets held against those of the others, and its own at another seed."""
    first, *others = methods
    seeds = seed_pairs(sorted({seed for _, seed in masks}))
    pairs = [(name, (first, a), (name, b)) for name in others for a, b in seeds]
    pairs += [(SAME, (first, a), (first, b)) for a, b in seeds if a < b]
    return [
        (name, setting, 100 * error_jaccard(masks[one], masks[other]))
        for name, one, other in pairs
        if one in masks and other in masks
    ]


def _means(lines: Iterable[tuple[str, float, float]]) -> pd.DataFrame:
    return pd.DataFrame(lines, columns=COLUMNS).groupby(["other", "setting"], as_index=False).jaccard.mean()


def curves(
    tables: Mapping[str, pd.DataFrame], methods: Sequence[str], setting: str, shared: str, logarithmic: bool
) -> Shown:
    """A panel a table, a line for each model but the first: `shared` upwards, `setting` to the right."""
    import seaborn
    from matplotlib.figure import Figure

    drawn = {source: table for source, table in tables.items() if len(table)}
    figure = Figure(figsize=(8, 3.6 * max(1, len(drawn))), layout="constrained")
    panels = figure.subplots(max(1, len(drawn)), squeeze=False)[:, 0]
    order = [*methods[1:], SAME, CHANCE]
    dashes = {name: "" if name in methods else (4, 2) if name == SAME else (1, 1) for name in order}
    for axes, (source, table) in zip(panels, drawn.items(), strict=False):
        there = [name for name in order if name in set(table.other)]
        look = {"hue": "other", "style": "other", "hue_order": there, "style_order": there}
        colours = dict(zip(order, seaborn.color_palette("colorblind", len(order)), strict=True))
        seaborn.lineplot(
            table, x="setting", y="jaccard", palette=colours, dashes=dashes, markers=False, ax=axes, **look
        )
        axes.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
        axes.set_title(source, loc="left", fontweight="bold")
        axes.set(xlabel=setting, ylabel=f"{shared} (%)", xscale="log" if logarithmic else "linear")
        ticks = sorted(set(table.setting))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.grid(color="0.92")
        axes.spines[["top", "right"]].set_visible(False)
    words = " ".join(f"Panel “{source}”: {_in_words(table)}" for source, table in tables.items())
    return picture(figure, f"Lines: {shared} with {methods[0]}, in percent, by {setting}. {words}")


def _in_words(table: pd.DataFrame) -> str:
    lines = (
        f"{other}: " + ", ".join(f"{line.jaccard:.1f} at {line.setting:g}" for line in lines.itertuples())
        for other, lines in table.groupby("other")
    )
    return "; ".join(lines) + "." if len(table) else "nothing yet."


def with_first(records: Iterable[Mapping], methods: Sequence[str]) -> list[Mapping]:
    """The comparisons of the first model with another, or with itself at another seed."""
    return [r for r in records if (r["kind"], r["status"], r["method"]) == ("alike", "ok", methods[0])]
