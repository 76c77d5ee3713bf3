"""Loyalty against hand-worked numbers, scipy and scikit-learn; and against wrong readings of its formula."""

import math
import re

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr, softmax
from sklearn.metrics import accuracy_score

from bert_compression.errors import BadInput
from bert_compression.metrics import (
    kl_divergences,
    label_agreements,
    label_loyalty,
    probability_loyalties,
    probability_loyalty,
)


def answers(examples: int, noise: float, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a teacher and of a student that is `noise` away from it, in float32."""
    random = np.random.default_rng(seed)
    teacher = random.normal(0, 2, (examples, classes))
    student = teacher + random.normal(0, noise, teacher.shape)
    return teacher.astype(np.float32), student.astype(np.float32)


def test_label_loyalty_counts_equal_labels_whatever_is_right():
    assert label_loyalty([0, 1, 1, 0], [0, 1, 0, 0]) == 0.75
    assert label_loyalty([0, 1, 1, 0], [1, 0, 0, 1]) == 0.0


def test_label_agreements_say_on_which_examples_and_have_the_loyalty_as_their_mean():
    assert label_agreements([0, 1, 1, 0], [0, 1, 0, 0]).tolist() == [True, True, False, True]
    assert label_agreements([0, 1], [1, 0]).tolist() == [False, False]
    teacher, student = (logits.argmax(1) for logits in answers(1000, noise=1.0))
    assert label_agreements(teacher, student).mean() == label_loyalty(teacher, student)


def test_label_loyalty_is_scikit_learns_accuracy_against_the_teacher():
    teacher, student = (logits.argmax(1) for logits in answers(1000, noise=1.0))
    assert label_loyalty(teacher, student) == accuracy_score(teacher, student)
    assert 0.5 < label_loyalty(teacher, student) < 1


def test_probability_loyalty_of_one_example_worked_by_hand():
    # p = (1, 0) and q = (1/2, 1/2) have the mean m = (3/4, 1/4), so KL(p||m) = ln 4/3 and
    # KL(q||m) = ln(2/3) / 2 + ln(2) / 2 = ln(4/3) / 2.
    divergence = 3 / 4 * math.log(4 / 3)
    assert probability_loyalty([[1, 0]], [[0.5, 0.5]]) == pytest.approx(1 - math.sqrt(divergence), abs=1e-15)
    assert probability_loyalty([[1, 0]], [[0.5, 0.5]], base=2) == pytest.approx(
        1 - math.sqrt(divergence / math.log(2)), abs=1e-15
    )


def test_the_bounds_are_reached_by_opposites_and_by_equals():
    one, other = [[1.0, 0.0]], [[0.0, 1.0]]
    assert probability_loyalty(one, other) == pytest.approx(1 - math.sqrt(math.log(2)), abs=1e-15)
    assert probability_loyalty(one, other, base=2) == 0.0
    teacher, student = (softmax(logits, axis=1) for logits in answers(500, noise=1.0))
    assert probability_loyalty(teacher, teacher) == 1.0
    assert probability_loyalty(teacher, student) < 0.9


@pytest.mark.parametrize("base", [math.e, 2, 10])
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_probability_loyalty_is_scipys_distance_row_by_row(base, classes):
    logits = answers(300, noise=1.0, classes=classes)
    teacher, student = (softmax(each.astype(np.float64), axis=1) for each in logits)
    distances = [jensenshannon(p, q, base) for p, q in zip(teacher, student, strict=True)]
    ours = probability_loyalties(teacher, student, base)
    np.testing.assert_allclose(ours, 1 - np.array(distances), rtol=0, atol=1e-12)
    assert probability_loyalty(teacher, student, base) == pytest.approx(1 - np.mean(distances), abs=1e-12)


def test_each_wrong_reading_of_the_formula_gives_another_number():
    teacher, student = (softmax(logits.astype(np.float64), axis=1) for logits in answers(1000, noise=0.5))
    distance = jensenshannon(teacher, student, axis=1)
    readings = {
        "base e": 1 - distance.mean(),
        "base 2": 1 - jensenshannon(teacher, student, base=2, axis=1).mean(),
        "a second root": 1 - np.sqrt(distance).mean(),
        "the root forgotten": 1 - (distance**2).mean(),
        "columns compared": 1 - jensenshannon(teacher, student, axis=0).mean(),
        "columns compared and a second root": 1 - np.sqrt(jensenshannon(teacher, student, axis=0)).mean(),
    }
    assert probability_loyalty(teacher, student) == pytest.approx(readings.pop("base e"), abs=1e-12)
    for name, value in readings.items():
        assert abs(probability_loyalty(teacher, student) - value) > 0.01, name
    assert probability_loyalty(teacher, student, base=2) == pytest.approx(readings["base 2"], abs=1e-12)


def test_nearly_equal_float32_rows_give_numbers_where_scipy_gives_nan():
    teacher, student = (softmax(logits, axis=1) for logits in answers(5000, noise=1e-4))
    assert teacher.dtype == np.float32
    with np.errstate(invalid="ignore"):
        assert np.isnan(jensenshannon(teacher, student, axis=1)).sum() > 100
    ours = probability_loyalties(teacher, student)
    assert ours.dtype == np.float64 and ours.shape == (5000,)
    assert np.isfinite(ours).all()
    assert 0.999 < ours.min() <= ours.max() <= 1.0
    assert ours.min() < 1.0


def test_rounding_below_zero_gives_no_nan_in_float64_either():
    teacher = softmax(answers(5000, noise=0)[0].astype(np.float64), axis=1)
    for noise in (1e-8, 1e-12, 1e-15):
        student = teacher + noise * np.random.default_rng(1).normal(size=teacher.shape)
        ours = probability_loyalties(teacher, np.abs(student))
        assert np.isfinite(ours).all() and ours.min() > 1 - 1e-5


def test_rows_that_miss_a_sum_of_one_by_little_are_brought_to_it():
    teacher, student = (softmax(logits.astype(np.float64), axis=1) for logits in answers(200, noise=0.5))
    expected = probability_loyalties(teacher, student)
    nearly = probability_loyalties(teacher * 1.0009, student * 0.9991)
    np.testing.assert_allclose(nearly, expected, atol=1e-12)
    halves = probability_loyalties(teacher.astype(np.float16), student.astype(np.float16))
    np.testing.assert_allclose(halves, expected, atol=5e-3)


HALVES = [[0.5, 0.5]]


@pytest.mark.parametrize(
    ("teacher", "student", "message"),
    [
        (
            [0.5, 0.5],
            HALVES,
            "teacher_probs must have the shape (examples, classes) with 2 classes or more, not (2,)",
        ),
        (
            HALVES,
            [[1.0]],
            "student_probs must have the shape (examples, classes) with 2 classes or more, not (1, 1)",
        ),
        (
            np.empty((0, 2)),
            HALVES,
            "teacher_probs must have the shape (examples, classes) with 2 classes or more, not (0, 2)",
        ),
        (
            HALVES * 2,
            HALVES,
            "teacher_probs has the shape (2, 2) and student_probs (1, 2): they must be equal",
        ),
        ([[np.nan, 0.5]], HALVES, "teacher_probs holds NaN or infinite values"),
        (HALVES, [[np.inf, 0.5]], "student_probs holds NaN or infinite values"),
        (
            HALVES,
            [[2.1, -0.3]],
            "each row of student_probs must be a probability distribution; pass probabilities, not logits",
        ),
        (
            [[1.2, -0.2]],
            HALVES,
            "each row of teacher_probs must be a probability distribution; pass probabilities, not logits",
        ),
    ],
)
def test_what_is_no_distribution_is_refused(teacher, student, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        probability_loyalty(teacher, student)


@pytest.mark.parametrize("base", [1, 0.5, 0, -2.0, math.inf, math.nan])
def test_what_is_no_base_is_refused(base):
    what = "a finite number greater than 1" if math.isfinite(base) else "a finite number"
    message = f"base must be {what}, not {base!r}"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        probability_loyalty(HALVES, HALVES, base)


def test_labels_of_different_length_are_refused():
    message = "teacher_labels has 2 examples and student_labels has 1: they must answer the same"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        label_loyalty([0, 1], [0])
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        label_agreements([0, 1], [0])


def test_the_divergence_is_scipys_and_minds_who_comes_first():
    teacher, student = (softmax(side.astype(np.float64), axis=1) for side in answers(50, noise=1.0))
    found = kl_divergences(teacher, student)
    np.testing.assert_allclose(found, rel_entr(teacher, student).sum(axis=1), rtol=1e-10)
    assert not np.allclose(found, kl_divergences(student, teacher))
    assert kl_divergences(teacher, teacher).tolist() == [0.0] * 50


def test_an_exact_zero_costs_much_and_not_everything():
    (impossible,) = kl_divergences([[0.5, 0.5]], [[1.0, 0.0]])
    assert impossible == pytest.approx(0.5 * math.log(0.5) + 0.5 * math.log(0.5 / 1e-12))
    assert kl_divergences([[1.0, 0.0]], [[0.5, 0.5]]).tolist() == [math.log(2)]


def test_divergences_of_different_shapes_are_refused():
    message = "from_probs has the shape (1, 2) and to_probs (2, 2): they must be equal"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        kl_divergences(HALVES, HALVES * 2)
