"""Training with gold labels: the teacher, quantization-aware training, and fine-tuning after compression."""

from bert_compression.compression.storage import save_model
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.kinds.training import train_as_told
from bert_compression.training import CrossEntropy, SpanCrossEntropy


def run(work: Work) -> Outcome:
    model = work.input_model()
    objective = SpanCrossEntropy() if work.task.spans else CrossEntropy()
    metrics = train_as_told(work, model, objective)  # type: ignore[arg-type]
    save_model(model, work.folder)
    return Outcome(metrics)


def passes(params: dict, rows: int) -> int:
    return 3 * params["epochs"] * rows
