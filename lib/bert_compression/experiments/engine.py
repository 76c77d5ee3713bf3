"""Runs a plan: with the serial engine, one job after another in this process, or in several processes.

Either leaves the same records. A kill loses at most the jobs that are running.
"""

from collections.abc import Callable, Generator
from contextlib import closing

from bert_compression.experiments.environment import cores, threads
from bert_compression.experiments.job import Job, Resolver
from bert_compression.experiments.plan import Plan
from bert_compression.experiments.processes import run_in_processes
from bert_compression.experiments.profiles import Profile
from bert_compression.experiments.progress import Progress
from bert_compression.experiments.running import run_job
from bert_compression.experiments.store import Store


def run_plan(
    plan: Plan,
    resolver: Resolver,
    store: Store,
    profile: Profile,
    progress: Progress,
    workers: int = 1,
    on_record: Callable[[dict], None] | None = None,
) -> list[dict]:
    """Run what the plan says is missing, and return the records of all jobs of the plan that have one.

    A job that fails leaves a record with its error, as do the jobs that would have read its result; the rest
    go on. `on_record(record)` is called as each record is kept. With one worker, jobs run in this process.
    """
    records = dict(plan.there)
    number = threads_of(profile, workers)
    place = (plan.to_run, resolver, store, profile.name, progress)
    engine = run_in_processes(*place, workers, number) if workers > 1 else run_serially(*place)
    with threads(number), closing(engine) as work:
        for job, record in work:
            records[job.identity] = record
            if record["status"] == "failed":
                progress.note(f"{job} failed: {record['error']}")
            if on_record:
                on_record(record)
    return [records[job.identity] for job in plan.all_jobs() if job.identity in records]


def run_serially(
    jobs: list[Job], resolver: Resolver, store: Store, profile: str, progress: Progress
) -> Generator[tuple[Job, dict]]:
    """Each job with its record, in the order given, as soon as the record is kept."""
    for job in jobs:
        report = progress.begun(job)
        record = run_job(job, resolver, store, profile, report)
        progress.ended(job)
        yield job, record


def threads_of(profile: Profile, workers: int) -> int | None:
    """The threads of each worker: the profile's, else its share of the cores; None for what torch chooses."""
    return profile.threads or (max(1, cores() // workers) if workers > 1 else None)
