"""The columns that the tables of Wu et al. 2022 share: the scores of GLUE, and the paper's own averages."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from bert_compression.experiments import Grid, Job, Profile, steps
from bert_compression.metrics import GLUE_AVERAGE
from bert_compression.papers.xtc.students import PRECISION, STARTS, Student, measured, sizes
from bert_compression.report.tables import Column, MeanOf, Panel, Row, Table, two_seeds

# What is measured of a line's model.


def answers(split: str, g: Grid, row: Row) -> Job | None:
    """What it answers on a split of the task; None where it is not measured or cannot be."""
    model = measured(g, row.recipe)
    return model and steps.predict(g, model, split, sizes(g).evaluated)


MAIN = partial(answers, "")
MISMATCHED = partial(answers, "validation_mismatched")


def _score(name: str, label: str, task: str, metric: str, measure=MAIN) -> Column:
    unit = "Mcc" if metric == "matthews" else "%"
    return Column(name, label, measure, metric, task, unit=unit, reported=name)


SCORES = (
    _score("cola_mcc", "CoLA", "cola", "matthews"),
    _score("mnli_m_acc", "MNLI-m", "mnli", "accuracy"),
    _score("mnli_mm_acc", "MNLI-mm", "mnli", "accuracy", MISMATCHED),
    _score("mrpc_f1", "MRPC, F1", "mrpc", "f1"),
    _score("mrpc_acc", "MRPC", "mrpc", "accuracy"),
    _score("qnli_acc", "QNLI", "qnli", "accuracy"),
    _score("qqp_f1", "QQP, F1", "qqp", "f1"),
    _score("qqp_acc", "QQP", "qqp", "accuracy"),
    _score("rte_acc", "RTE", "rte", "accuracy"),
    _score("sst2_acc", "SST-2", "sst2", "accuracy"),
    _score("stsb_pearson", "STS-B", "stsb", "pearson"),
    _score("stsb_spearman", "STS-B, Spearman", "stsb", "spearman"),
)
# The rule behind the paper's averages: see `metrics.glue_average`.
WITHOUT_COLA = GLUE_AVERAGE[1:]
AVERAGES = (
    MeanOf("avg", "Average", None, digits=2, reported="avg", of=GLUE_AVERAGE),
    MeanOf("avg_wo_cola", "Average without CoLA", None, digits=2, reported="avg_wo_cola", of=WITHOUT_COLA),
)
COLUMNS = (*SCORES, *AVERAGES)
# What tables of small quantized models print besides. Ours are other models: what theirs weigh is counted in
# `bits`.
PRINTED = {"size_mb": "Size, MB", "compression_x": "Times smaller"}
# Of several scores of a task, the one that decides which learning rate is the best: the paper's rule.
DECIDED_BY = {
    "mnli_mm_acc": "mnli_m_acc",
    "mrpc_f1": "mrpc_acc",
    "qqp_f1": "qqp_acc",
    "stsb_spearman": "stsb_pearson",
}
# Small sets first, and of these what `small` measures.
SMALL = ("cola_mcc", "stsb_pearson", "stsb_spearman", "rte_acc", "mrpc_acc", "mrpc_f1")


def _panels(caption: str, columns: tuple[Column, ...]) -> tuple[Panel, ...]:
    sizes = tuple(column.name for column in columns if column.name in PRINTED)
    rest = tuple(column.name for column in columns if column.name not in (*SMALL, *sizes))
    return (
        # A screen has room for one of them here.
        Panel("small", f"{caption}: the small sets.", (*sizes[:1], *SMALL)),
        Panel("large", f"{caption}: the larger sets, and the averages.", (*sizes[1:], *rest)),
    )


def score_table(
    name: str,
    rows: Iterable[Row],
    caption: str,
    seeds: Callable[[Profile, Row, Column], tuple[int, ...]] = two_seeds,
    columns: tuple[Column, ...] = COLUMNS,
    printed: Iterable[str] = (),
) -> Table:
    """`printed` names what the paper prints of a line besides its scores."""
    number = name.removeprefix("table_c")
    alone = (Column(each, PRINTED[each], None, each, unit="", reported=each) for each in printed)
    columns = (*alone, *columns)
    return Table(
        paper="xtc",
        name=name,
        title=f"Table C.{number}",
        task="rte",
        reported=f"xtc_table_C{number}",
        rows=tuple(rows),
        columns=columns,
        panels=_panels(f"Table C.{number}, {caption}", columns),
        seeds=seeds,
        precision=PRECISION,
    )


def row_of(student: Student, label: str, reported: Mapping[str, object], group: str = "") -> Row:
    return Row(student.name, label, student, reported, group, checkpoint=student.layers in STARTS)
