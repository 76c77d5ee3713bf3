"""By how much does one side of a claim exceed the other? An estimator answers from the records of a source.

Each is a callable (source, claim) that returns what it `Found`, or raises Failure with the reason why there
is nothing to judge. Effects and bounds have the unit of the claim's columns, which is percentage points for
all but speed and queries; bounds and p speak of other seeds and other texts alike. The numbers come from the
functions of `metrics` that the tables' own numbers come from.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from bert_compression.errors import Failure
from bert_compression.experiments import per_example
from bert_compression.metrics import (
    Estimate,
    SeedNoise,
    StandardError,
    degradation,
    min_f_errors,
    min_f_interval,
    min_f_prime,
    relative_degradation_difference,
    satterthwaite,
    seed_error,
    spread_interval,
    spread_ratio,
)
from bert_compression.report.noise import BySeed, noise_of_rows, pooled
from bert_compression.report.per_text import Paired, outcomes
from bert_compression.report.records import Source
from bert_compression.report.tables import Row, Table

PERCENT = 100
REACH = 1.96  # standard errors from the middle of a 95 % interval to its ends


@dataclass(frozen=True, eq=False)
class Found:
    """What an estimator found: on which records, with how many seeds and texts, the effect with its 95 %
    interval over seeds and texts, and the p value that belongs to it. `room` is how large the effect could be
    at most, the second side being what it is."""

    records: Sequence[Mapping]
    seeds: int
    texts: int
    effect: float
    low: float
    high: float
    p_value: float
    room: float = math.inf


class Comparison(Protocol):
    """What an estimator reads of a claim: a table, the methods of either side, the columns, and whether a
    side is the sum of its methods."""

    @property
    def table(self) -> Table: ...

    @property
    def sides(self) -> tuple[tuple[str, ...], tuple[str, ...]]: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def sums(self) -> bool: ...


Estimator = Callable[[Source, Comparison], Found]


def difference_of_means(source: Source, claim: Comparison) -> Found:
    """The difference of the two sides on the same texts and seeds. Of several columns it is the mean over
    these.

    Interval and p value are those of min F′ over seeds and texts (`metrics.min_f_interval`), with the noise
    of all methods of the table. Two that differ by less than a point, in the root mean square over texts and
    seeds, are one model under two names: no seed tells them apart, and between them there is no noise.
    """
    scale = claim.table.column(claim.columns[0]).scale * (len(claim.sides[0]) if claim.sums else 1)
    return _of_pair(*_paired(source, claim, claim.columns), scale)


def _paired(source: Source, claim: Comparison, columns: Sequence[str]) -> tuple[Paired, SeedNoise | None]:
    """The two sides in these columns, and how much a seed moves their difference."""
    first, second = claim.sides
    values = outcomes(source, claim.table)
    pair = values.paired(columns, first, second)
    found = values.noise(columns)
    one = np.square(pair.first - pair.second).mean() < 1e-4
    return pair, None if one or not found else found.of_difference(len(first), len(second))


def difference_of_columns(source: Source, claim: Comparison) -> Found:
    """By how much does the claim's first column exceed the second, of one method: the same models on the same
    texts, measured in two ways? Interval and p value as in `difference_of_means`; how much a seed moves the
    difference is judged by all methods that have both columns and that these tell apart. A method that they
    do not has no noise."""
    (method,), _ = claim.sides
    values = outcomes(source, claim.table)
    pair = values.paired_columns(method, *claim.columns)
    noise = values.noise_between(*claim.columns) if (pair.first != pair.second).any() else None
    return _of_pair(pair, noise, claim.table.column(claim.columns[0]).scale)


def _of_pair(pair: Paired, noise: SeedNoise | None, scale: float) -> Found:
    low, high = min_f_interval(pair.first, pair.second, noise)
    return Found(
        pair.records,
        pair.seeds,
        len(pair.first),
        effect=scale * float((pair.first - pair.second).mean()),
        low=scale * low,
        high=scale * high,
        p_value=min_f_prime(pair.first, pair.second, noise).p_value,
    )


def difference_over_seeds(source: Source, claim: Comparison) -> Found:
    """The difference of the two sides where no text has a value of its own, as in times: over the seeds that
    both have, with an interval over seeds alone. How much a seed moves it is judged by all rows of the
    table."""
    (first,), (second,), (name,) = *claim.sides, claim.columns
    table, column = claim.table, claim.table.column(name)
    records, seeds = of_both(source, claim)
    one, other = (dict(source.values(table, table.row(method), column)) for method in (first, second))
    differences = [one[seed] - other[seed] for seed in seeds]
    effect = float(np.mean(differences))
    if len(seeds) == 1:
        return Found(records, 1, 0, effect, math.nan, math.nan, math.nan)
    by_seeds = seed_error(differences, _noise_of_column(source, table, name))
    return found_with(records, len(seeds), 0, effect, by_seeds)


def relative_degradation(source: Source, claim: Comparison) -> Found:
    """By how much does an attack take a larger share of the first model's accuracy than of the second's
    (`metrics.relative_degradation_difference`)? How much a seed moves that is judged by all models of the
    table."""
    records, seeds = of_both(source, claim)
    outcomes_of = [per_example(record, "outcomes") for record in records]
    first, second = outcomes_of[: len(seeds)], outcomes_of[len(seeds) :]
    effect, low, high = relative_degradation_difference(first, second, scale=PERCENT)
    if math.isnan(low):
        raise Failure("too few texts are answered rightly before the attack")
    each_seed = [
        relative_degradation_difference([one], [other], scale=PERCENT)[0]
        for one, other in zip(first, second, strict=True)
    ]
    by_seeds = seed_error(each_seed, _noise_of_column(source, claim.table, claim.columns[0]))
    texts = len(first[0])
    found = found_with(records, len(seeds), texts, effect, by_seeds, error_of(low, high, texts))
    lost = [degradation(each)["relative_degradation"] for each in second]
    return replace(found, room=PERCENT * (1 - float(np.mean(lost))))


def interaction(more: Sequence[str], less: Sequence[str]) -> Estimator:
    """By how much is the first side's lead over the second larger in the mean of some columns than in that of
    others?"""

    def estimate(source: Source, claim: Comparison) -> Found:
        parts = [_paired(source, claim, columns) for columns in (more, less)]
        errors = [each for pair, noise in parts for each in min_f_errors(pair.first, pair.second, noise)]
        in_points = [StandardError(PERCENT**2 * each.variance, each.df) for each in errors]
        lead, other = (PERCENT * float((pair.first - pair.second).mean()) for pair, _ in parts)
        records = [record for pair, _ in parts for record in pair.records]
        seeds, texts = min(pair.seeds for pair, _ in parts), sum(len(pair.first) for pair, _ in parts)
        return found_with(records, seeds, texts, lead - other, *in_points)

    return estimate


def difference_of_spreads(source: Source, claim: Comparison) -> Found:
    """By how much do the first method's trainings lie further apart than those of the second? Standard
    deviations over seeds, with the interval and the p value of the F test of two variances."""
    (first,), (second,), (name,) = *claim.sides, claim.columns
    records, seeds = of_both(source, claim, at_least=2)
    column = claim.table.column(name)
    values = [dict(source.values(claim.table, claim.table.row(side), column)) for side in (first, second)]
    one, other = (float(np.std([of_side[seed] for seed in seeds], ddof=1)) for of_side in values)
    if not other:
        raise Failure("the trainings of one side are all alike")
    found = spread_ratio(one, other, len(seeds))
    low, high = (other * (bound - 1) for bound in (found.low, found.high))
    return Found(records, len(seeds), records[0]["data"]["rows"], one - other, low, high, found.p_value)


def spread_over_seeds(source: Source, claim: Comparison) -> Found:
    """How far do trainings of one method lie apart? The standard deviation over seeds, with seeds - 1 in the
    denominator, pooled over the claim's first methods, and the interval that it has where scores are normally
    distributed."""
    (name,) = claim.columns
    column = claim.table.column(name)
    methods = claim.sides[0]
    values = [[value for _, value in source.values(claim.table, claim.table.row(m), column)] for m in methods]
    if min(map(len, values)) < 2:
        raise Failure("records of two seeds are missing")
    records = [r for m in methods for part in column.parts for r in source.done(claim.table, m, part)]
    df = sum(len(each) - 1 for each in values)
    effect = math.sqrt(sum(float(np.var(each)) * len(each) for each in values) / df)
    low, high = spread_interval(effect, df + 1)
    return Found(records, min(map(len, values)), records[0]["data"]["rows"], effect, low, high, math.nan)


def found_with(
    records: Sequence[Mapping],
    seeds: int,
    texts: int,
    effect: float,
    *errors: StandardError,
) -> Found:
    """An effect with the interval and the p value that its errors, such as of seeds and of texts, imply."""
    found: Estimate = satterthwaite(effect, errors)
    return Found(records, seeds, texts, effect, found.low, found.high, found.p_value)


def _noise_of_column(source: Source, table: Table, name: str) -> SeedNoise:
    """How much a seed moves a difference of two rows in a column of which no text has a value of its own."""
    column = table.column(name)

    def read(row: Row) -> tuple[BySeed, list[Mapping]]:
        records = [record for part in column.parts for record in source.done(table, row.method, part)]
        return dict(source.values(table, row, column)), records

    found = pooled(noise_of_rows(source, table, [name], read))
    return found.of_difference() if found else SeedNoise(math.nan, 0)


def error_of(low: float, high: float, texts: int) -> StandardError:
    """The squared standard error that such an interval shows."""
    return StandardError(((high - low) / (2 * REACH)) ** 2, texts - 1)


def of_both(source: Source, claim: Comparison, at_least: int = 1) -> tuple[list[Mapping], list[int]]:
    """The records of the first method and then those of the second, in the claim's column at the seeds that
    both have; and these seeds. Raises Failure where they are fewer than one, or two."""
    (first,), (second,), (column,) = *claim.sides, claim.columns
    found = [
        {record["seed"]: record for record in source.done(claim.table, method, column)}
        for method in (first, second)
    ]
    seeds = sorted(found[0].keys() & found[1].keys())
    if len(seeds) < at_least:
        raise Failure("records are missing" if at_least == 1 else "records of two seeds are missing")
    return [of_method[seed] for of_method in found for seed in seeds], seeds
