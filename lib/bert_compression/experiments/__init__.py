"""Jobs, plans, records: what the papers' tables are measured with.

`measure` is the door: it runs what is missing for a table and returns the records.
"""

from collections.abc import Callable
from pathlib import Path

from bert_compression.experiments.committed import committed_records, publish
from bert_compression.experiments.job import Resolver
from bert_compression.experiments.places import store_folder
from bert_compression.experiments.plan import Plan, make_plan

__all__ = ["Session", "committed_records", "measure", "publish"]


class Session:
    """One paper's table under one profile, on one data source: planned, priced, run."""

    def __init__(
        self,
        paper: str,
        table: str,
        profile: str,
        data: str | Path | None = None,
        seeds: int | None = None,
        attacked: int | None = None,
        fresh: bool = False,
    ):
        from bert_compression.experiments.papers import table_jobs
        from bert_compression.experiments.profiles import get_profile
        from bert_compression.experiments.store import Store
        from bert_compression.tasks.sources import open_source

        self.profile = get_profile(profile, seeds, attacked)
        jobs = table_jobs(paper, table, self.profile)
        self.resolver = Resolver(open_source(data, self.profile.builtin_data))
        self.store = Store(store_folder())
        self.plan: Plan = make_plan(jobs, self.resolver, self.store, profile, fresh)

    def seconds(self) -> dict[str, float]:
        """Predicted seconds of each job still to run, by identity."""
        from bert_compression.experiments.estimate import predicted_seconds

        return predicted_seconds(self.plan.to_run, self.store.records()) if self.plan.to_run else {}

    def stored(self) -> list[dict]:
        """The store's records of the plan's jobs, those of inputs included."""
        jobs = self.plan.all_jobs() if self.plan.data_there else []
        found = (self.store.record(self.resolver.key(job)) for job in jobs)
        return [record for record in found if record is not None]

    def run(self, quiet: bool = False, on_record: Callable[[dict], None] | None = None) -> list[dict]:
        """Run what is missing; the records of all jobs of the plan, inputs first. `on_record` is handed each
        new record as soon as it is kept."""
        from bert_compression.experiments.engine import run_plan
        from bert_compression.experiments.environment import threads
        from bert_compression.experiments.progress import Progress

        progress = Progress(self.plan.to_run, self.seconds(), quiet)
        try:
            for notice in self.store.notices:
                progress.note(notice)
            with threads(self.profile.threads):
                return run_plan(self.plan, self.resolver, self.store, self.profile.name, progress, on_record)
        finally:
            progress.close()


def measure(
    paper: str = "loyalty",
    table: str = "table_3",
    profile: str = "smoke",
    data: str | Path | None = None,
    seeds: int | None = None,
    attacked: int | None = None,
    quiet: bool = False,
) -> list[dict]:
    """Run what is missing for a table, and return the records of its jobs, those of models included.

    A record says in `earlier_code` whether it is a committed one whose code has changed since. Raises
    BadInput for anything unknown among the arguments, or data that are not there or not right.
    """
    records = Session(paper, table, profile, data or None, seeds or None, attacked or None).run(quiet)
    return [{"earlier_code": False, **record} for record in records]
