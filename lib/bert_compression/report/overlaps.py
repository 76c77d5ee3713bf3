"""Estimators of overlaps: how much of what two models get wrong, or see near to each other, do they share?"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bert_compression.errors import Failure
from bert_compression.experiments import per_example
from bert_compression.metrics import (
    StandardError,
    error_association,
    error_jaccard,
    error_overlap_difference,
    resampled_error_jaccards,
    seed_noise,
)
from bert_compression.report.estimators import (
    PERCENT,
    Comparison,
    Estimator,
    Found,
    error_of,
    found_with,
    of_both,
)
from bert_compression.report.records import Source

Sets = Mapping[tuple[str, int], np.ndarray]  # by method and seed: which examples are in the model's set


def of_sets(read: Callable[[Source], Sets], association: bool = False) -> Estimator:
    """How much more does the first model overlap with itself at another seed than with the second one, in
    sets of examples such as errors?

    `read` finds which examples are in the set of each model and seed, in the records of the claim's column.
    The overlap is Jaccard's coefficient, or Cole's association (`metrics.error_overlap_difference`). How much
    a seed moves an overlap is judged by all models that `read` finds.
    """
    overlap = error_association if association else error_jaccard

    def estimate(source: Source, claim: Comparison) -> Found:
        records, seeds = of_both(source, claim, at_least=2)
        sets = read(source)
        (reference,), (other,) = claim.sides
        first, second = (np.stack([sets[method, seed] for seed in seeds]) for method in (reference, other))
        effect, low, high = error_overlap_difference(first, second, association, scale=PERCENT)
        pairs = [(a, b) for a in seeds for b in seeds if a != b]
        moved = [
            [PERCENT * overlap(sets[reference, a], sets[method, b]) for a, b in pairs]
            for method in dict.fromkeys(method for method, _ in sets)
            if method != reference and all((method, seed) in sets for seed in seeds)
        ]
        by_seeds = _of_overlaps(moved, len(seeds))
        texts = first.shape[1]
        return found_with(records, len(seeds), texts, effect, by_seeds, error_of(low, high, texts))

    return estimate


def overlap_around(read: Callable[[Source], Sets], middle: float) -> Estimator:
    """How far from a number of percent lies the overlap of the first model's sets with those of the second,
    at different seeds? `read` as in `of_sets`; the overlap is Jaccard's coefficient."""

    def estimate(source: Source, claim: Comparison) -> Found:
        records, seeds = of_both(source, claim, at_least=2)
        sets = read(source)
        (other,), (reference,) = claim.sides
        masks = np.stack([sets[method, seed] for method in (reference, other) for seed in seeds])
        pairs = [(i, len(seeds) + j) for i in range(len(seeds)) for j in range(len(seeds)) if i != j]
        shared = [PERCENT * error_jaccard(masks[i], masks[j]) for i, j in pairs]
        drawn = PERCENT * resampled_error_jaccards(masks)
        scatter = float(np.mean([drawn[:, i, j] for i, j in pairs], axis=0).var(ddof=1))
        texts = masks.shape[1]
        by_seeds = StandardError(float(np.var(shared, ddof=1)) / len(seeds), len(seeds) - 1)
        effect = float(np.mean(shared)) - middle
        return found_with(records, len(seeds), texts, effect, by_seeds, StandardError(scatter, texts - 1))

    return estimate


def neighbours_around(middle: float) -> Estimator:
    """How far from a number of percent lies the share of nearest neighbours that the claim's column tells of
    its first model and another one?"""

    def estimate(source: Source, claim: Comparison) -> Found:
        (first,), (column,) = claim.sides[0], claim.columns
        records = source.done(claim.table, first, column)
        seeds = {seed for record in records for seed in (record["seed"], record["params"]["other_seed"])}
        if len(records) < 2:
            raise Failure("records of two seeds are missing")
        each = np.array([_neighbours(record) for record in records])
        of_texts = StandardError(float(each.mean(axis=0).var(ddof=1)) / each.shape[1], each.shape[1] - 1)
        by_seeds = StandardError(float(each.mean(axis=1).var(ddof=1)) / len(seeds), len(seeds) - 1)
        effect = float(each.mean()) - middle
        return found_with(records, len(seeds), each.shape[1], effect, by_seeds, of_texts)

    return estimate


def of_neighbours(source: Source, claim: Comparison) -> Found:
    """How many more nearest neighbours does a model share with itself at another seed than with another one?

    Either the claim has two columns, of the comparisons of its first method with itself and with the second
    one; or one, in which every row is compared with the first method. How much a seed moves that is judged by
    all columns that show the same metric, or by all rows.
    """
    (first,), (second,) = claim.sides
    if len(claim.columns) == 1:
        (column,) = claim.columns
        cells = [(row.method, column) for row in claim.table.rows]
        one, another = (first, column), (second, column)
    else:
        metric = claim.table.column(claim.columns[1]).recorded
        cells = [(first, column.name) for column in claim.table.columns if column.recorded == metric]
        one, another = ((first, column) for column in claim.columns)
    own, other = (source.done(claim.table, *cell) for cell in (one, another))
    if not own or not other:
        raise Failure("records of two seeds are missing")
    records = [*own, *other]
    shared = [np.mean([_neighbours(record) for record in of_side], axis=0) for of_side in (own, other)]
    differences = shared[0] - shared[1]
    seeds = {seed for record in records for seed in (record["seed"], record["params"]["other_seed"])}
    all_moved = [
        [float(_neighbours(record).mean()) for record in source.done(claim.table, *cell)]
        for cell in cells
        if cell != one
    ]
    moved = [each for each in all_moved if len(each) == len(other)]
    texts = len(differences)
    of_texts = StandardError(float(differences.var(ddof=1)) / texts, texts - 1)
    by_seeds = _of_overlaps(moved, len(seeds))
    return found_with(records, len(seeds), texts, float(differences.mean()), by_seeds, of_texts)


def _of_overlaps(moved: Sequence[Sequence[float]], seeds: int) -> StandardError:
    """The squared standard error of the difference of a model's overlap with itself from that with another
    model, where `moved` holds a row for each other model: its overlap at each pair of seeds. So many seeds
    give a model one training less to be compared with itself than with another one."""
    noise = seed_noise(moved)
    variance = noise.variance if noise.df else float(np.var(moved[0], ddof=1))
    # A seed takes part in several pairs: the degrees of freedom are those of the seeds.
    return StandardError(variance * (1 / (seeds - 1) + 1 / seeds), max(len(moved) - 1, 1) * (seeds - 1))


def _neighbours(record: Mapping) -> np.ndarray:
    return PERCENT * np.asarray(per_example(record, "neighbour_jaccards"))
