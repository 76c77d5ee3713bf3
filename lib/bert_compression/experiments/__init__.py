"""Jobs, plans, records: what the papers' tables are measured with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from bert_compression.errors import BadInput
from bert_compression.experiments.environment import store_folder
from bert_compression.experiments.grid import Grid, bound, recipe
from bert_compression.experiments.job import Job, Resolver, in_order
from bert_compression.experiments.plan import Plan, make_plan, plan_one, rows_of
from bert_compression.experiments.profiles import PRECISIONS, PROFILES, Profile, get_profile
from bert_compression.experiments.records import decode, per_example
from bert_compression.experiments.results import Results
from bert_compression.experiments.store import Store
from bert_compression.tasks import open_source

if TYPE_CHECKING:
    from parsl.config import Config

    from bert_compression.experiments.cost import Hours, Machine, Time

__all__ = [
    "PRECISIONS",
    "PROFILES",
    "Grid",
    "Job",
    "Profile",
    "Resolver",
    "Results",
    "Session",
    "Store",
    "bound",
    "decode",
    "get_profile",
    "in_order",
    "make_plan",
    "per_example",
    "recipe",
]


class Session:
    """Jobs under one profile, on one data source: planned, priced, run."""

    def __init__(
        self,
        papers: Mapping[str, Sequence[Job]],
        profile: Profile,
        data: str | Path | None = None,
        fresh: bool = False,
        workers: int | None = None,
        job: str | None = None,
        from_nothing: bool = False,
    ):
        """`papers` holds the jobs wanted, by paper. With `fresh`, committed records do not count; with the
        key of a `job`, that alone is wanted, and its inputs must be there; `from_nothing`, everything is to
        be run, and no data are looked at but generated ones."""
        if workers is not None and workers < 1:
            raise BadInput(f"workers must be at least 1, not {workers}")
        self.papers = papers
        self.profile = replace(profile, workers=workers or profile.workers)
        self.store = Store(store_folder())
        self.resolver = Resolver(open_source(data, profile.builtin_data), self.store.folder / "digests.json")
        jobs = [job for of_paper in papers.values() for job in of_paper]
        self.from_nothing = from_nothing
        self.plan: Plan
        if from_nothing:
            self.plan = Plan(jobs, in_order(jobs), there={}, data_there=profile.builtin_data)
        elif job is not None:
            self.plan = plan_one(job, jobs, self.resolver, self.store)
        else:
            self.plan = make_plan(jobs, self.resolver, self.store, self.results.records, fresh)

    @cached_property
    def results(self) -> Results:
        """The committed records of the profile."""
        return Results(self.profile.name)

    def seconds(self) -> dict[str, float]:
        """Predicted seconds of each job still to run, by identity, on this machine."""
        from bert_compression.experiments.cost import this_gpu

        return self._seconds(this_gpu())

    def cost(self, on_gpu: bool | None = None) -> "Time | Hours":
        """What running the rest costs: `on_gpu`, hours on the GPU here or else on an assumed one; if that is
        False, time on a processor. None: as the profile's encoder wants it, hours or time on this machine."""
        from bert_compression.experiments.cost import A100, Time, hours, this_gpu, wall_seconds, wants_gpu

        gpu = None if on_gpu is False else this_gpu()
        if wants_gpu(self.profile) if on_gpu is None else on_gpu:
            gpu = gpu or A100
            return hours(self.plan.to_run, self._seconds(gpu), gpu, self._processor())
        seconds = self._seconds(gpu)
        workers = self.workers(seconds)
        machine = gpu.name if gpu else self._processor()
        return Time(wall_seconds(self.plan.to_run, seconds, workers), workers, machine)

    def workers(self, seconds: Mapping[str, float]) -> int:
        """How many processes the rest is handed to, predicted to take these seconds."""
        from bert_compression.experiments.run import workers_for

        return max(1, min(workers_for(self.profile, sum(seconds.values())), len(self.plan.to_run)))

    def run(
        self,
        quiet: bool = False,
        on_record: Callable[[dict], None] | None = None,
        parsl_config: "Config | None" = None,
    ) -> list[Mapping]:
        """Run what is missing; the records of all jobs of the plan, inputs first. `on_record` is handed each
        new record as soon as it is kept. With a configuration of Parsl, jobs run where that says."""
        from bert_compression.experiments.progress import Progress
        from bert_compression.experiments.run import run_plan

        if not self.plan.data_there:
            for job in self.plan.to_run:
                self.resolver.data(job)  # which says what cannot be had before anything is computed
        seconds = self.seconds()
        workers = self.workers(seconds)
        elsewhere = None
        if parsl_config is not None:
            from bert_compression.experiments.cluster import run_with_parsl

            elsewhere = partial(run_with_parsl, config=parsl_config)
        progress = Progress(self.plan.to_run, seconds, quiet, workers)
        try:
            for notice in self.store.notices:
                progress.note(notice)
            return run_plan(
                self.plan,
                self.resolver,
                self.store,
                self.profile,
                progress,
                workers,
                on_record,
                elsewhere,
            )
        finally:
            progress.close()

    def publish(self, records: Sequence[Mapping] | None = None) -> None:
        """Append records to the committed ones, each to those of the first paper that asks for it; without
        `records`, those that the store holds of the plan, inputs first."""
        if records is None:
            jobs = self.plan.all_jobs() if self.plan.data_there else []
            found = (self.store.record(self.resolver.key(job)) for job in jobs)
            records = [record for record in found if record is not None]
        for paper, asked in self._asked_by().items():
            self.results.add(paper, [r for r in records if r["identity"] in asked], self.store)

    def _asked_by(self) -> dict[str, set[str]]:
        """The identities of all jobs, by the first paper that needs each."""
        seen: set[str] = set()
        asked = {}
        for paper, jobs in self.papers.items():
            asked[paper] = {job.identity for job in in_order(jobs)} - seen
            seen |= asked[paper]
        return asked

    def _seconds(self, gpu: "Machine | None") -> dict[str, float]:
        """Predicted seconds where jobs run on that GPU, or without one."""
        from bert_compression.experiments.cost import predicted_seconds
        from bert_compression.experiments.environment import cores
        from bert_compression.experiments.run import threads_of

        if not self.plan.to_run:
            return {}
        threads = threads_of(self.profile, self.profile.workers or cores())
        return predicted_seconds(self.plan.to_run, self._known, gpu, threads, self._rows)

    @cached_property
    def _known(self) -> list[dict]:
        """The records that tell what jobs take: those of this machine; `from_nothing`, which is asked for
        readers at other machines, the committed ones where there are any."""
        return (self.from_nothing and self.results.records) or self.store.records()

    def _processor(self) -> str:
        """The processors that what is known of these jobs was measured on, else this machine's."""
        from bert_compression.experiments.environment import processor

        jobs = {job.identity for job in self.plan.to_run}
        names = [record["hardware"]["processor"] for record in self._known if record["identity"] in jobs]
        return " or ".join(dict.fromkeys(names)) or processor()

    def _rows(self, job: Job) -> int:
        """How many examples the job reads; without data at hand, as many as committed records read of that
        split, which may be a part of the official one; else as many as that holds."""
        if not self.plan.data_there:
            return self._recorded_rows.get(_split(job.params), rows_of(job))
        data = self.resolver.data(job)
        return data[1] if data else 0

    @cached_property
    def _recorded_rows(self) -> dict[tuple, int]:
        """By task, split and size, how many examples the committed records read."""
        return {_split(each["params"]): each["data"]["rows"] for each in self.results.records if each["data"]}


def _split(params: Mapping) -> tuple:
    return params["task"], params.get("split"), params.get("size")
