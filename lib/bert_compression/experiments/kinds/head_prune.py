"""Cut out the heads that the loss feels least, without training afterwards."""

import torch

from bert_compression.compression.pruning import head_importance, least_important_heads, prune_heads
from bert_compression.compression.storage import save_model
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.tasks.batching import sorted_batches


def run(work: Work) -> Outcome:
    model = work.input_model()
    encoded, labels = work.encoded(), torch.tensor(work.examples.labels)
    chunks = sorted_batches(encoded.lengths, 32)

    def batches():
        for done, indices in enumerate(chunks, start=1):
            yield {**encoded.batch(indices), "labels": labels[indices]}
            work.progress(done, len(chunks))

    heads = least_important_heads(head_importance(model, batches()), work.params["share"])
    save_model(prune_heads(model, heads), work.folder)
    return Outcome({"heads_pruned": sum(map(len, heads.values()))})


def passes(params: dict, rows: int) -> int:
    return 3 * rows
