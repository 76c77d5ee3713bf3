"""Kinds that time and weigh: a model's latency against the teacher's in one run, bytes as shipped,
parameters; and a matrix that is multiplied from its bits.

On the processor, with one thread. A quantized model is timed with real int8 kernels."""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial

import torch

from bert_compression.compression import BitLinear, as_int8, quantization_mode, save_packed
from bert_compression.compression.grids import weight_grid
from bert_compression.compression.quantization import QuantizedLinear
from bert_compression.experiments.environment import threads
from bert_compression.experiments.kinds.work import Outcome, Work, kind

ROUNDS = {1: 40, 32: 8}
TOKENS = {1: 100, 8: 60, 64: 20}  # rows that a matrix is multiplied with, and how often that is timed


def _passes(params: dict, rows: int) -> int:
    return 2 * sum(size * (rounds + 2) for size, rounds in ROUNDS.items())


@kind(version=1, passes=_passes, on_processor=True)
def cost(work: Work) -> Outcome:
    """What a model costs. Both models answer the same batches in turn, so that a drift of the machine's
    speed hits both alike; the speed-up is the median of the ratios of neighbours."""
    student, teacher = work.model(), work.model("teacher")
    timed = as_int8(student) if quantization_mode(student) else student
    encoded = work.encoded()
    metrics: dict[str, float] = {}
    with threads(1):
        for done, (size, rounds) in enumerate(ROUNDS.items(), start=1):
            starts = range(0, rounds * size, size)
            batches = [encoded.batch([(at + i) % len(encoded) for i in range(size)]) for at in starts]
            teacher_seconds, student_seconds = _interleaved(teacher, timed, batches)
            ratios = [t / s for t, s in zip(teacher_seconds, student_seconds, strict=True)]
            metrics[f"speedup_batch_{size}"] = statistics.median(ratios)
            metrics[f"milliseconds_batch_{size}"] = 1000 * statistics.median(student_seconds)
            work.progress(done, len(ROUNDS))
    metrics["stored_bytes"] = _stored_bytes(student)
    metrics["teacher_stored_bytes"] = _stored_bytes(teacher)
    metrics["parameters"] = _parameters(student)
    return Outcome(metrics)


def _interleaved(teacher, student, batches) -> tuple[list[float], list[float]]:
    seconds: tuple[list[float], list[float]] = ([], [])
    with torch.inference_mode():
        for batch in [*batches[:2], *batches]:  # the first two warm up
            for model, taken in zip((teacher, student), seconds, strict=True):
                start = time.perf_counter()
                model(**batch)
                taken.append(time.perf_counter() - start)
    return seconds[0][2:], seconds[1][2:]


def _stored_bytes(model) -> int:
    with tempfile.TemporaryDirectory() as folder:
        return save_packed(model, folder)


def _parameters(model) -> int:
    integer = [m for m in model.modules() if isinstance(m, torch.ao.nn.quantized.dynamic.Linear)]
    return sum(p.numel() for p in model.parameters()) + sum(
        m.weight().numel() + m.bias().numel() for m in integer
    )


@kind(version=1, on_processor=True)
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
                seconds = _in_turn(runs, rounds)
                for name in ("exact", "rounded"):
                    apart = (runs[name]() - product()).norm() / product().norm()
                    metrics[f"error_{name}_{rows}"] = float(apart)
                    ratios = [a / b for a, b in zip(seconds["fp32"], seconds[name], strict=True)]
                    metrics[f"speedup_{name}_{rows}"] = statistics.median(ratios)
            work.progress(done, len(TOKENS))
    return Outcome(metrics)


def _in_turn(runs: dict[str, Callable[[], torch.Tensor]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call, round by round, after two rounds that warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 2):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: taken[2:] for name, taken in seconds.items()}
