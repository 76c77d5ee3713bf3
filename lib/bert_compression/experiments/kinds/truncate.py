"""A student from the lower layers of a model."""

from bert_compression.compression.layers import truncate
from bert_compression.compression.storage import save_model
from bert_compression.experiments.kinds.base import Outcome, Work


def run(work: Work) -> Outcome:
    model = work.input_model()
    layers = round(model.config.num_hidden_layers * work.params["keep"])
    save_model(truncate(model, layers), work.folder)
    return Outcome({"layers": layers})


def passes(params: dict, rows: int) -> int:
    return 0
