"""Task-specific distillation: learning from a teacher's distribution over labels (Hinton et al. 2015).

A method of training is an `Objective`, which the training loop takes. Book: methods/distillation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn
from torch.nn.functional import cross_entropy, log_softmax

from bert_compression.checks import checked
from bert_compression.compression.regression import as_classes
from bert_compression.errors import BadInput, shown

HOTTEST = 1_000_000
REDUCTIONS = ("batchmean", "mean", "sum")
INPUTS = ("input_ids", "token_type_ids", "attention_mask")


class Objective(Protocol):
    """A callable (student, batch) -> scalar loss. `needs` names what each batch must hold beside the model's
    inputs and the labels, e.g. "teacher_logits"; a plain attribute, a field or a property will do."""

    @property
    def needs(self) -> tuple[str, ...]: ...

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor: ...


@checked
def model_inputs(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The model's keyword arguments: the batch without labels and without what an objective needs besides.

    A model of one type of segments, such as a RoBERTa, gets zeros for them, and one that has none, such as a
    DistilBERT, nothing. Raises BadInput for a batch that lacks what the model takes.
    """
    types = getattr(model.config, "type_vocab_size", 0) if hasattr(model, "config") else 2
    inputs = {name: held(batch, name) for name in INPUTS if types or name != "token_type_ids"}
    if types == 1:
        inputs["token_type_ids"] = torch.zeros_like(inputs["token_type_ids"])
    return inputs


def held(batch: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    """What the batch holds under that name. Raises BadInput where it holds no such thing."""
    if not isinstance(batch, Mapping):
        raise BadInput(f"a batch holds tensors by their names, and {shown(batch)} does not")
    if name not in batch:
        raise BadInput(f"a batch must hold {name!r}, and this one holds {', '.join(batch) or 'nothing'}")
    return batch[name]


def told(model: nn.Module, batch: Mapping[str, torch.Tensor], *names: str) -> list[torch.Tensor]:
    """What the model says of the batch, by name. Raises BadInput for a model that does not say it."""
    answers = model(**model_inputs(model, batch))
    for name in names:
        if getattr(answers, name, None) is None:
            raise BadInput(f"{type(model).__name__} gives no {name}: take a model for the task")
    return [getattr(answers, name) for name in names]


def ready_teacher(teacher: nn.Module, student: nn.Module, batch: Mapping[str, torch.Tensor]) -> nn.Module:
    """The teacher in evaluation mode on the batch's device, to read what the student reads. Raises BadInput
    where the vocabularies of the two differ in size: the same token ids would be other words."""
    ours, theirs = (_words(model) for model in (student, teacher))
    if None not in (ours, theirs) and ours != theirs:
        raise BadInput(
            f"the teacher's vocabulary has {theirs} entries and the student's {ours}: the teacher reads the "
            "student's token ids, so take two models of one vocabulary"
        )
    return teacher.to(held(batch, "input_ids").device).eval()


def label_names(model: nn.Module) -> list[str] | None:
    """What the model calls its classes, in their order; None where transformers has numbered them."""
    names = list((getattr(getattr(model, "config", None), "id2label", None) or {}).values())
    numbered = all(str(name).startswith("LABEL_") for name in names)
    return None if numbered else [str(name) for name in names]


def check_same_labels(teacher: nn.Module, student: nn.Module) -> None:
    """Raises BadInput where both have names for their classes, and others or in another order."""
    ours, theirs = label_names(student), label_names(teacher)
    if None not in (ours, theirs) and ours != theirs:
        raise BadInput(
            f"the teacher's classes are {shown(theirs)} and the student's {shown(ours)}: give both the same "
            "names in the same order"
        )


def _words(model: nn.Module) -> int | None:
    return getattr(getattr(model, "config", None), "vocab_size", None)


@checked
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
    check_logits(student_logits, teacher_logits)
    check_temperature(temperature)
    if reduction not in REDUCTIONS:
        raise BadInput(f"unknown reduction {shown(reduction)}: choose one of {', '.join(REDUCTIONS)}")
    student = log_softmax(student_logits.float() / temperature, dim=-1)
    teacher = log_softmax(teacher_logits.detach().float() / temperature, dim=-1)
    # torch announces that its "mean" will turn into "batchmean": so the division by the classes is ours.
    whole = "sum" if reduction == "sum" else "batchmean"
    divergence = nn.functional.kl_div(student, teacher, reduction=whole, log_target=True)
    return temperature**2 * (divergence / student.shape[1] if reduction == "mean" else divergence)


def check_temperature(temperature: float) -> None:
    """Raises BadInput for a temperature that is not positive, or so high that its square is no number."""
    if not 0 < temperature <= HOTTEST:
        must = "positive" if temperature <= 0 else f"at most {HOTTEST:,}"
        raise BadInput(f"temperature must be {must}, not {shown(temperature)}")


def check_logits(student_logits: torch.Tensor, teacher_logits: torch.Tensor) -> None:
    """Raises BadInput for logits of other shapes than one (batch, classes), no text, or fewer than two
    classes: of a single one the probability is always 1, and nothing can be learnt from it."""
    shapes = tuple(student_logits.shape), tuple(teacher_logits.shape)
    if shapes[0] != shapes[1] or len(shapes[0]) != 2 or not shapes[0][0]:
        raise BadInput(
            "student and teacher must give logits of the same shape (batch, classes), not "
            f"{shapes[0]} and {shapes[1]}"
        )
    if shapes[0][1] < 2:
        raise BadInput(
            "one logit an example is no distribution over classes: pass regression targets through as_classes"
        )


@checked
@dataclass(frozen=True)
class Distillation:
    """The objective alpha * kl_loss + (1 - alpha) * cross-entropy, for the training loop.

    alpha = 1 is the paper's "Pure KD" (Xu et al. 2021, appendix A). Needs the teacher's logits in each batch.
    """

    temperature: float = 10.0
    alpha: float = 1.0

    def __post_init__(self):
        check_temperature(self.temperature)
        if not 0 <= self.alpha <= 1:
            raise BadInput(f"alpha must lie between 0 and 1, not {self.alpha!r}")

    @property
    def needs(self) -> tuple[str, ...]:
        return ("teacher_logits",)

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        (logits,) = told(student, batch, "logits")
        loss = self.alpha * kl_loss(logits, held(batch, "teacher_logits"), self.temperature)
        if self.alpha < 1:
            loss = loss + (1 - self.alpha) * cross_entropy(*as_classes(logits.float(), held(batch, "labels")))
        return loss
