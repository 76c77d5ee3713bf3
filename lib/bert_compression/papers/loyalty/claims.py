"""What Xu et al. 2021 claim of their three tables: each sentence in our words, and the cells it rests on.

Where the paper has one row for post-training quantization and we have three, a claim is made of each of them.
What the paper's numbers say and its text does not is marked so in the place of a section.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from bert_compression.papers.loyalty.recipes import PTQ
from bert_compression.papers.loyalty.tables import (
    ALL_PAIRS,
    SEARCH_MNLI,
    SEARCH_SST2,
    TABLE_1,
    TABLE_2,
    TABLE_3,
)
from bert_compression.report.claims import Claim
from bert_compression.report.estimators import difference_of_columns, difference_over_seeds
from bert_compression.report.tables import Table

ROBUSTNESS = "after_attack_accuracy"
LOYALTIES = {"labels": "label_loyalty", "probs": "probability_loyalty"}
ALL_MEASURES = {"accuracy": "accuracy"} | LOYALTIES
NAMES = {
    "accuracy": "accuracy",
    "label_loyalty": "label loyalty",
    "probability_loyalty": "probability loyalty",
    ROBUSTNESS: "after-attack accuracy",
}

# How many points two may be apart and not differ: the least difference that the paper's text calls one.
MARGINS = {"label_loyalty": 0.3, "probability_loyalty": 0.5, ROBUSTNESS: 0.6}
WITHIN = 5.0  # where we ask: a choice, made when the first records were there

ROBUST = "Post-training quantization makes a model markedly more robust against TextFooler."
PRUNE = "Pruning heads makes a model more robust, too."
SMALLER = "The effect of pruning on robustness is smaller than that of post-training quantization."

# Table 1

# Means are over the distillation whose students take no public checkpoint, which a profile may not have.
KD_METHODS = ("kd", "pkd")
TRADING = ("distilbert", "tinybert", "pkd")  # said to give loyalty for accuracy
HALVED = ("truncate_finetune", *TRADING, "theseus")
ROUNDED = ("q8_qat", *(f"q8_ptq_{variant}" for variant in PTQ))
FASTER = "Compression makes a model faster."
ASKS_MORE = "An attack on a model that was quantized after training takes more queries."
KEEPS_LABELS = "Distillation keeps the labels of the teacher better than truncation and pruning do."
KEEPS_PROBABILITIES = (
    "Distillation keeps the probabilities of the teacher better than other compression does."
)
QUANTIZED = "Quantized models keep the labels of the teacher better than distilled ones do."
UPPER = "Pure KD sets an upper bound for probability loyalty."
TRADED = "DistilBERT, TinyBERT and BERT-PKD trade loyalty, which Pure KD keeps, for accuracy."
THESEUS = "BERT-of-Theseus is less loyal than distillation is."
LAYERWISE = "TinyBERT is more accurate than DistilBERT."
SAME_LOYALTY = "TinyBERT and DistilBERT are equally loyal."
SAME = "Distillation at pretraining and distillation on the task do not differ in {}."


LEARNT_ALIKE = {row.method for row in ALL_PAIRS.rows}


def _claim_of(table: Table) -> Callable[..., Claim]:
    """Makes claims of a table's rows."""

    def claim(name: str, sentence: str, where: str, column: str, first, second, margin=None, **settings):
        return Claim(name, sentence, where, table, column, first, second, margin, **settings)

    return claim


def _of_table_1(name: str, sentence: str, where: str, column: str, first, second, margin=None, **settings):
    """A claim about rows of Table 1: asked of those trained on all pairs and equally long, where both sides
    are. Elsewhere in it distilled models learn longer than others."""
    claim = Claim(f"mnli_{name}", sentence, where, TABLE_1, column, first, second, margin, **settings)
    alike = all(method in LEARNT_ALIKE for side in claim.sides for method in side)
    return replace(claim, table=ALL_PAIRS) if alike else claim


