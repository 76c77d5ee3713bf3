"""The tables of Dasgupta et al. 2023, in the paper's row and column order, and what decides between its
claims.

Students of three sizes learn each task with cross-entropy ("ce"), from a teacher's distribution ("kl"), with
the paper's loss ("taylor") and with the squared loss of its first released code ("squares"). The paper's
teacher is not fine-tuned ("untuned"); so each loss is also tried with one that is.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from bert_compression.experiments import Grid, Job, Profile, bound, recipe, steps
from bert_compression.experiments.grid import SMALL_SET
from bert_compression.papers.loyalty.tables import answers, answers_mismatched
from bert_compression.report.tables import Column, Panel, Row, Table, first_seed
from bert_compression.tasks import get_task

# Students as the paper names them, layers x hidden size; the share of the teacher's layers that stands for
# each where there is no such checkpoint; and the models of others that the paper quotes next to each.
STUDENTS = {"2x128": "2 × 128", "4x312": "4 × 312", "6x768": "6 × 768"}
SHARES = {"2x128": 1 / 6, "4x312": 1 / 3, "6x768": 1 / 2}
QUOTED = {"4x312": ("MobileBERT_TINY", "TinyBERT4"), "6x768": ("DistilBERT", "TinyBERT6")}
MIDDLE = "4x312"
# By profile: encoders on the hub that were distilled before any task.
CHECKPOINTS = {
    "paper": {
        "2x128": "google/bert_uncased_L-2_H-128_A-2",
        "4x312": "huawei-noah/TinyBERT_General_4L_312D",
        "6x768": "distilbert-base-uncased",
    }
}
# What the paper says (section 4: Adam, learning rate 5e-5, temperature 1) and, where it is silent, its
# released code: batches of 64, 10 epochs. The code's learning rate is 2e-5.
TRAINING: dict[str, float] = {"learning_rate": 5e-5, "batch_size": 64, "warmup": 0, "epochs": 10}
MIXED = 0.5  # lambda: the paper searches it; its released code has one half
ALONE = 0.0  # distillation without labels
LAMBDAS = tuple(step / 10 for step in range(11))  # "in the range [0, 1] at a step-size of 0.1" (section 4)
HALVINGS = 5  # of the training set of the task that is sampled


@recipe
def teacher(g: Grid) -> Job:
    return steps.finetune(g, steps.pretrained(g), **TRAINING)


@recipe
def ce(g: Grid, student: str) -> Job:
    return steps.taylor(g, _student(g, student), None, loss="cross_entropy", lambda_=MIXED, **TRAINING)


@recipe
def kl(g: Grid, student: str) -> Job:
    return _taught(g, student, teacher(g), "kl", ALONE)


@recipe
def kl_untuned(g: Grid, student: str) -> Job:
    return _taught(g, student, steps.pretrained(g), "kl", ALONE)


@recipe
def taylor(g: Grid, student: str) -> Job:
    return _taught(g, student, teacher(g), "taylor", MIXED)


@recipe
def taylor_untuned(g: Grid, student: str) -> Job:
    return _taught(g, student, steps.pretrained(g), "taylor", MIXED)


@recipe
def squares(g: Grid, student: str) -> Job:
    return _taught(g, student, teacher(g), "squares", MIXED)


@recipe
def squares_untuned(g: Grid, student: str) -> Job:
    return _taught(g, student, steps.pretrained(g), "squares", MIXED)


def _taught(g: Grid, student: str, taught_by: Job, loss: str, lambda_: float) -> Job:
    return steps.taylor(g, _student(g, student), taught_by, loss=loss, lambda_=lambda_, **TRAINING)


def _student(g: Grid, student: str) -> Job:
    """A pretrained student: the profile's from the hub, or the lower layers of its encoder."""
    checkpoints = CHECKPOINTS.get(g.profile.name, {})
    if student in checkpoints:
        return steps.pretrained(g, checkpoints[student]).named(student)
    return steps.truncate(g, steps.pretrained(g), SHARES[student]).named(student)


def _column(task: str, label: str, score: str, reported: str, name: str = "") -> Column:
    unit = {"accuracy": "%", "f1": "F1, %", "pearson": "Pearson, %"}[score]
    measure = answers_mismatched if name else answers
    return Column(name or task, label, measure, metric=score, task=task, unit=unit, reported=reported)


COLUMNS = (
    _column("qqp", "QQP", "f1", "qqp_f1"),
    _column("mnli", "MNLI matched", "accuracy", "mnli_m_acc"),
    _column("mnli", "MNLI mismatched", "accuracy", "mnli_mm_acc", "mnli_mismatched"),
    _column("sst2", "SST-2", "accuracy", "sst2_acc"),
    _column("qnli", "QNLI", "accuracy", "qnli_acc"),
    _column("mrpc", "MRPC", "f1", "mrpc_f1"),
    _column("rte", "RTE", "accuracy", "rte_acc"),
    _column("stsb", "STS-B", "pearson", "stsb_pearson"),
)
TASKS = tuple(dict.fromkeys(column.task for column in COLUMNS))
LARGE, SMALL = ("qqp", "mnli", "mnli_mismatched", "sst2", "qnli"), ("mrpc", "rte", "stsb")

# In the line of the release from which the paper took its vanilla distillation of 2 x 128 (Turc et al. 2019).
OTHER_METRICS = {"mrpc": "accuracy", "stsb": "Spearman"}

