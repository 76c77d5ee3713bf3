"""What Wu et al. 2022 claim in their appendix, each sentence in our words, task by task."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from bert_compression.metrics import spread_interval
from bert_compression.papers.xtc.loyalty import LOYALTY
from bert_compression.papers.xtc.students import Student, full_precision
from bert_compression.papers.xtc.tables import (
    MODELS,
    SKIPPED,
    TABLE_C2,
    TABLE_C4,
    TABLE_C5,
    TABLE_C6,
    TABLE_C8,
    TABLE_C9,
    TABLE_C10,
    TABLE_C13,
    TABLE_C14,
    TABLE_C15,
    TABLE_C16,
    TABLE_C17,
    again,
    few_bits,
)
from bert_compression.report.claims import Claim
from bert_compression.report.estimators import spread_over_seeds
from bert_compression.report.html import Shown
from bert_compression.report.reported import reported_value
from bert_compression.report.sentences import said
from bert_compression.report.tables import Spread, Table

# One score a task: what the paper selects by. The small sets, which `small` measures.
TASKS = {"rte": "rte_acc", "cola": "cola_mcc", "mrpc": "mrpc_acc", "stsb": "stsb_pearson"}
# How many points two models may be apart and still count as no different. Fixed before there was any record:
# less than the least that the paper counts as a gain of longer training (C.2, one stage, A to C: 1.06).
MARGIN = 1.0

ONE_STAGE = "With the right learning rate, one stage of distillation is as good as three."
HIGH_RATE = "At a high learning rate two stages are worse than one."
LONGER = "Longer training makes a 1-bit model better."
AUGMENTED = "Augmented texts help the small sets, with as many steps."
SKIP = "Layers taken evenly from the teacher make a better student than the top or bottom ones."
FIVE = "Five layers of the fine-tuned teacher are better than a pretrained TinyBERT of six."
TWO_BITS = "A model of two bits a weight loses less of the score than one of one bit."
SMALLER = "Going to one bit takes more of the score of a smaller model."
LOW_RANK = "With a short budget, something of low rank (LoRa) in addition makes a 1- or 2-bit model better."
NO_RANK = "With a long budget, something of low rank (LoRa) changes nothing."
NO_RANK_AGAIN = "Something of low rank (LoRa) in a second round of training changes nothing."
SECOND = "A second round of training makes a 1-bit model better."
FROM_TWO = "A 1-bit model that begins with a 2-bit one is worse than one that does not."
TEACHER = "A better teacher makes a 1-bit model better."
TEACHER_2BIT = "A better teacher makes a 2-bit model better."
DIMINISHES = "With something of low rank (LoRa) in addition, a better teacher helps a 1-bit model less."
SEEDS = "Another seed moves the average over the tasks by no more than about 0.1."
LOYAL = "A student of two bits a weight answers more like its teacher than one of one bit."


TRAININGS = 3  # of a line of C.16 and C.17
SAMPLE = math.sqrt(TRAININGS / (TRAININGS - 1))  # a sample's standard deviation over that of the population
WITHIN = 0.1 * SAMPLE  # what the paper says of its standard deviations, which are the latter (appendix B.2)


def best(budget: str, stages: int) -> str:
    """The row of C.2 that is the best of a budget and a number of stages."""
    return f"best_of_{Student(1, 'all', budget, stages, 2e-5).name}"


def best_rank(budget: str, rank: int, bits: int = 1) -> str:
    """The row of C.9, or with two bits C.10, that is the best of a budget and a rank."""
    return f"best_of_{Student(bits, 'skip6', budget, 1, 5e-5, rank).name}"


def taught_by_itself(bits: int, rank: int = 0) -> Student:
    """A line of C.15: six layers with few bits, whose teacher has as few layers."""
    return Student(bits, "skip6", "C", 1, 2e-5, rank, taught_by="skip6")


def _claims(
    name: str,
    sentence: str,
    where: str,
    table: Table,
    first: str | tuple[str, ...],
    second: str | tuple[str, ...],
    margin: float | None = None,
    labels: tuple[str, str] | None = None,
    but: tuple[str, ...] = (),
    sums: bool = False,
) -> Iterator[Claim]:
    """A claim for each task `but` those in which the paper's own numbers say otherwise."""
    for task, column in TASKS.items():
        if task in but:
            continue
        yield Claim(
            f"xtc_{name}_{task}",
            sentence,
            where,
            table,
            column,
            first,
            second,
            margin,
            labels=labels,
            sums=sums,
        )


