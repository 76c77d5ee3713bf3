"""About how long will a job take on this machine?

From the arithmetic (examples through the model, times twice the encoder's parameters, times a typical
length) and a short measurement of this machine's speed; where the store already holds records of the same
kind and encoder, by how far the arithmetic was off for those.
"""

import statistics
import time
from functools import cache

import torch

from bert_compression.experiments.job import Job
from bert_compression.experiments.plan import passes_of
from bert_compression.models import BUILTIN, MINILM

# Parameters of the encoder layers (12 d^2 a layer for BERT's shape), in millions.
ENCODER_MILLIONS = {BUILTIN: 0.4, MINILM: 10.6, "bert-base-uncased": 85.0, "bert-large-uncased": 302.0}
TOKENS = 24  # of a typical text
OVERHEAD_SECONDS = 0.2  # of any job: reading and writing models
CALL_SECONDS = 2e-4  # of any example: Python around a small model


def predicted_seconds(jobs: list[Job], known: list[dict]) -> dict[str, float]:
    """Seconds for each job, by identity. `known` holds records measured on this machine."""
    corrections = _corrections(known, {_shape(job) for job in jobs})

    def correction(job: Job) -> float:
        shape = _shape(job)
        return corrections.get((shape, job.method), corrections.get((shape, None), 1.0))

    return {job.identity: _formula(job) * correction(job) for job in jobs}


def _formula(job: Job) -> float:
    passes = passes_of(job)
    flop = passes * 2e6 * ENCODER_MILLIONS.get(job.params.get("encoder", ""), 85.0) * TOKENS
    return OVERHEAD_SECONDS + passes * CALL_SECONDS + flop / flop_per_second()


def _corrections(known: list[dict], shapes: set[tuple]) -> dict[tuple, float]:
    """How much longer jobs took than the arithmetic says: those of a shape and method, and all of a shape."""
    ratios: dict[tuple, list[float]] = {}
    for record in known:
        job = Job(record["kind"], record["params"])
        if record["status"] == "ok" and _shape(job) in shapes:
            for method in (record["method"], None):
                ratios.setdefault((_shape(job), method), []).append(record["seconds"] / _formula(job))
    return {one: statistics.median(values) for one, values in ratios.items()}


def _shape(job: Job) -> tuple:
    """Jobs of one shape differ in amounts only; records of an older library may have shapes of their own."""
    return job.kind, job.params.get("encoder"), job.params.get("mode"), frozenset(job.params)


@cache
def flop_per_second() -> float:
    """What matrix products of a BERT layer's size reach here, less what a whole model loses: one third."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    a, b = torch.randn(768, 768, device=device), torch.randn(768, 3072, device=device)
    for _ in range(3):
        (a @ b).sum().item()
    start = time.perf_counter()
    for _ in range(5):
        (a @ b).sum().item()
    return 5 * 2 * 768 * 768 * 3072 / (time.perf_counter() - start) / 3