def _of_cost(claim: Callable[..., Claim], name: str, title: str, methods: Sequence[str]) -> tuple[Claim, ...]:
    """What compression gains in time, and what an attack on it takes, against the teacher."""
    by_seed = {"estimator": difference_over_seeds}
    return (
        *(
            claim(f"{name}faster_{m}", FASTER, title, "speedup_batch_1", m, "teacher", **by_seed)
            for m in methods
        ),
        *(
            claim(f"{name}queries_{v}", ASKS_MORE, title, "queries_mean", f"q8_ptq_{v}", "teacher")
            for v in PTQ
        ),
    )


TABLE_1_CLAIMS: tuple[Claim, ...] = (
    *(
        _of_table_1(f"ptq_robust_{v}", ROBUST, "sections 1 and 4.3", ROBUSTNESS, f"q8_ptq_{v}", "teacher")
        for v in PTQ
    ),
    _of_table_1("prune_robust", PRUNE, "section 4.3", ROBUSTNESS, "head_prune", "teacher"),
    *(
        _of_table_1(f"prune_smaller_{v}", SMALLER, "section 4.3", ROBUSTNESS, f"q8_ptq_{v}", "head_prune")
        for v in PTQ
    ),
    *(
        _of_table_1(f"kd_labels_{method}", KEEPS_LABELS, "section 4.3", "label_loyalty", KD_METHODS, method)
        for method in ("truncate_finetune", "head_prune")
    ),
    *(
        _of_table_1(f"{m}_labels_kd", QUANTIZED, "not in the text", "label_loyalty", m, KD_METHODS)
        for m in ROUNDED
    ),
    *(
        _of_table_1(f"kd_probs_{m}", KEEPS_PROBABILITIES, "section 4.3", "probability_loyalty", KD_METHODS, m)
        for m in ("truncate_finetune", "head_prune", *ROUNDED)
    ),
    *(
        _of_table_1(f"upper_{method}", UPPER, "section 4.1", "probability_loyalty", "kd", method)
        for method in (*HALVED, "head_prune", *ROUNDED)
    ),
    *(
        _of_table_1(f"traded_accuracy_{method}", TRADED, "section 4.3", "accuracy", method, "kd")
        for method in TRADING
    ),
    *(
        _of_table_1(f"traded_labels_{method}", TRADED, "section 4.3", "label_loyalty", "kd", method)
        for method in TRADING
    ),
    *(
        _of_table_1(f"theseus_{name}", THESEUS, "section 4.3", measure, KD_METHODS, "theseus")
        for name, measure in LOYALTIES.items()
    ),
    _of_table_1("layerwise_accuracy", LAYERWISE, "section 4.3", "accuracy", "tinybert", "distilbert"),
    *(
        _of_table_1(
            f"same_{name}_tinybert_distilbert",
            SAME_LOYALTY,
            "section 4.3",
            measure,
            "tinybert",
            "distilbert",
            MARGINS[measure],
        )
        for name, measure in LOYALTIES.items()
    ),
    *(
        _of_table_1(
            f"same_{name}_{early}_{late}",
            SAME.format(NAMES[measure]),
            "section 4.3",
            measure,
            early,
            late,
            MARGINS[measure],
        )
        for name, measure in (LOYALTIES | {"robust": ROBUSTNESS}).items()
        for early in ("distilbert", "tinybert")
        for late in ("kd", "pkd")
    ),
    *_of_cost(_of_table_1, "", TABLE_1.title, (*HALVED, "kd", "head_prune", *ROUNDED)),
)

# Table 2

REFITTED = "Fine-tuned again, a quantized or pruned model is even less robust than the original."
GAINS = "A distillation loss raises the {} of pruning, quantization and module replacing."
AFTER = "Quantization after distillation brings robustness."
BEFORE = "Distillation after quantization loses its robustness."
COSTS = "Quantization after distillation costs {}."
RAISED = "Distillation after quantization raises {}."
SPEEDS = "Quantization after distillation makes a model faster still."
RECOMMENDED = (
    "The recommended strategy, pruning or module replacing with distillation and then quantization, is more "
    "robust than the teacher."
)
COMBINED = ("head_prune_kd", "theseus_kd")
WITH_KD = {
    "prune": ("head_prune_kd", "head_prune"),
    "prune_finetune": ("head_prune_kd", "head_prune_finetune"),
    "ptq_finetune": ("q8_ptq_kd", "q8_ptq_finetune"),
    "theseus": ("theseus_kd", "theseus"),
}

