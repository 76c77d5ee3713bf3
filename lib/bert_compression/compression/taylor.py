"""Distillation with a Taylor term, and the squared loss of its first released code. Book: methods/taylor.

Source: Dasgupta, Cohn and Baldwin 2023, Cost-effective Distillation of Large Language Models. All losses
take the logits of student and teacher, (batch, classes), and as labels either class numbers (batch,) or
distributions (batch, classes); `as_classes` makes these of regression targets. They give the mean over the
batch, and the teacher gets no gradient.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax, one_hot

from bert_compression.checks import checked, in_range
from bert_compression.compression.distillation import check_logits, check_temperature, held, kl_loss, told
from bert_compression.compression.regression import as_classes
from bert_compression.errors import BadInput, shown

LEAST = 1e-6  # what the squared loss divides by is no smaller


@checked
def taylor_loss(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    labels: torch.Tensor,
    lambda_: float = 0.5,
    temperature: float = 1.0,
) -> torch.Tensor:
    """lambda CE(y, f) + (1 - lambda) (KL(p || f) + <y - p, -log f>), exactly as printed (equations 8 and 9).

    p is the teacher's distribution and f the student's, in the second part both at `temperature` (the
    paper's is 1). The whole equals lambda CE(y, f) + (1 - lambda) (CE(y, f at that temperature) - H(p)): of
    the teacher nothing is left but its entropy, which has no gradient.

    Raises BadInput for different shapes, a lambda outside [0, 1], a temperature that is not positive, or
    labels that are neither class numbers nor distributions.
    """
    student, teacher, gold = _checked(student_logits, teacher_logits, labels)
    if not 0 <= lambda_ <= 1:
        raise BadInput(f"lambda must lie between 0 and 1, not {lambda_!r}")
    check_temperature(temperature)
    log_p, log_f = log_softmax(teacher / temperature, dim=-1), log_softmax(student / temperature, dim=-1)
    divergence = kl_div(log_f, log_p, reduction="batchmean", log_target=True)
    taylor_term = -((gold - log_p.exp()) * log_f).sum(dim=-1).mean()
    return lambda_ * cross_entropy(student, gold) + (1 - lambda_) * (divergence + taylor_term)


@checked
def corrected_squares_loss(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    labels: torch.Tensor,
    alpha: float = 0.5,
) -> torch.Tensor:
    """(1 - alpha) CE(y, f) + alpha * mean of p (z_s - z_t - (y / p - 1))^2 over batch and classes.

    The squared distance of the logits z, corrected by how far the teacher's distribution p is from the
    label, as in the first version of the released code, there with alpha 0.5; after Dao et al. 2021,
    Knowledge Distillation as Semiparametric Inference. Unlike `taylor_loss` it depends on the teacher. p
    counts as no less than 1e-6.

    Raises BadInput as `taylor_loss` does, and for an alpha outside [0, 1].
    """
    student, teacher, gold = _checked(student_logits, teacher_logits, labels)
    if not 0 <= alpha <= 1:
        raise BadInput(f"alpha must lie between 0 and 1, not {alpha!r}")
    p = teacher.softmax(dim=-1).clamp_min(LEAST)
    squares = p * (student - teacher - (gold / p - 1)) ** 2
    return (1 - alpha) * cross_entropy(student, gold) + alpha * squares.mean()


@checked
class LogitLoss:
    """The objective `loss` on logits, weighed against cross-entropy: `lambda_` is the share of the latter.

    - "cross_entropy": nothing but that; no teacher;
    - "kl": (1 - lambda) KL(teacher || student), as `kl_loss` at temperature 1;
    - "taylor": `taylor_loss`;
    - "squares": `corrected_squares_loss` with alpha = 1 - lambda.

    Classes and regression targets both serve for labels. `curve` keeps the cross-entropy of each step,
    whatever the loss, so that losses can be compared. Raises BadInput for another loss.
    """

    def __init__(self, loss: str, lambda_: float):
        losses: dict[str, Callable | None] = {
            "cross_entropy": None,
            "kl": self._mixed_kl,
            "taylor": partial(taylor_loss, lambda_=lambda_),
            "squares": partial(corrected_squares_loss, alpha=1 - lambda_),
        }
        if loss not in losses:
            raise BadInput(f"unknown loss {shown(loss)}: choose one of {', '.join(losses)}")
        in_range(lambda_, "lambda_", 0, 1)
        self.curve: list[float] = []
        self._lambda, self._loss = lambda_, losses[loss]

    @property
    def needs(self) -> tuple[str, ...]:
        return ("teacher_logits",) if self._loss else ()

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        (answers,) = told(student, batch, "logits")
        logits, gold = as_classes(answers.float(), held(batch, "labels"))
        plain = cross_entropy(logits, gold)
        self.curve.append(plain.item())
        if not self._loss:
            return plain
        teacher, _ = as_classes(held(batch, "teacher_logits"), held(batch, "labels"))
        return self._loss(logits, teacher, gold)

    def _mixed_kl(self, student: torch.Tensor, teacher: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
        return self._lambda * cross_entropy(student, gold) + (1 - self._lambda) * kl_loss(student, teacher)


def _checked(
    student_logits: torch.Tensor, teacher_logits: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Both logits in fp32 or finer, the teacher's without gradient, and the labels as distributions."""
    check_logits(student_logits, teacher_logits)
    if labels.ndim == 1 and labels.is_floating_point():
        raise BadInput(
            "the labels are regression targets, and this loss asks for classes: pass both through as_classes"
        )
    precise = torch.promote_types(student_logits.dtype, torch.float32)
    student, teacher = student_logits.to(precise), teacher_logits.detach().to(precise)
    if labels.ndim == 1 and not ((labels >= 0) & (labels < student.shape[1])).all():
        raise BadInput(f"labels must be classes from 0 to {student.shape[1] - 1}")
    gold = labels if labels.ndim == 2 else one_hot(labels.long(), student.shape[1])
    if gold.shape != student.shape:
        raise BadInput(
            f"labels must be class numbers (batch,) or distributions {tuple(student.shape)}, "
            f"not of shape {tuple(labels.shape)}"
        )
    return student, teacher, gold.to(precise)
