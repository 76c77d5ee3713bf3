"""The tables of Xu et al. 2021, in the paper's row order, and what its quantized rows leave open."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from bert_compression.experiments import Grid, Job, Profile, bound, steps
from bert_compression.papers.loyalty import recipes
from bert_compression.report.tables import Column, Panel, Row, Table, two_seeds
from bert_compression.tasks import get_task

# The teacher's loyalty to itself.
LOYALTIES = ("label_loyalty", "probability_loyalty", "probability_loyalty_base2")


# What is measured of a row's model.


def answers(g: Grid, row: Row) -> Job:
    return steps.predict(g, row.recipe(g))


def answers_mismatched(g: Grid, row: Row) -> Job:
    return steps.predict(g, row.recipe(g), "validation_mismatched")


def loyalty(g: Grid, row: Row) -> Job | None:
    """To the teacher; the teacher is loyal to itself by definition."""
    teacher, student = recipes.teacher(g), row.recipe(g)
    return None if student is teacher else steps.loyalty(g, teacher, student).named(row.method)


def textfooler(g: Grid, row: Row) -> Job:
    return steps.attack(g, row.recipe(g), "textfooler", g.profile.attacked)


def cost(g: Grid, row: Row) -> Job:
    return steps.cost(g, row.recipe(g), recipes.teacher(g))


def accuracy(reported: str, label: str = "Accuracy") -> Column:
    return Column("accuracy", label, answers, reported=reported)


def _columns(task: str, texts: str, *accuracies: Column) -> tuple[Column, ...]:
    """The columns that all three tables have, around those of the task's accuracy."""
    classes = (
        Column(f"after_attack_accuracy_class_{index}", f"After-attack accuracy, {label} {texts}", textfooler)
        for index, label in enumerate(get_task(task).labels)
    )
    return (
        *accuracies,
        Column("label_loyalty", "Label loyalty", loyalty, reported="label_loyalty"),
        Column("probability_loyalty", "Probability loyalty", loyalty, reported="prob_loyalty"),
        Column("speedup_batch_1", "Speed-up", cost, scale=1.0, digits=2, unit="×", reported="speedup_x"),
        Column("after_attack_accuracy", "After-attack accuracy", textfooler, reported="after_attack_acc"),
        Column("queries_mean", "Queries", textfooler, scale=1.0, unit="queries a text", reported="n_query"),
        *classes,
        Column("probability_loyalty_base2", "Probability loyalty, base 2", loyalty),
        Column("speedup_batch_32", "Speed-up, batch 32", cost, scale=1.0, digits=2, unit="×"),
        Column("stored_bytes", "Stored size", cost, scale=1 / 2**20, digits=2, unit="MiB"),
    )


def _panels(title: str, columns: tuple[Column, ...], answered: str, further: str) -> tuple[Panel, ...]:
    """How each of the three tables is shown: `answered` and `further` say what differs in the captions."""
    names = [column.name for column in columns]
    classes = [name for name in names if name.startswith("after_attack_accuracy_class")]
    accuracies = [name for name in names if name.startswith("accuracy")]
    layers = [name for name in names if name == "layers"]
    return (
        Panel(
            "answers",
            f"{title}, what the models answer: accuracy on {answered}, and how far each compressed model "
            "answers like its teacher.",
            (*accuracies, "label_loyalty", "probability_loyalty"),
        ),
        Panel(
            "attack",
            f"{title}, what compression gains and what an attack leaves: speed-up over the teacher at batch "
            "1, accuracy after TextFooler, and the queries that the attack needed.",
            ("speedup_batch_1", "after_attack_accuracy", "queries_mean"),
        ),
        Panel(
            "further",
            f"Beyond {title}, {further}: after-attack accuracy class by class, probability loyalty with base "
            "2, speed-up at batch 32, and the size of the stored model.",
            (*layers, *classes, "probability_loyalty_base2", "speedup_batch_32", "stored_bytes"),
        ),
    )


# Rows: the name in records, the label, the recipe, and the paper's line.

Recipe = Callable[[Grid], Job]
TEACHER = Row(
    "teacher", "Teacher", recipes.teacher, {"method": "Teacher"}, given=dict.fromkeys(LOYALTIES, 1.0)
)


def _row(
    make: Recipe, label: str, line: str, base: str = "", group: str = "", short: str = "", method: str = ""
) -> Row:
    found = {"method": line} | ({"base_method": base} if base else {})
    return Row(method or make.__name__, label, make, found, group, short)


def _ptq(
    make: Callable[[Grid, str], Job],
    label: str,
    line: str,
    base: str = "",
    group: str = "",
    short: str = "",
) -> tuple[Row, ...]:
    """The three variants of one row of the paper."""
    found = {"method": line} | ({"base_method": base} if base else {})
    return tuple(
        Row(
            f"{make.__name__}_{variant}",
            f"{label}, {words}",
            bound(make, variant),
            found,
            group,
            f"{short or label} {variant}",
        )
        for variant, words in recipes.PTQ.items()
    )


