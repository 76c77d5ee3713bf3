"""What attacks on long reviews take from models: tables for the figures, the figures, sentences.

Book: notebooks/miniature/adversarial_weakness.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from bert_compression.errors import BadInput
from bert_compression.experiments import per_example
from bert_compression.metrics import accuracy_within_budget
from bert_compression.papers.miniature.overlap import LARGEST, SMALLER
from bert_compression.papers.miniature.tables import ATTACK_NAMES, ATTACK_SETTINGS, MODELS, WEAKNESSES
from bert_compression.report.figures import by_panel, picture
from bert_compression.report.html import Shown, tag
from bert_compression.report.passport import rests_on
from bert_compression.report.records import Source
from bert_compression.report.sentences import said
from bert_compression.report.tables import Table
from bert_compression.report.views import in_two_views

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = {"candidates": "K = {}", "threshold": "threshold {:g}", "subwords": "sub-words {}"}
STEPS = 200  # of a curve of budgets
TOLD = (0, 50, 100, 200, 400)  # budgets that the words give: the picture shows all


def attacked(source: Source, table: Table = WEAKNESSES) -> list[Mapping]:
    """The attacks of a table that came to their end: by model, from the largest, then by seed and attack."""
    done = [record for record in source.of(table) if record["status"] == "ok"]
    return sorted(done, key=lambda r: (list(MODELS).index(r["method"]), r["seed"]))


def of_recipe(records: Iterable[Mapping], recipe: str) -> list[Mapping]:
    """The records of one attack."""
    return [record for record in records if record["params"]["recipe"] == recipe]


def degradation_table(source: Source, table: Table = WEAKNESSES) -> "pd.DataFrame":
    """Columns: model, attack, settings, before, after (in percent), the means over seeds; the largest model
    first."""
    import pandas as pd

    lines = [
        (
            record["method"],
            ATTACK_NAMES[record["params"]["recipe"]],
            _told(record["params"]["settings"]),
            *(100 * record["metrics"][name] for name in ("clean_accuracy", "after_attack_accuracy")),
        )
        for record in attacked(source, table)
    ]
    frame = pd.DataFrame(lines, columns=["model", "attack", "settings", "before", "after"])
    means = frame.groupby(["model", "attack", "settings"], as_index=False).mean()
    return means.sort_values("model", key=lambda column: column.map(list(MODELS).index), kind="stable")


def settings_table(source: Source) -> "pd.DataFrame":
    """The same for BERT-ATTACK with other settings."""
    return degradation_table(source, ATTACK_SETTINGS)


def _told(settings: Mapping) -> str:
    """Such as "K = 48, threshold 0, sub-words on"."""
    words = {True: "on", False: "off"}
    told = (
        text.format(words[settings[name]] if isinstance(settings[name], bool) else settings[name])
        for name, text in SETTINGS.items()
        if name in settings
    )
    return ", ".join(told)


@in_two_views
def degradation_picture(
    tables: "Mapping[str, pd.DataFrame]", by: str, sources: Mapping[str, Source], table: Table
) -> Shown:
    """A panel a table and attack: for each model, or each of the settings, an arrow from the accuracy before
    the attack to what is left. `by` is "model" or "settings"; `sources` hold the records of the paper's
    `table` that they come from."""
    from matplotlib.figure import Figure

    beside: dict[str, Any] = {"textcoords": "offset points", "size": 8, "ha": "right"}
    panels = {
        f"{source}, {attack}": lines
        for source, found in tables.items()
        for attack, lines in found.groupby("attack")
    }
    heights = [1 + 0.32 * len(lines) for lines in panels.values()] or [1]
    figure = Figure(figsize=(8, sum(heights)), layout="constrained")
    every = figure.subplots(len(heights), squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, lines) in zip(every, panels.items(), strict=False):
        for place, line in enumerate(lines.itertuples()):
            axes.annotate("", (line.after, place), (line.before, place), arrowprops={"arrowstyle": "->"})
            axes.plot([line.before], [place], "o", color="#00508c")
            axes.plot([line.after], [place], "D", color="#c05a00")
            axes.annotate(f"{line.after:.0f}", (line.after, place), (-9, -3), **beside)
            axes.annotate(f"{line.before:.0f}", (line.before, place), (9, -3), **{**beside, "ha": "left"})
        axes.set_yticks(range(len(lines)), list(_names(lines, by)), fontsize=8)
        axes.set_title(title, loc="left", fontweight="bold")
        axes.set(xlabel="accuracy (%)", xlim=(-8, 108), ylim=(len(lines) - 0.5, -0.5))
        axes.grid(color="0.92", axis="x")
        axes.spines[["top", "right"]].set_visible(False)
    words = " ".join(
        f"Panel “{title}”: {_degradation_in_words(lines, by)}" for title, lines in panels.items()
    )
    words = f"Accuracy before and after an attack, in percent. {words or 'Nothing yet.'}"
    rests = rests_on(sources, {table: ()})
    return picture(figure, words, f"before_and_after_by_{by}", by_panel(tables), rests)


def _names(lines: "pd.DataFrame", by: str) -> "pd.Series":
    return lines.model if by == "model" else lines.model + ": " + lines.settings


def _degradation_in_words(lines: "pd.DataFrame", by: str) -> str:
    told = (
        f"{name} {before:.0f} to {after:.0f}"
        for name, before, after in zip(_names(lines, by), lines.before, lines.after, strict=True)
    )
    return ", ".join(told) + "."


def budget_table(source: Source) -> "pd.DataFrame":
    """Accuracy within a budget of queries. Columns: model, attack, seed, budget (queries about a text),
    accuracy (in percent); the largest model first. The budgets reach to the most that any text took."""
    import pandas as pd

    found = attacked(source)
    most = max((max(per_example(record, "queries")) for record in found), default=0)
    budgets = np.unique([*np.linspace(0, most, STEPS).astype(int), *(b for b in TOLD if b <= most)])
    lines = []
    for record in found:
        outcomes, queries = per_example(record, "outcomes"), per_example(record, "queries")
        left = accuracy_within_budget(outcomes, queries, budgets)
        model = (record["method"], ATTACK_NAMES[record["params"]["recipe"]], record["seed"])
        lines += [(*model, int(budget), 100 * share) for budget, share in zip(budgets, left, strict=True)]
    return pd.DataFrame(lines, columns=["model", "attack", "seed", "budget", "accuracy"])


def left_within(source: Source, budget: int) -> Shown:
    """How much accuracy each model has left within a budget of queries, mean over seeds: a line an attack.

    Raises BadInput for a negative budget.
    """
    if budget < 0:
        raise BadInput(f"a budget of queries is at least 0, not {budget}")
    left: dict[str, dict[str, list[float]]] = {name: {} for name in ATTACK_NAMES.values()}
    for record in attacked(source):
        outcomes, queries = per_example(record, "outcomes"), per_example(record, "queries")
        (share,) = accuracy_within_budget(outcomes, queries, [budget])
        left[ATTACK_NAMES[record["params"]["recipe"]]].setdefault(record["method"], []).append(share)
    sentences = [
        f"{name}, {budget} queries: "
        + ", ".join(f"{model} {100 * np.mean(shares):.1f} %" for model, shares in models.items())
        for name, models in left.items()
    ]
    return said("; ".join(sentences) + ".")


@in_two_views
def budget_picture(
    tables: "Mapping[str, pd.DataFrame]", sources: Mapping[str, Source], table: Table
) -> Shown:
    """A row of panels a table, a panel an attack, a line a model: the mean over seeds, and a band from the
    lowest to the highest seed. `sources` hold the records of the paper's `table` that they come from."""
    import seaborn
    from matplotlib.figure import Figure

    drawn = {source: found for source, found in tables.items() if len(found)}
    figure = Figure(figsize=(9, 3.4 * max(1, len(drawn))), layout="constrained")
    rows = figure.subplots(max(1, len(drawn)), len(ATTACK_NAMES), squeeze=False, sharey=True)
    for panels, (source, found) in zip(rows, drawn.items(), strict=False):
        for axes, attack in zip(panels, ATTACK_NAMES.values(), strict=True):
            lines = found[found.attack == attack]
            order = list(dict.fromkeys(found.model))
            look = {"hue": "model", "style": "model", "hue_order": order, "style_order": order}
            seaborn.lineplot(
                lines, x="budget", y="accuracy", errorbar=("pi", 100), palette="colorblind", ax=axes, **look
            )
            axes.legend(frameon=False, fontsize="small")
            axes.set_title(f"{source}, {attack}", loc="left", fontweight="bold", fontsize="medium")
            axes.set(xlabel="queries about a review, at most", ylabel="accuracy left (%)", ylim=(0, 100))
            axes.grid(color="0.92")
            axes.spines[["top", "right"]].set_visible(False)
    words = " ".join(f"Panel “{source}”: {_budget_in_words(found)}" for source, found in tables.items())
    words = f"Accuracy, in percent, that is left within a budget of queries. {words}"
    lines = by_panel(tables).groupby(["panel", "attack", "model", "budget"], sort=False)
    band = lines.accuracy.agg(["mean", "min", "max"]).reset_index()
    return picture(figure, words, "accuracy_within_a_budget", band, rests_on(sources, {table: ()}))


