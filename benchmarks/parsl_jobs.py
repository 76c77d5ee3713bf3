"""What Parsl costs: jobs that do next to nothing, in this process and in two workers of Parsl's beside it.

    python -m benchmarks.parsl_jobs

Each job keeps a few built-in texts. The records must be the same, or the exit status is 1. The start, until
Parsl's first job is done (its programs start, and each worker imports the library), is told apart. Seconds of
the clock, the least and the median of some rounds. A price that misses its target is printed, and no failure.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bert_compression.experiments import Grid, Job, Resolver, Store, get_profile, steps
from bert_compression.experiments.cluster import run_with_parsl
from bert_compression.experiments.progress import Progress
from bert_compression.experiments.run import run_serially
from bert_compression.tasks import get_task, open_source

JOBS, WORKERS, ROUNDS = 200, 2, 5
TARGET = 2.0  # seconds that all jobs take more than in this process, at most
OF_THE_MACHINE = {"seconds", "peak_memory_mib", "created", "hardware", "digest"}


def two_workers(logs: Path):
    """Parsl's executor for many machines, with this one alone."""
    from parsl.config import Config
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import LocalProvider

    executor = HighThroughputExecutor(
        max_workers_per_node=WORKERS,
        address="127.0.0.1",
        loopback_address="127.0.0.1",
        provider=LocalProvider(init_blocks=1, max_blocks=1),
    )
    return Config(executors=[executor], run_dir=str(logs), strategy="none", initialize_logging=False)


def timed(engine: Callable, jobs: list[Job], folder: Path) -> tuple[float, float, dict]:
    """Seconds until the first record and from there to the last one, and what the records say, by key."""
    resolver = Resolver(open_source(None, builtin=True))
    work = engine(jobs, resolver, Store(folder), "smoke", Progress(jobs, {}, quiet=True))
    start, ends, records = time.perf_counter(), [], {}
    for _, record in work:
        ends.append(time.perf_counter())
        records[record["key"]] = {n: value for n, value in record.items() if n not in OF_THE_MACHINE}
    return ends[0] - start, ends[-1] - ends[0], records


def main() -> int:
    grid = Grid(get_profile("smoke"), get_task("sst2"), 0)
    jobs = [steps.examples(grid, "train", size) for size in range(1, JOBS + 1)]
    starts, here, with_parsl = [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            first, rest, records = timed(run_serially, jobs, place / "serial")
            here.append(first + rest)
            engine = partial(run_with_parsl, number=1, config=two_workers(place / "logs"))
            first, rest, others = timed(engine, jobs, place / "parsl")
            starts.append(first)
            with_parsl.append(rest)
        if records != others or len(records) != JOBS or any(r["error"] for r in records.values()):
            print("results differ: Parsl's workers leave other records", file=sys.stderr)
            return 1
    more = [theirs - ours for theirs, ours in zip(with_parsl, here, strict=True)]
    print(f"{JOBS} jobs, {ROUNDS} rounds\n\n{'seconds of the clock':<40}{'least':>9}{'median':>9}")
    for what, seconds in (
        ("in this process", here),
        ("until Parsl's first job is done", starts),
        ("from there to Parsl's last", with_parsl),
        ("which is more than in this process by", more),
    ):
        print(f"{what:<40}{min(seconds):>9.2f}{statistics.median(seconds):>9.2f}")
    met = "met" if statistics.median(more) <= TARGET else "not met"
    print(f"\ntarget: at most {TARGET:g} s more: {met}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
