"""The tables of Xu et al. 2021, Beyond Preserved Accuracy, in the paper's row order."""

from bert_compression.report.layouts import Layout, Measure, Part, Row
from bert_compression.tasks.catalogue import get_task

# The paper has one row for post-training quantization and does not say which kind it timed and attacked:
# three kinds stand beside it.
PTQ = {"int8": "real int8", "static": "static ranges", "dynamic": "dynamic ranges"}
# The teacher's loyalty to itself.
LOYALTIES = ("label_loyalty", "probability_loyalty", "probability_loyalty_base2")


def _teacher() -> Row:
    return Row("teacher", "Teacher", "Teacher", given=dict.fromkeys(LOYALTIES, 1.0))


def _ptq(method: str, label: str, reported: str, group: str = "", short: str = "") -> tuple[Row, ...]:
    """The three variants of one row of the paper."""
    return tuple(
        Row(f"{method}_{name}", f"{label}, {words}", reported, group, f"{short or label} {name}")
        for name, words in PTQ.items()
    )


def _measures(task: str, texts: str, *accuracies: Measure) -> tuple[Measure, ...]:
    """The columns that all three tables have, around those of the task's accuracy."""
    classes = (
        Measure(f"after_attack_accuracy_class_{index}", f"After-attack accuracy, {label} {texts}", "attack")
        for index, label in enumerate(get_task(task).labels)
    )
    return (
        *accuracies,
        Measure("label_loyalty", "Label loyalty", "loyalty", reported="label_loyalty"),
        Measure("probability_loyalty", "Probability loyalty", "loyalty", reported="prob_loyalty"),
        Measure("speedup_batch_1", "Speed-up", "cost", 1.0, 2, "×", "speedup_x"),
        Measure("after_attack_accuracy", "After-attack accuracy", "attack", reported="after_attack_acc"),
        Measure("queries_mean", "Queries", "attack", 1.0, 1, "queries a text", "n_query"),
        *classes,
        Measure("probability_loyalty_base2", "Probability loyalty, base 2", "loyalty"),
        Measure("speedup_batch_32", "Speed-up, batch 32", "cost", 1.0, 2, "×"),
        Measure("stored_bytes", "Stored size", "cost", 1 / 2**20, 2, "MiB"),
    )


def _parts(title: str, measures: tuple[Measure, ...], answered: str, further: str) -> tuple[Part, ...]:
    """How each of the three tables is shown: `answered` and `further` say what differs in the captions."""
    names = [measure.name for measure in measures]
    classes = [name for name in names if name.startswith("after_attack_accuracy_class")]
    return (
        Part(
            "answers",
            f"{title}, what the models answer: accuracy on {answered}, and how far each compressed model "
            "answers like its teacher.",
            (
                *(name for name in names if name.startswith("accuracy")),
                "label_loyalty",
                "probability_loyalty",
            ),
        ),
        Part(
            "attack",
            f"{title}, what compression gains and what an attack leaves: speed-up over the teacher at batch "
            "1, accuracy after TextFooler, and the queries that the attack needed.",
            ("speedup_batch_1", "after_attack_accuracy", "queries_mean"),
        ),
        Part(
            "further",
            f"Beyond {title}, {further}: after-attack accuracy class by class, probability loyalty with base "
            "2, speed-up at batch 32, and the size of the stored model.",
            (
                *(name for name in names if name == "layers"),
                *classes,
                "probability_loyalty_base2",
                "speedup_batch_32",
                "stored_bytes",
            ),
        ),
    )


NOT_PRINTED = "what the paper does not print"
BOTH_SETS = "the matched and the mismatched validation pairs"
MNLI = _measures(
    "mnli",
    "pairs",
    Measure("accuracy", "Accuracy, matched", "predict", reported="mnli_m_acc"),
    Measure(
        "accuracy_mismatched",
        "Accuracy, mismatched",
        "predict",
        reported="mnli_mm_acc",
        metric="accuracy",
        split="validation_mismatched",
    ),
)
LAYERS = Measure("layers", "Layers", "", 1.0, 0, "of BERT-base’s 12", "layers")

