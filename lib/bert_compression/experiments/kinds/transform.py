"""Kinds that make a model without training it: load, cut, prune, round."""

from collections.abc import Iterator

import torch

from bert_compression import compression
from bert_compression.compression import save_model
from bert_compression.experiments.kinds.work import Outcome, Work, kind
from bert_compression.models import as_qa_model, load_encoder, load_qa_model, renew_head
from bert_compression.tasks import shuffled_batches, sorted_batches


@kind(version=1)
def pretrained(work: Work) -> Outcome:
    """The pretrained encoder under a fresh head: for classes, for a regression target, or for spans."""
    encoder, seed = work.params["encoder"], work.params["seed"]
    spans = work.task.spans
    model = load_qa_model(encoder, seed) if spans else load_encoder(encoder, work.params["labels"], seed)
    save_model(model, work.folder)
    return Outcome({"parameters": sum(p.numel() for p in model.parameters())})


@kind(version=1)
def new_head(work: Work) -> Outcome:
    """A fresh head on an encoder that was distilled before any task, for the labels of the job's own."""
    model, seed = work.model(), work.params["seed"]
    spans = work.task.spans
    fresh = as_qa_model(model, seed) if spans else renew_head(model, seed, work.task.outputs)
    save_model(fresh, work.folder)
    return Outcome()


@kind(version=1)
def reduce_layers(work: Work) -> Outcome:
    """A model with some of its layers. `keep` is the share of the layers, counted from below, or the list of
    those that stay, counted from 0."""
    model, keep = work.model(), work.params["keep"]
    if isinstance(keep, list):
        model = compression.keep_layers(model, keep)
    else:
        model = compression.truncate(model, round(model.config.num_hidden_layers * keep))
    save_model(model, work.folder)
    return Outcome({"layers": model.config.num_hidden_layers})


@kind(version=1, passes=lambda params, rows: 3 * rows, on_processor=True)
def prune_heads(work: Work) -> Outcome:
    """Cut out the heads that the loss feels least, without training afterwards."""
    model = work.model()
    encoded, labels = work.encoded(), torch.tensor(work.examples.labels)
    chunks = sorted_batches(encoded.lengths, 32)

    def batches() -> Iterator[dict]:
        for done, indices in enumerate(chunks, start=1):
            yield {**encoded.batch(indices), "labels": labels[indices]}
            work.progress(done, len(chunks))

    importance = compression.head_importance(model, batches())
    heads = compression.least_important_heads(importance, work.params["share"])
    save_model(compression.prune_heads(model, heads), work.folder)
    return Outcome({"heads_pruned": sum(map(len, heads.values()))})


@kind(version=1)
def quantize(work: Work) -> Outcome:
    """Fewer bits for a trained or pretrained model, in one of the modes of `compression.quantize`."""
    save_model(compression.quantize_as(work.model(), work.params), work.folder)
    return Outcome()


@kind(version=1)
def requantize(work: Work) -> Outcome:
    """Other bits for a quantized model, with the weights that its training has left before rounding."""
    params = work.params
    model = compression.requantize(work.model(), params["weight_bits"], params["low_rank"])
    save_model(model, work.folder)
    return Outcome()


@kind(version=1, passes=lambda params, rows: rows, on_processor=True)
def calibrate(work: Work) -> Outcome:
    """Fit the activation ranges of a fake-quantized model to training examples."""
    model, encoded = work.model(), work.encoded()
    order = torch.Generator().manual_seed(work.params["seed"])
    chunks = shuffled_batches(encoded.lengths, 32, order)

    def batches() -> Iterator[dict]:
        for done, indices in enumerate(chunks, start=1):
            yield encoded.batch(indices)
            work.progress(done, len(chunks))

    save_model(compression.calibrate(model, batches()), work.folder)
    return Outcome({"batches": len(chunks)})
