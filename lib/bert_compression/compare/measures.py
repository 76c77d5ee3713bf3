"""From two arrays of answers to numbers with intervals. No model runs here, and no file is read."""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy

from bert_compression.metrics import (
    accuracy,
    at_temperature,
    bootstrap_interval,
    bounded_mean_interval,
    brier_score,
    error_association,
    error_jaccard,
    error_jaccard_intervals,
    expected_calibration_error,
    expected_error_jaccard,
    holm,
    kl_divergences,
    label_agreements,
    label_loyalty,
    matching_temperature,
    mcnemar,
    paired_bootstrap_interval,
    paired_share_interval,
    pearson_correlation,
    probability_loyalties,
    probability_loyalty,
    score_interval,
    share_interval,
    spearman_correlation,
)

QUANTILES = {"median": 0.5, "q95": 0.95, "q99": 0.99}
CONFIDENCE = (0.0, 0.6, 0.8, 0.9, 0.99)  # where a band of the teacher's confidence begins
SHOWN_VALUES = 20  # of a column that slices; what is rarer goes together
OTHERS, EMPTY = "all others", "(empty)"


class Measure(NamedTuple):
    """A number, its 95 % interval where there is one, and of how many texts. `kind` says what the interval
    is: "share" Wilson's, "difference" Tango's of two shares, "mean" Gaffke's on a scale with two ends,
    "bootstrap" the percentile bootstrap over texts, of what a single text can move far; "exact" that of a
    number that no draw of texts moves; "estimate" has none. Of a "median" over `n` rounds of timing, the
    least and the largest stand in its place. `bootstrap` is, of the first three, the interval that the
    book's tables print."""

    value: float
    low: float | None
    high: float | None
    n: int
    kind: str
    bootstrap: tuple[float, float] | None = None


Measures = dict[str, Measure]


def share(hits: np.ndarray) -> Measure:
    """How many of the texts, with both intervals."""
    n = len(hits)
    return Measure(
        float(hits.mean()), *share_interval(int(hits.sum()), n), n, "share", bootstrap_interval(hits)
    )


def mean(values: np.ndarray, least: float, largest: float) -> Measure:
    """The mean over texts of what lies between two ends, with both intervals."""
    bounds = bounded_mean_interval(np.clip(values, least, largest), least, largest)
    return Measure(float(values.mean()), *bounds, len(values), "mean", bootstrap_interval(values))


def loyalty_of_probabilities(teacher: np.ndarray, student: np.ndarray, base: float = math.e) -> Measure:
    """The mean probability loyalty, which is 0 at least in base 2, and otherwise more."""
    least = 1 - math.sqrt(math.log(2, base))
    return mean(probability_loyalties(teacher, student, base=base), least, 1.0)


def open_mean(values: np.ndarray) -> Measure:
    """The mean over texts of what has no largest value."""
    return Measure(float(values.mean()), *bootstrap_interval(values), len(values), "bootstrap")


def difference(value: float, first: np.ndarray, second: np.ndarray) -> Measure:
    """By how much the share of the first lies above that of the second, of the same texts."""
    bounds = paired_share_interval(first, second)
    drawn = paired_bootstrap_interval(first, second)
    return Measure(float(value), *bounds, len(first), "difference", drawn)


def exact(value: float, n: int) -> Measure:
    """A number that is what it is."""
    return Measure(float(value), float(value), float(value), n, "exact")


def estimate(value: float, n: int) -> Measure:
    """A number without an interval."""
    return Measure(float(value), None, None, n, "estimate")


def timed(rounds: Sequence[float]) -> Measure:
    """The median of what was timed, with the least and the largest round."""
    return Measure(statistics.median(rounds), min(rounds), max(rounds), len(rounds), "median")


