"""Training with the teacher's distribution in the place of gold labels; its logits were computed once."""

import numpy as np
import torch

from bert_compression.compression.distillation import Distillation
from bert_compression.compression.storage import save_model
from bert_compression.errors import Failure
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.kinds.finetune import training_metrics, training_settings
from bert_compression.training import train


def run(work: Work) -> Outcome:
    student = work.input_model()
    teacher_logits = work.input_logits("teacher_logits")
    labels = np.array(work.examples.labels)
    _check_teacher(teacher_logits, labels)
    settings = training_settings(work.params)
    result = train(
        student,
        work.encoded(),
        labels.tolist(),
        Distillation(work.params["temperature"], work.params["alpha"]),  # type: ignore[arg-type]
        settings,
        extras={"teacher_logits": torch.from_numpy(teacher_logits)},
        progress=work.progress,
    )
    save_model(student, work.folder)
    return Outcome(training_metrics(work, settings, result))


def passes(params: dict, rows: int) -> int:
    return 3 * params["epochs"] * rows


def _check_teacher(logits: np.ndarray, labels: np.ndarray) -> None:
    """A teacher that was never fine-tuned is the commonest silent failure of distillation."""
    right = float((logits.argmax(axis=1) == labels).mean())
    majority = float(np.bincount(labels).max() / len(labels))
    if right <= majority:
        raise Failure(
            f"the teacher is right on {right:.1%} of the training examples, no more than always giving the "
            f"commonest label ({majority:.1%}): fine-tune it before distilling"
        )
