"""Patient distillation: task-specific, and the student also follows its teacher layer by layer, at [CLS].

Source: Sun et al. 2019, Patient Knowledge Distillation for BERT (BERT-PKD), section 3, and its released
code where named. Book: methods/patient_distillation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss, normalize

from bert_compression.checks import checked, in_range, one_of
from bert_compression.compression.distillation import (
    check_same_labels,
    check_temperature,
    held,
    kl_loss,
    model_inputs,
    ready_teacher,
)
from bert_compression.compression.layers import checked_layer_map, uniform_layers
from bert_compression.compression.regression import as_classes
from bert_compression.errors import BadInput

STRATEGIES = ("skip", "last")


@checked
def patience_loss(student_states: torch.Tensor, teacher_states: torch.Tensor) -> torch.Tensor:
    """How far do the student's [CLS] states point away from its teacher's? The mean squared difference of
    the states, each first scaled to length one.

    Both have the shape (..., hidden), pair by pair, such as (layers, batch, hidden). The mean is over all
    elements, hidden units included, as in the released code, to which its weight of 500 belongs; the paper's
    equation 7 sums, which is larger by hidden x layers. The teacher gets no gradient; zero where the
    directions agree. Raises BadInput for different shapes: the loss needs equally wide models.
    """
    if student_states.shape != teacher_states.shape or not student_states.numel():
        raise BadInput(
            "patient distillation needs equally wide models and as many states of both, not the shapes "
            f"{tuple(student_states.shape)} and {tuple(teacher_states.shape)}"
        )
    student = normalize(student_states.float(), dim=-1)
    return mse_loss(student, normalize(teacher_states.detach().float(), dim=-1))


@checked
def paired_layers(
    student_layers: int, teacher_layers: int, strategy: str = "skip", layer_map: Sequence[int] | None = None
) -> list[tuple[int, int]]:
    """Which layer follows which? (student, teacher) pairs, counted from 1; the student's last layer is left
    out, since what it computes is compared as logits.

    "skip" spreads the pairs over the teacher (12 to 6 layers: 2, 4, 6, 8, 10; 12 to 5: 2, 5, 7, 10, see
    `uniform_layers`), "last" takes the layers below the top (7 to 11), as the paper's PKD-skip and PKD-last
    (section 3.2). A `layer_map`, the teacher's layer for each of the student's, counted from 0 as in
    `keep_layers`, takes the place of the strategy.

    Raises BadInput for another strategy, a student without layers or with more than its teacher, and a layer
    map of another length, with a layer that is not there or with one named twice.
    """
    one_of(strategy, "strategy", STRATEGIES)
    followed = uniform_layers(student_layers, teacher_layers)
    if strategy == "last":
        followed = list(range(teacher_layers - student_layers, teacher_layers))
    if layer_map is not None:
        followed = checked_layer_map(layer_map, student_layers, teacher_layers)
    return [(layer, followed[layer - 1] + 1) for layer in range(1, student_layers)]


@checked
@dataclass(frozen=True)
class PatientDistillation:
    """The objective (1 - alpha) * cross-entropy + alpha * kl_loss + beta * patience_loss (equation 9).

    `kl_loss` with the mean over classes, too, as in the released code, to which the weights belong. The
    teacher's logits come with each batch; its hidden states are computed as the student reads. `strategy` and
    `layer_map` are those of `paired_layers`. The defaults are those of Xu et al. 2021 (appendix A).
    """

    teacher: nn.Module
    temperature: float = 10.0
    alpha: float = 0.7
    beta: float = 500.0
    strategy: str = "skip"
    layer_map: Sequence[int] | None = None

    def __post_init__(self):
        check_temperature(self.temperature)
        in_range(self.alpha, "alpha", 0, 1)
        in_range(self.beta, "beta", 0)
        one_of(self.strategy, "strategy", STRATEGIES)

    @property
    def needs(self) -> tuple[str, ...]:
        return ("teacher_logits",)

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        check_same_labels(self.teacher, student)
        teacher = ready_teacher(self.teacher, student, batch)
        output = student(**model_inputs(student, batch), output_hidden_states=True)
        with torch.no_grad():
            told = teacher(**model_inputs(teacher, batch), output_hidden_states=True)
            teacher_states = told.hidden_states
        student_layers, teacher_layers = len(output.hidden_states) - 1, len(teacher_states) - 1
        pairs = paired_layers(student_layers, teacher_layers, self.strategy, self.layer_map)
        kl = kl_loss(output.logits, held(batch, "teacher_logits"), self.temperature, reduction="mean")
        plain = cross_entropy(*as_classes(output.logits.float(), held(batch, "labels")))
        loss = (1 - self.alpha) * plain + self.alpha * kl
        if not pairs:  # a student of one layer has no layer but the last
            return loss
        ours, theirs = zip(*pairs, strict=True)
        patience = patience_loss(_cls(output.hidden_states, ours), _cls(teacher_states, theirs))
        return loss + self.beta * patience


def _cls(states: Sequence[torch.Tensor], layers: Sequence[int]) -> torch.Tensor:
    """The [CLS] states of some layers, (layers, batch, hidden)."""
    return torch.stack([states[layer][:, 0] for layer in layers])