# What shows whether the teacher matters, measured with the middle student alone, on the small sets.
CONTROLS = {
    taylor: "Taylor loss, fine-tuned teacher",
    kl_untuned: "KL alone, teacher not fine-tuned",
    squares: "squared loss, fine-tuned teacher",
    squares_untuned: "squared loss, teacher not fine-tuned",
}


def _rows(student: str) -> tuple[Row, ...]:
    """The paper's lines for one student, then ours."""
    size = STUDENTS[student]
    group = f"Student {size}"

    def line(method: str) -> dict[str, object]:
        return {"block": student, "method": method}

    quoted = [Row(name.lower(), name, None, line(name), group) for name in QUOTED.get(student, ())]
    rows = [
        Row(
            f"kl_{student}",
            "Vanilla KD",
            bound(kl, student),
            line("Vanilla KD"),
            group,
            f"KD {size}",
            unlike=OTHER_METRICS if student == "2x128" else {},
        ),
        *quoted,
        Row(
            f"taylor_untuned_{student}",
            "Taylor loss (the paper’s)",
            bound(taylor_untuned, student),
            line("Our method"),
            group,
            f"Taylor {size}",
        ),
        Row(f"ce_{student}", "cross-entropy, no teacher", bound(ce, student), {}, group, f"CE {size}"),
    ]
    if student == MIDDLE:
        rows += [
            Row(f"{make.__name__}_{student}", label, bound(make, student), {}, group, columns=SMALL)
            for make, label in CONTROLS.items()
        ]
    return tuple(rows)


def _more_on_small_sets(profile: Profile, row: Row, column: Column) -> tuple[int, ...]:
    small_set = get_task(column.task).rows["train"] < SMALL_SET
    return profile.seeds if small_set else profile.seeds[: profile.few_seeds]


TABLE_2 = Table(
    paper="taylor",
    name="table_2",
    title="Table 2",
    task="mrpc",
    reported="taylor_table_2",
    rows=(
        Row(
            "teacher",
            "BERT-base, fine-tuned",
            teacher,
            {"block": "teacher", "method": "BERT base"},
            short="teacher",
        ),
        *(row for student in STUDENTS for row in _rows(student)),
    ),
    columns=COLUMNS,
    panels=(
        Panel(
            "large",
            "Table 2, the larger sets: what students of three sizes learn from each loss.",
            LARGE,
            without=tuple(f"{make.__name__}_{MIDDLE}" for make in CONTROLS),
        ),
        Panel("small", "Table 2, the small sets: what students of three sizes learn from each loss.", SMALL),
    ),
    seeds=_more_on_small_sets,
)


def _swept(loss: str, share: float, g: Grid) -> Job:
    """The middle student at one lambda, from the teacher that is not fine-tuned."""
    name = f"{loss}_untuned_{MIDDLE}"
    return _taught(g, MIDDLE, steps.pretrained(g), loss, share).named(name)


LAMBDA_SWEEP = Table(
    paper="taylor",
    name="lambda_sweep",
    title="The weight of the labels",
    task="mrpc",
    rows=tuple(
        Row(f"{loss}_{share:g}", f"{loss}, λ = {share:g}", partial(_swept, loss, share))
        for share in LAMBDAS
        for loss in ("taylor", "kl")
    ),
    columns=(Column("f1", "F1", answers),),
    seeds=lambda profile, row, column: profile.seeds[: profile.few_seeds],
)


def _on_part(make: Callable[[Grid, str], Job], halvings: int, g: Grid) -> Job:
    """The middle student on a part of the training set; a fine-tuned teacher knows no more than the same."""
    whole = g.train_size or g.task.rows["train"]
    return make(g.with_profile(train_size=whole // 2**halvings), MIDDLE)


TRAINING_SIZES = Table(
    paper="taylor",
    name="training_sizes",
    title="The size of the training set",
    task="sst2",
    rows=tuple(
        Row(f"{make.__name__}_1/{2**halvings}", make.__name__, partial(_on_part, make, halvings))
        for halvings in reversed(range(HALVINGS))
        for make in (ce, kl, taylor_untuned)
    ),
    columns=(Column("accuracy", "Accuracy", answers),),
)


def _answers_as_long(g: Grid, row: Row) -> Job:
    """Of a model that learns a small set for as many epochs as the paper's code, whatever the profile has."""
    return answers(g.with_profile(small_set_epochs=int(TRAINING["epochs"])), row)


def _twice(task: str, label: str, score: str) -> tuple[Column, Column]:
    as_here = replace(_column(task, f"{label}, as in Table 2", score, ""), reported=None)
    longer = replace(as_here, name=f"{task}_long", label=f"{label}, 10 epochs", measure=_answers_as_long)
    return as_here, longer


LONG = (*_twice("mrpc", "MRPC", "f1"), *_twice("rte", "RTE", "accuracy"))
TEN_EPOCHS = Table(
    paper="taylor",
    name="ten_epochs",
    title="Ten epochs",
    task="mrpc",
    rows=tuple(
        replace(TABLE_2.row(name), reported={}, unlike={})
        for name in ("teacher", "kl_4x312", "taylor_untuned_4x312", "kl_6x768", "ce_6x768")
    ),
    columns=LONG,
    panels=(
        Panel(
            "all",
            "The teacher and four students on MRPC and RTE, trained as in Table 2 and for ten epochs.",
            tuple(column.name for column in LONG),
        ),
    ),
    seeds=first_seed,
)

TABLES = (TABLE_2, TEN_EPOCHS, LAMBDA_SWEEP, TRAINING_SIZES)