TABLE_2_CLAIMS: tuple[Claim, ...] = (
    *(
        Claim(
            f"mnli_refitted_{method}",
            REFITTED,
            "section 4.3",
            TABLE_2,
            ROBUSTNESS,
            "teacher",
            f"{method}_finetune",
        )
        for method in ("q8_ptq", "head_prune")
    ),
    *(
        Claim(
            f"mnli_gains_{short}_{name}",
            GAINS.format(NAMES[measure]),
            "section 5",
            TABLE_2,
            measure,
            with_kd,
            without,
        )
        for short, measure in ALL_MEASURES.items()
        for name, (with_kd, without) in WITH_KD.items()
    ),
    *(
        Claim(
            f"mnli_after_{method}_{variant}",
            AFTER,
            "section 5",
            TABLE_2,
            ROBUSTNESS,
            f"{method}_ptq_{variant}",
            method,
        )
        for method in COMBINED
        for variant in PTQ
    ),
    *(
        Claim(
            f"mnli_before_{variant}",
            BEFORE,
            "section 5",
            TABLE_2,
            ROBUSTNESS,
            f"q8_ptq_{variant}",
            "q8_ptq_kd",
        )
        for variant in PTQ
    ),
    *(
        Claim(
            f"mnli_costs_{short}_{method}_{variant}",
            COSTS.format(NAMES[measure]),
            "section 5" if measure == "accuracy" else "not in the text",
            TABLE_2,
            measure,
            method,
            f"{method}_ptq_{variant}",
        )
        for short, measure in ALL_MEASURES.items()
        for method in COMBINED
        for variant in PTQ
    ),
    *(
        Claim(
            f"mnli_raised_{short}_{variant}",
            RAISED.format(NAMES[measure]),
            "section 5",
            TABLE_2,
            measure,
            "q8_ptq_kd",
            f"q8_ptq_{variant}",
        )
        for short, measure in ALL_MEASURES.items()
        for variant in PTQ
    ),
    *(
        Claim(
            f"mnli_speeds_{method}",
            SPEEDS,
            "section 5",
            TABLE_2,
            "speedup_batch_1",
            f"{method}_ptq_int8",
            method,
            estimator=difference_over_seeds,
        )
        for method in COMBINED
    ),
    *(
        Claim(
            f"mnli_recommended_{method}_{variant}",
            RECOMMENDED,
            "section 5",
            TABLE_2,
            ROBUSTNESS,
            f"{method}_ptq_{variant}",
            "teacher",
        )
        for method in COMBINED
        for variant in PTQ
    ),
)

# Table 3

OTHERS = {"prune": "head_prune", "qat": "q8_qat"} | {f"ptq_{variant}": f"q8_ptq_{variant}" for variant in PTQ}
LABELS = "Distillation keeps the labels of the teacher better than other compression does."

TABLE_3_CLAIMS: tuple[Claim, ...] = (
    *(
        Claim(
            f"ptq_robust_{variant}",
            ROBUST,
            "sections 1 and 4.3",
            TABLE_3,
            ROBUSTNESS,
            f"q8_ptq_{variant}",
            "teacher",
        )
        for variant in PTQ
    ),
    Claim("prune_robust", PRUNE, "section 4.3", TABLE_3, ROBUSTNESS, "head_prune", "teacher"),
    *(
        Claim(
            f"prune_smaller_{variant}",
            SMALLER,
            "section 4.3",
            TABLE_3,
            ROBUSTNESS,
            f"q8_ptq_{variant}",
            "head_prune",
        )
        for variant in PTQ
    ),
    *(
        Claim(f"kd_labels_{name}", LABELS, TABLE_3.title, TABLE_3, "label_loyalty", "kd", method)
        for name, method in OTHERS.items()
    ),
    *(
        Claim(
            f"kd_probs_{name}",
            KEEPS_PROBABILITIES,
            "sections 4.1 and 4.3",
            TABLE_3,
            "probability_loyalty",
            "kd",
            method,
        )
        for name, method in OTHERS.items()
    ),
    *_of_cost(_claim_of(TABLE_3), "sst2_", TABLE_3.title, ("kd", *OTHERS.values())),
)

