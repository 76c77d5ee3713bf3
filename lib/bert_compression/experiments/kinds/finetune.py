"""Training with gold labels: the teacher, quantization-aware training, and fine-tuning after compression."""

from typing import TYPE_CHECKING

from bert_compression.compression.storage import save_model
from bert_compression.devices import has_bf16
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.training import CrossEntropy, TrainingSettings, train

if TYPE_CHECKING:
    from bert_compression.training import TrainingResult


def run(work: Work) -> Outcome:
    model = work.input_model()
    settings = training_settings(work.params)
    result = train(
        model,
        work.encoded(),
        list(work.examples.labels),
        CrossEntropy(),  # type: ignore[arg-type]
        settings,
        progress=work.progress,
    )
    save_model(model, work.folder)
    return Outcome(training_metrics(work, settings, result))


def passes(params: dict, rows: int) -> int:
    return 3 * params["epochs"] * rows


def training_settings(params: dict) -> TrainingSettings:
    """The settings that a training job's parameters name; precision "auto" is bf16 where it pays."""
    return TrainingSettings(
        epochs=params["epochs"],
        batch_size=params["batch_size"],
        learning_rate=params["learning_rate"],
        warmup=params["warmup"],
        bf16=params["precision"] == "auto" and has_bf16(),
        seed=params["seed"],
    )


def training_metrics(work: Work, settings: TrainingSettings, result: "TrainingResult") -> dict[str, float]:
    """What a record keeps of a training."""
    return {
        "steps": result.steps,
        "epochs": settings.epochs,
        "train_examples": len(work.examples),
        "final_loss": result.final_loss,
        "bf16": int(settings.bf16),
    }
