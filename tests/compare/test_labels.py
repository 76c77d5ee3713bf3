"""Labels meet by name; an order that agrees far better is found; what no name tells is asked for."""

import re

import numpy as np
import pandas as pd
import pytest
from small import MNLI

from bert_compression.compare.answers import Answers
from bert_compression.compare.data import Dataset, read_data
from bert_compression.compare.labels import aligned, better_order, gold_labels
from bert_compression.errors import BadInput

NAMELESS = ("LABEL_0", "LABEL_1", "LABEL_2")


def answers(labels=MNLI, order=(0, 1, 2), noise=0.05, texts=90, regression=False):
    """Answers whose label is the text's number modulo three, up to some noise, in columns of that order."""
    random = np.random.default_rng(0)
    gold = np.arange(texts) % len(order)
    values = np.eye(len(order))[gold] * 0.8 + 0.2 / len(order)
    wrong = random.uniform(size=texts) < noise
    values[wrong] = np.roll(values[wrong], 1, axis=1)
    values = values[:, list(order)]
    return Answers("model", values, tuple(labels), regression, np.zeros(texts, bool), "")


def data(labels, names=None, texts=90):
    return Dataset("data", ("text",), (("a",),) * texts, tuple(labels), label_names=names)


@pytest.mark.parametrize(
    "names",
    [
        ("contradiction", "entailment", "neutral"),
        ("CONTRADICTION", "Entailment", " neutral "),
    ],
)
def test_equal_names_in_another_order_and_case_meet(names):
    ours, theirs, order, notices = aligned(answers(), answers(names, (2, 0, 1)), {})
    np.testing.assert_array_equal(ours.values, theirs.values)
    assert (theirs.labels, order, notices) == (MNLI, [1, 2, 0], [])


def test_by_position_alone_the_same_student_would_look_disloyal():
    teacher, student = answers(), answers(("contradiction", "entailment", "neutral"), (2, 0, 1))
    assert (teacher.values.argmax(axis=1) == student.values.argmax(axis=1)).mean() < 0.2


def test_spaces_hyphens_and_underscores_are_one():
    ours, _, order, _ = aligned(
        answers(("a", "not entailment"), (0, 1)), answers(("Not-Entailment", "A"), (1, 0)), {}
    )
    assert ours.labels == ("a", "not entailment") and order == [1, 0]


def test_names_that_say_nothing_are_taken_by_position_where_no_order_is_better():
    ours, theirs, order, notices = aligned(answers(NAMELESS), answers(), {})
    assert ours.labels == theirs.labels == MNLI and order is None
    assert [notice.split(":")[0] for notice in notices] == ["the labels of teacher name nothing"]


def followed(message):
    """What a message asks for, as the command line reads it."""
    side, names = re.search(r"with --labels (\w+)=(\S+)", message).groups()
    return {side: names.split(",")}


@pytest.mark.parametrize(
    ("ours", "theirs", "silent"),
    [
        (MNLI, NAMELESS, "LABEL_0, LABEL_1, LABEL_2"),
        (NAMELESS, NAMELESS, "LABEL_0, LABEL_1, LABEL_2"),
        (NAMELESS, ("contradiction", "entailment", "neutral"), "LABEL_0, LABEL_1, LABEL_2"),
        (("0", "1", "2"), ("0", "1", "2"), "0, 1, 2"),
    ],
    ids=["student nameless", "both nameless", "teacher nameless", "both numbered"],
)
def test_who_does_as_the_message_says_has_the_right_order(ours, theirs, silent):
    sides = answers(ours), answers(theirs, (2, 0, 1))
    with pytest.raises(BadInput, match=f"agree on 100% of .* instead of 0%, and {silent} ") as stopped:
        aligned(*sides, {})
    teacher, student, _, _ = aligned(*sides, followed(str(stopped.value)))
    np.testing.assert_array_equal(teacher.values, student.values)


def test_an_order_that_seems_wrong_is_told_in_the_students_own_columns():
    student = answers(("contradiction", "neutral", "entailment"), (2, 0, 1))  # two names have been swapped
    _, theirs, _, (notice,) = aligned(answers(), student, {})
    assert followed(notice) == {"student": ["contradiction", "entailment", "neutral"]}
    ours, theirs, _, _ = aligned(answers(), student, followed(notice))
    np.testing.assert_array_equal(ours.values, theirs.values)


