"""What does a paper claim, and do our records bear it out? Recomputed from records at every build.

Every claim compares two sides: the first exceeds the second, or, where a margin is given, the two do not
differ. An estimator finds the effect with its 95 % interval over seeds and texts (`report.estimators`); the
rule makes a verdict of it (`report.rule`), unless the models are no evidence (`report.gates`).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from bert_compression.errors import Failure
from bert_compression.metrics import holm
from bert_compression.report.estimators import Estimator, difference_of_means
from bert_compression.report.gates import learnt_nothing, stand_in
from bert_compression.report.html import signed
from bert_compression.report.records import EVIDENCE, STALE, Source
from bert_compression.report.reported import reported_value
from bert_compression.report.rule import NOT_ATTEMPTED, NOTHING_LEARNT, UNDECIDED, Measured, decide
from bert_compression.report.tables import Table

Names = str | tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Claim:
    """A sentence of the paper in our words, where it stands, and the cells of a table that it compares.

    `first` exceeds `second` in `column`; with a `margin`, in percentage points, they do not differ. Several
    methods on one side stand for their mean, or with `sums` for their sum, as many on either side: so is the
    difference of two differences compared. Several columns stand for their mean, too. An estimator may say
    otherwise.
    `name` is unique within the paper. `labels` is what a reader sees of the two sides, and `asked` of what
    they are compared in, where the labels of the table's rows and column do not say it. `printed` finds the
    paper's effect, in percentage points, where it stands in no cell of the table. `where` begins with "ours"
    where the paper does not ask.
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
    printed: Callable[[], float] | None = None
    sums: bool = False

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

    @property
    def ours(self) -> bool:
        """Do we ask it, and the paper does not?"""
        return self.where.startswith("ours")

    def signed(self, effect: float) -> str:
        """An effect or a bound as it is printed: with as many digits as the claim's columns, and up to two
        more where it would look like the margin and is not."""
        digits = max(1, *(self.table.column(name).digits for name in self.columns))
        if self.margin is not None and abs(effect) != self.margin:
            enough = (more for more in range(2) if round(abs(effect), digits + more) != self.margin)
            digits += next(enough, 2)
        return signed(effect, digits)


def _each(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


@dataclass(frozen=True, eq=False)
class Judgement:
    """A verdict with its reasons. Effects and bounds have the unit of the claim's columns, as a rule
    percentage points; NaN where there is none.

    `profiles` are those of the records; `reason` says why there is no verdict, or what it rests on; `gate` is
    the name of the verdict that takes the place of one where models are no evidence.
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
    gate: str = ""
    keys: tuple[str, ...] = field(default=())
    stale: bool = False

    @property
    def table(self) -> Table:
        return self.claim.table


def judge(source: Source, claims: Sequence[Claim]) -> list[Judgement]:
    """One judgement a claim, in the order of the claims, which may be of several tables.

    Intervals and p values speak of other seeds and other texts. `p_value` is corrected by Holm's method for
    all comparisons of a table that it can decide, and decides with the interval: give all claims of a table.
    """
    judgements = [_estimated(source, claim) for claim in claims]
    for place, p_value in _corrected(judgements).items():
        judgements[place] = replace(judgements[place], p_value=p_value)
    return [replace(each, verdict=decide(_measured(each))) for each in judgements]


def _estimated(source: Source, claim: Claim) -> Judgement:
    """Everything but verdict and corrected p."""
    blank = Judgement(claim, reported_effect(claim))
    if lacks := _not_asked(source, claim):
        return replace(blank, reason=f"the profile {source.profile.name} {lacks}")
    try:
        found = claim.estimator(source, claim)
    except Failure as reason:
        return replace(blank, reason=str(reason))
    profiles = tuple(sorted({record["profile"] for record in found.records}))
    if not set(profiles) <= set(EVIDENCE):
        return replace(blank, profiles=profiles, reason=f"profile {', '.join(profiles)}")
    rows = [claim.table.row(method) for side in claim.sides for method in side]
    made_here = stand_in(source, rows, found.records)
    guessing = learnt_nothing(source, found.records, claim.table.rows)  # the best of some is one of them
    no_room = claim.margin is None and blank.reported > 0 and found.room < blank.reported / 2
    stale = any(record.get("stale", False) for record in found.records)
    gates = (
        (NOT_ATTEMPTED, made_here),
        (NOT_ATTEMPTED, STALE if stale else ""),
        (NOTHING_LEARNT, guessing),
        (UNDECIDED, f"no more than {found.room:+.1f} is possible" if no_room else ""),
        ("", "one model" if found.seeds == 1 else ""),
    )
    gate, why = next((each for each in gates if each[1]), ("", ""))
    return replace(
        blank,
        effect=found.effect,
        low=found.low,
        high=found.high,
        # Of a comparison that can be decided by it.
        p_value=math.nan if gate or claim.margin is not None or found.seeds == 1 else found.p_value,
        seeds=found.seeds,
        texts=found.texts,
        reason=why,
        profiles=profiles,
        gate=gate,
        keys=tuple(record["key"] for record in found.records),
        stale=stale,
    )


def _not_asked(source: Source, claim: Claim) -> str:
    """What the source's profile asks no job for: one of the models, such as a student with five twelfths of
    six layers, or the task, or not all that a mean is taken of. Empty where it asks for all."""
    table, cells = claim.table, source.cells(claim.table)
    rows = [table.row(method) for side in claim.sides for method in side]
    # Others are the numbers of the paper alone.
    own = [name for row in rows for name in row.made_of if table.row(name).recipe]
    parts = [table.column(name).parts for name in claim.columns]
    asked = [of_column for of_column in parts if all(table.column(name).measure for name in of_column)]
    if not asked or all(
        any(all(cells[method, name] for name in of_column) for of_column in asked) for method in own
    ):
        return ""
    made = all(any(cells[method, column.name] for column in table.columns) for method in own)
    return "leaves this task out" if made else "has no such model"


def _measured(judgement: Judgement) -> Measured:
    told = {name: getattr(judgement, name) for name in Measured._fields if name != "margin"}
    return Measured(**told, margin=judgement.claim.margin)


def _corrected(judgements: Sequence[Judgement]) -> dict[int, float]:
    """p values after Holm's correction over the comparisons of a table, by place."""
    groups: dict[Table, list[int]] = {}
    for place, judgement in enumerate(judgements):
        if not math.isnan(judgement.p_value):
            groups.setdefault(judgement.table, []).append(place)
    corrected: dict[int, float] = {}
    for places in groups.values():
        p_values = holm([judgements[place].p_value for place in places]).tolist()
        corrected |= dict(zip(places, p_values, strict=True))
    return corrected


def reported_effect(claim: Claim) -> float:
    """The paper's own effect, from the cells of its table; NaN where the paper has none."""
    if claim.printed:
        return claim.printed()
    first, second = (
        fmean(
            reported_value(claim.table, claim.table.row(method), claim.table.column(column))
            for method in side
            for column in claim.columns
        )
        for side in claim.sides
    )
    return (first - second) * (len(claim.sides[0]) if claim.sums else 1)
