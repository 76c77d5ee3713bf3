"""The Taylor loss is cross-entropy but for a constant, to the last digits; the squared loss is not."""

import math
import re

import pytest
import torch
from torch.nn.functional import cross_entropy

from bert_compression.compression import (
    LogitLoss,
    as_classes,
    corrected_squares_loss,
    kl_loss,
    taylor_loss,
    truncate,
)
from bert_compression.errors import BadInput

EXACT = {"rtol": 1e-10, "atol": 1e-10}
DRAWS = [(classes, seed) for classes in (2, 3) for seed in range(5)]


def draw(classes=3, seed=0, examples=8):
    """Logits of a student, those of two teachers that differ much, and class numbers, in float64."""
    random = torch.Generator().manual_seed(seed)
    shape = (3, examples, classes)
    student, *teachers = 3 * torch.randn(shape, generator=random, dtype=torch.float64)
    labels = torch.randint(classes, (examples,), generator=random)
    return student.requires_grad_(), teachers, labels


def gradient(loss, student):
    return torch.autograd.grad(loss, student, retain_graph=True)[0]


def entropy(logits):
    p = logits.softmax(-1)
    return -(p * p.log()).sum(-1).mean()


# taylor_loss


def test_one_example_by_hand():
    # The teacher says (3/4, 1/4), the student (1/2, 1/2), the label is the second class.
    student, teacher, label = torch.zeros(1, 2), torch.tensor([[math.log(3), 0.0]]), torch.tensor([1])
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    taylor_term = (-0.75 + 0.75) * math.log(2)  # <(0, 1) - (3/4, 1/4), (ln 2, ln 2)>
    expected = 0.2 * math.log(2) + 0.8 * (divergence + taylor_term)
    assert taylor_loss(student, teacher, label, lambda_=0.2).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("classes", "seed"), DRAWS)
@pytest.mark.parametrize("lambda_", [0.0, 0.3, 1.0])
def test_its_gradient_is_that_of_cross_entropy_and_its_value_less_by_the_teachers_entropy(
    classes, seed, lambda_
):
    student, teachers, labels = draw(classes, seed)
    plain = cross_entropy(student, labels)
    for teacher in teachers:
        loss = taylor_loss(student, teacher, labels, lambda_)
        torch.testing.assert_close(gradient(loss, student), gradient(plain, student), **EXACT)
        torch.testing.assert_close(loss, plain - (1 - lambda_) * entropy(teacher), **EXACT)
        by_formula = student.softmax(-1) - torch.nn.functional.one_hot(labels, classes)
        torch.testing.assert_close(gradient(loss, student), by_formula / len(labels), **EXACT)


@pytest.mark.parametrize(("classes", "seed"), DRAWS)
@pytest.mark.parametrize("temperature", [0.5, 4.0])
def test_at_another_temperature_it_is_a_mixture_of_cross_entropies_and_no_teacher(classes, seed, temperature):
    student, teachers, labels = draw(classes, seed)
    mixture = 0.3 * cross_entropy(student, labels) + 0.7 * cross_entropy(student / temperature, labels)
    gradients = [
        gradient(taylor_loss(student, teacher, labels, 0.3, temperature), student) for teacher in teachers
    ]
    torch.testing.assert_close(gradients[0], gradients[1], **EXACT)
    torch.testing.assert_close(gradients[0], gradient(mixture, student), **EXACT)
    far = (gradients[0] - gradient(cross_entropy(student, labels), student)).abs().max()
    assert far > 1e-3  # the temperature does count


def test_without_the_taylor_term_the_teacher_does_count():
    student, (one, other), _ = draw()
    difference = gradient(kl_loss(student, one), student) - gradient(kl_loss(student, other), student)
    assert difference.abs().max() > 0.05


def test_labels_may_be_distributions():
    student, (teacher, _), labels = draw()
    one_hot = torch.nn.functional.one_hot(labels, 3)
    for loss in (taylor_loss, corrected_squares_loss):
        torch.testing.assert_close(
            loss(student, teacher, one_hot.double()), loss(student, teacher, labels), **EXACT
        )
    soft = torch.full((8, 3), 1 / 3, dtype=torch.float64)
    plain = cross_entropy(student, soft)
    torch.testing.assert_close(
        gradient(taylor_loss(student, teacher, soft), student), gradient(plain, student), **EXACT
    )


def test_the_bound_lies_below_the_ideal_loss_and_not_above():
    """Expanded at the teacher, the loss for the true probabilities comes out too small: by KL(true || p)."""
    student, (teacher, true), _ = draw()
    ideal = kl_true = 0.0
    p0, p, log_f = true.softmax(-1), teacher.softmax(-1), student.log_softmax(-1)
    ideal = (p0 * (p0.log() - log_f)).sum(-1)
    derivative = p.log() - log_f  # and 1, which the sum to one cancels
    expanded = (p * (p.log() - log_f)).sum(-1) + ((p0 - p) * derivative).sum(-1)
    kl_true = (p0 * (p0 / p).log()).sum(-1)
    torch.testing.assert_close(expanded, ideal - kl_true, **EXACT)
    assert (expanded < ideal).all()


# corrected_squares_loss


def test_the_squared_loss_by_hand():
    student, teacher, label = (
        torch.tensor([[1.0, 0.0]]),
        torch.tensor([[math.log(3), 0.0]]),
        torch.tensor([1]),
    )
    # p = (3/4, 1/4); y / p - 1 = (-1, 3); the logits differ by (1 - ln 3, 0).
    squares = 0.75 * (1 - math.log(3) + 1) ** 2 + 0.25 * (0 - 3) ** 2
    plain = math.log(1 + math.e)
    loss = corrected_squares_loss(student, teacher, label, alpha=0.4)
    assert loss.item() == pytest.approx(0.6 * plain + 0.4 * squares / 2, rel=1e-6)