@pytest.mark.parametrize("labels", [NAMELESS, MNLI], ids=["both nameless", "student nameless"])
def test_where_names_say_nothing_and_another_order_agrees_far_better_it_stops(labels):
    message = (
        "the two agree on 100% of the texts instead of 0%, and LABEL_0, LABEL_1, LABEL_2 name nothing: "
        "state what the columns of both mean"
    )
    with pytest.raises(BadInput, match=re.escape(message)):
        aligned(answers(labels), answers(NAMELESS, (2, 0, 1)), {})
    stated = {"teacher": MNLI, "student": ("contradiction", "entailment", "neutral")}
    ours, theirs, order, _ = aligned(answers(labels), answers(NAMELESS, (2, 0, 1)), stated)
    np.testing.assert_array_equal(ours.values, theirs.values)
    assert order == [1, 2, 0]


def test_names_that_seem_wrong_are_kept_and_warned_of():
    _, theirs, order, (notice,) = aligned(answers(), answers(MNLI, (1, 0, 2)), {})
    assert order is None and theirs.labels == MNLI
    assert "is the id2label of one of them wrong?" in notice


def test_a_student_that_has_learnt_nothing_agrees_in_no_order():
    random = np.random.default_rng(1)
    first = random.integers(0, 2, 1000)
    assert better_order(first, np.zeros(1000, int), 2) is None
    assert better_order(first, np.where(random.uniform(size=1000) < 0.55, 1 - first, first), 2) is None
    assert better_order(first[:4], 1 - first[:4], 2) is None  # of four texts that is chance
    found = better_order(first, 1 - first, 2)
    assert (found.order, found.agreement, found.as_it_is) == ((1, 0), 1.0, 0.0)


@pytest.mark.parametrize(
    ("teacher", "student", "stated", "message"),
    [
        (
            answers(("a", "b", "c")),
            answers(),
            {},
            "the teacher's labels are a, b, c and the student's entail",
        ),
        (
            answers(),
            answers(("a", "b"), (0, 1)),
            {},
            "the teacher has 3 labels and the student 2: not one task",
        ),
        (
            answers(),
            answers((), (0,), regression=True),
            {},
            "model gives grades (one number) and model classes",
        ),
        (
            answers(),
            answers(),
            {"student": ("a", "b")},
            "the student's 3 labels need as many names, all diff",
        ),
        (
            answers(),
            answers(),
            {"teacher": ("a", "A", "b")},
            "the teacher's 3 labels need as many names, all",
        ),
    ],
)
def test_what_does_not_meet_is_refused(teacher, student, stated, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        aligned(teacher, student, stated)


# The data's labels


GOLD = np.arange(90) % 3


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([MNLI[i] for i in GOLD], None),
        ([MNLI[i].upper() for i in GOLD], None),
        (GOLD.tolist(), MNLI),
        ([{0: 2, 1: 1, 2: 0}[i] for i in GOLD], MNLI[::-1]),
    ],
    ids=["names", "capitals", "task", "other task"],
)
def test_labels_meet_by_name(labels, names):
    gold, notices = gold_labels(data(labels, names), answers(), {})
    np.testing.assert_array_equal(gold, GOLD)
    assert notices == []


@pytest.mark.parametrize("number", [int, str, float, np.int64])
def test_numbers_without_names_are_the_teachers_columns_and_the_reader_is_told(number):
    gold, (notice,) = gold_labels(data([number(i) for i in GOLD]), answers(), {})
    np.testing.assert_array_equal(gold, GOLD)
    assert notice == (
        "the data's labels are numbers, and were taken for the teacher's columns: 0 is entailment, 1 is "
        "neutral, 2 is contradiction"
    )
    assert gold_labels(data([number(i) for i in GOLD]), answers(NAMELESS), {})[1] == []


