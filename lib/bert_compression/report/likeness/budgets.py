"""What attacks on long reviews leave of models while they may ask only so often.

Drawn from records of the kind "weakness". Book: notebooks/miniature/adversarial_weakness.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from bert_compression.metrics.query_budget import accuracy_within_budget
from bert_compression.report.figures import picture
from bert_compression.report.likeness.weaknesses import ATTACKS, attacked, outcomes_of
from bert_compression.report.shown import Shown

STEPS = 200  # of a curve
TOLD = (0, 50, 100, 200, 400)  # budgets that the words give: the picture shows all


def budget_table(records: Iterable[Mapping], methods: Sequence[str]) -> pd.DataFrame:
    """Columns: model, attack, seed, budget (queries about a text), accuracy (in percent); in the order of
    `methods`. The budgets reach to the most that any text took."""
    found = sorted(attacked(records, methods), key=lambda r: (methods.index(r["method"]), r["seed"]))
    most = max((max(r["per_example"]["queries"]) for r in found), default=0)
    budgets = np.unique([*np.linspace(0, most, STEPS).astype(int), *(b for b in TOLD if b <= most)])
    lines = []
    for record in found:
        left = accuracy_within_budget(outcomes_of(record), record["per_example"]["queries"], budgets)
        model = (record["method"], ATTACKS[record["params"]["recipe"]], record["seed"])
        lines += [(*model, int(budget), 100 * share) for budget, share in zip(budgets, left, strict=True)]
    return pd.DataFrame(lines, columns=["model", "attack", "seed", "budget", "accuracy"])


def budget_picture(tables: Mapping[str, pd.DataFrame]) -> Shown:
    """A row of panels a table, a panel an attack, a line a model: the mean over seeds, and a band from the
    lowest to the highest seed."""
    import seaborn
    from matplotlib.figure import Figure

    drawn = {source: table for source, table in tables.items() if len(table)}
    figure = Figure(figsize=(9, 3.4 * max(1, len(drawn))), layout="constrained")
    rows = figure.subplots(max(1, len(drawn)), len(ATTACKS), squeeze=False, sharey=True)
    for panels, (source, table) in zip(rows, drawn.items(), strict=False):
        for axes, attack in zip(panels, ATTACKS.values(), strict=True):
            lines = table[table.attack == attack]
            order = list(dict.fromkeys(table.model))
            look = {"hue": "model", "style": "model", "hue_order": order, "style_order": order}
            seaborn.lineplot(
                lines, x="budget", y="accuracy", errorbar=("pi", 100), palette="colorblind", ax=axes, **look
            )
            axes.legend(frameon=False, fontsize="small")
            axes.set_title(f"{source}, {attack}", loc="left", fontweight="bold", fontsize="medium")
            axes.set(xlabel="queries about a review, at most", ylabel="accuracy left (%)", ylim=(0, 100))
            axes.grid(color="0.92")
            axes.spines[["top", "right"]].set_visible(False)
    words = " ".join(f"Panel “{source}”: {_in_words(table)}" for source, table in tables.items())
    return picture(figure, f"Accuracy, in percent, that is left within a budget of queries. {words}")


def _in_words(table: pd.DataFrame) -> str:
    means = table[table.budget.isin(TOLD)].groupby(["attack", "model", "budget"], sort=False).accuracy.mean()
    lines = (
        f"{attack} on {model}: "
        + ", ".join(f"{left:.0f} at {budget}" for budget, left in own.droplevel([0, 1]).items())
        for (attack, model), own in means.groupby(level=[0, 1], sort=False)
    )
    return "; ".join(lines) + "." if len(table) else "nothing yet."
