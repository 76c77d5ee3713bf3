"""A gate: is a measure on the right side of a threshold, beyond what the choice of texts explains?

Met is a gate whose whole interval lies on the right side, not met one whose whole interval lies on the wrong
side. Where the interval holds the threshold, the texts are too few to tell. A gate on the point alone would
fire on a single text of twenty. Of what has no end, such as a divergence, or is no mean, such as a
correlation, the interval is the bootstrap's, which knows nothing of rare texts: `FEWEST` or more decide.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import scipy

from bert_compression.compare.measures import Measure
from bert_compression.errors import BadInput
from bert_compression.metrics import share_interval

MET, NOT_MET, UNDECIDED = "met", "not met", "undecided"
STATUS = {MET: 0, NOT_MET: 1, UNDECIDED: 3}
# Of a kind that is one text in a hundred, so many texts hold none once in twenty times.
FEWEST = 300
RIGHT, WRONG = "all of the interval is on the right side", "all of the interval is on the wrong side"
HOLDS = "the interval holds the threshold, so that more texts are needed to tell"
PATTERN = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(>=|<=|>|<)\s*([-+0-9.eE]+)\s*(%?)\s*")


class Requirement(NamedTuple):
    """`measure` on the right side of a threshold."""

    measure: str
    sign: str
    threshold: float

    def __str__(self) -> str:
        return f"{self.measure}{self.sign}{self.threshold:.10g}"


@dataclass(frozen=True)
class Decision:
    """What became of a requirement, with the measure and why."""

    requirement: Requirement
    outcome: str
    measure: Measure
    reason: str

    @property
    def told(self) -> str:
        """All but the outcome, in words."""
        m = self.measure
        measured = f"{m.value:.10g}" if m.kind == "exact" else f"{m.value:.4f} [{m.low:.4f}, {m.high:.4f}]"
        reason = f"; {self.reason}" if self.reason else ""
        return f"{self.requirement}; measured {measured}, n = {m.n}{reason}"

    def __str__(self) -> str:
        return f"{self.outcome}: {self.told}"


def parse(text: str) -> Requirement:
    """A requirement as it is written, such as "label_loyalty>=0.98" or "label_loyalty >= 98%"."""
    found = PATTERN.fullmatch(text)
    try:
        threshold = float(found[3]) / (100 if found[4] else 1)
        if not math.isfinite(threshold):
            raise ValueError(threshold)
    except (TypeError, ValueError):
        raise BadInput(f"a requirement reads NAME>=NUMBER (or >, <=, <), not {text!r:.80}") from None
    return Requirement(found[1], found[2], threshold)


def check(requirements: Sequence[Requirement], measures: Mapping[str, Measure]) -> list[Decision]:
    """What becomes of each requirement. Raises BadInput for a measure that there is not or that has no
    interval, and for what no number of texts could show."""
    decisions = []
    for each in requirements:
        measure = _measure(each.measure, measures)
        outcome, reason = _decided(each, measure)
        decisions.append(Decision(each, outcome, measure, reason))
    return decisions


def exit_status(decisions: Sequence[Decision]) -> int:
    """0 where all are met, 1 where one is not met, else 3."""
    outcomes = {decision.outcome for decision in decisions}
    return STATUS[NOT_MET if NOT_MET in outcomes else UNDECIDED if UNDECIDED in outcomes else MET]


def known(name: str, names: Collection[str], where: str = "") -> None:
    """Raises BadInput for the name of no measure among these, with those that are most like it."""
    if name not in names:
        near = [other for other in names if set(name.split("_")) & set(other.split("_"))] or list(names)
        raise BadInput(f"there is no measure {name!r}{where}: {', '.join(near[:6])} would be")


def _measure(name: str, measures: Mapping[str, Measure]) -> Measure:
    fit = [other for other, each in measures.items() if each.low is not None and each.kind != "median"]
    if name not in measures:
        known(name, fit, " here (some take labels, or an attack)")
    if name not in fit:
        raise BadInput(
            f"{name} has no interval, so that no gate can rest on it: {', '.join(fit[:4])} have one"
        )
    return measures[name]


def _decided(requirement: Requirement, measure: Measure) -> tuple[str, str]:
    """What becomes of a requirement, and why."""
    upwards, strict = requirement.sign[0] == ">", len(requirement.sign) == 1
    # Turned about where it has to lie below, so that more is better.
    low, high = (measure.low, measure.high) if upwards else (-measure.high, -measure.low)
    t = requirement.threshold if upwards else -requirement.threshold
    exact = measure.kind == "exact"
    if measure.kind == "bootstrap" and measure.n < FEWEST:
        return UNDECIDED, f"fewer than {FEWEST} texts decide nothing of what a single one can move far"
    if measure.kind == "bootstrap" and low == high:
        return UNDECIDED, "texts without any difference do not show how large one can be"
    if low > t or (low == t and not strict):
        return MET, "" if exact else RIGHT
    if high < t or (high == t and strict and exact):
        return NOT_MET, "" if exact else WRONG
    return UNDECIDED, HOLDS + (_needed(requirement, measure.n, upwards) if measure.kind == "share" else "")


def _needed(requirement: Requirement, n: int, upwards: bool) -> str:
    """What so many texts would have to show to meet a requirement of a share, or how many it takes.

    Raises BadInput where no number of texts could."""
    t = requirement.threshold
    bound = t if upwards else 1 - t  # of the share that lies on the right side
    if bound >= 1:
        less = "less than 1" if upwards else "more than 0"
        raise BadInput(f"{requirement} can be shown by no number of texts: ask for {less}")
    for k in range(max(0, math.ceil(bound * n)), n + 1):
        low = share_interval(k, n)[0]
        if low > bound or (low == bound and requirement.sign.endswith("=")):
            near = f"{k / n:.4f} or more" if upwards else f"{1 - k / n:.4f} or less"
            return f"; of {n} texts it takes {near}"
    # Wilson's lower bound of n of n is n / (n + z²).
    z = scipy.stats.norm.ppf(0.975)
    needed = math.ceil(z**2 * bound / (1 - bound))
    return f"; without a single exception it takes {needed} texts or more"