def test_a_tasks_numbers_mean_its_names_not_the_teachers_columns():
    teacher = answers(("contradiction", "entailment", "neutral"), (2, 0, 1))
    gold, _ = gold_labels(data(GOLD.tolist(), MNLI), teacher, {})
    assert (teacher.values.argmax(axis=1) == gold).mean() > 0.9
    stated, _ = gold_labels(data(GOLD.tolist()), teacher, {"data": MNLI})
    np.testing.assert_array_equal(stated, gold)


def test_numbers_that_fit_far_better_in_another_order_stop_it():
    teacher = answers(("contradiction", "entailment", "neutral"), (2, 0, 1))
    message = "with --labels data=entailment,neutral,contradiction the teacher is right on 94% of the texts"
    with pytest.raises(BadInput, match=message):
        gold_labels(data(GOLD.tolist()), teacher, {})
    _, (notice,) = gold_labels(data([MNLI[i] for i in GOLD]), answers(MNLI, (1, 0, 2)), {})
    assert notice.endswith("is its id2label, or the data's label, wrong?")


@pytest.mark.parametrize("names", [MNLI, NAMELESS, ("0", "1", "2")], ids=["named", "nameless", "numbered"])
def test_what_is_stated_of_the_datas_numbers_is_what_they_mean(names):
    """As the message asks for, whether or not the teacher's own names say anything."""
    numbers = data([{0: 2, 1: 0, 2: 1}[i] for i in GOLD])
    with pytest.raises(BadInput, match=r"the teacher is right on 9\d% of .* instead of 0%: state") as stopped:
        gold_labels(numbers, answers(names), {})
    meant = tuple(names[i] for i in (1, 2, 0))
    assert followed(str(stopped.value)) == {"data": list(meant)}
    gold, notices = gold_labels(numbers, answers(names), {"data": meant})
    np.testing.assert_array_equal(gold, GOLD)
    assert notices == []
    with pytest.raises(BadInput, match="the data's labels need names that are all different"):
        gold_labels(numbers, answers(names), {"data": (names[0], names[0], names[1])})
    with pytest.raises(BadInput, match=r"row 1: the label 2 is none of .* and no number from 0 to 1; say"):
        gold_labels(numbers, answers(names), {"data": meant[:2]})


def test_numbers_of_columns_are_no_names():
    numbers = ("0", "1", "2")
    with pytest.raises(BadInput, match=r"agree on 100% .* 0, 1, 2 name nothing: state"):
        aligned(answers(numbers), answers(numbers, (2, 0, 1)), {})
    _, theirs, order, _ = aligned(answers(numbers), answers(("2", "0", "1"), (2, 0, 1)), {})
    assert theirs.labels == numbers and order == [1, 2, 0]
    stated = {"teacher": MNLI, "student": MNLI}  # who says so is believed
    _, _, order, (notice,) = aligned(answers(numbers), answers(numbers, (2, 0, 1)), stated)
    assert order is None and "is the id2label of one of them wrong?" in notice


def test_classes_that_are_called_by_numbers_are_the_datas_numbers():
    stars = answers(("1", "2", "3"))
    for labels in ((GOLD + 1).tolist(), (GOLD + 1.0).tolist(), [f"0{i + 1}" for i in GOLD]):
        np.testing.assert_array_equal(gold_labels(data(labels), stars, {})[0], GOLD)
    np.testing.assert_array_equal(
        gold_labels(data(GOLD.tolist(), MNLI), answers(("0", "1", "2")), {})[0], GOLD
    )


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (
            3,
            "data, row 4: the label 3 is none of entailment, neutral, contradiction and no number from 0",
        ),
        (-1, "data, row 4: the label -1 is none"),
        ("", "data, row 4: the label '' is none"),
        (None, "data, row 4: the label None is none"),
        (0.5, "data, row 4: the label 0.5 is none"),
        ("maybe", "data, row 4: the label 'maybe' is none"),
        (float("nan"), "data, row 4: the label nan is none"),
    ],
)
def test_a_label_that_means_nothing_is_refused_with_its_row(label, message):
    labels = [*GOLD.tolist()[:3], label, *GOLD.tolist()[4:]]
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        gold_labels(data(labels), answers(), {})


