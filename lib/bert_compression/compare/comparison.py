"""The whole comparison, from two models and a file to measures, and from there to a folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from bert_compression.attacks import get_recipe
from bert_compression.checks import checked
from bert_compression.compare import floor, gate, measures
from bert_compression.compare.answers import Answers, checked_path
from bert_compression.compare.data import Dataset, read_data
from bert_compression.compare.labels import SIDES, aligned, gold_labels
from bert_compression.compare.measures import Grouping, Measures, Slice, exact
from bert_compression.compare.models import Classifier, open_classifier
from bert_compression.compare.page import as_json, summary, write
from bert_compression.compare.robustness import Robustness, attacked, words_for
from bert_compression.errors import BadInput, expanded
from bert_compression.metrics import Reliability, probability_loyalties, reliability

EXAMPLES = 20  # texts that are shown, those first on which the two part most

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Comparison:
    """What was found. `measures` holds numbers with intervals by name; `teacher` and `student` the answers,
    with the same labels in the same order; `gold` the data's labels in that order, or grades, or None.
    `floor` tells by what a model differs from itself, `notices` what a reader should know first."""

    data: Dataset
    teacher: Answers
    student: Answers
    gold: np.ndarray | None
    measures: Measures
    slices: list[Slice]
    floor: dict[str, Measures]
    batch_dependent: dict[str, bool | None]
    robustness: Robustness | None
    notices: tuple[str, ...]

    @property
    def regression(self) -> bool:
        return self.teacher.regression

    @cached_property
    def agreement(self) -> np.ndarray:
        """Whether both give a text the same label, or of regressions how far their grades lie apart."""
        return _agreement(self.teacher, self.student)

    @cached_property
    def most_apart(self) -> list[int]:
        """The texts on which the two part most, by distance of their probabilities or grades."""
        if self.regression:
            distance = self.agreement
        else:
            distance = 1 - probability_loyalties(self.teacher.values, self.student.values)
        order = np.argsort(-distance, kind="stable")
        first_of: dict[tuple[str, ...], int] = {}  # a text that stands twice is shown once
        for i in order[distance[order] > 1e-9]:
            first_of.setdefault(self.data.texts[i], int(i))
        return list(first_of.values())[:EXAMPLES]

    def reliability(self) -> dict[str, Reliability]:
        """Of both sides, how often answers of about one confidence are right; {} without labels."""
        if self.gold is None or self.regression:
            return {}
        sides = {"teacher": self.teacher, "student": self.student}
        return {name: reliability(side.values, self.gold) for name, side in sides.items()}

    def _repr_markdown_(self) -> str:
        """What a notebook shows: the chief measures."""
        return "\n".join(summary(self))

    @checked
    def check(self, requirements: Sequence[str]) -> list[gate.Decision]:
        """What becomes of requirements such as "label_loyalty>=0.98". Raises BadInput for what is none, and
        for a measure that is not there or has no interval."""
        return gate.check([gate.parse(each) for each in requirements], self.measures)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON has it: null for what is not defined."""
        return as_json(self)

    @checked
    def write(self, folder: str | Path, decisions: Sequence[gate.Decision] = ()) -> Path:
        """Write compare.html, card.md and compare.json into the folder, and return it."""
        return write(self, expanded(folder), decisions)


