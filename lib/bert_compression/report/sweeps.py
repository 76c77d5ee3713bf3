"""Figures of scores against something that varies from model to model: a weight, a number of examples.

Such models bear one method's name, so they are told apart by what their training was asked for. Drawn from
records only.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from bert_compression.report.figures import picture
from bert_compression.report.shown import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# By loss and by whether the teacher was fine-tuned.
NAMES = {
    ("cross_entropy", None): "cross-entropy, no teacher",
    ("kl", True): "KL alone, fine-tuned teacher",
    ("kl", False): "KL, teacher not fine-tuned",
    ("taylor", True): "Taylor loss, fine-tuned teacher",
    ("taylor", False): "Taylor loss, teacher not fine-tuned",
}
DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1)))


def swept(records: Iterable[Mapping], parameter: str, score: str) -> pd.DataFrame:
    """What did models trained by the kind "taylor" score, and what were they asked for? One line a model, by
    `parameter` and seed: columns loss (in words), x (the parameter), seed, score (in percent).

    `parameter` is a parameter of training ("lambda") or "train_examples", the number of examples that were
    trained on; `score` a metric of the answers.
    """
    by_key = {record["key"]: record for record in records if record["status"] == "ok"}
    lines = []
    for record in by_key.values():
        model = by_key.get(record["inputs"].get("model", ""))
        if record["kind"] == "predict" and model and model["kind"] == "taylor":
            x = model["params"].get(parameter, model["metrics"].get(parameter))
            value = 100 * record["metrics"][score]
            lines.append({"loss": _name(model, by_key), "x": x, "seed": record["seed"], "score": value})
    frame = pd.DataFrame(lines, columns=["loss", "x", "seed", "score"])
    return frame.sort_values(["loss", "x", "seed"], ignore_index=True)


def curves(records: Iterable[Mapping], task: str, student: str, seed: int = 0) -> dict[str, list[float]]:
    """The cross-entropy while a student learnt a task, by loss in words: means of equal shares."""
    by_key = {record["key"]: record for record in records if record["status"] == "ok"}
    return {
        _name(record, by_key): record["per_example"]["cross_entropy"]
        for record in by_key.values()
        if (record["kind"], record["task"], record["seed"]) == ("taylor", task, seed)
        and record["method"].endswith(student)
    }


def _name(model: Mapping, by_key: Mapping[str, Mapping]) -> str:
    """The loss of a model, and its teacher, in words."""
    teacher = by_key.get(
        by_key.get(model["inputs"].get("teacher_logits", ""), {"inputs": {}})["inputs"].get("model")
    )
    tuned = (
        None if "teacher_logits" not in model["inputs"] else bool(teacher and teacher["kind"] == "finetune")
    )
    return NAMES[model["params"]["loss"], tuned]


def sweep_picture(
    sources: Mapping[str, Sequence[Mapping]],
    parameter: str,
    score: str,
    x_label: str,
    y_label: str,
    log: bool = False,
) -> Shown:
    """A panel a source, a line a loss: the mean over seeds, and a band of one standard deviation."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.4 * len(sources)), layout="constrained")
    words = []
    for axes, (title, records) in zip(
        figure.subplots(len(sources), squeeze=False)[:, 0], sources.items(), strict=True
    ):
        table = swept(records, parameter, score)
        _draw(axes, table)
        if log:
            axes.set_xscale("log")
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.set_title(title, loc="left", fontweight="bold")
        words.append(f"Panel “{title}”: {_in_words(table)}")
    return picture(figure, f"{y_label} against {x_label}, a line for each loss. " + " ".join(words))


def _draw(axes: "Axes", table: pd.DataFrame) -> None:
    import seaborn

    colours = seaborn.color_palette("colorblind", len(NAMES))
    for (name, style), colour in zip(zip(NAMES.values(), DASHES, strict=True), colours, strict=True):
        points = table[table.loss == name].groupby("x").score.agg(["mean", "std"]).fillna(0.0)
        if len(points):
            axes.plot(points.index, points["mean"], ls=style, marker="o", ms=4, color=colour, label=name)
            low, high = points["mean"] - points["std"], points["mean"] + points["std"]
            axes.fill_between(points.index, low, high, color=colour, alpha=0.15)
    if len(table):
        axes.legend(frameon=False, fontsize="small")
    axes.grid(color="0.92")
    axes.spines[["top", "right"]].set_visible(False)


def _in_words(table: pd.DataFrame) -> str:
    if table.empty:
        return "nothing yet."
    means = table.groupby(["loss", "x"]).score.mean()
    lines = (
        f"{loss}: " + ", ".join(f"{x:g} {value:.1f}" for x, value in means[loss].items())
        for loss in dict.fromkeys(table.loss)
    )
    return "; ".join(lines) + "."


def curves_picture(records: Sequence[Mapping], task: str, student: str) -> Shown:
    """Cross-entropy while a student learnt a task, a line for each loss; the first seed."""
    from matplotlib.figure import Figure

    figure: Figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes, found = figure.subplots(), curves(records, task, student)
    for (name, style), width in zip(
        zip(NAMES.values(), DASHES, strict=True), (4, 1.5, 1.5, 1.5, 1.5), strict=True
    ):
        if name in found:
            share = [100 * (i + 0.5) / len(found[name]) for i in range(len(found[name]))]
            axes.plot(share, found[name], ls=style, lw=width, label=name)
    axes.set(xlabel="share of the training steps (%)", ylabel="cross-entropy with the labels")
    axes.legend(frameon=False, fontsize="small")
    axes.spines[["top", "right"]].set_visible(False)
    ends = "; ".join(f"{name} from {line[0]:.2f} to {line[-1]:.2f}" for name, line in found.items())
    return picture(figure, f"Cross-entropy during training, a line for each loss: {ends or 'nothing yet'}.")
