"""Somebody's own records next to the committed ones: same, within noise or different, and where they part."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

SAME, WITHIN, APART, UNTOLD = "same", "within noise", "different", "not compared"
MEANINGS = {
    SAME: "every number and every value of single examples is equal",
    WITHIN: "what has a 95 % interval over examples lies within the committed one; losses within 1 %",
    APART: "a number lies outside of that",
    UNTOLD: "times, which are those of a machine, and jobs that failed",
}
LOSSES = 0.01  # relative: how far apart losses, which have no interval, may be within noise
TIMES = ("cost", "bit_kernels")  # kinds of jobs that measure time


class Compared(NamedTuple):
    """A job that both have done; `why` names the first number that decides, with both values."""

    record: Mapping
    verdict: str
    why: str = ""

    @property
    def title(self) -> str:
        record = self.record
        return f"{record['kind']} of {record['method']} on {record['task']}, seed {record['seed']}"


def compare_records(own: Sequence[Mapping], committed: Sequence[Mapping]) -> list[Compared]:
    """One line a job that is in both, inputs first."""
    theirs = {record["identity"]: record for record in committed}
    ours = {record["key"]: record for record in own}
    return [
        _compared(record, theirs[record["identity"]])
        for record in _inputs_first(ours)
        if record["identity"] in theirs
    ]


def first_apart(compared: Sequence[Compared]) -> list[Compared]:
    """The jobs that are not the same though all of their inputs are: where two runs begin to part."""
    verdicts = {each.record["key"]: each.verdict for each in compared}
    return [
        each
        for each in compared
        if each.verdict in (WITHIN, APART)
        and all(verdicts.get(key, SAME) in (SAME, UNTOLD) for key in each.record["inputs"].values())
    ]


def in_lines(compared: Sequence[Compared]) -> list[str]:
    """The comparison as text: how many of each verdict, the first jobs that part, and all that differ."""
    if not compared:
        return ["none of your records is of a job that is committed"]
    counts = Counter(each.verdict for each in compared)
    lines = [f"{len(compared)} jobs are in both"]
    lines += [f"{counts[verdict]:>6} {verdict}: {meaning}" for verdict, meaning in MEANINGS.items()]
    parting = first_apart(compared)
    lines += ["", "They part first at:" if parting else "They part nowhere."]
    lines += [f"  {each.title}: {each.why}" for each in parting]
    different = [each for each in compared if each.verdict == APART]
    if different:
        lines += ["", "Different:"]
        lines += [f"  {each.title}: {each.why}" for each in different]
    return lines


def _compared(ours: Mapping, theirs: Mapping) -> Compared:
    if ours["kind"] in TIMES or "ok" not in (ours["status"], theirs["status"]):
        return Compared(ours, UNTOLD)
    if ours["status"] != theirs["status"]:
        return Compared(ours, APART, f"{theirs['status']} is committed, {ours['status']} yours")
    other = [name for name, value in theirs["metrics"].items() if ours["metrics"].get(name) != value]
    changed = [name for name, kept in theirs["per_example"].items() if ours["per_example"].get(name) != kept]
    if not other and not changed:
        return Compared(ours, SAME)
    digests = [record["data"] and record["data"]["digest"][:8] for record in (theirs, ours)]
    told = f"; data {digests[0]} and {digests[1]}" if digests[0] != digests[1] else ""
    measured = [name for name in other if not name.endswith(("_low", "_high"))]
    outside = [name for name in measured if not _within(name, ours["metrics"], theirs["metrics"])]
    name = next(iter(outside or measured or changed))
    values = [record["metrics"].get(name, "other values of single examples") for record in (theirs, ours)]
    words = " and ".join(f"{value:.6g}" if isinstance(value, float) else str(value) for value in values)
    return Compared(ours, APART if outside else WITHIN, f"{name} {words if measured else values[0]}{told}")


def _within(name: str, ours: Mapping, theirs: Mapping) -> bool:
    """Is our number as near to the committed one as chance would bring it?"""
    value, kept, low = ours.get(name), theirs[name], theirs.get(f"{name}_low")
    if value is None or kept is None:
        return False
    if low is not None:
        return low <= value <= theirs[f"{name}_high"]
    if any(other.endswith("_low") for other in theirs):  # a part of what has an interval, or a count in it
        return True
    return isinstance(kept, float) and math.isclose(value, kept, rel_tol=LOSSES)


def _inputs_first(by_key: Mapping[str, Mapping]) -> list[Mapping]:
    found: dict[str, Mapping] = {}

    def add(key: str) -> None:
        if key in found or key not in by_key:
            return
        for needed in by_key[key]["inputs"].values():
            add(needed)
        found[key] = by_key[key]

    for key in by_key:
        add(key)
    return list(found.values())
