"""Task-specific distillation: learning from a teacher's distribution over labels (Hinton et al. 2015).

A method of training is an `Objective`, which the training loop takes. Book: methods/distillation.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn
from torch.nn.functional import cross_entropy, log_softmax

from bert_compression.errors import BadInput

REDUCTIONS = ("batchmean", "mean", "sum")
INPUTS = ("input_ids", "token_type_ids", "attention_mask")


class Objective(Protocol):
    """A callable (student, batch) -> scalar loss. `needs` names what each batch must hold beside the model's
    inputs and the labels, e.g. "teacher_logits"; a plain attribute, a field or a property will do."""

    @property
    def needs(self) -> tuple[str, ...]: ...

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor: ...


def model_inputs(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The model's keyword arguments: the batch without labels and without what an objective needs besides."""
    return {name: batch[name] for name in INPUTS}


def kl_loss(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    temperature: float = 1.0,
    reduction: str = "batchmean",
) -> torch.Tensor:
    """How far is the student's distribution from its teacher's? T^2 KL(teacher || student) at temperature T.

    Both logits have the shape (batch, classes). The factor T^2 keeps the size of the gradient as T grows
    (Hinton et al. 2015, section 2). `reduction` is named because published code differs in it: "batchmean"
    sums over classes and averages over examples, which is the divergence itself; "mean" averages over both,
    which is smaller by the number of classes (PKD, TinyBERT, XTC); "sum" adds up. The teacher gets no
    gradient. Zero where both agree.

    Raises BadInput for different shapes, a temperature that is not positive, or an unknown reduction.
    """
    if student_logits.shape != teacher_logits.shape or student_logits.ndim != 2:
        raise BadInput(
            "student and teacher must give logits of the same shape (batch, classes), not "
            f"{tuple(student_logits.shape)} and {tuple(teacher_logits.shape)}"
        )
    if not temperature > 0:
        raise BadInput(f"temperature must be positive, not {temperature!r}")
    if reduction not in REDUCTIONS:
        raise BadInput(f"unknown reduction {reduction!r}: choose one of {', '.join(REDUCTIONS)}")
    student = log_softmax(student_logits.float() / temperature, dim=-1)
    teacher = log_softmax(teacher_logits.detach().float() / temperature, dim=-1)
    # torch announces that its "mean" will turn into "batchmean": so the division by the classes is ours.
    whole = "sum" if reduction == "sum" else "batchmean"
    divergence = nn.functional.kl_div(student, teacher, reduction=whole, log_target=True)
    return temperature**2 * (divergence / student.shape[1] if reduction == "mean" else divergence)


@dataclass(frozen=True)
class Distillation:
    """The objective alpha * kl_loss + (1 - alpha) * cross-entropy, for the training loop.

    alpha = 1 is the paper's "Pure KD" (Xu et al. 2021, appendix A). Needs the teacher's logits in each batch.
    """

    temperature: float = 10.0
    alpha: float = 1.0

    def __post_init__(self):
        if not self.temperature > 0:
            raise BadInput(f"temperature must be positive, not {self.temperature!r}")
        if not 0 <= self.alpha <= 1:
            raise BadInput(f"alpha must lie between 0 and 1, not {self.alpha!r}")

    @property
    def needs(self) -> tuple[str, ...]:
        return ("teacher_logits",)

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        logits = student(**model_inputs(batch)).logits
        loss = self.alpha * kl_loss(logits, batch["teacher_logits"], self.temperature)
        if self.alpha < 1:
            loss = loss + (1 - self.alpha) * cross_entropy(logits.float(), batch["labels"])
        return loss
