"""Are 1- and 2-bit students still loyal? The models of Wu et al. 2022 under the other papers' measures."""

from collections.abc import Callable
from statistics import fmean

import numpy as np

from bert_compression.experiments import Grid, Job, per_example, steps
from bert_compression.metrics import label_loyalty
from bert_compression.papers.xtc.students import PRECISION, Student, full_precision, measured, sizes, teacher
from bert_compression.report.html import Shown
from bert_compression.report.records import NOT_RUN, Source
from bert_compression.report.sentences import said
from bert_compression.report.tables import Column, Panel, Row, Table, two_seeds


def _asked(measure: Callable[[Grid, Row, Job], Job | None]) -> Callable[[Grid, Row], Job | None]:
    """A measure of a row's model, where the profile measures the task and the encoder has such layers."""

    def of(g: Grid, row: Row) -> Job | None:
        model = measured(g, row.recipe)
        return model and measure(g, row, model)

    return of


def _in_use(measure: Callable[[Grid, Job], Job]) -> Callable[[Grid, Row], Job | None]:
    """What is measured of a row's model by itself, at the seed of the model."""
    return _asked(lambda g, row, model: measure(g.at(seed=model.seed), model))


def _against_teacher(measure: Callable[[Grid, Job, Job], Job]) -> Callable[[Grid, Row], Job | None]:
    """What compares a row's model with the teacher; the teacher is itself by definition."""

    def of(g: Grid, row: Row, model: Job) -> Job | None:
        return None if model is teacher(g) else measure(g, teacher(g), model).named(row.method)

    return _asked(of)


def _both_answer(g: Grid, one: Job, other: Job) -> Job:
    answers = (steps.predict(g.at(seed=one.seed), one), steps.predict(g.at(seed=other.seed), other))
    return steps.overlap(g, answers)


def _answers(g: Grid, model: Job) -> Job:
    return steps.predict(g, model, None, sizes(g).evaluated)  # as the other tables ask


def _textfooler(g: Grid, model: Job) -> Job:
    wanted, there = g.profile.attacked, g.task.rows[g.main_split]
    return steps.attack(g, model, "textfooler", wanted if wanted and wanted < there else None)


def other_seed(g: Grid) -> Job:
    """The teacher, trained once more: what it does not share with the teacher is owed to chance alone."""
    return teacher(g.at(seed=g.seed + 1))


answers, calibration, textfooler = map(_in_use, (_answers, steps.calibration, _textfooler))
loyalty, overlap = _against_teacher(steps.loyalty), _against_teacher(_both_answer)
cost = _asked(lambda g, row, model: steps.cost(g, model, teacher(g)))

STUDENTS = {
    "fp32, skip 6": full_precision("skip6"),
    "2 bits": Student(2, "all", "C", 1, 2e-5),
    "1 bit": Student(1, "all", "C", 1, 2e-5),
    "skip 6, 2 bits": Student(2, "skip6", "C", 1, 2e-5),
    "skip 6, 1 bit": Student(1, "skip6", "C", 1, 2e-5),
}

LOYALTY = Table(
    paper="xtc",
    name="loyalty",
    title="Loyalty of few bits",
    task="cola",
    rows=(
        Row(
            "teacher",
            "teacher",
            teacher,
            given={"label_loyalty": 1.0, "probability_loyalty": 1.0, "error_jaccard": 1.0},
        ),
        Row("other_seed", "teacher, another seed", other_seed, short="another seed"),
        *(Row(student.name, label, student) for label, student in STUDENTS.items()),
    ),
    columns=(
        Column("accuracy", "Accuracy", answers),
        Column("label_loyalty", "Label loyalty", loyalty),
        Column("probability_loyalty", "Probability loyalty", loyalty),
        Column("error_jaccard", "Error overlap", overlap),
        Column("calibration_error", "Calibration error", calibration),
        Column("after_attack_accuracy", "After-attack accuracy", textfooler),
        Column("stored_bytes", "Stored size", cost, scale=1 / 2**20, digits=2, unit="MiB"),
    ),
    panels=(
        Panel(
            "all",
            "Loyalty of few bits: CoLA, what is left of the teacher's answers, and what it takes on disk.",
            (
                "accuracy",
                "label_loyalty",
                "probability_loyalty",
                "error_jaccard",
                "calibration_error",
                "after_attack_accuracy",
                "stored_bytes",
            ),
        ),
    ),
    seeds=two_seeds,
    precision=PRECISION,
)


def one_answer(source: Source, table: Table = LOYALTY) -> Shown:
    """How well does a model that answers every text alike do where the teacher of this table answers?"""
    right, like_the_teacher = _one_answer(source, table)
    if not right:
        return said("How well one answer for all texts would do is not known before the teacher answers.")
    return said(
        f"Whoever gives all texts the most frequent label is right in {fmean(right):.1f} % of them "
        f"({source.name}), and answers like the teacher in {fmean(like_the_teacher):.1f} %: a loyalty that "
        "takes no reading."
    )


def loyalty_of_one_answer(source: Source, table: Table = LOYALTY) -> str:
    """Its label loyalty in percent, the mean over the teacher's seeds, as text; "not run" without any."""
    _, like_the_teacher = _one_answer(source, table)
    return f"{fmean(like_the_teacher):.1f}" if like_the_teacher else NOT_RUN


def _one_answer(source: Source, table: Table) -> tuple[list[float], list[float]]:
    """Of who gives all texts the most frequent label: accuracy and label loyalty in percent, teacher by
    teacher."""
    right, like_the_teacher = [], []
    for record in source.done(table, "teacher", "accuracy"):
        gold = source.gold[record["data"]["digest"]]
        always = np.full(len(gold), np.bincount(gold).argmax())
        right.append(100 * float((always == gold).mean()))
        like_the_teacher.append(100 * label_loyalty(per_example(record, "predictions"), always))
    return right, like_the_teacher
