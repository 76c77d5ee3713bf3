"""Runs that take seconds: profiles of a few hundred built-in sentences and one seed; and toy kinds of jobs,
which compute nothing, so that a whole table takes a moment.

As a script it is the command line with small profiles: python tiny_profile.py run --profile small
With toys, too, when the variable TOYS is set: to nothing, or to what is to happen in jobs of a kind (EVENTS).
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bert_compression.errors import BadInput
from bert_compression.experiments import PROFILES, Grid, Job, Profile, Session, get_profile
from bert_compression.experiments.kinds import KINDS, Outcome, Work
from bert_compression.papers import get_tables, loyalty, measure, open_session
from bert_compression.papers.loyalty import recipes
from bert_compression.papers.miniature import tables as miniature_tables
from bert_compression.papers.xtc import students
from bert_compression.smoke import builtin
from bert_compression.tasks import TASKS, get_task

WEIGHTS = "model.safetensors"


def shrunk(name: str) -> Profile:
    """The profile of that name, on built-in sentences and as small as still teaches a teacher something; in
    one process, unless more are asked for."""
    return replace(
        PROFILES["smoke"],
        name=name,
        seeds=(0,),
        few_seeds=1,
        train_size=dict.fromkeys(TASKS, 300),
        attacked=6,
        epochs=2,
        workers=1,
        training={"learning_rate": 1e-3, "batch_size": 32, "warmup": 0.1},
    )


def shrink(set_item: Callable, set_attribute: Callable) -> None:
    """Put the small sizes in their places, with `set_item(mapping, key, value)` and `set_attribute(module,
    name, value)`."""
    for name in ("smoke", "small"):
        set_item(PROFILES, name, shrunk(name))
        sizes = replace(recipes.SIZES["smoke"], importance=64, calibration=64)
        set_item(recipes.SIZES, name, sizes)
        set_item(miniature_tables.SIZES, name, miniature_tables.SIZES["smoke"])
        set_item(students.SIZES, name, replace(students.SIZES["smoke"], evaluated=None))
    for name, task in builtin.GENERATED.items():
        splits = {split: (400 if split == "train" else 60, draw) for split, (_, draw) in task.splits.items()}
        set_item(builtin.GENERATED, name, replace(task, splits=splits))
    set_attribute(builtin, "SEED", 1)  # other texts, which are remembered apart from the usual ones


class Toys:
    """Takes the places of all kinds: each writes a small artifact, and what has run is noted in `ran`.

    `before[kind]` is called first, and may raise.
    """

    def __init__(self, set_item: Callable):
        self.ran: list[str] = []
        self.before: dict[str, Callable[[Work], None]] = {}
        self.kinds = list(KINDS)
        for name, kind in list(KINDS.items()):
            set_item(KINDS, name, replace(kind, run=self._run(name)))

    def _run(self, kind: str) -> Callable[[Work], Outcome]:
        def run(work: Work) -> Outcome:
            self.before.get(kind, lambda work: None)(work)
            work.progress(1, 2)
            (work.folder / WEIGHTS).write_text(f"{kind} {sorted(work.params.items())}")
            self.ran.append(kind)
            predicted = kind == "predict" and work.params["split"] != "train"
            return Outcome(
                {"inputs": len(work.inputs)}, {"predictions": np.array([0, 1, 1, 0])} if predicted else {}
            )

        return run


def session(
    profile: str = "smoke",
    paper: str | None = "loyalty",
    table: str | None = "table_3",
    seeds: int | None = None,
    attacked: int | None = None,
    **options,
) -> Session:
    """A table's jobs, planned."""
    return open_session(get_tables(paper, table), get_profile(profile, seeds, attacked), **options)


def run(profile: str = "smoke", paper: str = "loyalty", table: str = "table_3", **options) -> list[dict]:
    """The records of a table's jobs, measured where they are missing."""
    return list(measure(*get_tables(paper, table), profile=profile, quiet=True, **options).records)


def jobs_of(paper: str | None, table: str | None, profile: str | Profile = "small") -> list:
    """The jobs of a table, or of all of a paper, at a profile on a machine that multiplies bf16."""
    chosen = get_profile(profile) if isinstance(profile, str) else profile
    return [job for each in get_tables(paper, table) for job in each.jobs(chosen.at_precision("bf16"))]


ROWS = {row.method: row for table in (*loyalty.TABLES[:3],) for row in table.rows}


def grid(profile: str = "small", seed: int = 0, task: str = "mnli", **changes) -> Grid:
    """One task of the loyalty paper at one seed, under a profile with these changes."""
    return Grid(replace(get_profile(profile).at_precision("bf16"), **changes), get_task(task), seed)


def model_of(g: Grid, method: str) -> Job:
    """The model of a row of the loyalty paper's tables."""
    return ROWS[method].recipe(g)


def measurements(g: Grid, method: str) -> list[Job]:
    """All that is measured of it."""
    table = loyalty.TABLE_3 if g.task.name == "sst2" else loyalty.TABLE_1
    columns = dict.fromkeys(column.measure for column in table.columns if column.measure)
    found = [measure(g, ROWS[method]) for measure in columns]
    return [job for job in found if job is not None]


def _refuse(work: Work) -> None:
    raise BadInput("the labels are wrong")


def _fail(work: Work) -> None:
    raise RuntimeError("no such thing")


EVENTS = {
    "waits": lambda work: time.sleep(60),
    "fails": _fail,
    "refuses": _refuse,
    "dies": lambda work: os._exit(3),
}

if __name__ in ("__main__", "__mp_main__"):  # the second is the name in worker processes
    shrink(dict.__setitem__, setattr)
    if "TOYS" in os.environ:
        toys = Toys(dict.__setitem__)
        for told in os.environ["TOYS"].split():  # "distill:fails prune_heads:waits"
            kind, event = told.split(":")
            toys.before[kind] = EVENTS[event]

if __name__ == "__main__":
    from bert_compression import cli

    # A shell makes what it starts in the background deaf to Ctrl-C, tests and what they start included.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    sys.exit(cli.main(sys.argv[1:]))
