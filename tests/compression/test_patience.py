"""Patient distillation: the loss by hand, which layer follows which, and the three parts of the objective."""

import re

import pytest
import torch
from torch.nn import functional as F

from bert_compression.compression import PatientDistillation, paired_layers, patience_loss, truncate
from bert_compression.errors import BadInput

SETTINGS = {"temperature": 4.0, "alpha": 0.7, "beta": 5.0}


def draw(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, *shape, generator=random)
    return student.requires_grad_(), teacher.requires_grad_()


# The loss


def test_two_states_by_hand():
    # (3, 4) points along (0.6, 0.8) and (0, -2) along (0, -1): squares of (0.6, 0) and of (0, 0.8).
    student = torch.tensor([[3.0, 4.0], [0.0, -2.0]])
    teacher = torch.tensor([[0.0, 0.8], [0.6, -0.8]])
    # (0, 0.8) points along (0, 1), (0.6, -0.8) is of length one.
    first, second = 0.6**2 + 0.2**2, 0.6**2 + 0.2**2
    assert patience_loss(student, teacher).item() == pytest.approx((first + second) / 4, rel=1e-6)


def test_the_loss_is_the_cosine_distance_spread_over_the_hidden_units():
    """Second route: |u - v|^2 = 2 - 2 cos(u, v) for vectors of length one."""
    student, teacher = draw(5, 8, 32)
    cosine = F.cosine_similarity(student, teacher, dim=-1)
    torch.testing.assert_close(patience_loss(student, teacher), (2 - 2 * cosine).mean() / 32)


def test_the_paper_sums_over_hidden_units_and_layers_where_the_code_averages():
    """Equation 7: the sum over layers of squared distances, averaged over the examples."""
    student, teacher = draw(5, 8, 32)
    apart = F.normalize(student, dim=-1) - F.normalize(teacher, dim=-1)
    equation_7 = apart.square().sum(-1).mean(1).sum()
    torch.testing.assert_close(equation_7, patience_loss(student, teacher) * 32 * 5)


def test_the_length_of_a_state_does_not_matter_and_its_direction_does():
    student, teacher = draw(5, 8, 32)
    loss = patience_loss(student, teacher)
    stretched = torch.linspace(0.1, 9, 8).reshape(8, 1)
    torch.testing.assert_close(patience_loss(3 * student, stretched * teacher), loss)
    assert patience_loss(-student, teacher).item() != pytest.approx(loss.item(), rel=1e-2)


def test_the_loss_is_zero_where_directions_agree_and_largest_where_they_are_opposed():
    _, teacher = draw(5, 8, 32)
    assert patience_loss(2 * teacher, teacher).item() == pytest.approx(0, abs=1e-12)
    assert patience_loss(-teacher, teacher).item() == pytest.approx(4 / 32, rel=1e-6)


def test_the_gradient_reaches_the_student_and_not_the_teacher():
    student, teacher = draw(2, 3, 4)
    patience_loss(student, teacher).backward()
    assert teacher.grad is None and student.grad.abs().sum() > 0
    # Along the state itself nothing changes, so the gradient stands at right angles to it.
    assert (student.grad * student).sum(-1).abs().max() < 1e-7
    small = 1e-3 * torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1))
    there, back = (patience_loss(student.detach() + sign * small, teacher) for sign in (1, -1))
    assert (there - back).item() == pytest.approx(2 * (student.grad * small).sum().item(), rel=1e-2)


