"""How often does the rule of verdicts say what? Simulated for effects that are known, with the noise of real
records. Book: metrics/significance."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bert_compression.errors import Failure
from bert_compression.metrics import StandardError, holm, satterthwaite, seed_error, seed_noise
from bert_compression.report.claims import Claim, judge, reported_effect
from bert_compression.report.estimators import PERCENT
from bert_compression.report.figures import picture
from bert_compression.report.html import Shown
from bert_compression.report.per_text import outcomes
from bert_compression.report.records import Source
from bert_compression.report.rule import (
    FOR,
    LARGER,
    NOT_REPRODUCED,
    OPPOSITE,
    REPRODUCED,
    SMALLER,
    UNDECIDED,
    Measured,
    decide,
)
from bert_compression.report.sentences import said

EFFECTS = {"no effect": 0.0, "half": 0.5, "as reported": 1.0, "double": 2.0}
SEEDS = (1, 2, 3, 4, 5)
LOOKS = {  # from light to dark as well, and with a pattern each: no colour is needed
    OPPOSITE: ("#7a0403", "xx"),
    NOT_REPRODUCED: ("#d95f02", "//"),
    UNDECIDED: ("#dddddd", ""),
    SMALLER: ("#a6cee3", ".."),
    REPRODUCED: ("#1f78b4", ""),
    LARGER: ("#081d58", "\\\\"),
}


@dataclass(frozen=True)
class Noise:
    """What moves a comparison of a table, in squared percentage points: `of_seeds` is the variance of the
    difference of two methods from one seed to the next, `of_texts` that of its mean over the texts at hand.
    The table has so many `methods`, whose trainings show how much a seed does, and so many `comparisons` that
    Holm's correction counts."""

    of_seeds: float
    of_texts: float
    texts: int
    methods: int
    comparisons: int


@dataclass(frozen=True)
class Simulated:
    """Of a column, by its name, with the effect that the paper reports in points and the number of a table's
    comparisons: how many ended in which verdict, by the label of the true effect and the number of seeds."""

    name: str
    reported: float
    comparisons: int
    counts: Mapping[tuple[str, int], Counter]

    def share(self, label: str, seeds: int, verdict: str) -> float:
        """In percent."""
        counts = self.counts[label, seeds]
        return 100 * counts[verdict] / counts.total()


def noise_of(source: Source, claims: Sequence[Claim], column: str) -> Noise:
    """The noise of those claims that compare two methods of one table in a column. Raises Failure where no
    methods have been measured at several seeds."""
    table = claims[0].table
    values = outcomes(source, table)
    found = values.noise([column])
    if found is None or not found.df:
        raise Failure(f"no two methods of {table.title} have been measured at several seeds")
    decided = _decided(source, tuple(claims))
    asked = [claim for claim in decided if claim.columns == (column,)]
    pairs = [values.paired([column], *claim.sides) for claim in asked]
    differences = [PERCENT * (pair.first - pair.second).mean(axis=1) for pair in pairs]
    # A mean over seeds hides some of the scatter of texts; what is left is what a claim rests on.
    of_texts = [float(each.var(ddof=1)) / len(each) for each in differences]
    methods = sum(bool(values.of([column], row.method)) for row in table.rows)
    return Noise(
        of_seeds=PERCENT**2 * found.of_difference().variance,
        of_texts=float(np.mean(of_texts)),
        texts=len(differences[0]),
        methods=methods,
        comparisons=len(decided),
    )


@lru_cache(maxsize=8)
def _decided(source: Source, claims: tuple[Claim, ...]) -> list[Claim]:
    """Those that p decides: of models that are evidence, trained several times. Once for all columns."""
    return [each.claim for each in judge(source, claims) if not math.isnan(each.p_value)]


def shares(noise: Noise, reported: float, effect: float, seeds: int, tables: int, seed: int = 0) -> Counter:
    """How many comparisons end in which verdict, in so many tables all of whose comparisons have the same
    true `effect`, where the paper reports `reported` points."""
    draw = np.random.default_rng([seed, seeds, round(1000 * effect)])
    counts: Counter = Counter()
    for _ in range(tables):
        # As in a table, the methods that are compared are among those that show how much a seed does.
        moved = draw.normal(0, math.sqrt(noise.of_seeds / 2), (noise.methods, seeds))
        of_all = seed_noise(moved).of_difference()
        pairs = draw.random((noise.comparisons, noise.methods)).argsort(axis=1)[:, :2]
        errors = moved[pairs[:, 0]] - moved[pairs[:, 1]]
        means = effect + errors.mean(axis=1) + draw.normal(0, math.sqrt(noise.of_texts), noise.comparisons)
        by_texts = StandardError(noise.of_texts, noise.texts - 1)
        estimates = [
            satterthwaite(float(mean), [seed_error(of_each, of_all), by_texts])
            for mean, of_each in zip(means, errors, strict=True)
        ]
        p_values = holm([each.p_value for each in estimates])
        counts.update(
            decide(Measured(float(mean), each.low, each.high, float(p), reported, None, ("small",), seeds))
            for mean, each, p in zip(means, estimates, p_values, strict=True)
        )
    return counts


