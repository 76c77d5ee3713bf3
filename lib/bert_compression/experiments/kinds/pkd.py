"""Patient distillation: the teacher's distribution, its [CLS] states, and gold labels."""

from bert_compression.compression.patience import PatientDistillation
from bert_compression.compression.storage import save_model
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.kinds.distill import teacher_logits
from bert_compression.experiments.kinds.training import train_as_told


def run(work: Work) -> Outcome:
    student, params = work.input_model(), work.params
    objective = PatientDistillation(
        work.input_model("teacher"),
        params["temperature"],
        params["alpha"],
        params["beta"],
        params["strategy"],
    )
    metrics = train_as_told(work, student, objective, teacher_logits(work))  # type: ignore[arg-type]
    save_model(student, work.folder)
    return Outcome(metrics)


def passes(params: dict, rows: int) -> int:
    return 4 * params["epochs"] * rows  # the teacher reads along