NOT_PRINTED = "what the paper does not print"
BOTH_SETS = "the matched and the mismatched validation pairs"
MNLI = _columns(
    "mnli",
    "pairs",
    accuracy("mnli_m_acc", "Accuracy, matched"),
    Column(
        "accuracy_mismatched",
        "Accuracy, mismatched",
        answers_mismatched,
        metric="accuracy",
        reported="mnli_mm_acc",
    ),
)
LAYERS = Column("layers", "Layers", None, scale=1.0, digits=0, unit="of BERT-base’s 12", reported="layers")

Q8_PTQ = _ptq(recipes.q8_ptq, "Q8-PTQ", "Q8-PTQ")
TABLE_1 = Table(
    paper="loyalty",
    name="table_1",
    title="Table 1",
    task="mnli",
    reported="loyalty_table_1",
    rows=(
        TEACHER,
        _row(recipes.truncate_finetune, "Truncate & Finetune", "Truncate & Finetune", short="Truncate"),
        _row(recipes.kd, "Pure KD", "Pure KD"),
        *Q8_PTQ,
        _row(recipes.q8_qat, "Q8-QAT", "Q8-QAT"),
        _row(recipes.head_prune, "Head Prune", "Head Prune"),
        replace(_row(recipes.distilbert, "DistilBERT", "DistilBERT"), checkpoint=True),
        replace(_row(recipes.tinybert, "TinyBERT", "TinyBERT"), checkpoint=True),
        _row(recipes.pkd, "BERT-PKD", "BERT-PKD", short="PKD"),
        _row(recipes.theseus, "BERT-of-Theseus", "BERT-of-Theseus", short="Theseus"),
    ),
    columns=(*MNLI, LAYERS),
    panels=_panels("Table 1", (*MNLI, LAYERS), BOTH_SETS, f"the paper’s layers, and {NOT_PRINTED}"),
)


# What if the models had learnt more, and those taught by labels as long as those taught by a teacher?
# By profile, where Table 1 itself has not all pairs and equal epochs.
MORE: dict[str, dict[str, int | None]] = {"small": {"train_size": None, "epochs": 3}}
WITH_MORE = "Methods of Table 1, the teacher and all students trained on all pairs, equally long"
IN_SHORT = (
    "accuracy",
    "accuracy_mismatched",
    "label_loyalty",
    "probability_loyalty",
    "speedup_batch_1",
    "after_attack_accuracy",
    "queries_mean",
)


def _with_all_pairs(column: Column) -> Column:
    def measured(g: Grid, row: Row) -> Job | Iterable[Job] | None:
        return column.measure(g.with_profile(**MORE.get(g.profile.name, {})), row)

    return replace(column, measure=measured)


ALL_PAIRS = Table(
    paper="loyalty",
    name="all_pairs",
    title="Table 1, all pairs",
    task="mnli",
    reported="loyalty_table_1",
    # Not what was distilled before any task, nor Theseus: its rate of replacing belongs to a number of steps.
    rows=(
        replace(TEACHER, given=dict.fromkeys(LOYALTIES[:2], 1.0)),
        *(row for row in TABLE_1.rows[1:] if not row.checkpoint and row.method != "theseus"),
    ),
    columns=tuple(_with_all_pairs(TABLE_1.column(name)) for name in IN_SHORT),
    panels=(
        Panel("answers", f"{WITH_MORE}: what they answer.", IN_SHORT[:4]),
        Panel("attack", f"{WITH_MORE}: what compression gains, and what an attack leaves.", IN_SHORT[4:]),
    ),
    seeds=two_seeds,
)


def _few_seeds(profile: Profile, row: Row, column: Column) -> tuple[int, ...]:
    """Rows that Table 1 has, too, are measured as often as there."""
    alone = any(row.method == other.method for other in TABLE_1.rows)
    return profile.seeds if alone else profile.seeds[: profile.few_seeds]


