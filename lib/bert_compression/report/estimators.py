"""By how much does one side of a claim exceed the other? An estimator answers from the records of a source.

Each is a callable (source, claim) that returns what it `Found`, or raises Failure with the reason why there
is nothing to judge. Effects and bounds are percentage points. The numbers come from the functions of
`metrics` that the tables' own numbers come from.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bert_compression.errors import Failure
from bert_compression.experiments import per_example
from bert_compression.metrics import (
    bootstrap_interval,
    error_overlap_difference,
    min_f_prime,
    relative_degradation_difference,
)
from bert_compression.report.per_text import outcomes
from bert_compression.report.records import Source
from bert_compression.report.tables import Table

PERCENT = 100


@dataclass(frozen=True, eq=False)
class Found:
    """What an estimator found: on which records, with how many seeds and texts, the effect, and either its
    95 % interval, or the `differences` text by text, (texts,), whose mean the effect is. `p_value` is NaN
    where nothing was tested."""

    records: Sequence[Mapping]
    seeds: int
    texts: int
    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    differences: np.ndarray | None = None


class Comparison(Protocol):
    """What an estimator reads of a claim: a table, the methods of either side, the columns."""

    @property
    def table(self) -> Table: ...

    @property
    def sides(self) -> tuple[tuple[str, ...], tuple[str, ...]]: ...

    @property
    def columns(self) -> tuple[str, ...]: ...


Estimator = Callable[[Source, Comparison], Found]
Sets = Mapping[tuple[str, int], np.ndarray]  # by method and seed: which examples are in the model's set


def difference_of_means(source: Source, claim: Comparison) -> Found:
    """The difference of the two sides on the same texts, each text averaged over the seeds that both have. Of
    several columns it is the mean over these.

    The p value is that of min F′ over seeds and texts (`metrics.min_f_prime`), with the noise of all methods
    of the table.
    """
    first, second = claim.sides
    values = outcomes(source, claim.table)
    pair = values.paired(claim.columns, first, second)
    noise = values.noise(claim.columns)
    test = min_f_prime(pair.first, pair.second, noise and noise.of_difference(len(first), len(second)))
    differences = PERCENT * (pair.first - pair.second).mean(axis=1)
    return Found(
        pair.records,
        pair.seeds,
        len(differences),
        effect=float(differences.mean()),
        p_value=test.p_value,
        differences=differences,
    )


def of_sets(read: Callable[[Source], Sets], association: bool = False) -> Estimator:
    """How much more does the first model overlap with itself at another seed than with the second one, in
    sets of examples such as errors?

    `read` finds which examples are in the set of each model and seed, in the records of the claim's column.
    The overlap is Jaccard's coefficient, or Cole's association (`metrics.error_overlap_difference`); the
    interval is over examples.
    """

    def estimate(source: Source, claim: Comparison) -> Found:
        records, seeds = _of_both(source, claim)
        if len(seeds) < 2:
            raise Failure("records of two seeds are missing")
        sets = read(source)
        first, second = (np.stack([sets[method, seed] for seed in seeds]) for (method,) in claim.sides)
        effect, low, high = error_overlap_difference(first, second, association, scale=PERCENT)
        return Found(records, len(seeds), first.shape[1], effect, low, high)

    return estimate


def of_neighbours(source: Source, claim: Comparison) -> Found:
    """How many more nearest neighbours does a model share with itself at another seed than with another one?

    The claim has two columns, of the comparisons of its first method with itself and with the second one. The
    interval is over the points whose neighbours are compared.
    """
    (first,), _ = claim.sides
    own, other = (source.done(claim.table, first, column) for column in claim.columns)
    if not own or not other:
        raise Failure("records of two seeds are missing")
    records = [*own, *other]
    shared = [
        np.mean([per_example(record, "neighbour_jaccards") for record in of_side], axis=0)
        for of_side in (own, other)
    ]
    differences = PERCENT * (shared[0] - shared[1])
    seeds = {seed for record in records for seed in (record["seed"], record["params"]["other_seed"])}
    low, high = bootstrap_interval(differences)
    return Found(records, len(seeds), len(differences), float(differences.mean()), low, high)


def relative_degradation(source: Source, claim: Comparison) -> Found:
    """By how much does an attack take a larger share of the first model's accuracy than of the second's
    (`metrics.relative_degradation_difference`)? The interval is over texts."""
    records, seeds = _of_both(source, claim)
    if not seeds:
        raise Failure("records are missing")
    outcomes_of = [per_example(record, "outcomes") for record in records]
    first, second = outcomes_of[: len(seeds)], outcomes_of[len(seeds) :]
    effect, low, high = relative_degradation_difference(first, second, scale=PERCENT)
    if math.isnan(low):
        raise Failure("too few texts are answered rightly before the attack")
    return Found(records, len(seeds), len(first[0]), effect, low, high)


def _of_both(source: Source, claim: Comparison) -> tuple[list[Mapping], list[int]]:
    """The records of the first method and then those of the second, in the claim's column at the seeds that
    both have; and these seeds."""
    (first,), (second,), (column,) = *claim.sides, claim.columns
    found = [
        {record["seed"]: record for record in source.done(claim.table, method, column)}
        for method in (first, second)
    ]
    seeds = sorted(found[0].keys() & found[1].keys())
    return [of_method[seed] for of_method in found for seed in seeds], seeds
