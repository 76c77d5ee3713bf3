"""Claims about pairs of models that no mean over texts can bear; the verdicts follow the rules of `claims`.

Is a smaller model less like the largest one than the largest one is like itself with another seed? What two
models share of their errors, outliers or neighbours is held against what two trainings of one model share.
Book: notebooks/miniature/claims.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bert_compression.errors import Failure
from bert_compression.metrics.significance import bootstrap_interval
from bert_compression.report.claims import EVIDENCE, NOT_ATTEMPTED, NOT_EVIDENCE, Claim, Judgement, exceeds
from bert_compression.report.layouts import Layout
from bert_compression.report.likeness.curves import with_first
from bert_compression.report.likeness.matrices import JACCARD, TAILS, Masks, SetMeasure

# The effect and its interval, how many seeds and points it rests on.
Found = tuple[float, float, float, int, int]


def judge_pairs(
    records: Sequence[Mapping], claims: Sequence[Claim], layout: Layout, compare: Callable[..., Found]
) -> list[Judgement]:
    """One judgement a claim. `compare(records, first, second)` finds by how much the first of the claim's two
    methods exceeds the second, from the records of these two alone; it raises Failure where some are missing.
    """
    return [_judged(records, claim, layout, compare) for claim in claims]


def _judged(records: Sequence[Mapping], claim: Claim, layout: Layout, compare: Callable) -> Judgement:
    (first,), (second,) = claim.sides
    used = [r for r in records if {r["method"], r["params"].get("other", r["method"])} <= {first, second}]
    blank = Judgement(claim, layout, NOT_ATTEMPTED, np.nan)
    if any(record["profile"] not in EVIDENCE for record in used):
        profiles = ", ".join(sorted({record["profile"] for record in used}))
        return replace(blank, verdict=NOT_EVIDENCE, reason=f"profile {profiles}")
    try:
        effect, low, high, seeds, points = compare(used, first, second)
    except Failure as reason:
        return replace(blank, reason=str(reason))
    return replace(
        blank,
        verdict=exceeds(effect, low, high, np.nan),
        **{"effect": effect, "low": low, "high": high, "seeds": seeds, "texts": points},
        keys=tuple(record["key"] for record in used),
        earlier_code=any(record.get("earlier_code", False) for record in used),
    )


def of_sets(
    read: Callable[[Sequence[Mapping]], Masks], measure: SetMeasure = JACCARD
) -> Callable[..., Found]:
    """How much more alike are the largest model and itself at another seed than the largest and a smaller
    one, in the sets of examples that `read` finds by method and seed? The interval is that of the difference
    over examples, all sets on the same draws."""

    def compare(records: Sequence[Mapping], largest: str, smaller: str) -> Found:
        masks = read(records)
        seeds = sorted(seed for name, seed in masks if name == largest and (smaller, seed) in masks)
        _at_least_two(seeds)
        sets = np.stack([masks[name, seed] for name in (largest, smaller) for seed in seeds])
        differences = 100 * _beyond(measure.resampled(sets), len(seeds))
        effect = 100 * _beyond(measure.matrix(sets)[None], len(seeds))[0]
        low, high = np.quantile(differences, TAILS)
        return float(effect), float(low), float(high), len(seeds), sets.shape[1]

    return compare


def _beyond(alike: np.ndarray, seeds: int) -> np.ndarray:
    """From (draws, sets, sets), the largest model's seeds first, then the smaller one's: the mean over pairs
    of the former's seeds less the mean over the two models at different seeds."""
    different = ~np.eye(seeds, dtype=bool)
    within, between = alike[:, :seeds, :seeds], alike[:, :seeds, seeds:]
    return within[:, different].mean(axis=1) - between[:, different].mean(axis=1)


def of_neighbours(records: Sequence[Mapping], largest: str, smaller: str) -> Found:
    """The same of the neighbours of each point; the interval is over points."""
    found: dict[str, list] = {largest: [], smaller: []}
    seeds = set()
    for record in with_first(records, (largest, smaller)):
        found[record["params"]["other"]].append(record["per_example"]["neighbour_jaccards"])
        seeds |= {record["seed"], record["params"]["other_seed"]}
    _at_least_two(seeds if found[largest] and found[smaller] else ())
    differences = 100 * (np.mean(found[largest], axis=0) - np.mean(found[smaller], axis=0))
    return float(differences.mean()), *bootstrap_interval(differences), len(seeds), len(differences)


def _at_least_two(seeds: Collection[int]) -> None:
    if len(seeds) < 2:
        raise Failure("records of two seeds are missing")
