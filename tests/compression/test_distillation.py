"""The distillation loss: by hand, against torch on plain probabilities, and where its gradient goes."""

import math
import re
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bert_compression.compression import (
    Distillation,
    GeneralDistillation,
    MaskedDistillation,
    MaskedWordStudent,
    PatientDistillation,
    RelationDistillation,
    StatesAndLogits,
    corrected_squares_loss,
    kl_loss,
    taylor_loss,
)
from bert_compression.errors import BadInput


def draw(classes: int = 3, examples: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, examples, classes, generator=random)
    return student.requires_grad_(), teacher.requires_grad_()


# kl_loss


def test_one_example_by_hand():
    # The teacher says (3/4, 1/4), the student (1/2, 1/2): KL = 3/4 ln 3/2 + 1/4 ln 1/2.
    student, teacher = torch.zeros(1, 2), torch.tensor([[math.log(3), 0.0]])
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert kl_loss(student, teacher).item() == pytest.approx(divergence, rel=1e-6)
    the_other_way = 0.5 * math.log(2 / 3) + 0.5 * math.log(2)
    assert kl_loss(teacher, student).item() == pytest.approx(the_other_way, rel=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 10.0])
def test_the_loss_is_torchs_divergence_of_plain_probabilities(temperature):
    student, teacher = draw()
    q, p = ((logits / temperature).softmax(-1) for logits in (student, teacher))
    expected = temperature**2 * F.kl_div(q.log(), p, reduction="batchmean")
    torch.testing.assert_close(kl_loss(student, teacher, temperature), expected)
    by_formula = temperature**2 * (p * (p / q).log()).sum(1).mean()
    torch.testing.assert_close(kl_loss(student, teacher, temperature), by_formula)


def test_the_loss_is_zero_where_both_agree_and_positive_elsewhere():
    student, teacher = draw()
    assert kl_loss(teacher, teacher).item() == pytest.approx(0, abs=1e-7)
    assert kl_loss(teacher + 5, teacher).item() == pytest.approx(0, abs=1e-6)  # the same distribution
    assert kl_loss(student, teacher).item() > 0.1


def test_the_factor_of_temperature_squared_keeps_the_size_of_the_gradient():
    student, teacher = draw()
    softened = kl_loss(student / 4, teacher / 4)
    torch.testing.assert_close(kl_loss(student, teacher, temperature=4.0), 16 * softened)
    norms = [
        torch.autograd.grad(kl_loss(student, teacher, temperature), student)[0].norm().item()
        for temperature in (10.0, 100.0)
    ]
    assert norms[0] == pytest.approx(norms[1], rel=0.1)


def test_reductions_differ_by_the_numbers_of_classes_and_examples():
    student, teacher = draw(classes=3, examples=8)
    batchmean, mean, total = (
        kl_loss(student, teacher, 2.0, reduction) for reduction in ("batchmean", "mean", "sum")
    )
    torch.testing.assert_close(batchmean, 3 * mean)
    torch.testing.assert_close(total, 8 * batchmean)