def simulated(
    source: Source, claims: Sequence[Claim], columns: Sequence[str], tables: int = 150
) -> tuple[Simulated, ...]:
    """For each column the shares of verdicts under effects from none to twice what the paper reports there,
    in the middle of the claims that one method exceeds another."""
    found = []
    for column in columns:
        noise = noise_of(source, claims, column)
        exceeding = [claim for claim in _decided(source, tuple(claims)) if claim.columns == (column,)]
        reported = float(np.median([reported_effect(claim) for claim in exceeding]))
        counts = {
            (label, seeds): shares(noise, reported, times * reported, seeds, tables)
            for label, times in EFFECTS.items()
            for seeds in SEEDS
        }
        label = claims[0].table.column(column).label
        found.append(Simulated(label, reported, noise.comparisons, counts))
    return tuple(found)


def verdicts_picture(found: Sequence[Simulated], rests: str) -> Shown:
    """A row a column of the table, a panel for each effect from none to twice the reported one: the share of
    each verdict with one to five seeds. `rests` is what the noise was taken from (`rests_on`)."""
    import pandas as pd
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(10, 0.8 + 2.2 * len(found)), layout="constrained")
    rows = figure.subplots(len(found), len(EFFECTS), sharex=True, sharey=True, squeeze=False)
    for axes_of, each in zip(rows, found, strict=True):
        for axes, (label, times) in zip(axes_of, EFFECTS.items(), strict=True):
            bottom = np.zeros(len(SEEDS))
            for verdict, (colour, hatch) in LOOKS.items():
                part = np.array([each.share(label, seeds, verdict) for seeds in SEEDS])
                axes.bar(SEEDS, part, bottom=bottom, color=colour, hatch=hatch, edgecolor="white", lw=0.3)
                bottom += part
            axes.set_title(f"{label}: {times * each.reported:.1f} points", fontsize=9)
            axes.tick_params(labelsize=8)
            axes.spines[["top", "right"]].set_visible(False)
        axes_of[0].set_ylabel(f"{each.name}\n% of comparisons", fontsize=8)
    for axes in rows[-1]:
        axes.set_xlabel("seeds", fontsize=8)
        axes.set_xticks(SEEDS)
    handles = [Patch(facecolor=c, hatch=h, edgecolor="white", label=v) for v, (c, h) in LOOKS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(LOOKS), frameon=False, fontsize=8)
    words = " ".join(f"{each.name}, {label}: {_in_words(each, label)}" for each in found for label in EFFECTS)
    drawn = [
        {"column": each.name, "points": each.reported, "effect": label, "seeds": seeds, "verdict": verdict}
        | {"share": each.share(label, seeds, verdict)}
        for each in found
        for label, seeds in each.counts
        for verdict in LOOKS
    ]
    words = f"Shares of verdicts for known effects, simulated with the noise of the records below. {words}"
    return picture(figure, words, "simulated_verdicts", pd.DataFrame(drawn), rests)


def false_alarms(found: Sequence[Simulated]) -> Shown:
    """How often is something found where there is nothing, and how often is what is reported found where it
    is true? In a sentence."""
    alarms = (*FOR, OPPOSITE)
    worst = max(
        sum(each.share("no effect", seeds, verdict) for verdict in alarms)
        for each in found
        for seeds in SEEDS
    )
    three = [(each, each.share("as reported", 3, REPRODUCED)) for each in found]
    told = ", ".join(
        f"{share:.0f} % for {each.name.lower()} ({each.reported:.1f} points)" for each, share in three
    )
    most = max(counts.total() for each in found for counts in each.counts.values())
    of_a_table = " or ".join(str(number) for number in sorted({each.comparisons for each in found}))
    return said(
        f"Of comparisons without any effect, {of_a_table} to a table, at most {worst:.1f} % get a verdict "
        f"that says there is one, among {most} that were simulated with as many seeds. "
        f"Where the reported effect is true, three seeds find it reproduced in {told}."
    )


def _in_words(found: Simulated, label: str) -> str:
    told = []
    for seeds in (1, 3, 5):
        parts = {verdict: found.share(label, seeds, verdict) for verdict in LOOKS}
        shown = ", ".join(
            f"{verdict} {share:.{int(share < 1)}f} %" for verdict, share in parts.items() if share
        )
        told.append(f"{seeds} seed{'s' * (seeds > 1)} {shown}")
    return "; ".join(told) + "."