# Under each heading the method alone, then what it is combined with; PKD is there to be compared with.
HEADS, ROUNDED, REPLACED = "Pruning", "Quantization", "Module replacing, with PKD beside it"
PRUNE, Q8, THESEUS = "Head Prune", "Q8-PTQ", "Theseus"
TABLE_2 = Table(
    paper="loyalty",
    name="table_2",
    title="Table 2",
    task="mnli",
    reported="loyalty_table_2",
    rows=(
        TEACHER,
        _row(recipes.head_prune, "Head Prune", "Head Prune", group=HEADS, short="Prune"),
        _row(recipes.head_prune_finetune, "Head Prune + Finetune", "+Finetune", PRUNE, HEADS, "Prune+FT"),
        _row(recipes.head_prune_kd, "Head Prune + KD", "+KD", PRUNE, HEADS, "Prune+KD"),
        *_ptq(recipes.head_prune_kd_ptq, "Head Prune + KD + PTQ", "+KD+PTQ", PRUNE, HEADS, "Prune+KD+PTQ"),
        _row(recipes.q8_qat, "Q8-QAT", "Q8-QAT", group=ROUNDED),
        *_ptq(recipes.q8_ptq, "Q8-PTQ", "Q8-PTQ", group=ROUNDED),
        _row(recipes.q8_ptq_finetune, "Q8-PTQ + Finetune", "+Finetune", Q8, ROUNDED, "Q8-PTQ+FT"),
        _row(recipes.q8_ptq_kd, "Q8-PTQ + KD", "+KD", Q8, ROUNDED, "Q8-PTQ+KD"),
        _row(recipes.pkd, "BERT-PKD", "BERT-PKD", group=REPLACED, short="PKD"),
        _row(recipes.theseus, "Theseus", "Theseus", group=REPLACED),
        _row(recipes.theseus_kd, "Theseus + KD", "+KD", THESEUS, REPLACED, "Theseus+KD"),
        *_ptq(recipes.theseus_kd_ptq, "Theseus + KD + PTQ", "+KD+PTQ", THESEUS, REPLACED, "Theseus+KD+PTQ"),
    ),
    columns=MNLI,
    panels=_panels("Table 2", MNLI, BOTH_SETS, NOT_PRINTED),
    seeds=_few_seeds,
)

SST2 = _columns("sst2", "texts", accuracy("sst2_acc"))
TABLE_3 = Table(
    paper="loyalty",
    name="table_3",
    title="Table 3",
    task="sst2",
    reported="loyalty_table_3",
    rows=(
        TEACHER,
        _row(recipes.kd, "KD", "KD"),
        _row(recipes.head_prune, "Head Prune", "Head Prune"),
        _row(recipes.q8_qat, "Q8-QAT", "Q8-QAT"),
        *Q8_PTQ,
    ),
    columns=SST2,
    panels=_panels("Table 3", SST2, "the validation sentences", NOT_PRINTED),
)


# What the paper leaves open: would a quantized model look as robust if it was fooled otherwise?


def from_teacher(g: Grid, row: Row) -> Job:
    """The adversarial texts that fooled the teacher, put to the row's model."""
    return steps.transfer(g, _attacked(g, recipes.teacher(g)), row.recipe(g))


def to_teacher(g: Grid, row: Row) -> Job:
    """Those that fooled the row's model, put to the teacher."""
    return steps.transfer(g, _attacked(g, row.recipe(g)), recipes.teacher(g))


def _attacked(g: Grid, model: Job) -> Job:
    return steps.attack(g, model, "textfooler", g.profile.attacked)


def batched_attack(g: Grid, row: Row) -> Job | None:
    """The attack in batches, of a model whose answers depend on them; static ranges do not."""
    if not steps.minds_its_batch(row.recipe(g)):
        return None
    return steps.attack(g, row.recipe(g), "textfooler", g.profile.attacked, batched=True)


def batched_answers(g: Grid, row: Row) -> Job | None:
    if not steps.minds_its_batch(row.recipe(g)):
        return None
    return steps.predict(g, row.recipe(g), batched=True)


QUANTIZED_ROBUSTNESS = Table(
    paper="loyalty",
    name="quantized_robustness",
    title="Robustness of quantized models",
    task="mnli",
    rows=Q8_PTQ,
    columns=(
        Column("from_teacher", "Texts that fooled the teacher fool it, too", from_teacher, "transfer_rate"),
        Column("to_teacher", "Texts that fooled it fool the teacher, too", to_teacher, "transfer_rate"),
        Column("attacked", "After-attack accuracy, one at a time", textfooler, "after_attack_accuracy"),
        Column(
            "attacked_batched", "After-attack accuracy, in batches", batched_attack, "after_attack_accuracy"
        ),
        Column("accuracy", "Accuracy, one at a time", answers),
        Column("accuracy_batched", "Accuracy, in batches", batched_answers, "accuracy"),
    ),
    # What Table 1 measures anyway is told over all of its seeds.
    seeds=lambda profile, row, column: (
        profile.seeds if column.name in ("attacked", "accuracy") else profile.seeds[: profile.few_seeds]
    ),
)


# Q8BERT's released configuration rounds the outputs of query and key alone. What if every output was rounded?


