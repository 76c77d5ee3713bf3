"""What has to be computed for the jobs asked for, in which order, and about how long it will take."""

import importlib
from dataclasses import dataclass

from bert_compression.errors import BadInput
from bert_compression.experiments.committed import committed_records
from bert_compression.experiments.job import Job, Resolver
from bert_compression.experiments.store import Store
from bert_compression.tasks.catalogue import get_task


@dataclass
class Plan:
    """Jobs in the order of running. `there` maps identities to records that need no computing, even those of
    inputs that nobody will read again; `data_there` says whether the data could be read, without which jobs
    have no keys."""

    wanted: list[Job]
    to_run: list[Job]
    there: dict[str, dict]
    data_there: bool

    def rows(self) -> list[dict]:
        """One plain row a wanted job, for printing."""
        waiting = {job.identity for job in self.to_run}
        return [
            {
                "kind": job.kind,
                "task": job.params["task"],
                "method": job.method,
                "seed": job.seed,
                "status": "to run" if job.identity in waiting else self._how(job),
            }
            for job in self.all_jobs()
        ]

    def all_jobs(self) -> list[Job]:
        """Every job, wanted or needed for one that is wanted, inputs first."""
        return in_order(self.wanted)

    def _how(self, job: Job) -> str:
        record = self.there.get(job.identity)
        if record is None:
            return "not needed"
        return "earlier code" if record.get("earlier_code") else "there"


def make_plan(wanted: list[Job], resolver: Resolver, store: Store, profile: str, fresh: bool = False) -> Plan:
    """Decide for each wanted job, and for what it needs, whether it must run.

    A wanted job is there when the store holds its key, or when a committed record of the profile answers the
    same question: with the same key, or, unless `fresh`, measured with earlier code. An input that a running
    job reads must be in the store with its artifacts whole.
    """
    committed = {
        record["identity"]: record for record in committed_records(profile) if record["status"] == "ok"
    }
    data_there = _data_answers(wanted, resolver)
    there: dict[str, dict] = {}
    to_run: dict[str, Job] = {}

    def in_store(job: Job) -> bool:
        return data_there and store.sound(resolver.key(job))

    def require(job: Job) -> None:
        """Make the job's artifacts available: it is in the store, or it runs."""
        if job.identity in to_run or (job.identity in there and "artifacts" in there[job.identity]):
            return
        if in_store(job):
            there[job.identity] = store.record(resolver.key(job))
            return
        for needed in job.inputs.values():
            require(needed)
        to_run[job.identity] = job

    def answers(job: Job, record: dict) -> bool:
        """Does the committed record say what the job would say, but for code that has changed since?"""
        if record["earlier_code"]:
            return not fresh and (not data_there or _same_data(job, committed, resolver))
        return not data_there or record["key"] == resolver.key(job)

    for job in wanted:
        record = committed.get(job.identity)
        if in_store(job):
            there[job.identity] = store.record(resolver.key(job))
        elif record and answers(job, record):
            there[job.identity] = record
        else:
            require(job)
    # What the rest has left tells pages how those models were made; no artifact of it is read.
    for job in in_order(wanted):
        if job.identity not in there and job.identity not in to_run:
            record = committed.get(job.identity)
            known = store.record(resolver.key(job)) if data_there else None
            if known or (record and answers(job, record)):
                there[job.identity] = known or record
    return Plan(wanted, [job for job in in_order(wanted) if job.identity in to_run], there, data_there)


def in_order(jobs: list[Job]) -> list[Job]:
    """The jobs and all that they need, each once, inputs before what reads them."""
    ordered: dict[str, Job] = {}

    def visit(job: Job) -> None:
        if job.identity not in ordered:
            for needed in job.inputs.values():
                visit(needed)
            ordered[job.identity] = job

    for job in jobs:
        visit(job)
    return list(ordered.values())


def rows_of(job: Job) -> int:
    """How many examples the job reads; without data at hand, as many as the official split holds."""
    if "split" not in job.params:
        return 0
    return job.params["size"] or get_task(job.params["task"]).rows[job.params["split"]]


def passes_of(job: Job, rows: int) -> float:
    """How many examples go through a model in this job, which reads so many."""
    module = importlib.import_module(f"bert_compression.experiments.kinds.{job.kind}")
    return module.passes(job.params, rows)


def _data_answers(jobs: list[Job], resolver: Resolver) -> bool:
    """Can the data be read? A plan can be made without; a folder that is wrong is an error all the same."""
    try:
        for job in in_order(jobs):
            resolver.examples(job)
    except BadInput:
        if resolver.source.name != "hub":
            raise
        return False
    return True


def _same_data(job: Job, committed: dict[str, dict], resolver: Resolver) -> bool:
    """Did the committed records of the job and of what it needs read the examples that are at hand?"""
    for needed in in_order([job]):
        examples, record = resolver.examples(needed), committed.get(needed.identity)
        if record and examples and record["data"]["digest"] != examples.digest:
            return False
    return True
