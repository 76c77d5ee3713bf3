"""Table 2 of Dasgupta et al. 2023, Cost-effective Distillation, in the paper's row and column order."""

from bert_compression.report.layouts import Layout, Measure, Part, Row

# Students as the paper names them, layers x hidden size; and the models of others that it quotes beside each.
STUDENTS = {"2x128": "2 × 128", "4x312": "4 × 312", "6x768": "6 × 768"}
QUOTED = {"4x312": ("MobileBERT_TINY", "TinyBERT4"), "6x768": ("DistilBERT", "TinyBERT6")}
MIDDLE = "4x312"
# What was measured with the middle student alone, on the small sets.
CONTROLS = {
    "taylor": "Taylor loss, fine-tuned teacher",
    "kl_untuned": "KL alone, teacher not fine-tuned",
    "squares": "squared loss, fine-tuned teacher",
    "squares_untuned": "squared loss, teacher not fine-tuned",
}


def _rows(student: str) -> tuple[Row, ...]:
    """The paper's lines for one student, then ours."""
    group, size = f"Student {STUDENTS[student]}", STUDENTS[student]
    quoted = (
        Row(name.lower(), name, f"{student} {name}", group, quoted=True) for name in QUOTED.get(student, ())
    )
    controls = CONTROLS.items() if student == MIDDLE else ()
    return (
        Row(f"kl_{student}", "Vanilla KD", f"{student} Vanilla KD", group, f"KD {size}"),
        *quoted,
        Row(
            f"taylor_untuned_{student}",
            "Taylor loss (the paper’s)",
            f"{student} Our method",
            group,
            f"Taylor {size}",
        ),
        Row(f"ce_{student}", "cross-entropy, no teacher", "", group, f"CE {size}"),
        *(Row(f"{method}_{student}", label, "", group) for method, label in controls),
    )


def _measure(task: str, label: str, score: str, column: str, split: str = "") -> Measure:
    name = f"{task}_mismatched" if split else task
    unit = {"accuracy": "%", "f1": "F1, %", "pearson": "Pearson, %"}[score]
    return Measure(name, label, "predict", unit=unit, reported=column, metric=score, split=split, task=task)


MEASURES = (
    _measure("qqp", "QQP", "f1", "qqp_f1"),
    _measure("mnli", "MNLI matched", "accuracy", "mnli_m_acc"),
    _measure("mnli", "MNLI mismatched", "accuracy", "mnli_mm_acc", "validation_mismatched"),
    _measure("sst2", "SST-2", "accuracy", "sst2_acc"),
    _measure("qnli", "QNLI", "accuracy", "qnli_acc"),
    _measure("mrpc", "MRPC", "f1", "mrpc_f1"),
    _measure("rte", "RTE", "accuracy", "rte_acc"),
    _measure("stsb", "STS-B", "pearson", "stsb_pearson"),
)
TASKS = tuple(dict.fromkeys(measure.task for measure in MEASURES))
LARGE, SMALL = ("qqp", "mnli", "mnli_mismatched", "sst2", "qnli"), ("mrpc", "rte", "stsb")

TABLE_2 = Layout(
    name="taylor_table_2",
    title="Table 2",
    task="mrpc",
    rows=(
        Row("teacher", "BERT-base, fine-tuned", "teacher BERT base", short="teacher"),
        *(row for student in STUDENTS for row in _rows(student)),
    ),
    measures=MEASURES,
    parts=(
        Part(
            "large",
            "Table 2, the larger sets: what students of three sizes learn from each loss.",
            LARGE,
            without=tuple(f"{control}_{MIDDLE}" for control in CONTROLS),
        ),
        Part("small", "Table 2, the small sets: what students of three sizes learn from each loss.", SMALL),
    ),
)