def _rounding_table(label: str, task: str) -> Table:
    rounded = {
        "q8_ptq_static": ("Q8-PTQ, static ranges", recipes.q8_ptq, ("static",)),
        "q8_ptq_dynamic": ("Q8-PTQ, dynamic ranges", recipes.q8_ptq, ("dynamic",)),
        "q8_qat": ("Q8-QAT", recipes.q8_qat, ()),
    }
    rows = []
    for method, (words, make, arguments) in rounded.items():
        everything = bound(make, *arguments, steps.EVERYTHING)
        rows.append(Row(method, f"{words}, as released", bound(make, *arguments)))
        rows.append(Row(f"{method}_all", f"{words}, every output", everything))
    columns = (
        Column("accuracy", "Accuracy", answers),
        Column("label_loyalty", "Label loyalty", loyalty),
    )
    return Table(
        paper="loyalty",
        name=f"rounded_outputs_{task}",
        title=f"Rounded outputs, {label}",
        task=task,
        rows=(replace(TEACHER, reported={}, given={"label_loyalty": 1.0}), *rows),
        columns=columns,
        panels=(
            Panel(
                "all",
                f"Q8BERT on {label}: outputs of query and key alone rounded, as its released configuration "
                "says, and those of every linear layer.",
                tuple(column.name for column in columns),
            ),
        ),
    )


ROUNDED_SST2 = _rounding_table("SST-2", "sst2")
ROUNDED_MNLI = _rounding_table("MNLI", "mnli")


# TextFooler's released code searches in batches and judges one text alone. What does that do?


CONTROLS = ("teacher", "q8_ptq_static")


def released_attack(g: Grid, row: Row) -> Job:
    """Padded as there. A model whose answers hang on no batch mate does not mind, and padding costs it three
    times the time: of these the controls are padded, at the first seed, to show it."""
    model = row.recipe(g)
    control = row.method in CONTROLS and g.seed == g.profile.seeds[0]
    padded = control or steps.minds_its_batch(model)
    return steps.attack(g, model, "textfooler", g.profile.attacked, protocol="released", padded=padded)


def _search_table(label: str, task: str, reported: str, whole: Table) -> Table:
    def queries(name: str, label: str, measure: Callable, reported: str | None = None) -> Column:
        unit = "queries a text"
        return Column(name, label, measure, "queries_mean", scale=1.0, unit=unit, reported=reported)

    # The paper's numbers stand beside the protocol of the code that it names.
    columns = (
        Column("alone", "Searched and judged alone", textfooler, "after_attack_accuracy"),
        Column(
            "released",
            "In batches, judged alone",
            released_attack,
            "after_attack_accuracy",
            reported="after_attack_acc",
        ),
        Column("as_found", "In batches, as found", released_attack, "as_found_accuracy"),
        # Above the accuracy before it, no attack can leave any.
        Column("clean", "Before any attack, alone", textfooler, "clean_accuracy"),
        Column("clean_batched", "The same, in a padded batch", released_attack, "clean_accuracy"),
        queries("queries_alone", "Queries, alone", textfooler),
        queries("queries_released", "Queries, in batches", released_attack, "n_query"),
    )
    int8, static, dynamic = Q8_PTQ
    combined = [TABLE_2.row(name) for name in ("head_prune_kd", "head_prune_kd_ptq_int8", "q8_ptq_kd")]
    # Of combinations the paper prints nothing on SST-2, and of ranges not that they were fixed.
    unsaid = (static, *combined) if task == "sst2" else (static,)
    rows = [replace(TEACHER, given={}), int8, dynamic, static, *combined]
    return Table(
        paper="loyalty",
        name=f"search_and_verdict_{task}",
        title=f"Search and verdict, {label}",
        task=task,
        reported=reported,
        rows=tuple(replace(row, group="", reported={} if row in unsaid else row.reported) for row in rows),
        columns=columns,
        panels=(
            Panel(
                "all",
                f"After-attack accuracy on {label}, and the accuracy of the same texts before any attack. "
                "The search asks about one text at a time, or about batches of up to 32 that are padded to "
                "the full length; the verdict is about one text alone, which in batches is padded, too, or "
                "what the search found. Of models whose answers depend on no batch, the teacher and static "
                "ranges alone are padded, at the first seed.",
                tuple(column.name for column in columns),
            ),
        ),
        # In fp32: bf16 rounds otherwise on another processor, so that nobody could make these models again.
        precision="fp32",
        # Few methods stand here: the same attack on all others shows, too, how much a seed moves it.
        kin=dict.fromkeys(("alone", "released", "as_found"), (whole, "after_attack_accuracy")),
    )


SEARCH_SST2 = _search_table("SST-2", "sst2", "loyalty_table_3", TABLE_3)
SEARCH_MNLI = _search_table("MNLI", "mnli", "loyalty_table_2", TABLE_1)

TABLES = (
    TABLE_1,
    ALL_PAIRS,
    TABLE_2,
    TABLE_3,
    QUANTIZED_ROBUSTNESS,
    ROUNDED_SST2,
    ROUNDED_MNLI,
    SEARCH_SST2,
    SEARCH_MNLI,
)
