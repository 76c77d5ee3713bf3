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
    from matplotlib.figure import Figure

# By loss and by whether the teacher was fine-tuned.
NAMES = {
    ("cross_entropy", None): "cross-entropy, no teacher",
    ("kl", True): "KL, fine-tuned teacher",
    ("kl", False): "KL, teacher not fine-tuned",
    ("taylor", True): "Taylor, fine-tuned teacher",
    ("taylor", False): "Taylor, teacher not fine-tuned",
    ("squares", True): "squares, fine-tuned teacher",
    ("squares", False): "squares, teacher not fine-tuned",
}


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


def curves(records: Iterable[Mapping], task: str, student: str) -> pd.DataFrame:
    """The cross-entropy while a student learnt a task with the first seed. One line a point: columns loss (in
    words), x (the share of the steps, in percent), score (the mean of that part)."""
    by_key = {record["key"]: record for record in records if record["status"] == "ok"}
    lines = []
    for record in by_key.values():
        of_student = record["method"].endswith(student) and record["seed"] == 0
        if record["kind"] == "taylor" and record["task"] == task and of_student:
            points = record["per_example"]["cross_entropy"]
            lines += [
                {"loss": _name(record, by_key), "x": 100 * (i + 0.5) / len(points), "score": point}
                for i, point in enumerate(points)
            ]
    return pd.DataFrame(lines, columns=["loss", "x", "score"])


def _name(model: Mapping, by_key: Mapping[str, Mapping]) -> str:
    """The loss of a model, and its teacher, in words."""
    if "teacher_logits" not in model["inputs"]:
        return NAMES[model["params"]["loss"], None]
    logits = by_key[model["inputs"]["teacher_logits"]]
    return NAMES[model["params"]["loss"], by_key[logits["inputs"]["model"]]["kind"] == "finetune"]


def sweep_picture(
    sources: Mapping[str, Sequence[Mapping]],
    parameter: str,
    score: str,
    x_label: str,
    y_label: str,
    log: bool = False,
) -> Shown:
    """A panel a source, a line a loss: the mean over seeds, and a band of one standard deviation."""
    tables = {source: swept(records, parameter, score) for source, records in sources.items()}
    words = " ".join(f"Panel “{source}”: {_in_words(table)}" for source, table in tables.items())
    figure = _lines(tables, x_label, y_label, log)
    return picture(figure, f"{y_label} against {x_label}, a line for each loss. {words}")


def curves_picture(sources: Mapping[str, Sequence[Mapping]], task: str, student: str) -> Shown:
    """A panel a source: the cross-entropy while a student learnt a task, a line a loss."""
    tables = {source: curves(records, task, student) for source, records in sources.items()}
    words = []
    for source, table in tables.items():
        ends = table.groupby("loss").score.agg(first="first", last="last")
        told = "; ".join(f"{loss} from {end.first:.2f} to {end.last:.2f}" for loss, end in ends.iterrows())
        words.append(f"Panel “{source}”: {told or 'nothing yet'}.")
    figure = _lines(tables, "share of the training steps (%)", "cross-entropy with the labels")
    return picture(figure, "Cross-entropy during training, a line for each loss. " + " ".join(words))


def _lines(tables: Mapping[str, pd.DataFrame], x_label: str, y_label: str, log: bool = False) -> "Figure":
    """A panel a table that holds anything; of points with the same loss and x the mean and one standard
    deviation."""
    import seaborn
    from matplotlib.figure import Figure

    drawn = {title: table for title, table in tables.items() if len(table)} or tables
    figure = Figure(figsize=(8, 3.6 * len(drawn)), layout="constrained")
    panels = figure.subplots(len(drawn), squeeze=False)[:, 0]
    for axes, (title, table) in zip(panels, drawn.items(), strict=True):
        order = [name for name in NAMES.values() if name in set(table.loss)]
        if order:
            look = {"hue": "loss", "style": "loss", "hue_order": order, "style_order": order}
            seaborn.lineplot(table, x="x", y="score", errorbar="sd", palette="colorblind", ax=axes, **look)
            axes.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
        axes.set_title(title, loc="left", fontweight="bold")
        axes.set(xlabel=x_label, ylabel=y_label, xscale="log" if log else "linear")
        if log:  # powers of ten alone would leave most points without a number
            tried = sorted(set(table.x))
            axes.set_xticks(tried, [f"{x:,g}" for x in tried])
            axes.minorticks_off()
        axes.grid(color="0.92")
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _in_words(table: pd.DataFrame) -> str:
    means = table.groupby(["loss", "x"]).score.mean()
    lines = (
        f"{loss}: " + ", ".join(f"{x:g} {value:.1f}" for x, value in means[loss].items())
        for loss in dict.fromkeys(table.loss)
    )
    return "; ".join(lines) + "." if len(table) else "nothing yet."
