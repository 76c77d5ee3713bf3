"""Table C.1 of Wu et al. 2022: how many texts there are, before and after data augmentation."""

from bert_compression.experiments import Grid, Job, steps
from bert_compression.papers.xtc.students import PRECISION, augmented_texts, measured, sizes
from bert_compression.report.tables import Column, Panel, Row, Table, first_seed

SMALL_SETS = {"cola": "CoLA", "stsb": "STS-B", "rte": "RTE", "mrpc": "MRPC"}
LARGE_SETS = {"mnli": "MNLI", "qnli": "QNLI", "qqp": "QQP", "sst2": "SST-2"}


def _texts(g: Grid, row: Row) -> Job | None:
    return measured(g, row.recipe)


def _set_columns(suffix: str, label: str, metric: str, digits: int) -> tuple[Column, ...]:
    return tuple(
        Column(f"{task}{suffix}", name + label, _texts, metric, task, 1.0, digits, unit="", reported=name)
        for task, name in (SMALL_SETS | LARGE_SETS).items()
    )


def _evaluated(g: Grid) -> Job:
    return steps.examples(g, g.main_split, sizes(g).evaluated)


def _training(g: Grid) -> Job:
    return steps.examples(g, "train", sizes(g).train.get(g.task.name))


SIZES_OF_SETS = _set_columns("", "", "examples", 0)
# The paper counts its other evaluated split, too.
MISMATCHED = Column(
    "mnli_mismatched",
    "MNLI, mismatched",
    None,
    "examples",
    "mnli",
    1.0,
    0,
    unit="",
    reported="MNLI_mismatched",
)
NOT_RATIOS = ("evaluated", "train", "augmented", "batch")
RATIOS = _set_columns("_ratio", ", ratio", "ratio", 1)
TABLE_C1 = Table(
    paper="xtc",
    name="table_c1",
    title="Table C.1",
    task="rte",
    reported="xtc_table_C1",
    rows=(
        Row(
            "evaluated",
            "evaluated texts",
            _evaluated,
            {"quantity": "Dev data"},
            columns=(*(c.name for c in SIZES_OF_SETS), MISMATCHED.name),
        ),
        Row(
            "train",
            "training texts",
            _training,
            {"quantity": "Train (noDA)"},
            columns=tuple(c.name for c in SIZES_OF_SETS),
        ),
        Row(
            "augmented",
            "augmented training texts",
            augmented_texts,
            {"quantity": "Train (DA)"},
            columns=tuple(c.name for c in SIZES_OF_SETS),
        ),
        Row(
            "ratio",
            "augmented over plain",
            augmented_texts,
            {"quantity": "DA/noDA"},
            columns=tuple(c.name for c in RATIOS),
        ),
        Row("batch", "batch size", None, {"quantity": "Train batch-size"}),
    ),
    columns=(*SIZES_OF_SETS, MISMATCHED, *RATIOS),
    panels=tuple(
        Panel(
            f"{name}_{which}",
            f"Table C.1, {what}: the {which} sets.",
            (*(f"{s}{end}" for s in sets), *((MISMATCHED.name,) if (which, end) == ("large", "") else ())),
            less,
        )
        for name, what, end, less in (
            ("sizes", "how many texts there are, before and after data augmentation", "", ("ratio",)),
            ("ratio", "how many times as many augmented texts there are", "_ratio", NOT_RATIOS),
        )
        for which, sets in (("small", SMALL_SETS), ("large", LARGE_SETS))
    ),
    seeds=first_seed,
    precision=PRECISION,
)
