"""The kind that times and weighs: latency against the teacher in one run, bytes as shipped, parameters.

On the processor, with one thread. A quantized model is timed with real int8 kernels."""

import statistics
import tempfile
import time

import torch

from bert_compression.compression import as_int8, quantization_mode, save_packed
from bert_compression.experiments.kinds.work import Outcome, Work, kind

ROUNDS = {1: 40, 32: 8}


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
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for done, (size, rounds) in enumerate(ROUNDS.items(), start=1):
            starts = range(0, rounds * size, size)
            batches = [encoded.batch([(at + i) % len(encoded) for i in range(size)]) for at in starts]
            teacher_seconds, student_seconds = _interleaved(teacher, timed, batches)
            ratios = [t / s for t, s in zip(teacher_seconds, student_seconds, strict=True)]
            metrics[f"speedup_batch_{size}"] = statistics.median(ratios)
            metrics[f"milliseconds_batch_{size}"] = 1000 * statistics.median(student_seconds)
            work.progress(done, len(ROUNDS))
    finally:
        torch.set_num_threads(threads)
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
