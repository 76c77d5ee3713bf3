"""Training with the teacher's distribution in the place of gold labels; its logits were computed once."""

import numpy as np
import torch

from bert_compression.compression.distillation import Distillation
from bert_compression.compression.storage import save_model
from bert_compression.errors import Failure
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.kinds.training import train_as_told


def run(work: Work) -> Outcome:
    student = work.input_model()
    objective = Distillation(work.params["temperature"], work.params["alpha"])
    metrics = train_as_told(work, student, objective, teacher_logits(work))  # type: ignore[arg-type]
    save_model(student, work.folder)
    return Outcome(metrics)


def passes(params: dict, rows: int) -> int:
    return 3 * params["epochs"] * rows


def teacher_logits(work: Work) -> dict[str, torch.Tensor]:
    """The teacher's logits for every training example, as the training loop takes them.

    Raises Failure for a teacher that was never fine-tuned: the commonest silent failure of distillation.
    """
    logits, labels = work.input_logits("teacher_logits"), np.array(work.examples.labels)
    right = float((logits.argmax(axis=1) == labels).mean())
    majority = float(np.bincount(labels).max() / len(labels))
    if right <= majority:
        raise Failure(
            f"the teacher is right on {right:.1%} of the training examples, no more than always giving the "
            f"commonest label ({majority:.1%}): fine-tune it before distilling"
        )
    return {"teacher_logits": torch.from_numpy(logits)}
