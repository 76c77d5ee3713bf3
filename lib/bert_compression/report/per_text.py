"""What each text got from each method under each seed: what paired comparisons are made from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bert_compression.errors import BadInput, Failure
from bert_compression.metrics.contributions import score_contributions
from bert_compression.metrics.glue import SCORES
from bert_compression.metrics.paired_tests import SeedNoise, seed_noise
from bert_compression.metrics.robustness import WITHSTOOD
from bert_compression.report.layouts import Layout, Measure, Place, place_of
from bert_compression.report.tables import relevant


@dataclass(frozen=True)
class PerText:
    """One seed's value for each text, the digest of the texts, and the records that it was read from."""

    values: np.ndarray
    digest: str
    records: tuple[Mapping, ...]


@dataclass(frozen=True)
class Paired:
    """Two sides on the same texts and seeds, arrays of (texts, seeds), and the records behind them."""

    first: np.ndarray
    second: np.ndarray
    records: tuple[Mapping, ...]

    @property
    def seeds(self) -> int:
        return self.first.shape[1]


class Outcomes:
    """The values behind those measures of a table that are means over texts, read once from its records."""

    def __init__(self, records: Iterable[Mapping], layout: Layout):
        self.layout = layout
        self._records = [record for record in relevant(records, layout) if record["status"] == "ok"]
        self._read: dict[tuple[str, str], dict[int, PerText]] = {}

    def of(self, measure: str, method: str) -> dict[int, PerText]:
        """By seed, a number for each text whose mean is the measure; empty without the records that it takes.

        Raises BadInput for a measure that is no mean over texts.
        """
        if (measure, method) not in self._read:
            column = self.layout.measure(measure)
            if column.recorded not in _READERS:
                raise BadInput(f"{measure} is no mean over texts: choose one of {', '.join(_READERS)}")
            self._read[measure, method] = _READERS[column.recorded](self, column, method)
        return self._read[measure, method]

    def paired(self, measure: str, first: Sequence[str], second: Sequence[str]) -> Paired:
        """Two methods, or the means of several on either side, on the texts and seeds that all of them have.

        Raises Failure, with the reason, where there are none.
        """
        sides = [[self.of(measure, method) for method in methods] for methods in (first, second)]
        everyone = [seeds for side in sides for seeds in side]
        shared = sorted(set.intersection(*(set(seeds) for seeds in everyone)))
        if not shared:
            raise Failure("records are missing")
        used = [seeds[seed] for seed in shared for seeds in everyone]
        if len({(each.digest, len(each.values)) for each in used}) > 1:
            raise Failure("the two were not measured on the same texts")
        a, b = (
            np.mean([[seeds[seed].values for seed in shared] for seeds in side], axis=0).T for side in sides
        )
        records = {record["key"]: record for each in used for record in each.records}
        return Paired(a, b, tuple(records.values()))

    def noise(self, measure: str) -> SeedNoise | None:
        """How much the methods of the table differ in what a seed does to them, judged by those that have all
        seeds; None without records."""
        rows = [row for row in self.layout.rows if measure not in row.given]
        means = [
            {seed: each.values.mean() for seed, each in self.of(measure, row.method).items()} for row in rows
        ]
        seeds = max(means, key=len).keys()
        whole = [[each[seed] for seed in sorted(seeds)] for each in means if each.keys() == seeds]
        return seed_noise(whole) if seeds else None

    def records_by_seed(self, place: Place, method: str) -> dict[int, Mapping]:
        return {
            record["seed"]: record
            for record in self._records
            if (place_of(record), record["method"]) == (place, method)
        }


def _scored(outcomes: Outcomes, measure: Measure, method: str) -> dict[int, PerText]:
    answers = outcomes.records_by_seed(outcomes.layout.place(measure), method)
    return {
        seed: _per_text(
            score_contributions(measure.recorded, _answers(record, "gold"), _answers(record, "predictions")),
            record,
        )
        for seed, record in answers.items()
    }


def _same_label(outcomes: Outcomes, measure: Measure, method: str) -> dict[int, PerText]:
    place = outcomes.layout.place(measure)._replace(kind="predict")
    teacher, student = (outcomes.records_by_seed(place, name) for name in ("teacher", method))
    return {
        seed: _per_text(
            _digits(teacher[seed], "predictions") == _digits(student[seed], "predictions"),
            student[seed],
            teacher[seed],
        )
        for seed in sorted(teacher.keys() & student.keys())
        if _digest(teacher[seed]) == _digest(student[seed])
    }


def _probability(outcomes: Outcomes, measure: Measure, method: str) -> dict[int, PerText]:
    found = outcomes.records_by_seed(outcomes.layout.place(measure), method)
    return {
        seed: _per_text(np.asarray(record["per_example"]["probability_loyalty"]), record)
        for seed, record in found.items()
    }


def _withstood(outcomes: Outcomes, measure: Measure, method: str) -> dict[int, PerText]:
    attacks = outcomes.records_by_seed(outcomes.layout.place(measure), method)
    return {
        seed: _per_text(_digits(record, "outcomes") == WITHSTOOD, record) for seed, record in attacks.items()
    }


_READERS: dict[str, Callable[[Outcomes, Measure, str], dict[int, PerText]]] = {
    **dict.fromkeys(SCORES, _scored),
    "label_loyalty": _same_label,
    "probability_loyalty": _probability,
    "after_attack_accuracy": _withstood,
}


def _per_text(values: np.ndarray, record: Mapping, *others: Mapping) -> PerText:
    return PerText(values.astype(np.float64), _digest(record), (record, *others))


def _digest(record: Mapping) -> str:
    return (record["data"] or {}).get("digest", "")


def _answers(record: Mapping, name: str) -> np.ndarray:
    """Class numbers, or grades."""
    kept = record["per_example"][name]
    return _digits(record, name) if isinstance(kept, str) else np.asarray(kept)


def _digits(record: Mapping, name: str) -> np.ndarray:
    return np.frombuffer(record["per_example"][name].encode(), dtype=np.uint8) - ord("0")