TABLE_1 = Layout(
    name="loyalty_table_1",
    title="Table 1",
    task="mnli",
    rows=(
        _teacher(),
        Row("truncate_finetune", "Truncate & Finetune", "Truncate & Finetune", short="Truncate"),
        Row("kd", "Pure KD", "Pure KD"),
        *_ptq("q8_ptq", "Q8-PTQ", "Q8-PTQ"),
        Row("q8_qat", "Q8-QAT", "Q8-QAT"),
        Row("head_prune", "Head Prune", "Head Prune"),
        Row("distilbert", "DistilBERT", "DistilBERT"),
        Row("tinybert", "TinyBERT", "TinyBERT"),
        Row("pkd", "BERT-PKD", "BERT-PKD", short="PKD"),
        Row("theseus", "BERT-of-Theseus", "BERT-of-Theseus", short="Theseus"),
    ),
    measures=(*MNLI, LAYERS),
    parts=_parts("Table 1", (*MNLI, LAYERS), BOTH_SETS, f"the paper’s layers, and {NOT_PRINTED}"),
)

# Under each heading the method alone, then what it is combined with; PKD is there to be compared with.
HEADS, ROUNDED, REPLACED = "Pruning", "Quantization", "Module replacing, with PKD beside it"
TABLE_2 = Layout(
    name="loyalty_table_2",
    title="Table 2",
    task="mnli",
    rows=(
        _teacher(),
        Row("head_prune", "Head Prune", "Head Prune", HEADS, "Prune"),
        Row("head_prune_finetune", "Head Prune + Finetune", "Head Prune +Finetune", HEADS, "Prune+FT"),
        Row("head_prune_kd", "Head Prune + KD", "Head Prune +KD", HEADS, "Prune+KD"),
        *_ptq("head_prune_kd_ptq", "Head Prune + KD + PTQ", "Head Prune +KD+PTQ", HEADS, "Prune+KD+PTQ"),
        Row("q8_qat", "Q8-QAT", "Q8-QAT", ROUNDED),
        *_ptq("q8_ptq", "Q8-PTQ", "Q8-PTQ", ROUNDED),
        Row("q8_ptq_finetune", "Q8-PTQ + Finetune", "Q8-PTQ +Finetune", ROUNDED, "Q8-PTQ+FT"),
        Row("q8_ptq_kd", "Q8-PTQ + KD", "Q8-PTQ +KD", ROUNDED, "Q8-PTQ+KD"),
        Row("pkd", "BERT-PKD", "BERT-PKD", REPLACED, "PKD"),
        Row("theseus", "Theseus", "Theseus", REPLACED),
        Row("theseus_kd", "Theseus + KD", "Theseus +KD", REPLACED, "Theseus+KD"),
        *_ptq("theseus_kd_ptq", "Theseus + KD + PTQ", "Theseus +KD+PTQ", REPLACED, "Theseus+KD+PTQ"),
    ),
    measures=MNLI,
    parts=_parts("Table 2", MNLI, BOTH_SETS, NOT_PRINTED),
)

SST2 = _measures("sst2", "texts", Measure("accuracy", "Accuracy", "predict", reported="sst2_acc"))
TABLE_3 = Layout(
    name="loyalty_table_3",
    title="Table 3",
    task="sst2",
    rows=(
        _teacher(),
        Row("kd", "KD", "KD"),
        Row("head_prune", "Head Prune", "Head Prune"),
        Row("q8_qat", "Q8-QAT", "Q8-QAT"),
        *_ptq("q8_ptq", "Q8-PTQ", "Q8-PTQ"),
    ),
    measures=SST2,
    parts=_parts("Table 3", SST2, "the validation sentences", NOT_PRINTED),
)