def test_a_missing_label_is_not_the_class_that_is_called_none():
    teacher = answers(("none", "some", "nan"))
    labels = [("none", "some", "nan")[i] for i in GOLD]
    np.testing.assert_array_equal(gold_labels(data(labels), teacher, {})[0], GOLD)
    for missing in (None, float("nan")):
        with pytest.raises(BadInput, match=r"row 1: the label (None|nan) is none of"):
            gold_labels(data([missing, *labels[1:]]), teacher, {})


def test_truth_values_are_names_or_numbers():
    truth = answers(("True", "False"), (1, 0))
    gold = np.arange(90) % 2
    np.testing.assert_array_equal(gold_labels(data((gold == 1).tolist()), truth, {})[0], 1 - gold)
    np.testing.assert_array_equal(
        gold_labels(data((gold == 1).tolist()), answers(("LABEL_0", "LABEL_1"), (0, 1)), {})[0], gold
    )


def test_names_of_a_task_that_the_teacher_does_not_have_are_asked_for():
    message = (
        "the labels of data are yes, no, maybe and the teacher's entailment, neutral, contradiction: say"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        gold_labels(data(GOLD.tolist(), ("yes", "no", "maybe")), answers(), {})
    with pytest.raises(BadInput, match="row 1: the label 'yes' is none of LABEL_0, LABEL_1, LABEL_2"):
        gold_labels(data(["yes"] * 90), answers(NAMELESS), {})


def test_grades_are_numbers():
    teacher = answers((), (0,), regression=True)
    gold, _ = gold_labels(data(["1.5", 2, 3.25] * 30), teacher, {})
    assert gold[:3].tolist() == [1.5, 2.0, 3.25]
    with pytest.raises(BadInput, match="row 1: the models give grades, and 'high' is no number"):
        gold_labels(data(["high"] * 90), teacher, {})


def test_without_labels_there_is_no_gold():
    assert gold_labels(read_data(pd.DataFrame({"text": ["a"]})), answers(texts=1), {}) == (None, [])


def test_another_seed_is_told_of_under_its_own_name():
    swapped = answers(("contradiction", "neutral", "entailment"), (2, 0, 1))
    _, _, _, (notice,) = aligned(answers(), swapped, {}, "other_seed")
    assert "with --labels other_seed=" in notice
    with pytest.raises(BadInput, match="the teacher has 3 labels and the other seed 2: not one task"):
        aligned(answers(), answers(("a", "b"), (0, 1)), {}, "other_seed")
    with pytest.raises(BadInput, match=r"and the other seed's x, y, z: .* with --labels other_seed=NAME"):
        aligned(answers(), answers(("x", "y", "z")), {}, "other_seed")
    stated = {"other_seed": ("contradiction", "entailment", "neutral")}
    _, theirs, _, _ = aligned(answers(), answers(NAMELESS, (2, 0, 1)), stated, "other_seed")
    assert theirs.labels == MNLI


def pairs(counts):
    first, second = np.array([pair for pair, n in counts.items() for _ in range(n)]).T
    return first, second


def test_an_order_is_far_better_by_kappa_beyond_the_chance_of_both():
    # Turned about, 75 % agree where chance alone gives 58: a kappa of 0.405.
    assert better_order(*pairs({(0, 1): 575, (0, 0): 125, (1, 1): 125, (1, 0): 175}), 2).order == (1, 0)


def test_an_order_of_a_low_kappa_is_not_far_better():
    # 70 % and 58: a kappa of 0.29.
    assert better_order(*pairs({(0, 1): 550, (0, 0): 150, (1, 1): 150, (1, 0): 150}), 2) is None


def test_few_texts_do_not_show_that_another_order_is_better():
    for texts, found in ((6, False), (8, True)):  # all agree in the other order: p = 0.031 and 0.008
        first = np.arange(texts) % 2
        assert (better_order(first, 1 - first, 2) is not None) == found


def test_an_order_is_far_better_by_ten_points_at_least():
    first = np.repeat([0, 1, 2], [85, 8, 7])
    assert better_order(first, np.array([0, 2, 1])[first], 3).order == (0, 2, 1)  # 15 points more
    first = np.repeat([0, 1, 2], [91, 5, 4])
    assert better_order(first, np.array([0, 2, 1])[first], 3) is None  # 9 points more