# Under the protocol of TextFooler's released code

ROBUST_SO = "Attacked by the released protocol, a model with ranges from the batch is markedly more robust."
ITSELF = "The same weights withstand more by that protocol than where search and verdict see the same batch."
NO_MORE = "Where search and verdict see the same batch, such a model and its teacher are within five points."
FIXED = "By that protocol, ranges that were fixed beforehand leave a model within five points of its teacher."
CONTROLS = "To the same weights with fixed ranges, or in full precision, that protocol does nothing."
AFTER_SO = "By that protocol, quantization after distillation brings robustness."
LOSES_IT = "By that protocol, distillation after quantization loses the robustness of quantization."
RECOMMENDED_SO = "By that protocol, the recommended strategy is more robust than the teacher."
ASKS_MORE_SO = "By that protocol, an attack on a quantized model takes more queries."
DEPENDENT = ("int8", "dynamic")
OURS = "ours"


def _search_claims(name: str, table: Table) -> tuple[Claim, ...]:
    def against_teacher(claim: str, sentence: str, where: str, column: str, method: str, margin=None):
        return Claim(f"{name}_{claim}", sentence, where, table, column, method, "teacher", margin)

    def against_itself(method: str, other: str, sentence: str = ITSELF, margin=None) -> Claim:
        first, second = (table.column(column).label.lower() for column in ("released", other))
        return Claim(
            f"{name}_itself_{other}_{method}",
            sentence,
            OURS,
            table,
            ("released", other),
            method,
            method,
            margin,
            estimator=difference_of_columns,
            labels=(first, second),
            asked=table.row(method).label,
            printed=lambda: math.nan,
        )

    said = "sections 1 and 4.3, of no named protocol"
    here = "section 5" if table.task == "mnli" else "section 5, of MNLI"
    return (
        *(against_teacher(f"released_{v}", ROBUST_SO, said, "released", f"q8_ptq_{v}") for v in DEPENDENT),
        *(
            against_itself(method, other)
            for method in (*(f"q8_ptq_{v}" for v in DEPENDENT), "head_prune_kd_ptq_int8")
            for other in ("alone", "as_found")
        ),
        *(
            against_teacher(f"{column}_{v}", NO_MORE, OURS, column, f"q8_ptq_{v}", WITHIN)
            for v in DEPENDENT
            for column in ("alone", "as_found")
        ),
        *(
            against_teacher(f"fixed_{method}", FIXED, OURS, "released", method, WITHIN)
            for method in ("q8_ptq_static", "q8_ptq_kd")
        ),
        *(against_itself(method, "alone", CONTROLS, WITHIN) for method in ("teacher", "q8_ptq_static")),
        Claim(
            f"{name}_after_kd", AFTER_SO, here, table, "released", "head_prune_kd_ptq_int8", "head_prune_kd"
        ),
        *(
            Claim(f"{name}_before_{v}", LOSES_IT, here, table, "released", f"q8_ptq_{v}", "q8_ptq_kd")
            for v in DEPENDENT
        ),
        against_teacher("recommended", RECOMMENDED_SO, here, "released", "head_prune_kd_ptq_int8"),
        *(
            against_teacher(f"queries_{v}", ASKS_MORE_SO, "section 3.2", "queries_released", f"q8_ptq_{v}")
            for v in DEPENDENT
        ),
    )


SEARCH_SST2_CLAIMS = _search_claims("sst2_search", SEARCH_SST2)
SEARCH_MNLI_CLAIMS = _search_claims("mnli_search", SEARCH_MNLI)
SEARCH_CLAIMS = (*SEARCH_SST2_CLAIMS, *SEARCH_MNLI_CLAIMS)

CLAIMS = (*TABLE_1_CLAIMS, *TABLE_2_CLAIMS, *TABLE_3_CLAIMS, *SEARCH_CLAIMS)
