"""One job, from its inputs in the store to its record there: what every engine does."""

import datetime
import importlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from bert_compression.errors import BadInput, Failure
from bert_compression.experiments.code import code_name
from bert_compression.experiments.environment import (
    commit,
    hardware,
    peak_memory_mib,
    reset_peak_memory,
    versions,
)
from bert_compression.experiments.job import Job, Resolver
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.store import Store
from bert_compression.tasks.catalogue import get_task


def run_job(
    job: Job, resolver: Resolver, store: Store, profile: str, report: Callable[[int, int], None]
) -> dict:
    """The job's record, the one that is there if another process on the same store was faster.

    A job that goes wrong, or whose input did, leaves a record with its error. Raises BadInput where no record
    could mend what was asked for.
    """
    key = resolver.key(job)
    if store.sound(key):
        return store.record(key)
    for needed in job.inputs.values():
        record = store.record(resolver.key(needed))
        if record is None or record["status"] != "ok":
            return fail_job(job, resolver, store, profile, f"its input failed: {needed}")
    module = importlib.import_module(f"bert_compression.experiments.kinds.{job.kind}")
    with store.workspace(key) as folder:
        work = Work(
            params=job.params,
            task=get_task(job.params["task"]),
            inputs={name: store.artifacts(resolver.key(needed)) for name, needed in job.inputs.items()},
            folder=folder,
            examples=resolver.examples(job),
            data_folder=getattr(resolver.source, "folder", None),
            progress=report,
        )
        reset_peak_memory()
        start = time.perf_counter()
        try:
            with store.writing():
                outcome = module.run(work)
        except BadInput:
            raise  # what was asked for is wrong: no record can mend that
        except Exception as error:  # a job's failure is a result: it is recorded, and the others go on
            if _disk_is_full(folder):
                raise BadInput(
                    f"the disk that holds {store.folder} is full: free some space and run again"
                ) from error
            text = str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {error}"
            return fail_job(job, resolver, store, profile, text.strip().splitlines()[0])
        seconds = time.perf_counter() - start
        return store.keep(key, folder, _record(job, resolver, profile, outcome, seconds))


def fail_job(job: Job, resolver: Resolver, store: Store, profile: str, error: str) -> dict:
    """Keep a record that says why the job has no result, and return it."""
    key = resolver.key(job)
    with store.workspace(f"{key}-failed") as folder:
        return store.keep(key, folder, _record(job, resolver, profile, Outcome(), 0.0, error))


def _record(
    job: Job, resolver: Resolver, profile: str, outcome: Outcome, seconds: float, error: str | None = None
) -> dict:
    examples = resolver.examples(job)
    data = (
        {"source": resolver.source.name, "digest": examples.digest, "rows": len(examples)}
        if examples
        else None
    )
    return {
        "key": resolver.key(job),
        "identity": job.identity,
        "kind": job.kind,
        "profile": profile,
        "task": job.params["task"],
        "method": job.method,
        "seed": job.seed,
        "params": job.params,
        "inputs": {name: resolver.key(needed) for name, needed in job.inputs.items()},
        "code": code_name(job.kind),
        "data": data,
        "metrics": outcome.metrics,
        "per_example": outcome.per_example,
        "seconds": round(seconds, 2),
        "peak_memory_mib": peak_memory_mib(),
        "versions": versions(),
        "hardware": hardware(),
        "commit": commit(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "status": "failed" if error else "ok",
        "error": error,
    }


def _disk_is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < 2**20
