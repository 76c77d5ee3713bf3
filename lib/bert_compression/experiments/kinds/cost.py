"""Kinds that time and weigh: a model's latency against the teacher's in one run, bytes as shipped,
parameters; and a matrix that is multiplied from its bits.

On the processor, with one thread. A quantized model is timed with real int8 kernels."""

import statistics
import tempfile
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn

from bert_compression.compression import BitLinear, as_int8, quantization_mode, save_packed
from bert_compression.compression.grids import weight_grid
from bert_compression.compression.rounded_layers import QuantizedLinear
from bert_compression.experiments.kinds.work import Outcome, Work, kind
from bert_compression.timing import WARM_UP, in_turn, speedup, threads

# All even, so that either model is first in half of them.
ROUNDS = {1: 40, 32: 8}
TOKENS = {1: 100, 8: 60, 64: 20}  # rows that a matrix is multiplied with, and how often that is timed


def _passes(params: dict, rows: int) -> int:
    return 2 * sum(size * (rounds + WARM_UP) for size, rounds in ROUNDS.items())


@kind(version=2, passes=_passes, on_processor=True)
def cost(work: Work) -> Outcome:
    """What a model costs. Both models answer the same batches in turn, each as often first as the other, so
    that neither a drift of the machine's speed nor what the first call leaves in the caches favours one."""
    student, teacher = work.model(), work.model("teacher")
    timed = as_int8(student) if quantization_mode(student) else student
    encoded = work.encoded()
    metrics: dict[str, float] = {}
    with threads(1), torch.inference_mode():
        for done, (size, rounds) in enumerate(ROUNDS.items(), start=1):
            starts = range(0, (rounds + WARM_UP) * size, size)
            batches = [encoded.batch([(at + i) % len(encoded) for i in range(size)]) for at in starts]
            models = {"teacher": teacher, "student": timed}
            seconds = in_turn({n: partial(_answer, m, iter(batches)) for n, m in models.items()}, rounds)
            metrics[f"speedup_batch_{size}"] = speedup(seconds["teacher"], seconds["student"])
            metrics[f"milliseconds_batch_{size}"] = 1000 * statistics.median(seconds["student"])
            work.progress(done, len(ROUNDS))
    metrics["stored_bytes"] = _stored_bytes(student)
    metrics["teacher_stored_bytes"] = _stored_bytes(teacher)
    metrics["parameters"] = _parameters(student)
    return Outcome(metrics)


def _stored_bytes(model) -> int:
    with tempfile.TemporaryDirectory() as folder:
        return save_packed(model, folder)


def _parameters(model) -> int:
    integer = [m for m in model.modules() if isinstance(m, torch.ao.nn.quantized.dynamic.Linear)]
    return sum(p.numel() for p in model.parameters()) + sum(
        m.weight().numel() + m.bias().numel() for m in integer
    )


@kind(version=2, on_processor=True)
def bit_kernels(work: Work) -> Outcome:
    """A matrix of 1 or 2 bits multiplied from its codes by ONNX Runtime, next to the same product in fp32 by
    torch, in turn: how much faster, how far apart, and in how many bytes. By its size alone; it is drawn."""
    params = work.params
    draws = torch.Generator().manual_seed(params["seed"])
    plain = torch.nn.Linear(params["inputs"], params["outputs"])
    with torch.no_grad():
        plain.weight.normal_(0, 0.02, generator=draws)
        plain.bias.normal_(0, 0.02, generator=draws)
    layer = QuantizedLinear.from_linear(plain, weight_grid(params["bits"]), "per_token", 0.0, 8, False)
    weight = layer.rounded_weight().detach()
    exact, rounded = BitLinear(layer, 0), BitLinear(layer, 4)
    metrics = {"stored_bytes": exact.stored_bytes, "smaller": 4 * weight.numel() / exact.stored_bytes}
    with threads(1):
        for done, (rows, rounds) in enumerate(TOKENS.items(), start=1):
            x = torch.randn(rows, params["inputs"], generator=draws)

            def product(x: torch.Tensor = x) -> torch.Tensor:
                return torch.nn.functional.linear(x, weight, layer.bias)

            runs: dict[str, Callable[[], torch.Tensor]]
            runs = {"fp32": product, "exact": partial(exact, x), "rounded": partial(rounded, x)}
            with torch.inference_mode():
                seconds = in_turn(runs, rounds)
                for name in ("exact", "rounded"):
                    apart = (runs[name]() - product()).norm() / product().norm()
                    metrics[f"error_{name}_{rows}"] = float(apart)
                    metrics[f"speedup_{name}_{rows}"] = speedup(seconds["fp32"], seconds[name])
            work.progress(done, len(TOKENS))
    return Outcome(metrics)


def _answer(model: nn.Module, batches: Iterator[dict]) -> None:
    model(**next(batches))
