"""The rule: which verdict an effect with its interval ends in, and which a sentence with several of them.

What a page prints of the rule is read from the objects that decide. Where effects and intervals come from
is `report.estimators`, what is no evidence `report.gates`; `report.claims` puts the three together.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bert_compression.report.records import EVIDENCE

REPRODUCED, SMALLER, LARGER = "reproduced", "smaller", "larger"
NOT_REPRODUCED, OPPOSITE, UNDECIDED = "not reproduced", "opposite", "undecided"
NOT_ATTEMPTED, NOTHING_LEARNT, NOT_EVIDENCE = "not attempted", "nothing learnt", "not evidence"
LEVEL = 0.05  # of all comparisons of a table together, after Holm's correction


class Measured(NamedTuple):
    """What a verdict rests on, in percentage points; without a margin the first side is to exceed the second.

    `p_value` is corrected for the comparisons of the table. Effect and bounds are NaN without evidence;
    `profiles` are those of the records, of which there may be none. `gate` names the verdict where models are
    no evidence, or leave no room for it.
    """

    effect: float
    low: float
    high: float
    p_value: float
    reported: float
    margin: float | None
    profiles: tuple[str, ...]
    seeds: int = 2
    gate: str = ""

    @property
    def half(self) -> float:
        """Half of what the paper reports; 0 where it reports no number, or none that exceeds."""
        return self.reported / 2 if self.reported > 0 else 0.0

    @property
    def double(self) -> float:
        """Twice what the paper reports; else any effect is small enough."""
        return 2 * self.reported if self.reported > 0 else math.inf

    @property
    def surely(self) -> int:
        """1 where the effect is surely above 0, -1 where it is surely below, else 0."""
        sure = self.p_value < LEVEL
        return sure * ((self.effect > 0) - (self.effect < 0))

    @property
    def evidence(self) -> bool:
        """Are there records of models that can tell something?"""
        return bool(self.profiles) and set(self.profiles) <= set(EVIDENCE) and not self.gate


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
    """A case of claims that one side exceeds the other, of which there are several trainings."""
    return Case(words, lambda m: m.evidence and m.seeds > 1 and m.margin is None and holds(m))


def same(words: str, holds: Callable[[Measured, float], bool]) -> Case:
    """A case of claims that the two do not differ: by less than the margin, that is. Not to have found a
    difference is no evidence that there is none, so an interval too wide for either answer gives none."""
    return Case(words, lambda m: m.evidence and m.seeds > 1 and m.margin is not None and holds(m, m.margin))


def _within(m: Measured, margin: float) -> bool:
    return -margin <= m.low and m.high <= margin


def _beyond(m: Measured, margin: float) -> bool:
    return m.low > margin or m.high < -margin


def _ruled_out(m: Measured) -> bool:
    return not m.surely and (m.high < m.half or m.high <= 0)


# In the order in which they are counted. Of any evidence just one holds.
VERDICTS = (
    Verdict(
        REPRODUCED,
        "✔",
        (
            exceeding(
                f"the effect is surely above 0 (p < {LEVEL} after Holm’s correction over the table), and the "
                "interval holds something between half and twice the reported effect, if there is one",
                lambda m: m.surely > 0 and m.high >= m.half and m.low <= m.double,
            ),
            same("where two are said not to differ, the whole interval lies within the margin", _within),
        ),
    ),
    Verdict(
        SMALLER,
        "◐",
        (
            exceeding(
                "the effect is surely above 0, and the interval ends below half of the reported effect",
                lambda m: m.surely > 0 and m.high < m.half,
            ),
        ),
    ),
    Verdict(
        LARGER,
        "▲",
        (
            exceeding(
                "the effect is surely above 0, and the interval begins above twice the reported effect: "
                "something else may be behind it",
                lambda m: m.surely > 0 and m.low > m.double,
            ),
        ),
    ),
    Verdict(
        NOT_REPRODUCED,
        "✘",
        (
            exceeding(
                "the effect is not surely different from 0, and the interval ends below half of the reported "
                "effect, or at 0",
                _ruled_out,
            ),
            same("where two are said not to differ, the whole interval lies beyond the margin", _beyond),
        ),
    ),
    Verdict(
        OPPOSITE,
        "▼",
        (exceeding("the effect is surely below 0", lambda m: m.surely < 0),),
    ),
    Verdict(
        UNDECIDED,
        "◇",
        (
            exceeding(
                "the effect is not surely different from 0 (p is corrected, the interval is not), and the "
                "interval reaches half of the reported effect, or beyond 0 where none is reported",
                lambda m: not m.surely and not _ruled_out(m),
            ),
            same(
                "where two are said not to differ, the interval lies neither within the margin nor beyond it",
                lambda m, margin: not _within(m, margin) and not _beyond(m, margin),
            ),
            Case(
                "each was trained once: one model says nothing of a method",
                lambda m: m.evidence and m.seeds == 1,
            ),
            Case(
                "one side is so near to the end of the scale that half of the reported effect has no room",
                lambda m: m.gate == UNDECIDED,
            ),
        ),
    ),
    Verdict(
        NOTHING_LEARNT,
        "∅",
        (
            Case(
                "a model that is compared does not surely answer better than someone who does not read, and "
                "gives the commonest answer or none: the 95 % interval of its score reaches theirs",
                lambda m: m.gate == NOTHING_LEARNT,
            ),
        ),
    ),
    Verdict(
        NOT_ATTEMPTED,
        "○",
        (
            Case("the records that it takes are not there", lambda m: not m.profiles and not m.gate),
            Case(
                "a stand-in was measured in the place of a public checkpoint",
                lambda m: m.gate == NOT_ATTEMPTED,
            ),
        ),
    ),
    Verdict(
        NOT_EVIDENCE,
        "–",
        (
            Case(
                f"the records are of another profile than {' and '.join(f'`{name}`' for name in EVIDENCE)}",
                lambda m: not m.gate and not set(m.profiles) <= set(EVIDENCE),
            ),
        ),
    ),
)


def decide(measured: Measured) -> str:
    """The name of the verdict that has a case which holds."""
    return next(verdict.name for verdict in VERDICTS if any(case.holds(measured) for case in verdict.cases))


# Of a sentence that is asked in several comparisons. `MIXED` is a verdict of sentences alone.

MIXED = "mixed"
FOR, AGAINST = (REPRODUCED, SMALLER, LARGER), (NOT_REPRODUCED, OPPOSITE)
_ALL = "all comparisons that have evidence, and half or more of all, speak for it"
# The first that holds.
SENTENCES = (
    (MIXED, "some comparisons speak for it and some against it"),
    (
        NOT_REPRODUCED,
        "some speak against it and none for it, half or more of all",
    ),
    (SMALLER, f"{_ALL}, half or more of them being smaller"),
    (LARGER, f"{_ALL}, half or more of them being larger"),
    (REPRODUCED, _ALL),
    (UNDECIDED, "there is evidence, and none of the above"),
)


def decide_sentence(verdicts: Sequence[str]) -> str:
    """One verdict of those of a sentence's comparisons in a table, as `SENTENCES` says. Comparisons without
    evidence are those that were not attempted, and those of models that are none; where all are, what was
    measured is told before what was not."""
    evidence = [each for each in verdicts if each in (*FOR, *AGAINST, UNDECIDED)]
    if not evidence:
        return next(each for each in (NOTHING_LEARNT, NOT_EVIDENCE, NOT_ATTEMPTED) if each in verdicts)
    for_it, against = ([each for each in evidence if each in side] for side in (FOR, AGAINST))
    if for_it and against:
        return MIXED
    if against:
        return NOT_REPRODUCED if 2 * len(against) >= len(verdicts) else UNDECIDED
    if len(for_it) < len(evidence) or 2 * len(evidence) < len(verdicts):
        return UNDECIDED
    other = [each for each in (SMALLER, LARGER) if 2 * for_it.count(each) >= len(for_it)]
    return other[0] if other else REPRODUCED
