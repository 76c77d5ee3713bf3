"""Figures of scores against what varies from model to model, a weight or a number of examples, and of
training.

Drawn from records only. Book: notebooks/taylor/does_the_teacher_matter.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bert_compression.experiments import per_example
from bert_compression.papers.taylor.tables import LAMBDA_SWEEP, MIDDLE, TABLE_2, TRAINING_SIZES
from bert_compression.report.figures import by_panel, picture
from bert_compression.report.html import Shown
from bert_compression.report.passport import rests_on
from bert_compression.report.records import Source
from bert_compression.report.sentences import said
from bert_compression.report.tables import Table
from bert_compression.report.views import in_two_views

if TYPE_CHECKING:
    import pandas as pd
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
CURVES_OF = "mrpc"


def swept(source: Source, table: Table) -> "pd.DataFrame":
    """What did the models of a sweep score, and what were they trained with? One line a model, by x and seed:
    columns loss (in words), x (lambda, or the number of training examples), seed, score (in percent)."""
    import pandas as pd

    parameter, (column,) = ("lambda" if table is LAMBDA_SWEEP else "train_examples"), table.columns
    lines = []
    for record in source.of(table):
        model = source.by_key.get(record["inputs"]["model"])
        if record["status"] == "ok" and model and model["status"] == "ok":
            x = model["params"].get(parameter, model["metrics"].get(parameter))
            value = 100 * record["metrics"][column.recorded]
            lines.append({"loss": _name(model, source), "x": x, "seed": record["seed"], "score": value})
    frame = pd.DataFrame(lines, columns=["loss", "x", "seed", "score"])
    return frame.sort_values(["loss", "x", "seed"], ignore_index=True)


def curves(source: Source) -> "pd.DataFrame":
    """The cross-entropy while the middle student learnt MRPC with the first seed. One line a point: columns
    loss (in words), x (the share of the steps, in percent), score (the mean of that part)."""
    import pandas as pd

    lines = []
    for record in source.all_of(TABLE_2):
        told = (record["kind"], record["status"], record["task"], record["seed"])
        if told == ("taylor", "ok", CURVES_OF, 0) and record["method"].endswith(MIDDLE):
            points = per_example(record, "cross_entropy")
            lines += [
                {"loss": _name(record, source), "x": 100 * (i + 0.5) / len(points), "score": point}
                for i, point in enumerate(points)
            ]
    return pd.DataFrame(lines, columns=["loss", "x", "score"])


def _name(model: Mapping, source: Source) -> str:
    """The loss of a model, and its teacher, in words."""
    if "teacher_logits" not in model["inputs"]:
        return NAMES[model["params"]["loss"], None]
    teacher = source.by_key[source.by_key[model["inputs"]["teacher_logits"]]["inputs"]["model"]]
    return NAMES[model["params"]["loss"], teacher["kind"] == "finetune"]


@in_two_views
def lambda_picture(sources: Mapping[str, Source]) -> Shown:
    """F1 on MRPC against the weight of cross-entropy, a line a loss."""
    return _sweep_picture(sources, LAMBDA_SWEEP, "λ, the share of cross-entropy", "F1 on MRPC (%)")


@in_two_views
def sizes_picture(sources: Mapping[str, Source]) -> Shown:
    """Accuracy on SST-2 against the number of training examples, a line a loss."""
    return _sweep_picture(sources, TRAINING_SIZES, "training examples", "accuracy on SST-2 (%)", log=True)


def _sweep_picture(
    sources: Mapping[str, Source], table: Table, x_label: str, y_label: str, log: bool = False
) -> Shown:
    """A panel a source, a line a loss: the mean over seeds, and a band of one standard deviation."""
    tables = {name: swept(source, table) for name, source in sources.items()}
    words = " ".join(f"Panel “{name}”: {_in_words(each)}" for name, each in tables.items())
    figure = _lines(tables, x_label, y_label, log)
    words = f"{y_label} against {x_label}, a line for each loss. {words}"
    rests = rests_on(sources, {table: ()})
    return picture(figure, words, f"{table.paper}_{table.name}", by_panel(tables), rests)


@in_two_views
def curves_picture(sources: Mapping[str, Source]) -> Shown:
    """A panel a source: the cross-entropy while the middle student learnt MRPC, a line a loss."""
    tables = {name: curves(source) for name, source in sources.items()}
    words = []
    for name, table in tables.items():
        ends = table.groupby("loss").score.agg(first="first", last="last")
        told = "; ".join(f"{loss} from {end.first:.2f} to {end.last:.2f}" for loss, end in ends.iterrows())
        words.append(f"Panel “{name}”: {told or 'nothing yet'}.")
    figure = _lines(tables, "share of the training steps (%)", "cross-entropy with the labels")
    told = "Cross-entropy during training, a line for each loss. " + " ".join(words)
    rests = rests_on(sources, {TABLE_2: [(row.method, CURVES_OF) for row in TABLE_2.rows]})
    return picture(figure, told, "taylor_cross_entropy_in_training", by_panel(tables), rests)


def curves_in_words(source: Source) -> Shown:
    """How far from the curve of cross-entropy does each other loss run, at most? A sentence."""
    found = curves(source).pivot(index="x", columns="loss", values="score")
    plain = NAMES["cross_entropy", None]
    if plain not in found:
        return said("No student has been trained yet.")
    apart = found.sub(found[plain], axis=0).abs().max().drop(plain).sort_values()
    told = ", ".join(f"{loss} {value:.3f}" for loss, value in apart.items())
    return said(f"In “{source.name}”, the largest distance from the curve of cross-entropy: {told}.")


def sweep_in_words(source: Source, table: Table) -> Shown:
    """Between which scores does each loss move over a sweep? A sentence."""
    means = swept(source, table).groupby(["loss", "x"]).score.mean()
    told = (
        f"{loss} from {own.min():.1f} to {own.max():.1f} %" for loss, own in means.groupby(level=0, sort=True)
    )
    return said(f"In “{source.name}”, over the whole range: {'; '.join(told) or 'nothing yet'}.")


def _lines(tables: "Mapping[str, pd.DataFrame]", x_label: str, y_label: str, log: bool = False) -> "Figure":
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


def _in_words(table: "pd.DataFrame") -> str:
    means = table.groupby(["loss", "x"]).score.mean()
    lines = (
        f"{loss}: " + ", ".join(f"{x:g} {value:.1f}" for x, value in means[loss].items())
        for loss in dict.fromkeys(table.loss)
    )
    return "; ".join(lines) + "." if len(table) else "nothing yet."
