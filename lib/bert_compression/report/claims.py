"""What does the paper claim, and do our records bear it out? Recomputed from records at every build.

Every claim that Table 3 of the `loyalty` paper can bear has one shape: a method's measure exceeds
another's. The effect is the difference in percentage points on the same texts, each text averaged over
the seeds, with a 95 % bootstrap interval over texts. The rule for a verdict is in `_verdict`.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bert_compression.metrics.significance import holm, mcnemar, paired_bootstrap_interval
from bert_compression.report.layouts import LOYALTY_TABLE_3, Layout
from bert_compression.report.tables import relevant, reported_value

REPRODUCED, DIRECTION = "reproduced", "direction only"
NOT_REPRODUCED, NOT_ATTEMPTED, NOT_EVIDENCE = "not reproduced", "not attempted", "not evidence"
# Profiles whose models and texts are real. Generated English says nothing for or against a paper.
EVIDENCE = ("small", "paper")


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper in our words, where it stands, and the two cells that it compares."""

    name: str
    sentence: str
    where: str
    measure: str
    better: str
    worse: str


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reasons. Effects and bounds are percentage points; NaN where there is none."""

    claim: Claim
    verdict: str
    reported: float
    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    seeds: int = 0
    texts: int = 0
    reason: str = ""
    keys: tuple[str, ...] = field(default=())
    earlier_code: bool = False


PTQ = {"int8": "q8_ptq_int8", "static": "q8_ptq_static", "dynamic": "q8_ptq_dynamic"}
OTHERS = {"prune": "head_prune", "qat": "q8_qat"} | {f"ptq_{name}": method for name, method in PTQ.items()}

ROBUST = "Post-training quantization makes a model markedly more robust against TextFooler."
PRUNE = "Pruning heads makes a model more robust, too."
SMALLER = "The effect of pruning on robustness is smaller than that of post-training quantization."
LABELS = "Distillation keeps the labels of the teacher better than other compression does."
PROBABILITIES = "Distillation keeps the probabilities of the teacher better than other compression does."

LOYALTY_CLAIMS: tuple[Claim, ...] = (
    *(
        Claim(f"ptq_robust_{name}", ROBUST, "sections 1 and 4.3", "after_attack_accuracy", method, "teacher")
        for name, method in PTQ.items()
    ),
    Claim("prune_robust", PRUNE, "section 4.3", "after_attack_accuracy", "head_prune", "teacher"),
    *(
        Claim(f"prune_smaller_{name}", SMALLER, "section 4.3", "after_attack_accuracy", method, "head_prune")
        for name, method in PTQ.items()
    ),
    *(
        Claim(f"kd_labels_{name}", LABELS, "section 4.3", "label_loyalty", "kd", method)
        for name, method in OTHERS.items()
    ),
    *(
        Claim(f"kd_probs_{name}", PROBABILITIES, "sections 4.1 and 4.3", "probability_loyalty", "kd", method)
        for name, method in OTHERS.items()
    ),
)


def judge(
    records: Iterable[Mapping], claims: Iterable[Claim] = LOYALTY_CLAIMS, layout: Layout = LOYALTY_TABLE_3
) -> list[Judgement]:
    """One judgement a claim, in the order of the claims.

    Without the records that a claim needs it is "not attempted"; records of another profile than
    `small` or `paper` never give a verdict, they are "not evidence". Where a text is simply right or wrong,
    `p_value` is that of the exact McNemar test for the least favourable seed, corrected by Holm's method
    for the comparisons that share a sentence. The verdict does not rest on it.
    """
    done = [record for record in relevant(records, layout) if record["status"] == "ok"]
    judgements = [_judge(claim, done, layout) for claim in claims]
    for sentence in {judgement.claim.sentence for judgement in judgements}:
        tested = [
            place
            for place, judgement in enumerate(judgements)
            if judgement.claim.sentence == sentence and not math.isnan(judgement.p_value)
        ]
        if tested:
            corrected = holm([judgements[place].p_value for place in tested])
            for place, p_value in zip(tested, corrected.tolist(), strict=True):
                judgements[place] = replace(judgements[place], p_value=p_value)
    return judgements


def _judge(claim: Claim, records: list[Mapping], layout: Layout) -> Judgement:
    rows = {row.method: row for row in layout.rows}
    measure = layout.measure(claim.measure)
    paper = [reported_value(layout, rows[method], measure) for method in (claim.better, claim.worse)]
    blank = Judgement(claim, NOT_ATTEMPTED, reported=paper[0] - paper[1], reason="records are missing")
    better, worse = (_READERS[claim.measure](records, method) for method in (claim.better, claim.worse))
    seeds = sorted(better.keys() & worse.keys())
    if not seeds:
        return blank
    used = [record for seed in seeds for record in better[seed].records + worse[seed].records]
    if any(record["profile"] not in EVIDENCE for record in used):
        profiles = ", ".join(sorted({record["profile"] for record in used}))
        return replace(blank, verdict=NOT_EVIDENCE, reason=f"profile {profiles}")
    if len({(side[seed].digest, len(side[seed].values)) for seed in seeds for side in (better, worse)}) > 1:
        return replace(blank, reason="the two were not measured on the same texts")
    a, b = (np.mean([side[seed].values for seed in seeds], axis=0) for side in (better, worse))
    low, high = (100 * bound for bound in paired_bootstrap_interval(a, b))
    effect = 100 * float(np.mean(a - b))
    right_or_wrong = better[seeds[0]].values.dtype == bool
    return replace(
        blank,
        verdict=_verdict(effect, low, high, blank.reported),
        effect=effect,
        low=low,
        high=high,
        p_value=max(mcnemar(better[s].values, worse[s].values) for s in seeds)
        if right_or_wrong
        else math.nan,
        seeds=len(seeds),
        texts=len(a),
        reason="",
        keys=tuple(dict.fromkeys(record["key"] for record in used)),
        earlier_code=any(record.get("earlier_code", False) for record in used),
    )


def _verdict(effect: float, low: float, high: float, reported: float) -> str:
    """The rule. What counts as the paper's effect is at least half of the effect that it reports.

    reproduced: the interval lies above 0 and the effect is at least half of the reported one.
    not reproduced: the effect is 0 or has the other sign, or the interval holds 0 and ends below half of
        the reported effect, so that the paper's effect can be ruled out.
    direction only: everything between, that is, a surely smaller effect or one too uncertain to tell.
    """
    half = reported / 2
    if low > 0 and effect >= half:
        return REPRODUCED
    if effect <= 0 or (low <= 0 and high < half):
        return NOT_REPRODUCED
    return DIRECTION


@dataclass(frozen=True)
class PerText:
    """One seed's outcome for each text, the digest of the texts, and the records that it was read from."""

    values: np.ndarray
    digest: str
    records: tuple[Mapping, ...]


