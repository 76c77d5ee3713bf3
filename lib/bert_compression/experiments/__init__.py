"""Jobs, plans, records: what the papers' tables are measured with.

`measure` is the door: it runs what is missing for a table and returns the records.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bert_compression.errors import BadInput
from bert_compression.experiments.committed import committed_records, publish
from bert_compression.experiments.job import Job, Resolver
from bert_compression.experiments.places import store_folder
from bert_compression.experiments.plan import Plan, in_order, make_plan, rows_of

if TYPE_CHECKING:
    from bert_compression.experiments.machines import Machine
    from bert_compression.experiments.pricing import Hours, Time

__all__ = ["Session", "committed_records", "committed_table", "measure", "publish"]


class Session:
    """A table, or all of a paper or of all papers, under one profile, on one data source: planned, priced,
    run."""

    def __init__(
        self,
        paper: str | None,
        table: str | None,
        profile: str,
        data: str | Path | None = None,
        seeds: int | None = None,
        attacked: int | None = None,
        fresh: bool = False,
        workers: int | None = None,
    ):
        from bert_compression.experiments.papers import table_jobs
        from bert_compression.experiments.profiles import get_profile
        from bert_compression.experiments.store import Store
        from bert_compression.tasks.sources import open_source

        if workers is not None and workers < 1:
            raise BadInput(f"workers must be at least 1, not {workers}")
        chosen = get_profile(profile, seeds, attacked)
        self.profile = replace(chosen, workers=workers or chosen.workers)
        jobs = table_jobs(paper, table, self.profile)
        self.resolver = Resolver(open_source(data, self.profile.builtin_data))
        self.store = Store(store_folder())
        self.plan: Plan = make_plan(jobs, self.resolver, self.store, profile, fresh)

    def seconds(self) -> dict[str, float]:
        """Predicted seconds of each job still to run, by identity, on this machine."""
        from bert_compression.experiments.machines import this_gpu

        return self._seconds(this_gpu())

    def cost(self) -> "Time | Hours":
        """What running the rest costs: time on this machine, or, for an encoder that wants a GPU, hours on
        the one here or else on an assumed one."""
        from bert_compression.experiments.estimate import wall_seconds
        from bert_compression.experiments.machines import A100, this_gpu
        from bert_compression.experiments.pricing import Time, hours, wants_gpu

        if wants_gpu(self.profile):
            gpu = this_gpu() or A100
            return hours(self.plan.to_run, self._seconds(gpu), gpu)
        seconds = self.seconds()
        workers = self.workers(seconds)
        return Time(wall_seconds(self.plan.to_run, seconds, workers), workers)

    def workers(self, seconds: dict[str, float]) -> int:
        """How many processes the rest is handed to, predicted to take these seconds."""
        from bert_compression.experiments.processes import workers_for

        return max(1, min(workers_for(self.profile, sum(seconds.values())), len(self.plan.to_run)))

    def stored(self) -> list[dict]:
        """The store's records of the plan's jobs, those of inputs included."""
        jobs = self.plan.all_jobs() if self.plan.data_there else []
        found = (self.store.record(self.resolver.key(job)) for job in jobs)
        return [record for record in found if record is not None]

    def run(self, quiet: bool = False, on_record: Callable[[dict], None] | None = None) -> list[dict]:
        """Run what is missing; the records of all jobs of the plan, inputs first. `on_record` is handed each
        new record as soon as it is kept."""
        from bert_compression.experiments.engine import run_plan
        from bert_compression.experiments.progress import Progress

        seconds = self.seconds()
        workers = self.workers(seconds)
        progress = Progress(self.plan.to_run, seconds, quiet, workers)
        try:
            for notice in self.store.notices:
                progress.note(notice)
            return run_plan(self.plan, self.resolver, self.store, self.profile, progress, workers, on_record)
        finally:
            progress.close()

    def _seconds(self, gpu: "Machine | None") -> dict[str, float]:
        """Predicted seconds where jobs run on that GPU, or without one."""
        from bert_compression.experiments.engine import threads_of
        from bert_compression.experiments.environment import cores
        from bert_compression.experiments.estimate import predicted_seconds

        if not self.plan.to_run:
            return {}
        name = gpu.name if gpu else None
        known = [record for record in self.store.records() if record["hardware"]["gpu"] == name]
        threads = threads_of(self.profile, self.profile.workers or cores())
        return predicted_seconds(self.plan.to_run, known, gpu, threads, self._rows)

    def _rows(self, job: Job) -> int:
        """How many examples the job reads; without data at hand, as many as the official split holds."""
        return len(self.resolver.examples(job) or ()) if self.plan.data_there else rows_of(job)


def measure(
    paper: str = "loyalty",
    table: str = "table_3",
    profile: str = "smoke",
    data: str | Path | None = None,
    seeds: int | None = None,
    attacked: int | None = None,
    quiet: bool = False,
    workers: int | None = None,
) -> list[dict]:
    """Run what is missing for a table, and return the records of its jobs, those of models included.

    `workers` is the number of processes that jobs are handed to; None for what the profile says. A record
    says in `earlier_code` whether it is a committed one whose code has changed since. Raises BadInput for
    anything unknown among the arguments, or data that are not there or not right.
    """
    session = Session(
        paper, table, profile, data or None, seeds or None, attacked or None, workers=workers or None
    )
    return [{"earlier_code": False, **record} for record in session.run(quiet)]


def committed_table(paper: str, table: str, profile: str = "small") -> list[dict]:
    """The committed records of the jobs of one table, models included; for tables whose models bear one name
    and differ otherwise, as in a sweep. Raises BadInput for unknown names."""
    from bert_compression.experiments.papers import table_jobs
    from bert_compression.experiments.profiles import get_profile

    asked = {job.identity for job in in_order(table_jobs(paper, table, get_profile(profile)))}
    return [record for record in committed_records(profile) if record["identity"] in asked]