def test_states_of_other_shapes_are_refused():
    message = (
        "patient distillation needs equally wide models and as many states of both, not the shapes "
        "(2, 3, 4) and (2, 3, 8)"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        patience_loss(torch.ones(2, 3, 4), torch.ones(2, 3, 8))


# Which layer follows which


@pytest.mark.parametrize(
    ("student", "teacher", "strategy", "followed"),
    [
        (6, 12, "skip", [2, 4, 6, 8, 10]),  # Sun et al. 2019, section 3.2
        (6, 12, "last", [7, 8, 9, 10, 11]),
        (3, 6, "skip", [2, 4]),
        (3, 6, "last", [4, 5]),
        (3, 12, "skip", [4, 8]),
        (3, 12, "last", [10, 11]),
        (6, 6, "skip", [1, 2, 3, 4, 5]),
        (1, 12, "skip", []),
        (5, 12, "skip", [2, 5, 7, 10]),
        (5, 12, "last", [8, 9, 10, 11]),
        (4, 6, "skip", [2, 3, 5]),
    ],
)
def test_the_layers_below_the_last_are_paired_as_the_paper_says(student, teacher, strategy, followed):
    assert paired_layers(student, teacher, strategy) == list(zip(range(1, student), followed, strict=True))


def test_a_layer_map_takes_the_place_of_the_strategy():
    # From 0 in the map, as layers are kept; from 1 in the pairs, as hidden states are counted.
    assert paired_layers(3, 12, layer_map=[2, 6, 11]) == [(1, 3), (2, 7)]
    assert paired_layers(3, 12, "last", [2, 6, 11]) == [(1, 3), (2, 7)]
    assert paired_layers(6, 12, layer_map=[1, 3, 5, 7, 9, 11]) == paired_layers(6, 12, "skip")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((6, 12, "first"), "unknown strategy 'first': choose one of skip, last"),
        ((3, 12, "skip", [1, 3]), "a layer map has an entry for each of the student's 3 layers, not 2"),
        ((2, 12, "skip", [1, 12]), "the teacher has the layers 0 to 11, not all of [1, 12]"),
        ((2, 12, "skip", [-1, 3]), "the teacher has the layers 0 to 11, not all of [-1, 3]"),
        ((3, 12, "skip", [1, 5, 1]), "a layer map names no layer of the teacher twice, as [1, 5, 1] does"),
        ((0, 12, "skip"), "12 layers of the teacher cannot be spread over 0 of the student"),
        ((12, 6, "last"), "6 layers of the teacher cannot be spread over 12 of the student"),
    ],
)
def test_what_cannot_be_paired_is_refused(arguments, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        paired_layers(*arguments)


# The objective


@pytest.fixture
def given(tiny_bert, tiny_texts):
    """A student of two layers, its teacher of four, and a batch with the teacher's logits."""
    teacher = tiny_bert(num_labels=3)
    student = truncate(tiny_bert(seed=1, num_labels=3), 2)
    batch = tiny_texts().batch(range(6))
    with torch.no_grad():
        logits = teacher(**batch).logits
    return student, teacher, {**batch, "labels": torch.arange(6) % 3, "teacher_logits": logits}


@pytest.mark.parametrize(
    ("choice", "followed"), [({"strategy": "skip"}, 2), ({"strategy": "last"}, 3), ({"layer_map": [0, 3]}, 1)]
)
def test_the_objective_is_its_three_parts_by_hand(given, choice, followed):
    student, teacher, batch = given
    loss = PatientDistillation(teacher, **SETTINGS, **choice)(student, batch)

    inputs = {name: batch[name] for name in ("input_ids", "token_type_ids", "attention_mask")}
    ours, theirs = (model(**inputs, output_hidden_states=True) for model in (student, teacher))
    labels = F.cross_entropy(ours.logits, batch["labels"])
    p, q = ((logits / 4).softmax(-1) for logits in (theirs.logits, ours.logits))
    divergence = 16 * (p * (p / q).log()).mean()  # over examples and classes
    u, v = (
        F.normalize(x, dim=-1) for x in (ours.hidden_states[1][:, 0], theirs.hidden_states[followed][:, 0])
    )
    patience = (u - v).square().mean()
    torch.testing.assert_close(loss, 0.3 * labels + 0.7 * divergence + 5 * patience)
    assert min(0.3 * labels, 0.7 * divergence, 5 * patience) > 0.01 * loss  # else the sum would say little


def test_each_weight_weighs_its_own_part(given):
    student, teacher, batch = given
    other = {**batch, "labels": (batch["labels"] + 1) % 3}

    def loss(batch=batch, **changes):
        return PatientDistillation(teacher, **{**SETTINGS, **changes})(student, batch).item()

    assert loss(alpha=1.0) == loss(other, alpha=1.0)  # no label is looked at
    assert loss(alpha=0.0, beta=0.0) == loss(
        {**batch, "teacher_logits": -batch["teacher_logits"]}, alpha=0.0, beta=0.0
    )
    assert loss(beta=10.0) - loss(beta=5.0) == pytest.approx(loss(beta=5.0) - loss(beta=0.0), rel=1e-4)
    assert loss(alpha=0.0, beta=0.0) != pytest.approx(loss(other, alpha=0.0, beta=0.0), rel=1e-3)


def test_the_student_learns_and_the_teacher_does_not(given):
    student, teacher, batch = given
    assert PatientDistillation(teacher).needs == ("teacher_logits",)
    PatientDistillation(teacher.train(), **SETTINGS)(student, batch).backward()
    assert not teacher.training  # without dropout
    assert all(p.grad is None for p in teacher.parameters())
    assert student.bert.encoder.layer[0].output.dense.weight.grad.abs().sum() > 0


def test_only_the_labels_are_left_to_learn_where_student_and_teacher_agree(tiny_bert, tiny_texts):
    teacher, batch = tiny_bert(), tiny_texts().batch(range(6))
    with torch.no_grad():
        logits = teacher(**batch).logits
    batch |= {"labels": torch.arange(6) % 2, "teacher_logits": logits}
    agreed = PatientDistillation(teacher, **{**SETTINGS, "alpha": 1.0})(tiny_bert(), batch)
    assert agreed.item() == pytest.approx(0, abs=1e-6)
    agreed.backward()
    with_labels = PatientDistillation(teacher, **SETTINGS)(tiny_bert(), batch)
    torch.testing.assert_close(with_labels, 0.3 * F.cross_entropy(logits, batch["labels"]))


def test_padding_and_company_change_nothing(given):
    student, teacher, batch = given
    objective = PatientDistillation(teacher, **SETTINGS)
    wider = {name: F.pad(batch[name], (0, 5)) for name in ("input_ids", "token_type_ids", "attention_mask")}
    torch.testing.assert_close(objective(student, {**batch, **wider}), objective(student, batch))


def test_a_student_of_one_layer_has_no_layer_to_be_patient_with(given):
    student, teacher, batch = given
    single = truncate(student, 1)
    losses = [
        PatientDistillation(teacher, **{**SETTINGS, "beta": beta})(single, batch) for beta in (0.0, 5.0)
    ]
    assert torch.equal(*losses)


def test_models_of_different_widths_are_refused(given, tiny_bert):
    _, teacher, batch = given
    narrow = tiny_bert(hidden_size=16, num_hidden_layers=2, num_labels=3)
    with pytest.raises(BadInput, match=r"^patient distillation needs equally wide models .*\(1, 6, 16\)"):
        PatientDistillation(teacher, **SETTINGS)(narrow, batch)


def test_the_defaults_are_those_of_appendix_a(given):
    _, teacher, _ = given
    objective = PatientDistillation(teacher)
    assert (objective.alpha, objective.beta, objective.temperature) == (0.7, 500.0, 10.0)
    assert objective.strategy == "skip"
