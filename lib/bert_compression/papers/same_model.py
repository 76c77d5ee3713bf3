"""Which method keeps the model the same model? On MNLI, the compressed models of the loyalty paper's Table 1
and those of few bits by all measures of the papers at once, and the teacher with another seed. No paper asks
this.

Book: notebooks/miniature/same_model.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bert_compression.experiments import Grid, Job, Profile, steps
from bert_compression.papers.loyalty import recipes as compressed
from bert_compression.papers.loyalty import tables as loyalty
from bert_compression.papers.miniature.tables import OTHER_TASK, compared, in_common
from bert_compression.papers.xtc.students import PRECISION, Student
from bert_compression.report.figures import picture
from bert_compression.report.html import Shown
from bert_compression.report.passport import numbers, rests_on
from bert_compression.report.records import GIVEN, MEASURED, Source, measured
from bert_compression.report.tables import Column, Panel, Row, Table, first_seed, two_seeds
from bert_compression.report.views import in_two_views

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PANELS = 4  # side by side, of the figure of all measures
LOOKS = (("o", "#00508c"), ("D", "#c05a00"), ("s", "#444444"))  # of a source each: told apart without colour


def _other_teacher(g: Grid) -> Job:
    """The teacher at the other seed; where there is but one, the teacher."""
    other = next((seed for seed in g.profile.seeds[:2] if seed != g.seed), g.seed)
    return compressed.teacher(g.at(seed=other)) if other != g.seed else compressed.teacher(g)


def _against_teacher(make: Callable[[Grid, Job, Job, Row], Job]) -> Callable[[Grid, Row], Job | None]:
    """What compares a row's model with the teacher; the teacher is itself by definition."""

    def measure(g: Grid, row: Row) -> Job | None:
        teacher, student = compressed.teacher(g), row.recipe(g)
        return None if student is teacher else make(g, teacher, student, row).named(row.method)

    return measure


def _in_use(measure: Callable[[Grid, Row], Job | None]) -> Callable[[Grid, Row], Job | None]:
    """What is measured of a row's model by itself, at the seed of the model."""
    return lambda g, row: measure(g.at(seed=row.recipe(g).seed), replace(row, recipe=lambda _: row.recipe(g)))


def _overlap(g: Grid, teacher: Job, student: Job, row: Row) -> Job:
    return in_common(g, teacher, student, OTHER_TASK)


@_against_teacher
def _loyalty(g: Grid, teacher: Job, student: Job, row: Row) -> Job:
    return steps.loyalty(g, teacher, student)


overlap = _against_teacher(_overlap)


@_against_teacher
def _similarity(g: Grid, teacher: Job, student: Job, row: Row) -> Job:
    name = "teacher" if row.method == OTHER_SEED else row.method
    return compared(g, teacher, student, row.method, name)


@_in_use
def _calibration(g: Grid, row: Row) -> Job:
    return steps.calibration(g, row.recipe(g))


_answers, _textfooler, _cost = (
    _in_use(measure) for measure in (loyalty.answers, loyalty.textfooler, loyalty.cost)
)

OTHER_SEED = "other_seed"
UNCOMPRESSED = ("teacher", OTHER_SEED)
SPEED = "speedup_batch_1"
_SIMILAR = (
    Column("label_loyalty", "Label loyalty", _loyalty),
    Column("probability_loyalty", "Probability loyalty", _loyalty),
    Column("error_jaccard", "Error overlap", overlap),
    Column("neighbour_jaccard_50", "Neighbours shared", _similarity),
    Column("cka_last", "CKA, last layer", _similarity),
    Column("outlier_jaccard", "OOD overlap", overlap),
)
_OF_USE = (
    Column("accuracy", "Accuracy", _answers),
    Column("calibration_error", "Calibration error", _calibration),
    Column("after_attack_accuracy", "After-attack accuracy", _textfooler),
    Column(SPEED, "Speed-up", _cost, scale=1.0, digits=2, unit="×"),
    Column("stored_bytes", "Stored size", _cost, scale=1 / 2**20, digits=2, unit="MiB"),
)
SIMILAR = tuple(column.name for column in _SIMILAR)
_TEACHER, *_STUDENTS = (replace(row, reported={}) for row in loyalty.TABLE_1.rows)
STUDENTS = {f"{bits} bit{'s' * (bits > 1)}": Student(bits, teacher=compressed.teacher) for bits in (2, 1)}


def _two_seeds(profile: Profile, row: Row, column: Column) -> tuple[int, ...]:
    """Two; but of the teacher and its other seed one: seen from either of them, it is the same pair."""
    return (first_seed if row.method == OTHER_SEED else two_seeds)(profile, row, column)


def _asked(name: str, title: str, caption: str, students: Iterable[Row], precision: str = "") -> Table:
    """The teacher, the same with another seed, and these students, by all measures."""
    rows = (
        replace(_TEACHER, given=dict.fromkeys(SIMILAR, 1.0)),
        Row(OTHER_SEED, "Teacher, another seed", _other_teacher, short="another seed", columns=SIMILAR),
        *students,
    )
    columns = (*_SIMILAR, *_OF_USE)
    shown = Panel("all", caption, tuple(column.name for column in columns))
    return Table(
        "miniature", name, title, "mnli", rows, columns, (shown,), seeds=_two_seeds, precision=precision
    )


