"""The tables of Wu et al. 2022's appendix C, in the paper's row and column order.

A line is a `Student`; its settings are what the table names. Columns are the scores of GLUE and the paper's
own averages. A task that a profile does not measure, and a line whose layers its encoder does not have, keep
the paper's numbers alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bert_compression.experiments import Profile
from bert_compression.papers.xtc.data import TABLE_C1
from bert_compression.papers.xtc.scores import AVERAGES, DECIDED_BY, PRINTED, SCORES, row_of, score_table
from bert_compression.papers.xtc.students import BUDGETS, PRECISION, Student, full_precision, teacher
from bert_compression.report.tables import (
    Best,
    Column,
    Difference,
    Increase,
    Panel,
    Row,
    Spread,
    Table,
    all_seeds,
    first_seed,
)

RATES = {"2e-5": 2e-5, "5e-5": 5e-5, "1e-4": 1e-4, "5e-4": 5e-4}
STAGES = {1: "One", 2: "Two", 3: "Three"}


# Tables C.2 to C.4 and C.11, C.12: the same lines at several learning rates, and the best of them.


def _rates(students: Mapping[str, Student], reported: Mapping[str, object], group: str) -> list[Row]:
    """A line a learning rate; where there are several, then the best of them."""
    runs = {**reported, "row_kind": "run"}
    rows = [
        row_of(student, rate, {**runs, "learning_rate": RATES[rate]}, group)
        for rate, student in students.items()
    ]
    if len(rows) > 1:
        of = tuple(row.method for row in rows)
        line = {**reported, "row_kind": "best"}
        rows.append(Best(f"best_of_{of[0]}", "best of these", None, line, group, of=of, by=DECIDED_BY))
    return rows


def _staged(bits: int) -> list[Row]:
    rows = []
    for budget in BUDGETS:
        # Of 2 bits Budget-C stands in the paper at one learning rate.
        rates = ("2e-5",) if (bits, budget) == (2, "C") else ("2e-5", "1e-4", "5e-4")
        for stages, word in STAGES.items():
            students = {rate: Student(bits, "all", budget, stages, RATES[rate]) for rate in rates}
            line = {"budget": f"Budget-{budget}", "kd_stages": f"{word}-Stage"}
            rows += _rates(students, line, f"Budget {budget}, {word.lower()} stage{'s' * (stages > 1)}")
    return rows


TABLE_C2 = score_table("table_c2", _staged(1), "1-bit weights, budgets, stages and learning rates")
TABLE_C3 = score_table("table_c3", _staged(2), "2-bit weights, budgets, stages and learning rates")


def _without_augmentation() -> list[Row]:
    rows = []
    for budget in ("A", "C"):
        plain = {r: Student(1, "all", budget, 1, RATES[r], augmented=False) for r in ("2e-5", "1e-4", "5e-4")}
        rows += _rates(plain, {"budget": f"Budget-{budget}"}, f"Budget {budget}, texts as they are")
        more = Student(1, "all", budget, 1, 1e-4, augmented=True)
        rows.append(
            Row(more.name, "1e-4, augmented", more, {}, f"Budget {budget}, as many steps on augmented texts")
        )
    return rows


TABLE_C4 = score_table("table_c4", _without_augmentation(), "1-bit weights without data augmentation")

# Tables C.5 to C.7: fewer layers in full precision.

MODELS = {
    "tinybert6": "TinyBERT6",
    "minilm6": "MiniLM6",
    "skip6": "Skip-BERT6",
    "skip5": "Skip-BERT5",
    "skip4": "Skip-BERT4",
}


def _base(line: Mapping[str, object]) -> Row:
    return Row("teacher", "BERT-base, fine-tuned", teacher, line, short="teacher")


def _reduced() -> list[Row]:
    rows = [_base({"model": "BERT-base"})]
    for layers, model in MODELS.items():
        students = {r: Student(32, layers, rate=RATES[r]) for r in ("5e-5", "1e-4", "5e-4")}
        rows += [
            row_of(student, rate, {"model": model, "learning_rate": RATES[rate]}, model)
            for rate, student in students.items()
        ]
    return rows


TABLE_C5 = score_table("table_c5", _reduced(), "fewer layers in full precision, learning rates")

TABLE_C6 = score_table(
    "table_c6",
    [
        _base({"layer_selection": "BERT-base fp32"}),
        *(
            row_of(Student(32, layers, rate=5e-5), f"{label} of 12", {"layer_selection": label})
            for layers, label in {"skip6": "Skip-6", "top6": "Top-6", "bottom6": "Bottom-6"}.items()
        ),
    ],
    "which layers of the teacher a student begins with",
    seeds=all_seeds,  # with two, nothing is sure of what a claim asks
)

TABLE_C7 = score_table(
    "table_c7",
    [
        row_of(
            Student(32, layers, "C", stages, 5e-5),
            f"{word} stage{'s' * (stages > 1)}",
            {"model": model, "kd_stages": word},
            model,
        )
        for layers, model in {
            "tinybert6": "TinyBERT6",
            "minilm6": "MiniLM6-v2",
            "skip6": "Skip-BERT6",
        }.items()
        for stages, word in STAGES.items()
    ],
    "stages of distillation in full precision",
)

# Table C.8: small models with few bits.

SKIPPED = {"skip6": (6, "Skip-BERT6"), "skip5": (5, "Skip-BERT5"), "skip4": (4, "Skip-BERT4")}


def few_bits(layers: str, bits: int, rank: int = 0) -> Student:
    """A reduced model with few bits, as C.8 and C.13 have it: Budget-C, one stage, 2e-5 (caption of C.13)."""
    return Student(bits, layers, "C", 1, 2e-5, rank)


TINY = Student(32, "tinybert6", rate=5e-5)
TINY_2 = Student(2, "tinybert6", "C", 1, 2e-5, start=TINY)
DROP = Increase(
    "acc_drop",
    "Change of the average",
    None,
    digits=2,
    unit="points",
    reported="acc_drop",
    of="avg",
    over={
        TINY_2.name: TINY.name,
        **{few_bits(layers, bits).name: full_precision(layers).name for layers in SKIPPED for bits in (1, 2)},
    },
)
TABLE_C8 = score_table(
    "table_c8",
    [
        row_of(TINY, "32 bits", {"row": 1}, "TinyBERT6"),
        row_of(TINY_2, "2 bits", {"row": 2}, "TinyBERT6"),
        *(
            row_of(
                student,
                f"{student.bits} bit{'s' * (student.bits > 1)}",
                {"layers": number, "bits": student.bits, "model": f"XTC-BERT{number}"},
                model,
            )
            for layers, (number, model) in SKIPPED.items()
            for student in (full_precision(layers), few_bits(layers, 2), few_bits(layers, 1))
        ),
    ],
    "layer reduction and few bits together",
    columns=(*SCORES, AVERAGES[0], DROP),
    printed=PRINTED,
)

# Tables C.9 to C.12: something of low rank in addition.

RANKS = {0: "none", 1: "rank 1", 8: "rank 8"}


def _low_rank(bits: int) -> list[Row]:
    rows = []
    for budget in BUDGETS if bits == 1 else BUDGETS[:2]:
        for rank, label in RANKS.items():
            students = {
                r: Student(bits, "skip6", budget, 1, RATES[r], rank) for r in ("5e-5", "1e-4", "5e-4")
            }
            line = {"budget": f"Budget-{budget}", "lora_rank": rank}
            rows += _rates(students, line, f"Budget {budget}, low rank: {label}")
    return rows


TABLE_C11 = score_table("table_c11", _low_rank(1), "1-bit Skip-BERT6 and something of low rank, all rates")
TABLE_C12 = score_table("table_c12", _low_rank(2), "2-bit Skip-BERT6 and something of low rank, all rates")


def _summary(table: Table) -> list[Row]:
    """The same lines with the best of each as the paper sums them up, and after them what they are of."""
    rows = []
    for row in table.rows:
        if isinstance(row, Best):
            line = {key: row.reported[key] for key in ("budget", "lora_rank")}
            rows.append(Best(row.method, row.group, None, line, of=row.of, by=row.by))
    runs = [row for row in table.rows if not isinstance(row, Best)]
    return [*rows, *(Row(row.method, row.label, row.recipe, {}, row.group) for row in runs)]


TABLE_C9 = score_table("table_c9", _summary(TABLE_C11), "1-bit Skip-BERT6, the best learning rate of each")
TABLE_C10 = score_table("table_c10", _summary(TABLE_C12), "2-bit Skip-BERT6, the best learning rate of each")

TABLE_C13 = score_table(
    "table_c13",
    [
        row
        for layers, (number, model) in list(SKIPPED.items())[1:]
        for row in (
            row_of(full_precision(layers), "32 bits", {"layers": number, "bits": 32}, model),
            *(
                row_of(
                    few_bits(layers, bits, rank),
                    f"{bits} bit{'s' * (bits > 1)}{', rank 1' * rank}",
                    {"layers": number, "bits": bits, "lora": "Y" if rank else "N"},
                    model,
                )
                for bits in (1, 2)
                for rank in (0, 1)
            ),
        )
    ],
    "five and four layers, few bits, and matrices of rank 1",
    printed=PRINTED,
)

# Table C.14: a second round.


def again(layers: str, first: int, rank: int = 0) -> Student:
    """A second round of 1-bit training for what had so many bits at first."""
    return Student(1, layers, "C", 1, 2e-5, rank, continues=few_bits(layers, first))


def _second_round() -> list[Row]:
    rows, number = [], 0
    for layers, (_, model) in list(SKIPPED.items())[1:]:
        for first in (1, 2):
            lines = {
                f"{first} bit{'s' * (first > 1)}": few_bits(layers, first),
                f"then 1 bit, from {first}": again(layers, first),
                f"then 1 bit and rank 1, from {first}": again(layers, first, 1),
            }
            for label, student in lines.items():
                number += 1
                rows.append(row_of(student, label, {"row": number}, model))
    return rows


TABLE_C14 = score_table("table_c14", _second_round(), "a second round of training", printed=PRINTED)

# Table C.15: who teaches.


def _teachers() -> list[Row]:
    rows: list[Row] = []
    for bits in (1, 2):
        for rank in (0, 1):
            line = {"weight_bits": bits, "lora": "Y" if rank else "N"}
            group = f"{bits} bit{'s' * (bits > 1)}{', rank 1' * rank}"
            pair = [
                row_of(
                    Student(bits, "skip6", "C", 1, 2e-5, rank, taught_by),
                    f"taught by {name}",
                    {**line, "teacher": name},
                    group,
                )
                for taught_by, name in {"all": "BERTbase", "skip6": "Skip-BERT6"}.items()
            ]
            of = (pair[0].method, pair[1].method)
            difference = {**line, "teacher": "Difference"}
            rows += [
                *pair,
                Difference(f"difference_{bits}_{rank}", "difference", None, difference, group, of=of),
            ]
    return rows


TABLE_C15 = score_table(
    "table_c15", _teachers(), "BERT-base or Skip-BERT6 as the teacher", printed=["size_mb"]
)

# Tables C.16 and C.17: seeds. The paper's 42, 111 and 222 are 0, 1 and 2 here.

SEEDS = {42: 0, 111: 1, 222: 2}


def _seeded(student: Student, line: Mapping[str, object], group: str) -> list[Row]:
    """A line a seed, their mean and their spread."""
    runs = [
        Row(
            f"{student.name}_seed{ours}",
            f"seed {paper}",
            student,
            {**line, "row_kind": "run", "seed": paper},
            group,
            about={"seed": ours},
        )
        for paper, ours in SEEDS.items()
    ]
    mean = row_of(student, "mean", {**line, "row_kind": "mean"}, group)
    spread = Spread(
        f"{student.name}_spread", "spread", None, {**line, "row_kind": "std"}, group, of=(student.name,)
    )
    return [*runs, mean, spread]


def _all_or_one(profile: Profile, row: Row, column: Column) -> tuple[int, ...]:
    """Three seeds at least, even where the profile has fewer: they are what is asked about."""
    seed = row.about.get("seed")
    if isinstance(seed, int):
        return (seed,)
    few = not isinstance(row.recipe, Student) or not row.recipe.fixed_start
    return (0,) if few else max(profile.seeds, tuple(SEEDS.values()), key=len)


def with_seeds(bits: int, layers: str, stages: int) -> Student:
    """A line of C.16 or C.17: Budget-B at 2e-5, from a start that has learnt in three stages (as in C.7)."""
    start = Student(32, layers, "C", 3, 5e-5)
    return Student(bits, layers, "B", stages, 2e-5, start=start, fixed_start=True)


def _seeds_of(bits: int, lines: Iterable[tuple[str, str, int]]) -> list[Row]:
    rows, seen = [], set()
    for layers, model, stages in lines:
        student = with_seeds(bits, layers, stages)
        if bits == 1 and layers not in seen:
            rows.append(row_of(student.start, "32 bits", {"weight_bits": 32, "model": model}, model))
            seen.add(layers)
        line = {"weight_bits": bits, "model": model, "kd_stages": STAGES[stages]}
        rows += _seeded(student, line, f"{model}, {STAGES[stages].lower()} stage{'s' * (stages > 1)}")
    return rows


TABLE_C16 = score_table(
    "table_c16",
    _seeds_of(
        1,
        [
            ("tinybert6", "TinyBERT6", 1),
            ("tinybert6", "TinyBERT6", 2),
            ("minilm6", "MiniLM6", 3),
            ("skip6", "SkipBERT6", 3),
        ],
    ),
    "1-bit weights and seeds",
    _all_or_one,
    (*SCORES, AVERAGES[0]),
)
TABLE_C17 = score_table(
    "table_c17",
    _seeds_of(2, [("skip6", "SkipBERT6", 3)]),
    "2-bit weights and seeds",
    _all_or_one,
    (*SCORES, AVERAGES[0]),
)

# How activations are rounded, which the appendix does not say: a table of our own.

_ONE_EACH = tuple(c for c in SCORES if c.name in ("cola_mcc", "stsb_pearson", "rte_acc"))
ACTIVATIONS = Table(
    paper="xtc",
    name="activations",
    title="How activations are rounded",
    task="cola",
    rows=tuple(
        Row(student.name, label, student, group=f"Skip-BERT6, {bits} bit{'s' * (bits > 1)}")
        for bits in (2, 1)
        for student, label in (
            (few_bits("skip6", bits), "each token its own range"),
            (replace(few_bits("skip6", bits), activations="clipped"), "one range a batch, clipped"),
        )
    ),
    columns=_ONE_EACH,
    panels=(
        Panel(
            "all",
            "The same models with 8-bit activations rounded token by token, as DeepSpeed does, and with one "
            "range for the batch, cut off at 2.5, as TernaryBERT does.",
            tuple(column.name for column in _ONE_EACH),
        ),
    ),
    seeds=first_seed,
    precision=PRECISION,
)

TABLES = (
    TABLE_C1,
    TABLE_C2,
    TABLE_C3,
    TABLE_C4,
    TABLE_C5,
    TABLE_C6,
    TABLE_C7,
    TABLE_C8,
    TABLE_C9,
    TABLE_C10,
    TABLE_C11,
    TABLE_C12,
    TABLE_C13,
    TABLE_C14,
    TABLE_C15,
    TABLE_C16,
    TABLE_C17,
    ACTIVATIONS,
)
