"""What a difference is to be read against, and what the models cost: the same model alone and in a batch, in
less precision, with another seed; milliseconds of both in turn."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle

import numpy as np
import torch

from bert_compression.compare.answers import Answers
from bert_compression.compare.data import Dataset, Text
from bert_compression.compare.measures import (
    Measure,
    Measures,
    exact,
    loyalty_of_probabilities,
    open_mean,
    share,
    timed,
)
from bert_compression.compare.models import BATCH, Classifier
from bert_compression.devices import device_for
from bert_compression.errors import Failure
from bert_compression.metrics import label_agreements
from bert_compression.timing import in_turn, speedups, threads

TEXTS = 200  # that the floor is measured on, drawn once and for all
# A change of a probability (or a grade) that rounding does not explain: fp32 moves the sixth digit.
MOVED = 1e-3
ROUNDS = {1: 20, BATCH: 4}  # all even, so that either model is first in half of them


def noise_sample(data: Dataset) -> list[Text]:
    """At most `TEXTS` of the texts."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(data))[:TEXTS])
    return [data.texts[i] for i in chosen]


def alone_and_in_batches(side: Classifier, texts: Sequence[Text]) -> tuple[Classifier, Measures]:
    """How far do a model's answers to a text alone lie from those in batches of 32? And the model, which is
    asked one text at a time from here on where that moves them."""
    encoded = side.encoded(texts)
    alone, together = side.values(encoded, 1), side.values(encoded, BATCH)
    found = _distance(alone, together, side.regression)
    moved = found["largest_change"].value > MOVED
    return replace(side, batch_dependent=side.batch_dependent or moved), found


def in_half_precision(side: Classifier, texts: Sequence[Text]) -> Measures | None:
    """How far do a model's answers in bf16 lie from those in fp32? None where it has no such form."""
    if (
        side.batch_dependent
        or side.facts.get("compression")
        or not any(True for _ in side.model.parameters())
    ):
        return None
    encoded = side.encoded(texts)
    half = replace(side, model=copy.deepcopy(side.model).to(torch.bfloat16))
    try:
        return _distance(side.values(encoded, BATCH), half.values(encoded, BATCH), side.regression)
    except (RuntimeError, TypeError, Failure):  # an operator that knows no bf16, or overflows
        return None


def of_another_seed(teacher: Answers, other: Answers) -> Measures:
    """How far do the teacher's answers lie from those of another training of it?"""
    return _distance(teacher.values, other.values, teacher.regression)


def _distance(one: np.ndarray, other: np.ndarray, regression: bool) -> Measures:
    found = {"largest_change": exact(np.abs(one - other).max(), len(one))}
    if regression:
        return {**found, "grade_change_absolute": open_mean(np.abs(one - other)[:, 0])}
    return {
        **found,
        "label_loyalty": share(label_agreements(one.argmax(axis=1), other.argmax(axis=1))),
        "probability_loyalty": loyalty_of_probabilities(one, other),
    }


LONGEST = 2000  # characters of a text that is timed: no model here reads more


def cost(sides: Mapping[str, Classifier], texts: Sequence[Text], progress: Callable) -> Measures:
    """Milliseconds for a text alone and for a batch of 32, the tokenizer's included, over rounds in which
    either model is first as often. With both sides also how many times as fast the student is."""
    found: dict[str, Measure] = {}
    texts = [tuple(part[:LONGEST] for part in text) for text in texts]
    models = {name: side.model.to(device_for(side.model)).eval() for name, side in sides.items()}
    with threads(1), torch.inference_mode():
        for done, (size, rounds) in enumerate(ROUNDS.items(), start=1):
            runs = {name: partial(_answer, side, _batches(texts, size)) for name, side in sides.items()}
            seconds = in_turn(runs, rounds)
            for name, taken in seconds.items():
                found[f"{name}_milliseconds_batch_{size}"] = timed([1000 * each for each in taken])
            if len(seconds) == 2:
                found[f"speedup_batch_{size}"] = timed(speedups(*seconds.values()))
            progress(done, len(ROUNDS))
    for model in models.values():
        model.to("cpu")
    return found


def _batches(texts: Sequence[Text], size: int):
    endless = cycle(texts)
    while True:
        yield [next(endless) for _ in range(size)]


def _answer(side: Classifier, batches) -> None:
    encoded = side.encoded(next(batches))
    batch = encoded.batch(range(len(encoded)))
    side.model(**{name: tensor.to(side.model.device) for name, tensor in batch.items()}).logits.cpu()
