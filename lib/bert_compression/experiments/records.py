"""A record: what a job's result was, on what, with what, and a digest that tells when a byte has changed."""

import datetime
from collections.abc import Mapping

import numpy as np

from bert_compression.experiments.environment import commit, hardware, peak_memory_mib, versions
from bert_compression.experiments.job import Job, Resolver, digest
from bert_compression.experiments.kinds import KINDS, Outcome

# Where a record lies, and not what was measured: these do not belong to its digest.
PLACE = {"digest", "artifacts", "stale"}


def make_record(
    job: Job, resolver: Resolver, profile: str, outcome: Outcome, seconds: float, error: str | None = None
) -> dict:
    """The record of a job that has just ended, or failed with `error`; sealed."""
    examples = resolver.examples(job)
    data = None
    if examples:
        data = {"source": resolver.source.name, "digest": examples.digest, "rows": len(examples)}
    return sealed(
        {
            "key": resolver.key(job),
            "identity": job.identity,
            "kind": job.kind,
            "version": KINDS[job.kind].version,
            "profile": profile,
            "task": job.task,
            "method": job.method,
            "seed": job.seed,
            "params": job.params,
            "inputs": {name: resolver.key(needed) for name, needed in job.inputs.items()},
            "data": data,
            "metrics": outcome.metrics,
            "per_example": {name: encode(values) for name, values in outcome.per_example.items()},
            "seconds": round(seconds, 2),
            "peak_memory_mib": peak_memory_mib(),
            "versions": versions(),
            "hardware": hardware(),
            "commit": commit(),
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "status": "failed" if error else "ok",
            "error": error,
        }
    )


def sealed(record: Mapping) -> dict:
    """The record with its digest."""
    return {**record, "digest": record_digest(record)}


def is_sound(record: object) -> bool:
    """Is this a record, and is it what it was when it was sealed?"""
    return isinstance(record, dict) and "key" in record and record.get("digest") == record_digest(record)


def record_digest(record: Mapping) -> str:
    """sha256 over all that was measured and asked."""
    return digest({name: value for name, value in record.items() if name not in PLACE})


def encode(values: np.ndarray | list) -> str | list:
    """Per-example values as a record keeps them: an array of class numbers or marks, whole numbers from 0 to
    9, as a string of digits, one an example; any other array as a list, and a list as it is."""
    if isinstance(values, list):
        return values
    if values.ndim == 1 and values.dtype.kind in "biu" and not ((values < 0) | (values > 9)).any():
        return "".join(map(str, values.astype(int).tolist()))
    return values.tolist()


def decode(kept: str | list) -> np.ndarray:
    """What `encode` was given, (examples, ...): whole numbers from a string of digits, else as in the
    list."""
    if isinstance(kept, str):
        return np.frombuffer(kept.encode(), dtype=np.uint8) - ord("0")
    return np.asarray(kept)


def per_example(record: Mapping, name: str) -> np.ndarray:
    """A record's values by that name, one an example."""
    return decode(record["per_example"][name])
