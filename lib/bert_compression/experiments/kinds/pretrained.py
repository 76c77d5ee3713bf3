"""The pretrained encoder with a fresh classification head."""

from bert_compression.compression.storage import save_model
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.models import load_encoder


def run(work: Work) -> Outcome:
    model = load_encoder(work.params["encoder"], work.params["labels"], work.params["seed"])
    save_model(model, work.folder)
    return Outcome({"parameters": sum(p.numel() for p in model.parameters())})


def passes(params: dict, rows: int) -> int:
    return 0
