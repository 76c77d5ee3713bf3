"""What all jobs that train have in common: settings from parameters, and what a record keeps."""

from typing import TYPE_CHECKING

from bert_compression.devices import has_bf16
from bert_compression.experiments.kinds.base import Work
from bert_compression.training import TrainingSettings, train

if TYPE_CHECKING:
    import torch
    from torch.nn import Module

    from bert_compression.training import Objective


def train_as_told(
    work: Work, model: "Module", objective: "Objective", extras: "dict[str, torch.Tensor] | None" = None
) -> dict[str, float]:
    """Train the model in place on the job's examples, as its parameters say; the metrics for its record.

    Precision "auto" is bf16 where that pays.
    """
    params = work.params
    settings = TrainingSettings(
        epochs=params["epochs"],
        batch_size=params["batch_size"],
        learning_rate=params["learning_rate"],
        warmup=params["warmup"],
        bf16=params["precision"] == "auto" and has_bf16(),
        seed=params["seed"],
    )
    encoded = work.encoded()
    result = train(model, encoded, work.targets(encoded), objective, settings, extras, work.progress)
    return {
        "steps": result.steps,
        "epochs": settings.epochs,
        "train_examples": len(work.examples),
        "final_loss": result.final_loss,
        "bf16": int(settings.bf16),
    }