def test_the_gradient_reaches_the_student_and_not_the_teacher():
    student, teacher = draw()
    kl_loss(student, teacher, 2.0).backward()
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None
    # T (softmax(student / T) - softmax(teacher / T)), averaged over the batch: Hinton et al. 2015, eq. 2.
    expected = 2 * ((student / 2).softmax(-1) - (teacher / 2).softmax(-1)) / len(student)
    torch.testing.assert_close(student.grad, expected.detach())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (torch.zeros(2, 3), torch.zeros(2, 2)),
            "student and teacher must give logits of the same shape (batch, classes), not (2, 3) and (2, 2)",
        ),
        (
            (torch.zeros(3), torch.zeros(3)),
            "student and teacher must give logits of the same shape (batch, classes), not (3,) and (3,)",
        ),
        ((torch.zeros(1, 2), torch.zeros(1, 2), 0.0), "temperature must be positive, not 0.0"),
        ((torch.zeros(1, 2), torch.zeros(1, 2), math.nan), "temperature must be a finite number, not nan"),
        (
            (torch.zeros(1, 2), torch.zeros(1, 2), 1.0, "none"),
            "unknown reduction 'none': choose one of batchmean, mean, sum",
        ),
    ],
)
def test_what_has_no_divergence_is_refused(arguments, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        kl_loss(*arguments)


# The objective


INPUTS = ["input_ids", "token_type_ids", "attention_mask"]


class Student(nn.Module):
    """Answers with fixed logits and keeps what it was asked."""

    def __init__(self, logits: torch.Tensor):
        super().__init__()
        self.logits = nn.Parameter(logits.detach())

    def forward(self, **inputs):
        self.asked = inputs
        return SimpleNamespace(logits=self.logits)


def batch(teacher: torch.Tensor) -> dict[str, torch.Tensor]:
    labels = torch.arange(len(teacher)) % teacher.shape[1]
    inputs = {name: torch.ones(len(teacher), 4) for name in INPUTS}
    return {**inputs, "labels": labels, "teacher_logits": teacher}


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_alpha_mixes_the_teacher_with_the_labels(alpha):
    logits, teacher = draw()
    student, given = Student(logits), batch(teacher)
    expected = alpha * kl_loss(student.logits, teacher, 4.0)
    expected = expected + (1 - alpha) * F.cross_entropy(student.logits, given["labels"])
    torch.testing.assert_close(Distillation(temperature=4.0, alpha=alpha)(student, given), expected)


def test_pure_distillation_looks_at_no_label_and_a_mixture_does():
    logits, teacher = draw()
    student, given = Student(logits), batch(teacher)
    other = {**given, "labels": (given["labels"] + 1) % 3}
    assert torch.equal(Distillation(alpha=1.0)(student, given), Distillation(alpha=1.0)(student, other))
    assert not torch.equal(Distillation(alpha=0.5)(student, given), Distillation(alpha=0.5)(student, other))
    nobody = {**given, "teacher_logits": teacher + torch.tensor([1.0, 0.0, 0.0])}
    assert not torch.equal(Distillation(alpha=1.0)(student, given), Distillation(alpha=1.0)(student, nobody))


def test_the_student_sees_the_inputs_alone_and_learns_while_the_teacher_does_not():
    logits, teacher = draw()
    student, given = Student(logits), batch(teacher)
    Distillation(temperature=2.0, alpha=0.5)(student, given).backward()
    assert list(student.asked) == INPUTS
    assert student.logits.grad.abs().sum() > 0 and teacher.grad is None
    assert Distillation().needs == ("teacher_logits",)
    agreed = Student(teacher)
    Distillation(temperature=2.0, alpha=1.0)(agreed, given).backward()
    assert agreed.logits.grad.abs().max() < 1e-6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0.0}, "temperature must be positive, not 0.0"),
        ({"alpha": 1.5}, "alpha must lie between 0 and 1, not 1.5"),
        ({"alpha": -0.1}, "alpha must lie between 0 and 1, not -0.1"),
    ],
)
def test_an_objective_with_impossible_settings_is_refused(settings, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        Distillation(**settings)
    assert Distillation().alpha == 1.0


# Teachers that do not fit


TEACHERS = {
    "patience": PatientDistillation,
    "general": GeneralDistillation,
    "relations": lambda teacher: RelationDistillation(teacher, relation_heads=4),
    "stages": StatesAndLogits,
    "logits": lambda teacher: StatesAndLogits(teacher, states=False),
    "masked words": lambda teacher: MaskedDistillation(teacher, mask_id=4, special_ids=[0]),
}


@pytest.mark.parametrize("words", [50, 200])
@pytest.mark.parametrize("name", TEACHERS)
def test_a_teacher_of_another_vocabulary_is_refused(tiny_bert, tiny_texts, name, words):
    batch = {**tiny_texts().batch(range(6)), "labels": torch.zeros(6, dtype=torch.long)}
    batch["teacher_logits"] = torch.zeros(6, 2)
    student = MaskedWordStudent(tiny_bert()) if name == "masked words" else tiny_bert()
    message = f"^the teacher's vocabulary has {words} entries and the student's 100: "
    with pytest.raises(BadInput, match=message):
        TEACHERS[name](tiny_bert(vocab_size=words))(student, batch)
    assert TEACHERS[name](tiny_bert(1))(student, batch) > 0


@pytest.mark.parametrize(
    "loss",
    [
        kl_loss,
        lambda one, other: taylor_loss(one, other, torch.zeros(3, dtype=torch.long)),
        lambda one, other: corrected_squares_loss(one, other, torch.zeros(3, dtype=torch.long)),
    ],
    ids=["kl", "taylor", "squares"],
)
def test_one_logit_is_no_distribution_to_learn_from(loss):
    with pytest.raises(BadInput, match=r"^one logit an example is no distribution over classes"):
        loss(torch.randn(3, 1), torch.randn(3, 1))
    assert loss(torch.randn(3, 2), torch.randn(3, 2)).isfinite()


NAMED = {"id2label": {0: "no", 1: "yes"}, "label2id": {"no": 0, "yes": 1}}
TURNED = {"id2label": {0: "yes", 1: "no"}, "label2id": {"yes": 0, "no": 1}}


@pytest.mark.parametrize("name", ["patience", "stages", "logits"])
def test_a_teacher_whose_classes_have_another_order_is_refused(tiny_bert, tiny_texts, name):
    batch = {**tiny_texts().batch(range(6)), "labels": torch.zeros(6, dtype=torch.long)}
    batch["teacher_logits"] = torch.zeros(6, 2)
    with pytest.raises(BadInput, match=r"^the teacher's classes are \['yes', 'no'\] and "):
        TEACHERS[name](tiny_bert(**TURNED))(tiny_bert(**NAMED), batch)
    for other in (NAMED, {}):  # the same names, or none
        assert TEACHERS[name](tiny_bert(1, **other))(tiny_bert(**NAMED), batch) > 0
    assert GeneralDistillation(tiny_bert(1, **TURNED))(tiny_bert(**NAMED), batch) > 0  # which reads no head