def _withstood(records: list[Mapping], method: str) -> dict[int, PerText]:
    return {
        seed: PerText(_digits(record, "outcomes") == 1.0, _digest(record), (record,))
        for seed, record in _by_seed(records, "attack", method).items()
    }


def _same_label(records: list[Mapping], method: str) -> dict[int, PerText]:
    teacher, student = (_by_seed(records, "predict", name) for name in ("teacher", method))
    return {
        seed: PerText(
            _digits(teacher[seed], "predictions") == _digits(student[seed], "predictions"),
            _digest(student[seed]),
            (teacher[seed], student[seed]),
        )
        for seed in teacher.keys() & student.keys()
    }


def _probability(records: list[Mapping], method: str) -> dict[int, PerText]:
    return {
        seed: PerText(np.asarray(record["per_example"]["probability_loyalty"]), _digest(record), (record,))
        for seed, record in _by_seed(records, "loyalty", method).items()
    }


# By measure, and then by seed: a number for each text whose mean is the measure.
_READERS: dict[str, Callable[[list[Mapping], str], dict[int, PerText]]] = {
    "after_attack_accuracy": _withstood,
    "label_loyalty": _same_label,
    "probability_loyalty": _probability,
}


def _by_seed(records: list[Mapping], kind: str, method: str) -> dict[int, Mapping]:
    return {r["seed"]: r for r in records if (r["kind"], r["method"]) == (kind, method)}


def _digits(record: Mapping, name: str) -> np.ndarray:
    return np.array([float(digit) for digit in record["per_example"][name]])


def _digest(record: Mapping) -> str:
    return (record["data"] or {}).get("digest", "")