def volume(teacher: np.ndarray, student: np.ndarray) -> Measures:
    """How much do two models' probabilities, (texts, classes) each, differ? It does not say for better or
    worse."""
    labels = teacher.argmax(axis=1), student.argmax(axis=1)
    n, texts = len(teacher), np.arange(len(teacher))
    change = student[texts, labels[0]] - teacher[texts, labels[0]]
    found = {
        "label_loyalty": share(label_agreements(*labels))._replace(value=label_loyalty(*labels)),
        "probability_loyalty": loyalty_of_probabilities(teacher, student)._replace(
            value=probability_loyalty(teacher, student)
        ),
        "probability_loyalty_base2": loyalty_of_probabilities(teacher, student, base=2),
    }
    for name, sides in (
        ("kl_teacher_student", (teacher, student)),
        ("kl_student_teacher", (student, teacher)),
    ):
        divergences = kl_divergences(*sides)
        found[f"{name}_mean"] = open_mean(divergences)
        for word, quantile in QUANTILES.items():
            found[f"{name}_{word}"] = estimate(np.quantile(divergences, quantile), n)
        found[f"{name}_max"] = estimate(divergences.max(), n)
    squares = mean(change**2, 0.0, 1.0)
    found["teacher_label_probability_change"] = mean(change, -1.0, 1.0)
    low, high = squares.bootstrap
    found["teacher_label_probability_change_rms"] = squares._replace(
        value=math.sqrt(squares.value),
        low=math.sqrt(squares.low),
        high=math.sqrt(squares.high),
        bootstrap=(math.sqrt(low), math.sqrt(high)),
    )
    return found


def direction(teacher: np.ndarray, student: np.ndarray, gold: np.ndarray) -> Measures:
    """Do the changes make answers right or wrong? `gold` holds the labels, (texts,)."""
    ours, theirs = teacher.argmax(axis=1), student.argmax(axis=1)
    right = ours == gold, theirs == gold
    wrong = ~right[0], ~right[1]
    n = len(gold)
    if any(map(np.any, wrong)):
        low, high = map(float, error_jaccard_intervals(np.stack(wrong))[0, 1])
        shared = Measure(error_jaccard(*wrong), low, high, n, "bootstrap")
        by_chance = expected_error_jaccard(wrong[0].mean(), wrong[1].mean())
        associated = error_association(*wrong)
    else:  # of no error nothing is shared, not by chance either
        shared = estimate(math.nan, n)
        by_chance = associated = math.nan
    return {
        "teacher_accuracy": share(right[0]),
        "student_accuracy": share(right[1]),
        "accuracy_difference": difference(accuracy(gold, theirs) - accuracy(gold, ours), right[1], right[0]),
        "right_to_wrong": share(right[0] & wrong[1]),
        "wrong_to_right": share(wrong[0] & right[1]),
        "wrong_to_other_wrong": share(wrong[0] & wrong[1] & (ours != theirs)),
        "mcnemar_p": estimate(mcnemar(*right), n),
        "error_jaccard": shared,
        "error_jaccard_chance": estimate(by_chance, n),
        "error_association": estimate(associated, n),
    }


def calibration(teacher: np.ndarray, student: np.ndarray, gold: np.ndarray | None) -> Measures:
    """How far can both be taken at their word (with labels), and does one temperature explain the shift?"""
    n = len(teacher)
    found: Measures = {}
    for name, values in (("teacher", teacher), ("student", student)) if gold is not None else ():
        found[f"{name}_calibration_error"] = estimate(expected_calibration_error(values, gold), n)
        squares = ((values - np.eye(values.shape[1])[gold]) ** 2).sum(axis=1) / 2
        found[f"{name}_brier"] = mean(squares, 0.0, 1.0)._replace(value=brier_score(values, gold))
    temperature = matching_temperature(teacher, student)
    before = kl_divergences(teacher, student).mean()
    after = kl_divergences(teacher, at_temperature(student, temperature)).mean()
    found["temperature"] = estimate(temperature, n)
    found["temperature_explains"] = estimate(1 - after / before if before > 0 else math.nan, n)
    return found


def grades(teacher: np.ndarray, student: np.ndarray, gold: np.ndarray | None) -> Measures:
    """How near are two regressions, each with a grade a text, (texts,)?

    With the data's grades only correlations: two regressions may have another zero or unit than the data.
    """
    n = len(teacher)
    found: Measures = {}
    pairs = {"": (teacher, student)}
    if gold is not None:
        pairs |= {"teacher_gold_": (gold, teacher), "student_gold_": (gold, student)}
    for name, pair in pairs.items():
        for word, score in (("pearson", pearson_correlation), ("spearman", spearman_correlation)):
            if any(np.ptp(each) == 0 for each in pair):  # nothing varies together with a constant
                found[f"{name}{word}"] = estimate(math.nan, n)
                continue
            low, high = score_interval(score, *pair)
            found[f"{name}{word}"] = Measure(score(*pair), low, high, n, "bootstrap")
    found["grade_change"] = open_mean(student - teacher)
    found["grade_change_absolute"] = open_mean(np.abs(student - teacher))
    return found


