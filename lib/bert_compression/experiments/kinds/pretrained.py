"""The pretrained encoder under a fresh head: for classes, for grades, or for spans."""

from bert_compression.compression.storage import save_model
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.models import load_encoder, load_reader


def run(work: Work) -> Outcome:
    encoder, seed = work.params["encoder"], work.params["seed"]
    spans = work.task.spans
    model = load_reader(encoder, seed) if spans else load_encoder(encoder, work.params["labels"], seed)
    save_model(model, work.folder)
    return Outcome({"parameters": sum(p.numel() for p in model.parameters())})


def passes(params: dict, rows: int) -> int:
    return 0
