"""Figures 5 to 7 of Wu et al. 2022: how far weights lie from where they began, how they are distributed, what
training costs."""

import statistics
from collections.abc import Mapping

from bert_compression.experiments import Grid, Job, steps
from bert_compression.papers.xtc.students import PRECISION, SELECTIONS, Student, kept_layers, measured
from bert_compression.papers.xtc.tables import MODELS, SKIPPED, TABLE_C2, TABLE_C8
from bert_compression.report.figures import picture
from bert_compression.report.html import Shown, signed, simple_table
from bert_compression.report.passport import measured_table, rests_on
from bert_compression.report.records import Source
from bert_compression.report.tables import Column, Row, Table, first_seed
from bert_compression.report.views import in_two_views

MATRICES = ("query", "key", "value", "attention output", "intermediate", "output")
FIGURE_5 = {
    "Budget-A": Student(1, "skip6", "A", 1, 2e-5),
    "Budget-C": Student(1, "skip6", "C", 1, 2e-5),
}
FIGURE_6 = {
    "one stage": Student(1, "all", "B", 1, 5e-4),
    "three stages": Student(1, "all", "B", 3, 5e-4),
}


def _distances(g: Grid, row: Row) -> Job | None:
    student = row.recipe
    model = measured(g, student)
    start = student.started_from(g) if model and isinstance(student, Student) else None
    return model and start and steps.weight_distances(g, model, start)


WEIGHTS = Table(
    paper="xtc",
    name="figures_5_and_6",
    title="Figures 5 and 6",
    task="cola",
    rows=tuple(
        Row(student.name, f"{figure}, {label}", student, about={"figure": figure})
        for figure, students in {"Figure 5": FIGURE_5, "Figure 6": FIGURE_6}.items()
        for label, student in students.items()
    ),
    columns=(Column("distance", "Mean distance", _distances, scale=1.0, digits=2, unit="l2"),),
    seeds=first_seed,
    precision=PRECISION,
)