@checked
def compare(
    teacher: Any,
    student: Any,
    data: Any,
    *,
    text: str | Sequence[str] | None = None,
    label: str | None = None,
    slice_by: str | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
    tokenizer: Any = None,
    max_length: int | None = None,
    other_seed: Any = None,
    attack: str | None = None,
    examples: int = 200,
    answers_file: str | Path | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """How loyal is a student to its teacher, on these texts?

    `teacher`, `student` and `other_seed`, another training of the teacher, are whatever `open_classifier`
    takes; `data`, `text`, `label` and `slice_by` what `read_data` does. `labels` states the names of the
    classes of a side ("teacher", "student", "other_seed"), in the order of its columns, or of the data's
    numbers ("data").
    `tokenizer` serves models that bring none, `max_length` bounds the tokens that each model reads. `attack`
    is a name of `attacks.RECIPES`, made on so many `examples`. The teacher's answers are kept in
    `answers_file`, a side of later comparisons. `progress` is called with (stage, done, total).

    Raises BadInput for what cannot be compared: other labels, classes with grades, a model without a trained
    head, labels whose order nothing tells.
    """
    stated = dict(labels or {})
    unknown = sorted(set(stated) - set(SIDES))
    if unknown:
        raise BadInput(f"labels are stated of {', '.join(SIDES)}, not of {unknown[0]!r}")
    of_seeds = {"other_seed": stated.get("teacher", ()), **stated}
    told: Progress = progress or _silent
    if answers_file is not None:
        checked_path(answers_file)
    if attack:
        get_recipe(attack)
        if examples < 1:
            raise BadInput(f"an attack needs 1 text or more, not {examples}")
    dataset = read_data(data, text, label, slice_by)
    opened = {
        name: open_classifier(side, tokenizer, max_length)
        for name, side in {"teacher": teacher, "student": student, "other seed": other_seed}.items()
        if side is not None or name != "other seed"
    }
    own_name = opened["teacher"].name
    opened |= _told_apart({"teacher": teacher, "student": student}, opened)
    if attack and dataset.labels is None:
        raise BadInput("an attack needs labels: name their column with --label")
    if attack and not all(isinstance(opened[side], Classifier) for side in ("teacher", "student")):
        raise BadInput("an attack asks both models anew: saved answers cannot take part")

    # 1. Whether they can be compared at all, as far as names tell.
    blank = {name: side.unasked(dataset) for name, side in opened.items()}
    if attack and blank["teacher"].regression:
        raise BadInput("an attack needs classes, and these are grades")
    words = words_for(attack, dataset) if attack else None  # what it lacks is told at once
    gold_labels(dataset, aligned(blank["teacher"], blank["student"], stated)[0], stated)
    if "other seed" in blank:
        aligned(blank["teacher"], blank["other seed"], of_seeds, "other_seed")

    # 2. What each model differs by from itself, and how it has to be asked.
    sample = floor.noise_sample(dataset)
    floors: dict[str, Measures] = {}
    for name, side in opened.items():
        if isinstance(side, Classifier) and name in ("teacher", "student"):
            told(f"the {name} alone and in batches", 0, 1)
            opened[name], floors[f"{name}: alone, and in batches of 32"] = floor.alone_and_in_batches(
                side, sample
            )
    if isinstance(opened["teacher"], Classifier):
        half = floor.in_half_precision(opened["teacher"], sample)
        floors |= {"teacher: fp32, and bf16": half} if half else {}

    # 3. All answers, under the same labels.
    answers: dict[str, Answers] = {}
    for name, side in opened.items():
        answers[name] = side.ask(dataset, partial(told, f"asking the {name}"))
        if name == "teacher" and answers_file is not None:
            named = tuple(stated.get("teacher", answers[name].labels))
            replace(answers[name], name=own_name, labels=named).save(answers_file)
    ours, theirs, order, notices = aligned(answers["teacher"], answers["student"], stated)
    gold, more = gold_labels(dataset, ours, stated)
    if "other seed" in answers:
        again, other, _, warned = aligned(answers["teacher"], answers["other seed"], of_seeds, "other_seed")
        more = [*more, *(f"the other seed: {each}" for each in warned)]
        floors["teacher: another seed"] = floor.of_another_seed(again, other)

    # 4. Numbers.
    found = _numbers(ours, theirs, gold)
    agreement = _agreement(ours, theirs)
    groups = _groups(dataset, ours, theirs, gold)
    asked = {
        name: side for name, side in opened.items() if isinstance(side, Classifier) and name != "other seed"
    }
    for name, answered in (("teacher", ours), ("student", theirs)):
        for fact in ("bytes", "parameters"):
            if answered.facts.get(fact):
                found[f"{name}_{fact}"] = exact(answered.facts[fact], len(dataset))
    if {"teacher_bytes", "student_bytes"} <= set(found):
        smaller = found["teacher_bytes"].value / found["student_bytes"].value
        found["times_smaller"] = exact(smaller, len(dataset))
    if asked:
        found |= floor.cost(asked, sample, partial(told, "timing"))

    # 5. An attack, where one was asked for.
    robustness = None
    if attack:
        robustness = attacked(attack, words, asked, order, dataset, ours.labels, gold, examples, told)
        found |= robustness.measures
    return Comparison(
        dataset, ours, theirs, gold, found, measures.slices(groups, agreement), floors,
        {name: getattr(opened[name], "batch_dependent", None) for name in ("teacher", "student")},
        robustness, tuple(notices + more + _notices(dataset, ours, theirs)),
    )  # fmt: skip


def _told_apart(
    given: Mapping[str, Any], opened: Mapping[str, Classifier | Answers]
) -> dict[str, Classifier | Answers]:
    """Teacher and student under names that differ: those of two paths by as many folders as that takes."""
    sides = {name: opened[name] for name in given}
    if len({side.name for side in sides.values()}) == len(sides):
        return sides
    names = {name: f"{side.name} ({name})" for name, side in sides.items()}
    paths = [expanded(each).resolve() for each in given.values() if isinstance(each, str | Path)]
    # A name on the hub is no path, and saved answers are called as their model was.
    if len(set(paths)) == len(sides) and all(
        path.name == side.name for path, side in zip(paths, sides.values(), strict=True)
    ):
        length = 2
        while paths[0].parts[-length:] == paths[1].parts[-length:]:
            length += 1
        names = {name: str(Path(*path.parts[-length:])) for name, path in zip(sides, paths, strict=True)}
    return {name: replace(side, name=names[name]) for name, side in sides.items()}


def _silent(stage: str, done: int, total: int) -> None:
    """Where nobody asks for progress."""


def _numbers(teacher: Answers, student: Answers, gold: np.ndarray | None) -> Measures:
    if teacher.regression:
        return measures.grades(teacher.values[:, 0], student.values[:, 0], gold)
    found = measures.volume(teacher.values, student.values)
    if gold is not None:
        found |= measures.direction(teacher.values, student.values, gold)
    return found | measures.calibration(teacher.values, student.values, gold)


def _agreement(teacher: Answers, student: Answers) -> np.ndarray:
    if teacher.regression:
        return np.abs(teacher.values - student.values)[:, 0]
    return teacher.values.argmax(axis=1) == student.values.argmax(axis=1)


def _groups(
    data: Dataset, teacher: Answers, student: Answers, gold: np.ndarray | None
) -> dict[str, Grouping]:
    """The slices that each text belongs to, by what they are made of."""
    groups: dict[str, Grouping] = {
        "words": measures.by_length([sum(len(part.split()) for part in text) for text in data.texts])
    }
    if teacher.cut is not None and student.cut is not None:
        cut = teacher.cut.astype(int) + 2 * student.cut
        names = ("read whole by both", "cut by the teacher alone", "cut by the student alone", "cut by both")
        groups["length limit"] = Grouping([names[place] for place in cut], list(names))
    if not teacher.regression:
        groups["teacher’s confidence"] = measures.by_confidence(teacher.values.max(axis=1))
        groups["teacher’s label"] = _named(teacher.values.argmax(axis=1), teacher.labels)
        if gold is not None:
            groups["label"] = _named(gold, teacher.labels)
    if data.slices is not None:
        taken = data.sliced_by in groups
        groups[f"column {data.sliced_by}" if taken else data.sliced_by] = measures.by_value(data.slices)
    return groups


def _named(places: np.ndarray, labels: Sequence[str]) -> Grouping:
    return Grouping([labels[place] for place in places], list(labels))


def _notices(data: Dataset, teacher: Answers, student: Answers) -> list[str]:
    found = []
    if len(data) < gate.FEWEST:
        found.append(
            f"few texts ({len(data)}): most intervals are wide, and those of divergences, correlations and "
            "shared errors too narrow"
        )
    again = len(data) - len(set(data.texts))
    if again:
        found.append(f"of {len(data)} texts {again} repeat one that stands before")
    for name, side in (("teacher", teacher), ("student", student)):
        if side.facts.get("simulated"):
            found.append(
                f"the {name}'s quantization is simulated in floating point: its milliseconds are not those "
                "of kernels of few bits"
            )
    for name, side in (("teacher", teacher), ("student", student)):
        given = side.values[:, 0] if side.regression else side.values.argmax(axis=1)
        if len(data) > 1 and len(np.unique(given)) == 1:
            what = "grade: no correlation" if side.regression else "label: agreement on it means little"
            found.append(f"the {name} gives every text the same {what}")
    return found
