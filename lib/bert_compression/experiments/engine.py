"""The serial engine: one job after another in this process. A kill loses at most the running job."""

import datetime
import importlib
import shutil
import time
from collections.abc import Callable

from bert_compression.errors import BadInput, Failure
from bert_compression.experiments.environment import (
    commit,
    hardware,
    peak_memory_mib,
    reset_peak_memory,
    versions,
)
from bert_compression.experiments.job import Job, Resolver, code_digest
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.plan import Plan
from bert_compression.experiments.progress import Progress
from bert_compression.experiments.store import Store
from bert_compression.tasks.glue import get_task


def run_plan(
    plan: Plan,
    resolver: Resolver,
    store: Store,
    profile: str,
    progress: Progress,
    on_record: Callable[[dict], None] | None = None,
) -> list[dict]:
    """Run what the plan says is missing, and return the records of all jobs of the plan that have one.

    A job that fails leaves a record with its error, as do the jobs that would have read its result; the rest
    go on. `on_record(record)` is called as each record is kept.
    """
    records = dict(plan.there)
    for job in plan.to_run:
        key = resolver.key(job)
        with progress.job(job) as report:
            broken = [name for name, needed in job.inputs.items() if _status(records, needed) != "ok"]
            if store.sound(key):  # another process on the same store was faster
                record = store.record(key)
            elif broken:
                needed = job.inputs[broken[0]]
                record = _keep_failure(job, key, resolver, store, profile, f"its input failed: {needed}")
            else:
                record = _run_one(job, key, resolver, store, profile, report)
        records[job.identity] = record
        if record["status"] == "failed":
            progress.note(f"{job} failed: {record['error']}")
        if on_record:
            on_record(record)
    return [records[job.identity] for job in plan.all_jobs() if job.identity in records]


def _run_one(job: Job, key: str, resolver: Resolver, store: Store, profile: str, report) -> dict:
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
            return _keep_failure(job, key, resolver, store, profile, text.strip().splitlines()[0])
        seconds = time.perf_counter() - start
        return store.keep(key, folder, _record(job, key, resolver, profile, outcome, seconds))


def _keep_failure(job: Job, key: str, resolver: Resolver, store: Store, profile: str, error: str) -> dict:
    with store.workspace(f"{key}-failed") as folder:
        return store.keep(key, folder, _record(job, key, resolver, profile, Outcome(), 0.0, error))


def _record(
    job: Job,
    key: str,
    resolver: Resolver,
    profile: str,
    outcome: Outcome,
    seconds: float,
    error: str | None = None,
) -> dict:
    examples = resolver.examples(job)
    data = (
        {"source": resolver.source.name, "digest": examples.digest, "rows": len(examples)}
        if examples
        else None
    )
    return {
        "key": key,
        "identity": job.identity,
        "kind": job.kind,
        "profile": profile,
        "task": job.params["task"],
        "method": job.method,
        "seed": job.seed,
        "params": job.params,
        "inputs": {name: resolver.key(needed) for name, needed in job.inputs.items()},
        "code": code_digest(job.kind),
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


def _status(records: dict[str, dict], job: Job) -> str:
    return records[job.identity]["status"]


def _disk_is_full(folder) -> bool:
    return shutil.disk_usage(folder).free < 2**20
