"""What does a paper claim, and do our records bear it out? Recomputed from records at every build.

Every claim compares two sides: the first exceeds the second, or, where a margin is given, the two do not
differ. An estimator finds the effect with its 95 % interval (`report.estimators`); the rule, `VERDICTS`,
makes a verdict of it. What a page prints of the rule is read from the objects that decide.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import NamedTuple

import numpy as np

from bert_compression.errors import Failure
from bert_compression.metrics import bootstrap_intervals, holm
from bert_compression.report.estimators import Estimator, Found, difference_of_means
from bert_compression.report.records import EVIDENCE, Source
from bert_compression.report.reported import reported_value
from bert_compression.report.tables import Derived, Table

Names = str | tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Claim:
    """A sentence of the paper in our words, where it stands, and the cells of a table that it compares.

    `first` exceeds `second` in `column`; with a `margin`, in percentage points, they do not differ. Several
    methods on one side stand for their mean, and so do several columns, unless the estimator says otherwise.
    `name` is unique within the paper. `labels` is what a reader sees of the two sides, and `asked` of what
    they are compared in, where the labels of the table's rows and column do not say it.
    """

    name: str
    sentence: str
    where: str
    table: Table
    column: Names
    first: Names
    second: Names
    margin: float | None = None
    estimator: Estimator = difference_of_means
    labels: tuple[str, str] | None = None
    asked: str = ""

    def __post_init__(self):
        """Raises BadInput for a method or a column that the table does not have."""
        for method in (method for side in self.sides for method in side):
            self.table.row(method)
        for column in self.columns:
            self.table.column(column)

    @property
    def sides(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The methods of either side."""
        return _each(self.first), _each(self.second)

    @property
    def columns(self) -> tuple[str, ...]:
        return _each(self.column)