@in_two_views
def weights_picture(sources: Mapping[str, Source], students: Mapping[str, Student]) -> Shown:
    """Above the distance of each matrix from what it was made of, layer by layer, and what rounding alone
    takes; below how large the binary weights are. A column a source that has measured it."""
    import pandas as pd
    import seaborn
    from matplotlib.figure import Figure

    drawn = {name: source for name, source in sources.items() if source.of(WEIGHTS)} or sources
    figure = Figure(figsize=(5 * len(drawn), 6), layout="constrained")
    panels = figure.subplots(2, len(drawn), squeeze=False)
    words, points = [], []
    for (above, below), (name, source) in zip(panels.T, drawn.items(), strict=True):
        colours = seaborn.color_palette("colorblind", 2)
        for (label, student), marker, dashes, colour in zip(
            students.items(), "os", "-:", colours, strict=True
        ):
            for record in source.done(WEIGHTS, student.name, "distance"):
                flat, rounding, training = (
                    [d for layer in record["per_example"][kind] for d in layer]
                    for kind in ("distances", "rounding", "training")
                )
                said = {"panel": name, "student": label}
                for kind, found in (("distance", flat), ("by rounding alone", rounding)):
                    points += [{**said, "drawn": kind, "at": i, "value": d} for i, d in enumerate(found)]
                if label == next(iter(students)):
                    above.plot(range(len(flat)), rounding, "_", color="0.4", ms=9, label="rounding alone")
                look = {"color": colour, "ms": 6, "mfc": "none", "label": label}
                above.plot(range(len(flat)), flat, marker, **look)
                above.set_xticks(range(0, len(flat), 6), [f"layer {i + 1}" for i in range(len(flat) // 6)])
                counts = record["per_example"]["histogram"]
                width = record["metrics"]["largest"] / len(counts)
                starts = [width * i for i in range(len(counts))]
                share = [n / sum(counts) for n in counts]
                points += [
                    {**said, "drawn": "share of the weights", "at": at, "value": n}
                    for at, n in zip(starts, share, strict=True)
                ]
                ends = ([*starts, width * len(counts)], [*share, share[-1]])  # the last bin has a width, too
                below.step(*ends, dashes, where="post", color=colour, label=label)
                largest = record["metrics"]["largest"]
                words.append(
                    f"In “{name}”, {label}: the matrices lie {min(flat):.2f} to {max(flat):.2f} from what "
                    f"they were made of, {statistics.fmean(flat):.2f} in the mean; rounding alone would take "
                    f"them {statistics.fmean(rounding):.2f} away, and training has moved what is rounded by "
                    f"{statistics.fmean(training):.2f}. The largest weight is {largest:.3f}."
                )
        above.set_title(name, loc="left", fontweight="bold")
        above.set(xlabel="six matrices a layer, from the bottom", ylabel="l2 distance")
        below.set(xlabel="size of a weight", ylabel="share of the weights")
        for axes in (above, below):
            axes.grid(color="0.92")
            axes.spines[["top", "right"]].set_visible(False)
            if axes.get_legend_handles_labels()[0]:
                axes.legend(
                    frameon=False, fontsize="small", ncols=3, loc="lower right", bbox_to_anchor=(1, 0.98)
                )
    told = " ".join(words) or "Nothing has been measured yet."
    name = "xtc_" + "_".join(student.name for student in students.values())
    cells = [(student.name, "distance") for student in students.values()]
    return picture(figure, told, name, pd.DataFrame(points), rests_on(sources, {WEIGHTS: cells}))


@in_two_views
def training_costs(sources: Mapping[str, Source]) -> Shown:
    """What did training a 1-bit model on CoLA take here, by budget and number of stages? Steps, seconds and
    processor of the records: Figure 7 of the paper has hours of a GPU, and not in numbers."""
    rows = []
    for name, source in sources.items():
        for table, layers, budget, stages in (
            *((TABLE_C2, "all", budget, stages) for budget in "ABC" for stages in (1, 2, 3)),
            *((TABLE_C8, layers, "C", 1) for layers in SKIPPED),
        ):
            found = _trainings(source, table, layers, budget, stages)
            if found:
                seconds = sorted(record["seconds"] for record in found)
                median = statistics.median(seconds)
                taken = sorted({record["metrics"]["steps"] for record in found})
                hardware = sorted({str(r["hardware"]["gpu"] or r["hardware"]["processor"]) for r in found})
                which = MODELS.get(layers, "all layers")
                rows.append(
                    [
                        name,
                        f"{which}, budget {budget}, {stages} stage{'s' * (stages > 1)}",
                        "–".join(f"{n:,}" for n in dict.fromkeys((taken[0], taken[-1]))),
                        str(len(found)),
                        *(f"{each:.0f}" for each in (seconds[0], median, seconds[-1])),
                        f"{median / 3600:.2f}",
                        ", ".join(hardware),
                    ]
                )
    heads = [
        "Records",
        "Models of 1 bit",
        "Steps",
        "Models",
        "Least s",
        "Median s",
        "Most s",
        "Median h",
        "On",
    ]
    return measured_table(
        "What training on CoLA costs here: Figure 7 in our seconds, scoring of checkpoints included.",
        heads,
        rows,
        "xtc_training_costs",
        rests_on(sources, {TABLE_C2: (), TABLE_C8: ()}),
    )


GAINS = ("selection_gain", "selection_gain_unseen")  # over the last checkpoint


@in_two_views
def selection_table(sources: Mapping[str, Source], *tables: Table) -> Shown:
    """What is choosing the best checkpoint worth, on the texts that it is chosen by and on others? Means over
    the students of the tables that had several to choose from, task by task, in points, with the standard
    deviation over the students."""
    rows = []
    for name, source in sources.items():
        records = {
            record["key"]: record
            for table in tables
            for record in source.all_of(table)
            if record["kind"] == "distill_in_stages" and record["status"] == "ok"
            if record["metrics"]["evaluations"] > 1
        }
        for task in dict.fromkeys(record["task"] for record in records.values()):
            found = [record["metrics"] for record in records.values() if record["task"] == task]
            means = [
                100 * statistics.fmean(metrics[key] for metrics in found)
                for key in ("last_score", "best_score", *GAINS)
            ]
            checks = statistics.fmean(metrics["evaluations"] for metrics in found)
            gains = [[100 * metrics[key] for metrics in found] for key in GAINS]
            spreads = [f" ± {statistics.stdev(each):.1f}" if len(each) > 1 else "" for each in gains]
            numbers = [f"{means[0]:.1f}", f"{means[1]:.1f}"]
            numbers += [signed(mean) + spread for mean, spread in zip(means[2:], spreads, strict=True)]
            rows.append([name, task, str(len(found)), f"{checks:.1f}", *numbers])
    heads = ["Records", "Task", "Students", "Checkpoints", "last", "best", "gain, chosen by", "gain, unseen"]
    caption = "What choosing the best checkpoint is worth, in points."
    rests = rests_on(sources, dict.fromkeys(tables, ()))
    return measured_table(caption, heads, rows, "xtc_selection", rests)


def _trainings(source: Source, table: Table, layers: str, budget: str, stages: int) -> list[Mapping]:
    """The records of the trainings behind a table's 1-bit lines of so many layers, on CoLA."""
    keys = []
    for row in table.rows:
        student = row.recipe
        asked = (1, layers, budget, stages)
        if isinstance(student, Student) and asked == (
            student.bits,
            student.layers,
            student.budget,
            student.stages,
        ):
            cells = [source.done(table, row.method, column.name) for column in table.columns]
            keys += [record["inputs"]["model"] for cell in cells for record in cell]
    found = [source.by_key[key] for key in dict.fromkeys(keys) if key in source.by_key]
    return [r for r in found if r["kind"] == "distill_in_stages" and r["task"] == "cola"]


def layer_choices(profile_layers: int) -> Shown:
    """Which layers of an encoder with so many does each selection of the paper take here?"""
    rows = []
    for name, chosen in SELECTIONS.items():
        here = kept_layers(name, profile_layers)
        told = ", ".join(map(str, here)) if here else "no whole number of layers: not measured"
        rows.append([name, ", ".join(map(str, chosen)), told])
    heads = ["Selection", "of BERT-base, counted from 0", f"of an encoder with {profile_layers} layers"]
    return simple_table("Which layers a student begins with.", heads, rows)