def test_the_squared_loss_depends_on_the_teacher():
    student, teachers, labels = draw()
    gradients = [gradient(corrected_squares_loss(student, teacher, labels), student) for teacher in teachers]
    assert (gradients[0] - gradients[1]).abs().max() > 0.05
    p, z = teachers[0].softmax(-1), student - teachers[0]
    y = torch.nn.functional.one_hot(labels, 3)
    squares = 2 * (p * z - (y - p)) / y.numel()  # the derivative of p (z - (y / p - 1))^2 in z
    plain = gradient(cross_entropy(student, labels), student)
    torch.testing.assert_close(gradients[0], 0.5 * plain + 0.5 * squares, **EXACT)


# both


@pytest.mark.parametrize("loss", [taylor_loss, corrected_squares_loss])
def test_a_saturated_teacher_gives_finite_values_and_gradients(loss):
    teacher = torch.tensor([[1e4, -1e4], [-1e4, 1e4], [80.0, -80.0]])
    student = torch.tensor([[3.0, 0.0], [3.0, 0.0], [-200.0, 200.0]], requires_grad=True)
    value = loss(student, teacher, torch.tensor([0, 0, 1]))
    assert torch.isfinite(value) and torch.isfinite(gradient(value, student)).all()


@pytest.mark.parametrize("loss", [taylor_loss, corrected_squares_loss])
def test_the_teacher_gets_no_gradient(loss):
    student, (teacher, _), labels = draw()
    teacher.requires_grad_()
    loss(student, teacher, labels).backward()
    assert teacher.grad is None and student.grad.abs().sum() > 0


@pytest.mark.parametrize("loss", [taylor_loss, corrected_squares_loss])
def test_half_precision_is_widened(loss):
    student, (teacher, _), labels = (
        torch.randn(4, 2).bfloat16(),
        [torch.randn(4, 2)] * 2,
        torch.ones(4).long(),
    )
    assert loss(student, teacher, labels).dtype == torch.float32


@pytest.mark.parametrize("loss", [taylor_loss, corrected_squares_loss])
@pytest.mark.parametrize(
    ("teacher", "labels", "told"),
    [
        (torch.zeros(4, 3), torch.zeros(4).long(), "same shape (batch, classes), not (4, 2) and (4, 3)"),
        (
            torch.zeros(4, 2),
            torch.zeros(4),
            "the labels are regression targets, and this loss asks for classes",
        ),
        (torch.zeros(4, 2), torch.zeros(4, 3), "distributions (4, 2), not of shape (4, 3)"),
        (torch.zeros(4, 2), torch.zeros(5).long(), "class numbers (batch,) or distributions (4, 2)"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(loss, teacher, labels, told):
    with pytest.raises(BadInput, match=re.escape(told)) as error:
        loss(torch.zeros(4, 2), teacher, labels)
    assert "\n" not in str(error.value)


def test_weights_and_temperatures_without_sense_are_refused():
    student, (teacher, _), labels = draw()
    for bad in (-0.1, 1.1):
        with pytest.raises(BadInput, match="lambda must lie between 0 and 1"):
            taylor_loss(student, teacher, labels, bad)
        with pytest.raises(BadInput, match="alpha must lie between 0 and 1"):
            corrected_squares_loss(student, teacher, labels, bad)
    with pytest.raises(BadInput, match="temperature must be positive, not 0"):
        taylor_loss(student, teacher, labels, temperature=0)


# The objective


def by_hand(loss, student, teacher, gold):
    plain = cross_entropy(student, gold)
    return {
        "cross_entropy": plain,
        "kl": 0.3 * plain + 0.7 * kl_loss(student, teacher),
        "taylor": taylor_loss(student, teacher, gold, lambda_=0.3),
        "squares": corrected_squares_loss(student, teacher, gold, alpha=0.7),
    }[loss]


@pytest.mark.parametrize("loss", ["cross_entropy", "kl", "taylor", "squares"])
@pytest.mark.parametrize("classes", [1, 3])
def test_the_objective_is_its_loss_and_keeps_the_cross_entropy_of_each_step(
    tiny_bert, tiny_texts, loss, classes
):
    teacher, student = tiny_bert(num_labels=classes), truncate(tiny_bert(seed=1, num_labels=classes), 2)
    inputs = tiny_texts().batch(range(6))
    labels = torch.arange(6) / 2 if classes == 1 else torch.arange(6) % 3
    with torch.no_grad():
        ours, theirs = student(**inputs).logits, teacher(**inputs).logits
    (logits, gold), (other, _) = as_classes(ours, labels), as_classes(theirs, labels)
    objective = LogitLoss(loss, 0.3)
    given = {**inputs, "labels": labels} | {name: theirs for name in objective.needs}
    torch.testing.assert_close(objective(student, given), by_hand(loss, logits, other, gold))
    objective(student, given)
    assert objective.curve == [cross_entropy(logits, gold).item()] * 2


def test_an_objective_needs_a_teacher_unless_it_is_cross_entropy_and_knows_no_other_loss():
    assert LogitLoss("cross_entropy", 0.5).needs == ()
    for loss in ("kl", "taylor", "squares"):
        assert LogitLoss(loss, 0.5).needs == ("teacher_logits",)
    message = "unknown loss 'hinge': choose one of cross_entropy, kl, taylor, squares"
    with pytest.raises(BadInput, match=f"^{message}$"):
        LogitLoss("hinge", 0.5)