def _each(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


@dataclass(frozen=True, eq=False)
class Judgement:
    """A verdict with its reasons. Effects and bounds are percentage points; NaN where there is none.

    `profiles` are those of the records; `reason` says why there is no verdict, or what it rests on.
    """

    claim: Claim
    reported: float
    verdict: str = ""
    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    seeds: int = 0
    texts: int = 0
    reason: str = ""
    profiles: tuple[str, ...] = ()
    keys: tuple[str, ...] = field(default=())
    stale: bool = False

    @property
    def table(self) -> Table:
        return self.claim.table


# The rule. It was written down before any record was there.

REPRODUCED, DIRECTION, UNDECIDED = "reproduced", "direction only", "undecided"
NOT_REPRODUCED, NOT_ATTEMPTED, NOT_EVIDENCE = "not reproduced", "not attempted", "not evidence"


class Measured(NamedTuple):
    """What a verdict rests on, in percentage points; without a margin the first side is to exceed the second.
    Effect and bounds are NaN without evidence; `profiles` are those of the records, of which there may be
    none."""

    effect: float
    low: float
    high: float
    reported: float
    margin: float | None
    profiles: tuple[str, ...]

    @property
    def half(self) -> float:
        """What counts as the paper's effect: half of what it reports; where it reports none, any."""
        return 0.0 if math.isnan(self.reported) else self.reported / 2


class Case(NamedTuple):
    """A condition: in words, and as it is decided."""

    words: str
    holds: Callable[[Measured], bool]


class Verdict(NamedTuple):
    """What a comparison can end in: a name, a symbol that needs no colour, and the cases in which it does."""

    name: str
    symbol: str
    cases: tuple[Case, ...]

    @property
    def meaning(self) -> str:
        return "; ".join(case.words for case in self.cases)


def exceeding(words: str, holds: Callable[[Measured], bool]) -> Case:
    """A case of claims that one side exceeds the other."""
    return Case(words, lambda m: m.margin is None and holds(m))


def same(words: str, holds: Callable[[Measured, float], bool]) -> Case:
    """A case of claims that the two do not differ: by less than the margin, that is. Not to have found a
    difference is no evidence that there is none, so an interval too wide for either answer gives none."""
    return Case(words, lambda m: m.margin is not None and holds(m, m.margin))


# In the order in which they are counted; where two cases could hold, the first does.
VERDICTS = (
    Verdict(
        REPRODUCED,
        "✔",
        (
            exceeding(
                "the interval lies above 0, and the effect is at least half of the reported one",
                lambda m: m.low > 0 and m.effect >= m.half,
            ),
            same(
                "where two are said not to differ, the whole interval lies within the margin",
                lambda m, margin: -margin <= m.low and m.high <= margin,
            ),
        ),
    ),
    Verdict(
        DIRECTION,
        "◐",
        (
            exceeding(
                "the effect has the right sign, but is surely less than half of the reported one or too "
                "uncertain to tell",
                lambda m: m.effect > 0 and (m.effect < m.half if m.low > 0 else m.high >= m.half),
            ),
        ),
    ),
    Verdict(
        UNDECIDED,
        "◇",
        (
            same(
                "where two are said not to differ, the interval lies neither within the margin nor beyond it",
                lambda m, margin: (
                    m.low <= margin and m.high >= -margin and not (-margin <= m.low and m.high <= margin)
                ),
            ),
        ),
    ),
    Verdict(
        NOT_REPRODUCED,
        "✘",
        (
            exceeding(
                "the effect is 0 or has the other sign, or the interval holds 0 and ends below half of "
                "the reported effect",
                lambda m: m.effect <= 0 or (m.low <= 0 and m.high < m.half),
            ),
            same(
                "where two are said not to differ, the whole interval lies beyond the margin",
                lambda m, margin: m.low > margin or m.high < -margin,
            ),
        ),
    ),
    Verdict(NOT_ATTEMPTED, "○", (Case("the records that it takes are not there", lambda m: not m.profiles),)),
    Verdict(
        NOT_EVIDENCE,
        "–",
        (
            Case(
                f"the records are of another profile than {' and '.join(f'`{name}`' for name in EVIDENCE)}",
                lambda m: not set(m.profiles) <= set(EVIDENCE),
            ),
        ),
    ),
)


def decide(measured: Measured) -> str:
    """The name of the first verdict that has a case which holds."""
    return next(verdict.name for verdict in VERDICTS if any(case.holds(measured) for case in verdict.cases))


def judge(source: Source, claims: Sequence[Claim]) -> list[Judgement]:
    """One judgement a claim, in the order of the claims, which may be of several tables.

    `p_value` is corrected by Holm's method for the comparisons of a table that share a sentence. The verdict
    does not rest on it: the interval speaks of the models that were trained, p of their methods.
    """
    judgements: list[Judgement] = []
    differences: dict[int, np.ndarray] = {}
    for place, claim in enumerate(claims):
        judgement, found = _estimated(source, claim)
        judgements.append(judgement)
        if found is not None and found.differences is not None:
            differences[place] = found.differences
    for place, (low, high) in _intervals(claims, differences).items():
        judgements[place] = replace(judgements[place], low=low, high=high)
    for place, p_value in _corrected(judgements).items():
        judgements[place] = replace(judgements[place], p_value=p_value)
    return [replace(each, verdict=decide(_measured(each))) for each in judgements]


def _estimated(source: Source, claim: Claim) -> tuple[Judgement, Found | None]:
    """Everything but verdict, corrected p and, where there are differences text by text, interval; nothing
    found where there is no evidence."""
    blank = Judgement(claim, _reported(claim))
    if _is_not_asked(source, claim):
        return replace(blank, reason=f"the profile {source.profile.name} has no such model or task"), None
    try:
        found = claim.estimator(source, claim)
    except Failure as reason:
        return replace(blank, reason=str(reason)), None
    profiles = tuple(sorted({record["profile"] for record in found.records}))
    if not set(profiles) <= set(EVIDENCE):
        return replace(blank, profiles=profiles, reason=f"profile {', '.join(profiles)}"), None
    judgement = replace(
        blank,
        effect=found.effect,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        seeds=found.seeds,
        texts=found.texts,
        reason="one seed" if found.seeds == 1 else "",
        profiles=profiles,
        keys=tuple(record["key"] for record in found.records),
        stale=any(record.get("stale", False) for record in found.records),
    )
    return judgement, found


def _is_not_asked(source: Source, claim: Claim) -> bool:
    """Does the source's profile ask no job for one of the models, such as a student with five twelfths of six
    layers?"""
    cells = source.cells(claim.table)
    rows = [claim.table.row(method) for side in claim.sides for method in side]
    made_of = [name for row in rows for name in (row.of if isinstance(row, Derived) else (row.method,))]
    own = [name for name in made_of if claim.table.row(name).recipe]  # others are the paper's alone
    asked = [name for name in claim.columns if claim.table.column(name).measure]
    return bool(asked) and not all(any(cells[method, name] for name in asked) for method in own)


def _measured(judgement: Judgement) -> Measured:
    j = judgement
    return Measured(j.effect, j.low, j.high, j.reported, j.claim.margin, j.profiles)


def _intervals(claims: Sequence[Claim], differences: dict[int, np.ndarray]) -> dict[int, tuple[float, float]]:
    """The 95 % bootstrap interval of each mean, by place: at once for all of a table with the same number of
    texts."""
    groups: dict[tuple[Table, int], list[int]] = {}
    for place, of_claim in differences.items():
        groups.setdefault((claims[place].table, len(of_claim)), []).append(place)
    bounds: dict[int, tuple[float, float]] = {}
    for places in groups.values():
        found = bootstrap_intervals(np.column_stack([differences[place] for place in places]))
        bounds |= {place: (low, high) for place, (low, high) in zip(places, found.tolist(), strict=True)}
    return bounds


def _corrected(judgements: Sequence[Judgement]) -> dict[int, float]:
    """p values after Holm's correction, by place."""
    groups: dict[tuple[Table, str], list[int]] = {}
    for place, judgement in enumerate(judgements):
        if not math.isnan(judgement.p_value):
            groups.setdefault((judgement.table, judgement.claim.sentence), []).append(place)
    corrected: dict[int, float] = {}
    for places in groups.values():
        p_values = holm([judgements[place].p_value for place in places]).tolist()
        corrected |= dict(zip(places, p_values, strict=True))
    return corrected


def _reported(claim: Claim) -> float:
    """The paper's own effect, from the cells of its table; NaN where the paper has none."""
    first, second = (
        fmean(
            reported_value(claim.table, claim.table.row(method), claim.table.column(column))
            for method in side
            for column in claim.columns
        )
        for side in claim.sides
    )
    return first - second
