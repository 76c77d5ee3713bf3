"""Which column of the student is which of the teacher's, and which is the label of the data? By name.
Position alone decides only where no name says anything, and then an order that agrees far better is looked
for and told of: checkpoints of one task number their labels differently, and a comparison by position calls a
perfect student wrong."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import scipy

from bert_compression.compare.answers import Answers
from bert_compression.compare.data import Dataset
from bert_compression.errors import BadInput
from bert_compression.metrics import mcnemar

SIDES = ("teacher", "student", "other_seed", "data")
# When another order of labels agrees "far better": by ten points at least, by more than chance (McNemar's p),
# and with a kappa that is moderate or more (Landis and Koch 1977). A student that has learnt nothing, or only
# one label, agrees in no order.
POINTS, P_VALUE, KAPPA = 0.1, 0.01, 0.4

Names = tuple[str, ...]


def aligned(
    teacher: Answers, student: Answers, stated: Mapping[str, Sequence[str]], second: str = "student"
) -> tuple[Answers, Answers, list[int] | None, list[str]]:
    """Both sides with the same labels in the teacher's order, by which order the student's columns were
    rearranged (None: not at all), and what the report should warn of.

    `stated` names the classes of a side anew, in the order of its columns; `second` is what the other side
    is called. Raises BadInput where one side is a regression and the other not, for different labels or
    numbers of them, and where names say nothing and another order agrees far better.
    """
    called = second.replace("_", " ")
    if teacher.regression != student.regression:
        grades, classes = (teacher, student) if teacher.regression else (student, teacher)
        raise BadInput(
            f"{grades.name} gives grades (one number) and {classes.name} classes: they do not compare"
        )
    if teacher.regression:
        return teacher, student, None, []
    width = teacher.values.shape[1]
    if width != student.values.shape[1]:
        raise BadInput(
            f"the teacher has {width} labels and the {called} {student.values.shape[1]}: not one task"
        )
    ours, theirs = (
        _names(side, answers.labels, stated.get(side), width)
        for side, answers in (("teacher", teacher), (second, student))
    )
    generic = [side for side, names in (("teacher", ours), (second, theirs)) if _says_nothing(names)]
    order: list[int] | None = None
    if _keys(ours) == _keys(theirs):
        places = [_key(name) for name in theirs]
        order = [places.index(_key(name)) for name in ours]
    elif not generic:
        raise BadInput(
            f"the teacher's labels are {_list(ours)} and the {called}'s {_list(theirs)}: where they mean the "
            f"same, say so with --labels {second}=NAME,NAME,... in the order of its columns"
        )
    by_student = generic == ["teacher"] and order is None
    names = theirs if by_student else ours
    answered = student.in_order(order or range(width), names)
    better = better_order(teacher.values.argmax(axis=1), answered.values.argmax(axis=1), width)
    notices = []
    if better:
        if by_student:  # whose names are known
            told = f"teacher={','.join(names[i] for i in better.order)}"
        else:
            meant = dict(zip(order or range(width), np.argsort(better.order), strict=True))
            told = f"{second}={','.join(names[meant[column]] for column in range(width))}"
        told = (
            f"with --labels {told} the two agree on {better.agreement:.0%} of the texts instead of "
            f"{better.as_it_is:.0%}"
        )
        if generic:
            silent = _list(ours if "teacher" in generic else theirs)
            raise BadInput(f"{told}, and {silent} name nothing: state what the columns of both mean")
        notices.append(f"{told}: is the id2label of one of them wrong?")
    if generic and not better and order is None:
        silent = " and ".join(generic).replace("_", " ")
        notices.append(
            f"the labels of {silent} name nothing: they were matched by their place, and no other order "
            "agrees far better"
        )
    moved = None if order in (None, list(range(width))) else order
    if moved:
        answered = replace(answered, facts={**answered.facts, "own_labels": list(theirs)})
    return teacher.in_order(range(width), names), answered, moved, notices


def gold_labels(
    data: Dataset, teacher: Answers, stated: Mapping[str, Sequence[str]]
) -> tuple[np.ndarray | None, list[str]]:
    """The data's labels as columns of the aligned teacher, int64 (texts,), or its grades, float64; None where
    the data have none. And what the report should warn of.

    Names are matched with the teacher's. Numbers are the task's labels, or the stated names of "data", or
    else columns of the teacher, and then another order must not agree far better. Raises BadInput for a label
    that is missing or means nothing to the teacher, naming the row.
    """
    if data.labels is None:
        if "data" in stated:
            raise BadInput(f"{data.name} has no labels that --labels data=... could name")
        return None, []
    if teacher.regression:
        return _grades(data), []
    width = teacher.values.shape[1]
    keys = [_key(name) for name in teacher.labels]
    names = stated.get("data")
    if names is not None and len(_keys(names)) < len(names):
        raise BadInput(f"the data's labels need names that are all different, not {_list(names)}")
    if names is None and not all(key.isdigit() for key in keys):
        names = data.label_names  # classes that are called 1, 2 ... are named by the data's numbers
    by_name = "data" in stated or (
        not _says_nothing(teacher.labels)
        and (names is not None or all(_spelled(label) in keys for label in data.labels))
    )
    if names is not None and by_name and not _keys(names) <= set(keys):
        raise BadInput(
            f"the labels of {data.name} are {_list(names)} and the teacher's {_list(teacher.labels)}: say "
            "which is which with --labels teacher=NAME,NAME,... in the order of its columns"
        )
    numbers = len(names) if by_name and names is not None else width
    gold = np.empty(len(data), dtype=np.int64)
    for row, label in enumerate(data.labels):
        number = _number(label)
        name = _spelled(label)
        if by_name and names is not None and number is not None:
            name = _key(names[number]) if 0 <= number < numbers else ""
        if by_name and name in keys:
            gold[row] = keys.index(name)
        elif not by_name and number is not None and 0 <= number < width:
            gold[row] = number
        else:
            raise BadInput(
                f"{data.name}, row {row + 1}: the label {label!r:.40} is none of {_list(teacher.labels)} and "
                f"no number from 0 to {numbers - 1}; say what they mean with --labels "
                + ("teacher=..." if _says_nothing(teacher.labels) else "data=... or teacher=...")
            )
    better = better_order(teacher.values.argmax(axis=1), gold, width)
    if better:
        meant = [teacher.labels[i] for i in np.argsort(better.order)]
        shares = f"{better.agreement:.0%} of the texts instead of {better.as_it_is:.0%}"
        if not by_name:
            told = f"with --labels data={','.join(meant)} the teacher is right on {shares}"
            raise BadInput(f"{told}: state what the numbers mean")
        return gold, [
            f"if the data's labels meant {_list(meant)}, the teacher would be right on {shares}: is its "
            "id2label, or the data's label, wrong?"
        ]
    if by_name or _says_nothing(teacher.labels):
        return gold, []
    columns = _list([f"{number} is {name}" for number, name in enumerate(teacher.labels)])
    return gold, [f"the data's labels are numbers, and were taken for the teacher's columns: {columns}"]


class Better(NamedTuple):
    """An order of the second's labels that agrees far better, column by column; the agreement with it and
    without it."""

    order: tuple[int, ...]
    agreement: float
    as_it_is: float


def better_order(first: np.ndarray, second: np.ndarray, classes: int) -> Better | None:
    """Would two arrays of labels, (texts,), agree far better if the second's meant other classes?

    The order of most agreement, found by assignment (Kuhn 1955), where it is far better; see `POINTS`. Order
    i of it is the label of the second that means the first's label i.
    """
    table = np.zeros((classes, classes))
    np.add.at(table, (first, second), 1)
    order = scipy.optimize.linear_sum_assignment(table, maximize=True)[1]
    meant = np.argsort(order)[second]
    as_it_is, now = first == second, first == meant
    agreement = float(now.mean())
    if agreement - as_it_is.mean() < POINTS or mcnemar(now, as_it_is) >= P_VALUE:
        return None
    counts = [np.bincount(each, minlength=classes) / len(each) for each in (first, meant)]
    chance = float(counts[0] @ counts[1])
    if agreement - chance <= KAPPA * (1 - chance):
        return None
    return Better(tuple(int(i) for i in order), agreement, float(as_it_is.mean()))


def _names(side: str, own: Names, stated: Sequence[str] | None, width: int) -> Names:
    names = tuple(stated or own or (f"LABEL_{i}" for i in range(width)))
    if len(names) != width or len(_keys(names)) != width:
        raise BadInput(f"the {side}'s {width} labels need as many names, all different, not {_list(names)}")
    return names


def _grades(data: Dataset) -> np.ndarray:
    found = np.empty(len(data))
    for row, label in enumerate(data.labels):
        try:
            found[row] = float(label)
        except (TypeError, ValueError):
            found[row] = np.nan
        if not np.isfinite(found[row]):
            raise BadInput(
                f"{data.name}, row {row + 1}: the models give grades, and {label!r:.40} is no number"
            )
    return found


def _number(label: object) -> int | None:
    """A label that is a whole number, as which integers, 1.0, "1" and "1.0" count."""
    if isinstance(label, str):
        found = re.fullmatch(r"\s*(\d{1,9})(\.0+)?\s*", label, re.ASCII)  # "1.0": pandas, after a gap
        return int(found[1]) if found else None
    if isinstance(label, int | np.integer):
        return int(label)
    return int(label) if isinstance(label, float | np.floating) and float(label).is_integer() else None


def _spelled(label: object) -> str:
    """A label of the data as names are compared: a number in digits, nothing for one that is missing."""
    if label is None or label != label:
        return ""
    number = None if isinstance(label, bool | np.bool_) else _number(label)
    return _key(str(label if number is None else number))


def _says_nothing(names: Names) -> bool:
    """Are these numbers of columns: LABEL_0, LABEL_1 ... or 0, 1 ...?"""
    numbered = all(re.fullmatch(r"label[ _-]?\d+", name.strip(), re.IGNORECASE) for name in names)
    return numbered or [name.strip() for name in names] == [str(place) for place in range(len(names))]


def _key(name: str) -> str:
    """What two spellings of one label have in common: "Not Entailment" and "not_entailment"."""
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def _keys(names: Sequence[str]) -> set[str]:
    return {_key(name) for name in names}


def _list(names: Sequence[str]) -> str:
    told = ", ".join(names)
    return told if len(told) <= 60 else told[:59] + "…"
