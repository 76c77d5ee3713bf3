"""Training with the Taylor loss or one to hold beside it; the teacher need not be fine-tuned."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from bert_compression.compression._inputs import model_inputs
from bert_compression.compression.distillation import kl_loss
from bert_compression.compression.grades import as_classes
from bert_compression.compression.storage import save_model
from bert_compression.compression.taylor import corrected_squares_loss, taylor_loss
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.kinds.training import train_as_told

POINTS = 50  # of a training curve: means over as many equal parts


def run(work: Work) -> Outcome:
    student, objective = work.input_model(), LogitLoss(work.params["loss"], work.params["lambda"])
    extras = {}
    if objective.needs:
        extras = {"teacher_logits": torch.from_numpy(work.input_logits("teacher_logits"))}
    metrics = train_as_told(work, student, objective, extras)  # type: ignore[arg-type]
    save_model(student, work.folder)
    parts = np.array_split(objective.curve, min(POINTS, len(objective.curve)))
    return Outcome(metrics, {"cross_entropy": [round(float(part.mean()), 5) for part in parts]})


def passes(params: dict, rows: int) -> int:
    return 3 * params["epochs"] * rows


class LogitLoss:
    """The objective `loss`, weighed against cross-entropy: lambda is the share of the latter.

    - "cross_entropy": nothing but that; no teacher;
    - "kl": (1 - lambda) KL(teacher || student), as `kl_loss` at temperature 1;
    - "taylor": `taylor_loss`;
    - "squares": `corrected_squares_loss` with alpha = 1 - lambda.

    `curve` keeps the cross-entropy of each step, whatever the loss, so that losses can be compared.
    """

    def __init__(self, loss: str, lambda_: float):
        self.needs = () if loss == "cross_entropy" else ("teacher_logits",)
        self.curve: list[float] = []
        self._lambda = lambda_
        losses: dict[str, Callable | None] = {
            "cross_entropy": None,
            "kl": self._mixed_kl,
            "taylor": partial(taylor_loss, lambda_=lambda_),
            "squares": partial(corrected_squares_loss, alpha=1 - lambda_),
        }
        self._loss = losses[loss]

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        answers = student(**model_inputs(batch)).logits.float()
        logits, gold = as_classes(answers, batch["labels"])
        plain = cross_entropy(logits, gold)
        self.curve.append(plain.item())
        if not self._loss:
            return plain
        teacher, _ = as_classes(batch["teacher_logits"], batch["labels"])
        return self._loss(logits, teacher, gold)

    def _mixed_kl(self, student: torch.Tensor, teacher: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
        return self._lambda * cross_entropy(student, gold) + (1 - self._lambda) * kl_loss(student, teacher)