class Grouping(NamedTuple):
    """To which slice each text belongs, and the names of all slices in the order of the page."""

    of_text: list[str]
    names: list[str]


class Slice(NamedTuple):
    """Some of the texts: what they have in common, how many they are, the measure among them, the chance of
    as large a difference from the other texts, and that chance corrected for all slices (Holm)."""

    group: str
    name: str
    measure: Measure
    p_value: float
    corrected: float
    worse: bool  # than the texts outside of it


def slices(groups: dict[str, Grouping], values: np.ndarray) -> list[Slice]:
    """Where do two models part most? `values` holds for each text whether they agree, or of regressions how
    far the grades lie apart; each group says of each text to which slice it belongs.

    Fisher's exact test (of agreement) or the rank test of Mann and Whitney (of distances), a slice against
    all other texts, corrected by Holm over all slices.
    """
    agree = values.dtype == bool
    found = []
    for group, (of_text, names) in groups.items():
        for name in names:
            inside = np.array([each == name for each in of_text])
            if inside.all() or not inside.any():
                continue
            here, there = values[inside], values[~inside]
            if agree:
                table = [[int(part.sum()), int((~part).sum())] for part in (here, there)]
                p_value = scipy.stats.fisher_exact(table).pvalue
                worse = here.mean() < there.mean()
            else:
                p_value = scipy.stats.mannwhitneyu(here, there).pvalue
                worse = here.mean() > there.mean()
            measure = share(here) if agree else open_mean(here)
            found.append(Slice(group, str(name), measure, float(p_value), 1.0, bool(worse)))
    corrected = holm([each.p_value for each in found]) if found else ()
    return [each._replace(corrected=float(p)) for each, p in zip(found, corrected, strict=True)]


def worst_slice(found: Sequence[Slice]) -> Slice | None:
    """The worst of the slices that are worse than the rest beyond chance, after correction."""
    certain = [each for each in found if each.worse and each.corrected < 0.05]
    sign = 1 if certain and certain[0].measure.kind == "share" else -1
    return min(certain, key=lambda each: sign * each.measure.value, default=None)


def by_length(lengths: Sequence[int]) -> Grouping:
    """A quarter of the texts each, by how long they are."""
    edges = sorted({int(np.quantile(lengths, part)) for part in (0.25, 0.5, 0.75)} - {max(lengths)})
    bounds = [0, *(edge + 1 for edge in edges), None]

    def told(low: int, high: int | None) -> str:
        if high is None:
            return f"{low} or more"
        return f"{low} to {high - 1}" if low < high - 1 else str(low)

    return _bands(lengths, bounds, told)


def by_confidence(confidence: Sequence[float]) -> Grouping:
    """The band in which the teacher's confidence lies."""

    def told(low: float, high: float | None) -> str:
        if high is None:
            return f"{100 * low:.0f} % or more"
        return f"{100 * low:.0f} to {100 * high:.0f} %" if low else f"below {100 * high:.0f} %"

    return _bands(confidence, [*CONFIDENCE, None], told)


def by_value(values: Sequence[str]) -> Grouping:
    """The value itself, the most frequent first; rare ones go together where there are many."""
    values = [value if value.strip() else EMPTY for value in values]
    frequent = [value for value, _ in Counter(values).most_common()]
    if len(frequent) > SHOWN_VALUES:
        frequent = [value for value in frequent if value != OTHERS][: SHOWN_VALUES - 1]
        values = [value if value in frequent else OTHERS for value in values]
        frequent.append(OTHERS)
    return Grouping(list(values), frequent)


def _bands(values: Sequence[float], bounds: list, told: Callable) -> Grouping:
    names = [told(low, high) for low, high in pairwise(bounds)]
    inner = np.array(bounds[1:-1], dtype=float)
    places = np.searchsorted(inner, np.asarray(values, dtype=float), side="right")
    return Grouping([names[place] for place in places], names)