def contradicted(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """The comparisons of these claims in the tasks that they leave out, as the paper's own numbers say
    otherwise there. They have no verdict."""
    compared: dict[tuple, list[Claim]] = {}
    for claim in claims:
        compared.setdefault((claim.sentence, claim.table, claim.first, claim.second), []).append(claim)
    return tuple(
        replace(of[0], name=f"{of[0].name}_but_{task}", column=column)
        for of in compared.values()
        for task, column in TASKS.items()
        if column not in {claim.column for claim in of}
    )


STAGE_CLAIMS: tuple[Claim, ...] = (
    *_claims(
        "one_stage",
        ONE_STAGE,
        "Table C.2",
        TABLE_C2,
        best("C", 1),
        best("C", 3),
        MARGIN,
        labels=("best of one stage, C", "best of three stages, C"),
        but=("rte",),
    ),
    *(
        claim
        for budget in ("A", "C")
        for claim in _claims(
            f"high_rate_{budget.lower()}",
            HIGH_RATE,
            "Table C.2",
            TABLE_C2,
            Student(1, "all", budget, 1, 5e-4).name,
            Student(1, "all", budget, 2, 5e-4).name,
            labels=(f"one stage at 5e-4, {budget}", f"two stages at 5e-4, {budget}"),
            but=("mrpc",) if budget == "C" else (),
        )
    ),
    *_claims(
        "longer",
        LONGER,
        "Table C.2",
        TABLE_C2,
        best("C", 1),
        best("A", 1),
        labels=("best of budget C, one stage", "best of budget A, one stage"),
    ),
    *(
        claim
        for budget in ("A", "C")
        for claim in _claims(
            f"augmented_{budget.lower()}",
            AUGMENTED,
            "ours: the paper may add texts and steps at once",
            TABLE_C4,
            Student(1, "all", budget, 1, 1e-4, augmented=True).name,
            Student(1, "all", budget, 1, 1e-4, augmented=False).name,
            labels=(f"augmented, {budget}", f"as they are, {budget}"),
        )
    ),
)
LAYER_CLAIMS: tuple[Claim, ...] = (
    *(
        claim
        for other in ("top6", "bottom6")
        for claim in _claims(
            f"skip_{other}",
            SKIP,
            "Table C.6",
            TABLE_C6,
            Student(32, "skip6", rate=5e-5).name,
            Student(32, other, rate=5e-5).name,
            but=("mrpc",) if other == "top6" else (),
        )
    ),
    *_claims(
        "five_layers",
        FIVE,
        "Table C.5",
        TABLE_C5,
        Student(32, "skip5", rate=1e-4).name,
        Student(32, "tinybert6", rate=1e-4).name,
        labels=("Skip-BERT5 at 1e-4", "TinyBERT6 at 1e-4"),
        but=("mrpc",),
    ),
)
FEW_BITS_CLAIMS: tuple[Claim, ...] = (
    *(
        claim
        for layers in SKIPPED
        for claim in _claims(
            f"two_bits_{layers}",
            TWO_BITS,
            "Table C.8",
            TABLE_C8,
            few_bits(layers, 2).name,
            few_bits(layers, 1).name,
            labels=(f"{MODELS[layers]}, 2 bits", f"{MODELS[layers]}, 1 bit"),
            but=("mrpc",) if layers == "skip4" else (),
        )
    ),
    # The difference of two drops.
    *_claims(
        "smaller_loses_more",
        SMALLER,
        "Table C.8",
        TABLE_C8,
        (full_precision("skip4").name, few_bits("skip6", 1).name),
        (few_bits("skip4", 1).name, full_precision("skip6").name),
        labels=("what Skip-BERT4 loses", "what Skip-BERT6 loses"),
        but=("cola", "mrpc", "stsb"),
        sums=True,
    ),
    *(
        claim
        for layers in ("skip5", "skip4")
        for claim in _claims(
            f"second_round_{layers}",
            SECOND,
            "appendix B.3",
            TABLE_C14,
            again(layers, 1).name,
            few_bits(layers, 1).name,
            labels=(f"{MODELS[layers]}, two rounds", f"{MODELS[layers]}, one round"),
            but=("rte", "mrpc"),
        )
    ),
    *(
        claim
        for layers in ("skip5", "skip4")
        for claim in _claims(
            f"from_two_bits_{layers}",
            FROM_TWO,
            "appendix B.3",
            TABLE_C14,
            few_bits(layers, 1).name,
            again(layers, 2).name,
            labels=(f"{MODELS[layers]}, 1 bit at once", f"{MODELS[layers]}, by way of 2 bits"),
            but=("mrpc",) if layers == "skip5" else (),
        )
    ),
    *(
        claim
        for bits, sentence, but in ((1, TEACHER, ()), (2, TEACHER_2BIT, ("cola",)))
        for claim in _claims(
            "better_teacher" if bits == 1 else "better_teacher_2bit",
            sentence,
            "appendix B.4",
            TABLE_C15,
            few_bits("skip6", bits).name,
            taught_by_itself(bits).name,
            labels=(f"{bits} bit{'s' * (bits > 1)}, taught by BERT-base", "taught by Skip-BERT6"),
            but=but,
        )
    ),
    # The difference of two gains.
    *_claims(
        "teacher_and_low_rank",
        DIMINISHES,
        "appendix B.4",
        TABLE_C15,
        (few_bits("skip6", 1).name, taught_by_itself(1, 1).name),
        (taught_by_itself(1).name, few_bits("skip6", 1, 1).name),
        labels=("what the teacher brings without LoRa", "what it brings with LoRa"),
        but=("stsb",),
        sums=True,
    ),
)
LOW_RANK_CLAIMS: tuple[Claim, ...] = (
    *_claims(
        "low_rank_short",
        LOW_RANK,
        "appendix B.3",
        TABLE_C9,
        best_rank("A", 8),
        best_rank("A", 0),
        labels=("rank 8, A", "nothing added, A"),
        but=("mrpc", "stsb"),
    ),
    *_claims(
        "low_rank_short_2bit",
        LOW_RANK,
        "appendix B.3",
        TABLE_C10,
        best_rank("A", 8, 2),
        best_rank("A", 0, 2),
        labels=("rank 8, A", "nothing added, A"),
        but=("cola",),
    ),
    *_claims(
        "low_rank_long",
        NO_RANK,
        "appendix B.3",
        TABLE_C9,
        best_rank("C", 8),
        best_rank("C", 0),
        MARGIN,
        labels=("rank 8, C", "nothing added, C"),
    ),
    *(
        claim
        for layers in ("skip5", "skip4")
        for bits in (1, 2)
        for claim in _claims(
            f"low_rank_{layers}_{bits}bit",
            NO_RANK,
            "appendix B.3",
            TABLE_C13,
            few_bits(layers, bits, 1).name,
            few_bits(layers, bits).name,
            MARGIN,
            labels=(
                f"{MODELS[layers]}, {bits} bit{'s' * (bits > 1)}, rank 1",
                f"{MODELS[layers]}, {bits} bit{'s' * (bits > 1)}",
            ),
            but=("rte",) if (layers, bits) == ("skip5", 2) else (),
        )
    ),
    *(
        claim
        for layers in ("skip5", "skip4")
        for claim in _claims(
            f"low_rank_again_{layers}",
            NO_RANK_AGAIN,
            "appendix B.3",
            TABLE_C14,
            again(layers, 1, 1).name,
            again(layers, 1).name,
            MARGIN,
            labels=(f"{MODELS[layers]}, two rounds, rank 1", f"{MODELS[layers]}, two rounds"),
        )
    ),
)


def _lines(table: Table) -> tuple[str, ...]:
    """The lines of C.16 or C.17 that are trained three times."""
    return tuple(row.of[0] for row in table.rows if isinstance(row, Spread))


def reported_spread_of_average(table: Table) -> float:
    """What the paper's own trainings show in a table: the deviation of the average, pooled over its lines, of
    a sample as ours is."""
    column = table.column("avg")
    printed = [reported_value(table, row, column) for row in table.rows if isinstance(row, Spread)]
    return math.hypot(*printed) / math.sqrt(len(printed)) * SAMPLE


def seeds_of_the_paper() -> Shown:
    """Do the paper's own trainings show what it says of seeds? Their pooled deviations with the intervals
    that so many trainings leave."""
    told = []
    for bits, table in ((1, TABLE_C16), (2, TABLE_C17)):
        spread, lines = reported_spread_of_average(table), len(_lines(table))
        low, high = spread_interval(spread, lines * (TRAININGS - 1) + 1)
        told.append(f"{table.title}, {bits} bit{'s' * (bits > 1)}: {spread:.2f} [{low:.2f}, {high:.2f}]")
    return said(
        f"Standard deviation of the average in the paper, pooled, with its 95 % interval: {'; '.join(told)}. "
        f"Asked is {WITHIN:.2f}."
    )


SEED_CLAIMS: tuple[Claim, ...] = tuple(
    Claim(
        f"xtc_seeds_{bits}bit",
        SEEDS,
        "appendix B.2",
        table,
        "avg",
        _lines(table),
        _lines(table),
        WITHIN,
        estimator=spread_over_seeds,
        labels=(f"{bits} bit{'s' * (bits > 1)}: standard deviation of the trainings of a line", "0"),
        printed=partial(reported_spread_of_average, table),
    )
    for bits, table in ((1, TABLE_C16), (2, TABLE_C17))
)
LOYALTY_CLAIMS: tuple[Claim, ...] = tuple(
    Claim(
        f"xtc_loyal_{column}",
        LOYAL,
        "ours: the paper does not ask",
        LOYALTY,
        column,
        Student(2, "all", "C", 1, 2e-5).name,
        Student(1, "all", "C", 1, 2e-5).name,
    )
    for column in ("label_loyalty", "probability_loyalty")
)

CLAIMS = (
    *STAGE_CLAIMS,
    *LAYER_CLAIMS,
    *FEW_BITS_CLAIMS,
    *LOW_RANK_CLAIMS,
    *SEED_CLAIMS,
    *LOYALTY_CLAIMS,
)