SAME_MODEL = _asked(
    "same_model",
    "The same model?",
    "Every compressed model of Table 1 on MNLI by all measures at once: first how alike it is to its "
    "teacher, then what it is worth in use.",
    _STUDENTS,
)
FEW_BITS = _asked(
    "same_model_few_bits",
    "The same model with few bits?",
    "Models of one and two bits a weight on MNLI by the same measures, next to their own teacher.",
    (Row(student.name, label, student) for label, student in STUDENTS.items()),
    PRECISION,
)
TABLES = (SAME_MODEL, FEW_BITS)
ROWS = {row.method: row for table in TABLES for row in table.rows}


def ranks(table: "pd.DataFrame") -> "pd.Series":
    """By method, from the most alike to the least: the mean of its ranks among the compressed models over
    those of the measures that all of them have; 1 is the highest value. Empty where there is none."""
    there = table[(table.status == MEASURED) & table.column.isin(SIMILAR)]
    compressed = there[~there.method.isin(UNCOMPRESSED)].reset_index(drop=True)
    values = compressed.pivot(index="method", columns="column", values="value").dropna(axis="columns")
    return values.rank(ascending=False).mean(axis="columns").sort_values(kind="stable")


def both(source: Source) -> "pd.DataFrame":
    """What the records of a source say for the cells of both tables, where the teacher and its other seed are
    those of the first, and so is the processor of the speed-ups."""
    return _joined(*(measured(source, table) for table in TABLES))


def _joined(first: "pd.DataFrame", second: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    added = second[~second.method.isin(UNCOMPRESSED) & (second.column != SPEED)]
    return pd.concat([first, added])


@in_two_views
def same_model_picture(sources: Mapping[str, Source]) -> Shown:
    """A panel a measure, a line a model, ordered by how alike it is to its teacher, by the first source that
    has it; a point a source, a cross where chance would be, and upright lines for the teacher of the first
    table, which in measures of likeness is held against itself with another seed: a model to the left of it
    differs more than a second training does."""
    from matplotlib.figure import Figure

    tables = {name: both(source) for name, source in sources.items()}
    tables = {source: table for source, table in tables.items() if (table.status == MEASURED).any()}
    order = _order(tables)
    columns, labels = SAME_MODEL.columns, [ROWS[method].short_label for method in order]
    rows = -(-len(columns) // PANELS)
    size = (11, rows * (1.2 + 0.2 * len(order)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, PANELS, sharey=True, squeeze=False).flat
    for axes, column in zip(panels, columns, strict=False):
        for (marker, colour), (source, table) in zip(LOOKS, tables.items(), strict=False):
            _points(axes, table, column, order, marker, colour, source)
        axes.set_title(f"{column.label} ({column.unit})", fontsize=9)
        axes.set_yticks(range(len(order)), labels, fontsize=8)
        axes.tick_params(axis="x", labelsize=8)
        axes.grid(color="0.92")
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].invert_yaxis()
    for axes in figure.axes[len(columns) :]:
        axes.set_axis_off()
    handles = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.axes[-1].legend(handles.values(), handles.keys(), loc="center", frameon=False)
    words = " ".join(f"“{source}”: {_same_in_words(table)}" for source, table in tables.items())
    words = f"Compressed models by all measures, a panel each. {words or 'Nothing yet.'}"
    return picture(figure, words, "same_model", _drawn(sources), rests_on(sources, dict.fromkeys(TABLES, ())))


def _drawn(sources: Mapping[str, Source]) -> "pd.DataFrame":
    """The numbers of the picture."""
    return _joined(*(numbers(sources, table, table.panels[0]) for table in TABLES))


def _order(tables: "Mapping[str, pd.DataFrame]") -> list[str]:
    """The compressed models, the most alike first by the first source that has them; in the tables' order
    where nothing says which."""
    ranked = [method for table in tables.values() for method in ranks(table).index]
    return list(dict.fromkeys(ranked)) or [method for method in ROWS if method not in UNCOMPRESSED]


def _points(
    axes: "Axes",
    table: "pd.DataFrame",
    column: Column,
    order: list[str],
    marker: str,
    colour: str,
    source: str,
) -> None:
    cells = table[(table.column == column.name) & (table.status == MEASURED)].set_index("method")
    there = [method for method in order if method in cells.index]
    found, places = cells.loc[there], [order.index(method) for method in there]
    bars = [(found.value - found.low).clip(lower=0), (found.high - found.value).clip(lower=0)]
    inside = colour if marker == "o" else "white"
    look: dict[str, Any] = {"fmt": marker, "color": colour, "mfc": inside, "ms": 5}
    axes.errorbar(found.value, places, xerr=[bar.fillna(0) for bar in bars], **look, label=source)
    axes.plot(found.chance, places, "x", color=colour, ms=4, label=f"chance, {source}")
    teacher = next((method for method in reversed(UNCOMPRESSED) if method in cells.index), None)
    if teacher:
        line: dict[str, Any] = {"color": colour, "ls": "--" if marker == "o" else ":", "lw": 1.2}
        axes.axvline(cells.loc[teacher, "value"], **line, label=f"the teacher, {source}")


def _same_in_words(table: "pd.DataFrame") -> str:
    """The measures of likeness in numbers, model by model, the most alike first."""
    told = []
    for method in (*UNCOMPRESSED, *ranks(table).index):
        cells = table.loc[method]
        shown = cells[cells.status.isin((MEASURED, GIVEN))]
        values = ", ".join(
            f"{SAME_MODEL.column(c.column).label.lower()} {c.text}" for c in shown.itertuples()
        )
        told.append(f"{ROWS[method].label}: {values or 'nothing yet'}")
    return "; ".join(told) + "."
