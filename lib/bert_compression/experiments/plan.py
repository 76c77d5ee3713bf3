"""What has to be computed for the jobs asked for, and in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bert_compression.errors import BadInput, shown
from bert_compression.experiments.job import Job, Resolver, in_order
from bert_compression.experiments.kinds import KINDS
from bert_compression.experiments.store import Store
from bert_compression.tasks import get_task


@dataclass
class Plan:
    """Jobs in the order of running. `there` maps identities to records that need no computing, even those of
    inputs that nobody will read again; `data_there` says whether the data could be read, without which jobs
    have no keys."""

    wanted: list[Job]
    to_run: list[Job]
    there: dict[str, Mapping]
    data_there: bool

    def rows(self) -> list[dict]:
        """One plain row a job, for printing."""
        waiting = {job.identity for job in self.to_run}
        return [
            {
                "kind": job.kind,
                "task": job.task,
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
        return "there" if job.identity in self.there else "not needed"


def make_plan(
    wanted: Sequence[Job], resolver: Resolver, store: Store, committed: Sequence[Mapping], fresh: bool = False
) -> Plan:
    """Decide for each wanted job, and for what it needs, whether it must run.

    A wanted job is there when the store holds its key, or, unless `fresh`, when a committed record has it
    (without data at hand: when one has its identity and is not stale). An input that a running job reads must
    be in the store with its artifacts whole.
    """
    known = {} if fresh else {r["identity"]: r for r in committed if r["status"] == "ok" and not r["stale"]}
    data_there = _data_answers(wanted, resolver)
    there: dict[str, Mapping] = {}
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

    def committed_record(job: Job) -> Mapping | None:
        record = known.get(job.identity)
        return record if record and (not data_there or record["key"] == resolver.key(job)) else None

    for job in wanted:
        record = committed_record(job)
        if in_store(job):
            there[job.identity] = store.record(resolver.key(job))
        elif record:
            there[job.identity] = record
        else:
            require(job)
    # What the rest has left tells pages how those models were made; no artifact of it is read.
    for job in in_order(wanted):
        if job.identity not in there and job.identity not in to_run:
            record = (store.record(resolver.key(job)) if data_there else None) or committed_record(job)
            if record:
                there[job.identity] = record
    return Plan(list(wanted), [job for job in in_order(wanted) if job.identity in to_run], there, data_there)


def plan_one(key: str, jobs: Sequence[Job], resolver: Resolver, store: Store) -> Plan:
    """The plan of that job alone which has this key, among the jobs and what they need.

    Raises BadInput where none has it, and where an input of it is missing.
    """
    job = next((job for job in in_order(jobs) if resolver.key(job) == key), None)
    if job is None:
        raise BadInput(
            f"none of these jobs has the key {shown(key)}: other options, other data or another version of "
            "this package give other keys, so write the plan anew"
        )
    plan = make_plan([job], resolver, store, committed=())
    missing = [needed for needed in plan.to_run if needed is not job]
    if missing:
        needed = missing[-1]
        raise BadInput(
            f"{job.title} reads the {needed.title}, which is missing: run --job {resolver.key(needed)} before"
        )
    return plan


def rows_of(job: Job) -> int:
    """How many examples the job reads; without data at hand, as many as the official split holds."""
    if "split" not in job.params:
        return 0
    return job.params["size"] or get_task(job.task).rows[job.params["split"]]


def passes_of(job: Job, rows: int) -> float:
    """How many examples go through a model in this job, which reads so many."""
    return KINDS[job.kind].passes(job.params, rows)


def _data_answers(jobs: Sequence[Job], resolver: Resolver) -> bool:
    """Can the data be read? A plan can be made without; a folder that is wrong is an error all the same."""
    try:
        for job in in_order(jobs):
            resolver.data(job)
    except BadInput:
        if resolver.source.name != "hub":
            raise
        return False
    return True