def _budget_in_words(table: "pd.DataFrame") -> str:
    means = table[table.budget.isin(TOLD)].groupby(["attack", "model", "budget"], sort=False).accuracy.mean()
    lines = (
        f"{attack} on {model}: "
        + ", ".join(f"{left:.0f} at {budget}" for budget, left in own.droplevel([0, 1]).items())
        for (attack, model), own in means.groupby(level=[0, 1], sort=False)
    )
    return "; ".join(lines) + "." if len(table) else "nothing yet."


def between_seeds(source: Source) -> Shown:
    """For each attack: what share of its accuracy does the largest model lose, seed by seed, and how far from
    the mean of these are the means of the other models at most?"""
    done = attacked(source)
    sentences = []
    for recipe, name in ATTACK_NAMES.items():
        lost: dict[str, dict[int, float]] = {model: {} for model in MODELS}
        for record in of_recipe(done, recipe):
            if "relative_degradation" in record["metrics"]:  # not where no text was right before
                lost[record["method"]][record["seed"]] = 100 * record["metrics"]["relative_degradation"]
        own = lost[LARGEST]
        means = {other: np.mean([*lost[other].values()]) for other in SMALLER if lost[other]}
        if len(own) < 2 or not means:
            continue
        shares = " and ".join(f"{own[seed]:.1f}" for seed in sorted(own))
        middle = np.mean([*own.values()])
        farthest = max(abs(mean - middle) for mean in means.values())
        sentences.append(
            f"{name} takes {shares} % of the accuracy of {LARGEST}, seed by seed: "
            f"{max(own.values()) - min(own.values()):.1f} points apart. "
            f"The means of the other models lie within {farthest:.1f} points of the mean of these."
        )
    text = " ".join(sentences) or "Two seeds of the largest model have not been attacked yet."
    return Shown(text, html=tag("p", escape(text)))
