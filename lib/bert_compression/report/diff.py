"""Somebody's own records next to the committed ones: same, within noise, no interval or different, and where
they part."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bert_compression.experiments.records import per_example

SAME, WITHIN, OPEN, APART, UNTOLD = "same", "within noise", "no interval", "different", "not compared"
MEANINGS = {  # from the mildest to the gravest: what is said of a record is the gravest of its values
    SAME: "every number and every value of single examples is equal",
    WITHIN: "a number lies within the committed 95 % interval over examples; one without, and those of "
    "single examples on average, within 1 %; at most half as many answers change as between unrelated models",
    OPEN: "a number without an interval is more than 1 % away: whether by chance cannot be told",
    APART: "a number lies outside its interval, a count of what was asked for is another, more answers "
    "change, or one side failed or lacks a value",
    UNTOLD: "jobs that measure time, which is a machine's, and jobs that failed on both sides",
}
GRAVITY = list(MEANINGS).index
NEAR = 0.01  # relative: as far apart as another machine's rounding may bring what has no interval
# Of the share of answers that change between unrelated models. The same trainings on another machine changed
# 5 to 34 % of it.
CHANGED = 0.5
TIMES = ("cost", "bit_kernels")  # kinds of jobs that measure time
# Counts of what was found, which are numbers as others; any other is of what was asked for, and has no noise.
FOUND = (
    "successes", "successes_lost_alone", "successes_won_alone", "adversarial_texts", "texts_judged",
    "best_evaluation",
)  # fmt: skip


class Compared(NamedTuple):
    """A job that both have done; `why` names the first value that decides, of both sides."""

    record: Mapping
    verdict: str
    why: str = ""

    def __str__(self) -> str:
        kind, method, task, seed = (self.record[name] for name in ("kind", "method", "task", "seed"))
        return f"{kind} of {method} on {task}, seed {seed}: {self.why}"


def compare_records(own: Sequence[Mapping], committed: Sequence[Mapping]) -> list[Compared]:
    """One line a job that is in both: inputs first, else in the order of the committed ones, which is that
    of the plan."""
    theirs = {record["identity"]: record for record in committed}
    place = {identity: number for number, identity in enumerate(theirs)}
    both = [record for record in own if record["identity"] in theirs]
    both.sort(key=lambda record: place[record["identity"]])
    return [_compared(record, theirs[record["identity"]]) for record in _inputs_first(both)]


def first_apart(compared: Sequence[Compared]) -> list[Compared]:
    """The jobs that are not the same though all of their inputs are: where two runs begin to part."""
    verdicts = {each.record["key"]: each.verdict for each in compared}
    return [
        each
        for each in compared
        if each.verdict not in (SAME, UNTOLD)
        and all(verdicts.get(key, SAME) in (SAME, UNTOLD) for key in each.record["inputs"].values())
    ]


def in_lines(compared: Sequence[Compared]) -> list[str]:
    """The comparison as text: how many of each verdict, the first job that parts, and those that are not
    within noise."""
    counts = Counter(each.verdict for each in compared)
    lines = [f"{len(compared)} jobs are in both"]
    lines += [f"{counts[verdict]:>6} {verdict}: {meaning}" for verdict, meaning in MEANINGS.items()]
    parting = first_apart(compared)
    lines += ["", "They part first at:", f"  {parting[0]}"] if parting else ["", "They part nowhere."]
    if parting[1:]:
        lines.append(f"  and at {len(parting) - 1} more, whose inputs are the same")
    for verdict in (APART, OPEN):
        found = [f"  {each}" for each in compared if each.verdict == verdict]
        lines += ["", f"{verdict.capitalize()}:", *found] if found else []
    return lines


def _compared(ours: Mapping, theirs: Mapping) -> Compared:
    if ours["kind"] in TIMES or "ok" not in (ours["status"], theirs["status"]):
        return Compared(ours, UNTOLD)
    if ours["status"] != theirs["status"]:
        return Compared(ours, APART, f"{theirs['status']} is committed, {ours['status']} yours")
    found = [
        (_of_number(name, ours["metrics"], theirs["metrics"]), name, _both(name, ours, theirs))
        for name, kept in theirs["metrics"].items()
        if ours["metrics"].get(name) != kept
    ]
    found += [
        (_of_examples(name, ours, theirs), name, "of single examples")
        for name, kept in theirs["per_example"].items()
        if ours["per_example"].get(name) != kept
    ]
    if not found:
        return Compared(ours, SAME)
    verdict, name, values = max(found, key=lambda each: GRAVITY(each[0]))  # the first of the gravest
    digests = [record["data"] and record["data"]["digest"][:8] for record in (theirs, ours)]
    told = f"; data {digests[0]} and {digests[1]}" if digests[0] != digests[1] else ""
    return Compared(ours, verdict, f"{name} {values}{told}")


def _both(name: str, ours: Mapping, theirs: Mapping) -> str:
    values = [record["metrics"].get(name) for record in (theirs, ours)]
    return " and ".join(f"{value:.6g}" if isinstance(value, float) else str(value) for value in values)


def _of_number(name: str, ours: Mapping, theirs: Mapping) -> str:
    """What is said of a number that is not equal to the committed one."""
    value, kept, low = ours.get(name), theirs[name], theirs.get(f"{name}_low")
    if name.endswith(("_low", "_high")):
        return WITHIN  # it moves with its number, which is judged
    if value is None or kept is None:
        return APART
    if low is not None:
        return WITHIN if low <= value <= theirs[f"{name}_high"] else APART
    if isinstance(kept, int) and name not in FOUND:
        return APART
    return WITHIN if math.isclose(value, kept, rel_tol=NEAR) else OPEN


def _of_examples(name: str, ours: Mapping, theirs: Mapping) -> str:
    """What is said of values of single examples: answers, which are classes or marks, or numbers."""
    if name not in ours["per_example"]:
        return APART
    mine, kept = per_example(ours, name), per_example(theirs, name)
    if mine.shape != kept.shape:
        return APART
    if not isinstance(theirs["per_example"][name], str):
        return WITHIN if np.abs(mine - kept).mean() <= NEAR * np.abs(kept).mean() else OPEN
    unrelated = 1 - sum((mine == answer).mean() * (kept == answer).mean() for answer in np.unique(kept))
    return WITHIN if (mine != kept).mean() <= CHANGED * unrelated else APART


def _inputs_first(records: Sequence[Mapping]) -> list[Mapping]:
    by_key = {record["key"]: record for record in records}
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
