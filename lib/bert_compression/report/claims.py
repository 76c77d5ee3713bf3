"""What does a paper claim, and do our records bear it out? Recomputed from records at every build.

Every claim compares two sides in one measure: the first exceeds the second, or, where a margin is given, the
two do not differ. A side is a method or the mean of several. The effect is the difference in percentage
points on the same texts, each text averaged over the seeds, with a 95 % bootstrap interval over texts. The
rules for a verdict are in `exceeds` and `_same`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from statistics import fmean

import numpy as np

from bert_compression.errors import Failure
from bert_compression.metrics.intervals import bootstrap_intervals
from bert_compression.metrics.paired_tests import min_f_prime
from bert_compression.metrics.significance import holm
from bert_compression.report.layouts import Layout
from bert_compression.report.per_text import Outcomes
from bert_compression.report.reported import reported_value

REPRODUCED, DIRECTION, UNDECIDED = "reproduced", "direction only", "undecided"
NOT_REPRODUCED, NOT_ATTEMPTED, NOT_EVIDENCE = "not reproduced", "not attempted", "not evidence"
VERDICTS = (REPRODUCED, DIRECTION, UNDECIDED, NOT_REPRODUCED, NOT_ATTEMPTED, NOT_EVIDENCE)
# Profiles whose models and texts are real. Generated English says nothing for or against a paper.
EVIDENCE = ("small", "paper")


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper in our words, where it stands, and the cells that it compares.

    `first` exceeds `second` in `measure`; with a `margin`, in percentage points, they do not differ. Several
    methods on one side stand for their mean. `name` is unique within the paper.
    """

    name: str
    sentence: str
    where: str
    measure: str
    first: str | tuple[str, ...]
    second: str | tuple[str, ...]
    margin: float | None = None

    @property
    def sides(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The methods of either side."""
        first, second = ((side,) if isinstance(side, str) else side for side in (self.first, self.second))
        return first, second


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reasons. Effects and bounds are percentage points; NaN where there is none."""

    claim: Claim
    layout: Layout
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


def judge(records: Iterable[Mapping], claims: Iterable[Claim], layout: Layout) -> list[Judgement]:
    """One judgement a claim on a table, in the order of the claims.

    Without the records that a claim needs it is "not attempted"; records of another profile than
    `small` or `paper` never give a verdict, they are "not evidence". `p_value` is that of min F′ over seeds
    and texts (`metrics.paired_tests`), corrected by Holm's method for the comparisons that share a sentence.
    The verdict does not rest on it: the interval speaks of the models that were trained, p of their methods.
    """
    outcomes = Outcomes(records, layout)
    compared = [_compare(claim, outcomes) for claim in claims]
    judgements = [judgement for judgement, _ in compared]
    measured = {place: differences for place, (_, differences) in enumerate(compared) if len(differences)}
    for place, (low, high) in _intervals(measured).items():
        judgements[place] = _decided(judgements[place], low, high)
    for sentence in {judgements[place].claim.sentence for place in measured}:
        asked = [place for place in measured if judgements[place].claim.sentence == sentence]
        corrected = holm([judgements[place].p_value for place in asked]).tolist()
        for place, p_value in zip(asked, corrected, strict=True):
            judgements[place] = replace(judgements[place], p_value=p_value)
    return judgements


def _compare(claim: Claim, outcomes: Outcomes) -> tuple[Judgement, np.ndarray]:
    """Everything but interval and verdict, and the differences text by text; no differences where there is
    nothing to judge."""
    first, second = claim.sides
    blank = Judgement(claim, outcomes.layout, NOT_ATTEMPTED, _reported(claim, outcomes.layout))
    nothing = np.empty(0)
    try:
        pair = outcomes.paired(claim.measure, first, second)
    except Failure as reason:
        return replace(blank, reason=str(reason)), nothing
    if any(record["profile"] not in EVIDENCE for record in pair.records):
        profiles = ", ".join(sorted({record["profile"] for record in pair.records}))
        return replace(blank, verdict=NOT_EVIDENCE, reason=f"profile {profiles}"), nothing
    noise = outcomes.noise(claim.measure)
    test = min_f_prime(pair.first, pair.second, noise and noise.of_difference(len(first), len(second)))
    differences = 100 * (pair.first - pair.second).mean(axis=1)
    measured = replace(
        blank,
        effect=float(differences.mean()),
        p_value=test.p_value,
        seeds=pair.seeds,
        texts=len(differences),
        reason="one seed" if pair.seeds == 1 else "",
        keys=tuple(record["key"] for record in pair.records),
        earlier_code=any(record.get("earlier_code", False) for record in pair.records),
    )
    return measured, differences


def _intervals(measured: Mapping[int, np.ndarray]) -> dict[int, tuple[float, float]]:
    """The 95 % bootstrap interval of each mean, at once for all with the same number of texts."""
    bounds: dict[int, tuple[float, float]] = {}
    for texts in {len(differences) for differences in measured.values()}:
        places = [place for place, differences in measured.items() if len(differences) == texts]
        found = bootstrap_intervals(np.column_stack([measured[place] for place in places]))
        bounds |= {place: (low, high) for place, (low, high) in zip(places, found.tolist(), strict=True)}
    return bounds


def _decided(judgement: Judgement, low: float, high: float) -> Judgement:
    margin = judgement.claim.margin
    if margin is None:
        verdict = exceeds(judgement.effect, low, high, judgement.reported)
    else:
        verdict = _same(low, high, margin)
    return replace(judgement, low=low, high=high, verdict=verdict)


def _reported(claim: Claim, layout: Layout) -> float:
    """The paper's own effect, from the cells of its table."""
    measure = layout.measure(claim.measure)
    first, second = (
        fmean(reported_value(layout, layout.row(method), measure) for method in side) for side in claim.sides
    )
    return first - second


def exceeds(effect: float, low: float, high: float, reported: float) -> str:
    """The rule where the first is to exceed the second. What counts as the paper's effect is at least half of
    the effect that it reports; where it reports none, any.

    reproduced: the interval lies above 0 and the effect is at least half of the reported one.
    not reproduced: the effect is 0 or has the other sign, or the interval holds 0 and ends below half of
        the reported effect, so that the paper's effect can be ruled out.
    direction only: everything between, that is, a surely smaller effect or one too uncertain to tell.
    """
    half = 0.0 if math.isnan(reported) else reported / 2
    if low > 0 and effect >= half:
        return REPRODUCED
    if effect <= 0 or (low <= 0 and high < half):
        return NOT_REPRODUCED
    return DIRECTION


def _same(low: float, high: float, margin: float) -> str:
    """The rule where the two are not to differ: by less than the margin, that is. Not to have found a
    difference is no evidence that there is none, so an interval too wide for either answer gives none.

    reproduced: the whole interval lies within the margin.
    not reproduced: the whole interval lies beyond the margin, on one side.
    undecided: everything between.
    """
    if -margin <= low and high <= margin:
        return REPRODUCED
    if low > margin or high < -margin:
        return NOT_REPRODUCED
    return UNDECIDED
