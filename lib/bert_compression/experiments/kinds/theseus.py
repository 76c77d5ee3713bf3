"""Training by replacement, with gold labels or with the teacher's distribution; the student is kept."""

from bert_compression.compression.distillation import Distillation
from bert_compression.compression.storage import save_model
from bert_compression.compression.theseus import Replacing, replace_modules, successor
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.kinds.distill import teacher_logits
from bert_compression.experiments.kinds.training import train_as_told
from bert_compression.training import CrossEntropy


def run(work: Work) -> Outcome:
    predecessor, params = work.input_model(), work.params
    layers = round(predecessor.config.num_hidden_layers * params["keep"])
    with_teacher = "teacher_logits" in work.inputs
    inner = Distillation(params["temperature"], params["alpha"]) if with_teacher else CrossEntropy()
    objective = Replacing(inner, params["k"], params["b"])
    theseus = replace_modules(predecessor, layers)
    extras = teacher_logits(work) if with_teacher else None
    metrics = train_as_told(work, theseus, objective, extras)  # type: ignore[arg-type]
    save_model(successor(theseus), work.folder)
    alone = max(0.0, metrics["steps"] - (1 - params["b"]) / params["k"])
    return Outcome({**metrics, "layers": layers, "steps_successor_alone": round(alone)})


def passes(params: dict, rows: int) -> int:
    return 3 * params["epochs"] * rows
