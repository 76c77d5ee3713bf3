"""Fit the activation ranges of a fake-quantized model to training examples."""

import torch

from bert_compression.compression.quantization import calibrate
from bert_compression.compression.storage import save_model
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.tasks.batching import shuffled_batches


def run(work: Work) -> Outcome:
    model, encoded = work.input_model(), work.encoded()
    order = torch.Generator().manual_seed(work.params["seed"])
    chunks = shuffled_batches(encoded.lengths, 32, order)

    def batches():
        for done, indices in enumerate(chunks, start=1):
            yield encoded.batch(indices)
            work.progress(done, len(chunks))

    save_model(calibrate(model, batches()), work.folder)
    return Outcome({"batches": len(chunks)})


def passes(params: dict, rows: int) -> int:
    return rows
