"""A gate: is a measure on the right side of a threshold, beyond what the choice of texts explains?

Met is a gate whose whole interval lies on the right side, not met one whose whole interval lies on the wrong
side. Where the interval holds the threshold, the texts are too few to tell. A gate on the point alone would
fire on a single text of twenty.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bert_compression.compare.measures import Measure
from bert_compression.errors import BadInput
from bert_compression.metrics import share_interval

MET, NOT_MET, UNDECIDED = "met", "not met", "undecided"
STATUS = {MET: 0, NOT_MET: 1, UNDECIDED: 3}
# Fewer texts than these may well hold none of the few that move a mean: its bootstrap interval is too short.
FEWEST = 100
QUANTILE = 1.96  # of the normal distribution, as in the 95 % intervals
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

    def __str__(self) -> str:
        m = self.measure
        measured = f"{m.value:.10g}" if m.kind == "exact" else f"{m.value:.4f} [{m.low:.4f}, {m.high:.4f}]"
        return f"{self.outcome}: {self.requirement}; measured {measured}, n = {m.n}; {self.reason}"


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
    """What becomes of each requirement. Raises BadInput for a measure that there is not, or that has no
    interval."""
    return [_decided(each, _measure(each.measure, measures)) for each in requirements]


def exit_status(decisions: Sequence[Decision]) -> int:
    """0 where all are met, 1 where one is not met, else 3."""
    outcomes = {decision.outcome for decision in decisions}
    return STATUS[NOT_MET if NOT_MET in outcomes else UNDECIDED if UNDECIDED in outcomes else MET]


def _measure(name: str, measures: Mapping[str, Measure]) -> Measure:
    fit = [other for other, each in measures.items() if each.low is not None and each.kind != "median"]
    if name not in measures:
        near = [other for other in fit if set(name.split("_")) & set(other.split("_"))] or fit
        raise BadInput(
            f"there is no measure {name!r} here: {', '.join(near[:6])} would be; compare.json has all"
        )
    if name not in fit:
        raise BadInput(
            f"{name} has no interval, so that no gate can rest on it: {', '.join(fit[:4])} have one"
        )
    return measures[name]


def _decided(requirement: Requirement, measure: Measure) -> Decision:
    upwards, strict = requirement.sign[0] == ">", len(requirement.sign) == 1
    t = requirement.threshold
    # Turned about where it has to lie below, so that more is better.
    low, high = (measure.low, measure.high) if upwards else (-measure.high, -measure.low)
    t = t if upwards else -t
    if measure.kind == "mean" and measure.n < FEWEST:
        return Decision(
            requirement, UNDECIDED, measure, f"a mean over fewer than {FEWEST} texts decides no gate"
        )
    if measure.kind == "mean" and low == high:
        return Decision(requirement, UNDECIDED, measure, "a mean without any spread has no interval")
    if low > t or (low == t and not strict):
        outcome = MET
    elif high < t or (high == t and strict and measure.kind == "exact"):
        outcome = NOT_MET
    else:
        outcome = UNDECIDED
    return Decision(requirement, outcome, measure, _reach(requirement, measure, upwards))


def _reach(requirement: Requirement, measure: Measure, upwards: bool) -> str:
    """The smallest distance from the threshold that so many texts could have seen."""
    if measure.kind == "exact":
        return "exact"
    if measure.kind != "share":
        half = (measure.high - measure.low) / 2
        return f"a distance of {half:.4f} from the threshold is the smallest that they could have seen"
    n, t = measure.n, requirement.threshold
    # A share of k of n that lies on the right side with its whole interval.
    bound = t if upwards else 1 - t
    for k in range(max(0, math.ceil(bound * n)), n + 1):
        if share_interval(k, n)[0] >= bound:
            near = k / n if upwards else 1 - k / n
            return (
                f"{n} texts would meet it from {near:.4f} on: {abs(near - t):.4f} from the threshold is the "
                "smallest distance that they could have seen"
            )
    if not 0 <= bound < 1:
        return "no number of texts could meet it"
    needed = math.ceil(
        QUANTILE**2 * bound / (1 - bound)
    )  # where Wilson's lower bound of n of n is n / (n + z²)
    return f"so few could not have met it even without a single exception: it takes {needed} texts or more"
