"""What attacks on long reviews take from models: chosen records, a figure, the effect behind a claim.

Drawn from records of the kind "weakness". Book: notebooks/miniature/adversarial_weakness.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from bert_compression.errors import Failure
from bert_compression.metrics.robustness import ALREADY_WRONG, FOOLED
from bert_compression.report.figures import picture
from bert_compression.report.likeness.verdicts_on_pairs import TAILS, Found
from bert_compression.report.shown import Shown, tag

RESAMPLES = 2000
ATTACKS = {"bert_attack": "BERT-ATTACK", "textbugger": "TextBugger"}
SETTINGS = {"candidates": "K = {}", "threshold": "threshold {:g}", "subwords": "sub-words {}"}


def of_recipe(records: Iterable[Mapping], recipe: str) -> list[Mapping]:
    """The records of one attack."""
    return [r for r in records if r["kind"] == "weakness" and r["params"]["recipe"] == recipe]


def attacked(records: Iterable[Mapping], methods: Sequence[str]) -> list[Mapping]:
    """The records of attacks on these models that came to their end."""
    return [r for r in records if r["kind"] == "weakness" and r["status"] == "ok" and r["method"] in methods]


def outcomes_of(record: Mapping) -> np.ndarray:
    """What became of each text, (texts,): see `metrics.robustness`."""
    return np.frombuffer(record["per_example"]["outcomes"].encode(), np.uint8) - ord("0")


def loses_more(records: Sequence[Mapping], first: str, second: str) -> Found:
    """By how many points is the first model's relative degradation larger? The mean over seeds, with the
    interval over texts, the same for both models in every draw. Raises Failure without a common seed."""
    outcomes = {(r["method"], r["seed"]): outcomes_of(r) for r in records if r["status"] == "ok"}
    seeds = sorted({seed for _, seed in outcomes if {(first, seed), (second, seed)} <= outcomes.keys()})
    if not seeds:
        raise Failure("records are missing")
    # (models, seeds, texts)
    found = np.array([[outcomes[method, seed] for seed in seeds] for method in (first, second)])
    texts = found.shape[-1]
    drawn = np.random.default_rng(0).multinomial(texts, np.full(texts, 1 / texts), RESAMPLES)
    draws = np.concatenate([np.ones((1, texts)), drawn])
    shares = (draws @ (found == FOOLED).swapaxes(1, 2)) / (draws @ (found != ALREADY_WRONG).swapaxes(1, 2))
    effects = 100 * (shares[0] - shares[1]).mean(axis=1)
    low, high = np.quantile(effects[1:], TAILS)
    return float(effects[0]), float(low), float(high), len(seeds), texts


def between_seeds(records: Iterable[Mapping], methods: Sequence[str]) -> Shown:
    """A sentence for each attack: what share of its accuracy does the first of these models lose, seed by
    seed, and how far from its mean is another model at most?"""
    first, *others = methods
    done = attacked(records, methods)
    sentences = []
    for recipe, name in ATTACKS.items():
        lost: dict[str, dict[int, float]] = {method: {} for method in methods}
        for record in of_recipe(done, recipe):
            if "relative_degradation" in record["metrics"]:  # not where no text was right before
                lost[record["method"]][record["seed"]] = 100 * record["metrics"]["relative_degradation"]
        own = lost[first]
        means = {other: np.mean([*lost[other].values()]) for other in others if lost[other]}
        if len(own) < 2 or not means:
            continue
        shares = " and ".join(f"{own[seed]:.1f}" for seed in sorted(own))
        middle = np.mean([*own.values()])
        farthest = max(means, key=lambda other: abs(means[other] - middle))
        sentences.append(
            f"{name} takes {shares} % of the accuracy of {first}, seed by seed: "
            f"{max(own.values()) - min(own.values()):.1f} points apart. "
            f"Farthest from its mean is {farthest}, by {abs(means[farthest] - middle):.1f} points."
        )
    text = " ".join(sentences) or "Two seeds of the largest model have not been attacked yet."
    return Shown(text, html=tag("p", escape(text)))


def degradation_table(records: Iterable[Mapping], methods: Sequence[str]) -> pd.DataFrame:
    """Columns: model, attack, settings, before, after (in percent), the means over seeds; in the order of
    `methods`."""
    lines = [
        (
            r["method"],
            ATTACKS[r["params"]["recipe"]],
            _told(r["params"]["settings"]),
            *(100 * r["metrics"][name] for name in ("clean_accuracy", "after_attack_accuracy")),
        )
        for r in attacked(records, methods)
    ]
    table = pd.DataFrame(lines, columns=["model", "attack", "settings", "before", "after"])
    means = table.groupby(["model", "attack", "settings"], as_index=False).mean()
    return means.sort_values("model", key=lambda column: column.map(methods.index), kind="stable")


def _told(settings: Mapping) -> str:
    """Such as "K = 48, threshold 0, sub-words on"."""
    words = {True: "on", False: "off"}
    told = (
        text.format(words[settings[name]] if isinstance(settings[name], bool) else settings[name])
        for name, text in SETTINGS.items()
        if name in settings
    )
    return ", ".join(told)


def degradation_picture(tables: Mapping[str, pd.DataFrame], by: str) -> Shown:
    """A panel a table and attack: for each model, or each of the settings, an arrow from the accuracy before
    the attack to what is left. `by` is "model" or "settings"."""
    from matplotlib.figure import Figure

    beside: dict[str, Any] = {"textcoords": "offset points", "size": 8, "ha": "right"}
    panels = {
        f"{source}, {attack}": lines
        for source, table in tables.items()
        for attack, lines in table.groupby("attack")
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
    words = " ".join(f"Panel “{title}”: {_in_words(lines, by)}" for title, lines in panels.items())
    return picture(figure, f"Accuracy before and after an attack, in percent. {words or 'Nothing yet.'}")


def _names(lines: pd.DataFrame, by: str) -> pd.Series:
    return lines.model if by == "model" else lines.model + ": " + lines.settings


def _in_words(lines: pd.DataFrame, by: str) -> str:
    told = (
        f"{name} {before:.0f} to {after:.0f}"
        for name, before, after in zip(_names(lines, by), lines.before, lines.after, strict=True)
    )
    return ", ".join(told) + "."
