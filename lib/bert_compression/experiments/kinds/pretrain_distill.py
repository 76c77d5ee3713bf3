"""Distillation before any task: a smaller encoder learns on text alone what a pretrained one computes."""

from bert_compression.compression.layers import keep_layers, spread_layers
from bert_compression.compression.layerwise import GeneralDistillation, MaskedDistillation, MaskedWordStudent
from bert_compression.compression.storage import save_model
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.kinds.training import train_as_told
from bert_compression.models import load_tokenizer


def run(work: Work) -> Outcome:
    """The examples serve as text; their labels are not looked at."""
    teacher, params = work.input_model(), work.params
    present = teacher.config.num_hidden_layers
    layers = round(present * params["keep"])
    student = keep_layers(teacher, spread_layers(layers, present))
    if params["recipe"] == "tinybert":
        metrics = train_as_told(work, student, GeneralDistillation(teacher))  # type: ignore[arg-type]
    else:
        tokens = load_tokenizer(params["encoder"])
        objective = MaskedDistillation(teacher, tokens.mask_token_id, tuple(tokens.all_special_ids))
        metrics = train_as_told(work, MaskedWordStudent(student), objective)  # type: ignore[arg-type]
    save_model(student, work.folder)
    return Outcome({**metrics, "layers": layers})


def passes(params: dict, rows: int) -> int:
    return 4 * params["epochs"] * rows  # the teacher reads along
