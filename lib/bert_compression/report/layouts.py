"""Which rows and columns a table of a paper has, and where its numbers stand in records and CSV files."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Measure:
    """A column: the metric of which kind of record, and how to print it.

    `scale` turns a record's fraction or byte count into the printed unit. `reported` names the column of
    the paper's CSV file; None where the paper prints no such number.
    """

    name: str
    label: str
    kind: str
    scale: float = 100.0
    digits: int = 1
    unit: str = "%"
    reported: str | None = None

    def text(self, value: float) -> str:
        return f"{value:.{self.digits}f}"


@dataclass(frozen=True)
class Row:
    """A line: the `method` of our records, and the paper's row that it is laid beside.

    `given` holds values that follow from a definition, so that no record measures them.
    """

    method: str
    label: str
    reported: str
    given: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """Columns that are shown together."""

    name: str
    caption: str
    measures: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """A table of a paper: its rows in the paper's order, its measures, the parts it is shown in."""

    name: str
    task: str
    rows: tuple[Row, ...]
    measures: tuple[Measure, ...]
    parts: tuple[Part, ...]

    def measure(self, name: str) -> Measure:
        return next(measure for measure in self.measures if measure.name == name)


# The teacher's loyalty to itself.
LOYALTIES = ("label_loyalty", "probability_loyalty", "probability_loyalty_base2")

# The paper has one row for post-training quantization and does not say which kind it timed and attacked:
# three kinds stand beside it.
LOYALTY_TABLE_3 = Layout(
    name="loyalty_table_3",
    task="sst2",
    rows=(
        Row("teacher", "Teacher", "Teacher", given=dict.fromkeys(LOYALTIES, 1.0)),
        Row("kd", "KD", "KD"),
        Row("head_prune", "Head Prune", "Head Prune"),
        Row("q8_qat", "Q8-QAT", "Q8-QAT"),
        Row("q8_ptq_int8", "Q8-PTQ, real int8", "Q8-PTQ"),
        Row("q8_ptq_static", "Q8-PTQ, static ranges", "Q8-PTQ"),
        Row("q8_ptq_dynamic", "Q8-PTQ, dynamic ranges", "Q8-PTQ"),
    ),
    measures=(
        Measure("accuracy", "Accuracy", "predict", reported="sst2_acc"),
        Measure("label_loyalty", "Label loyalty", "loyalty", reported="label_loyalty"),
        Measure("probability_loyalty", "Probability loyalty", "loyalty", reported="prob_loyalty"),
        Measure("speedup_batch_1", "Speed-up", "cost", 1.0, 2, "×", "speedup_x"),
        Measure("after_attack_accuracy", "After-attack accuracy", "attack", reported="after_attack_acc"),
        Measure("queries_mean", "Queries", "attack", 1.0, 1, "queries a text", "n_query"),
        Measure("after_attack_accuracy_class_0", "After-attack accuracy, negative texts", "attack"),
        Measure("after_attack_accuracy_class_1", "After-attack accuracy, positive texts", "attack"),
        Measure("probability_loyalty_base2", "Probability loyalty, base 2", "loyalty"),
        Measure("speedup_batch_32", "Speed-up, batch 32", "cost", 1.0, 2, "×"),
        Measure("stored_bytes", "Stored size", "cost", 1 / 2**20, 2, "MiB"),
    ),
    parts=(
        Part(
            "answers",
            "Table 3, what the models answer: accuracy on the validation sentences, and how far each "
            "compressed model answers like its teacher.",
            ("accuracy", "label_loyalty", "probability_loyalty"),
        ),
        Part(
            "attack",
            "Table 3, what compression gains and what an attack leaves: speed-up over the teacher at batch "
            "1, accuracy after TextFooler, and the queries that the attack needed.",
            ("speedup_batch_1", "after_attack_accuracy", "queries_mean"),
        ),
        Part(
            "further",
            "Beyond Table 3, what the paper does not print: after-attack accuracy class by class, "
            "probability loyalty with base 2, speed-up at batch 32, and the size of the stored model.",
            (
                "after_attack_accuracy_class_0",
                "after_attack_accuracy_class_1",
                "probability_loyalty_base2",
                "speedup_batch_32",
                "stored_bytes",
            ),
        ),
    ),
)
