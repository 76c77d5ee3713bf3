"""Runs a plan on more than one machine, with Parsl: a configuration of the user's says where, be it a laptop,
a cluster of Slurm's or one of Kubernetes. All machines see one store and one data folder. Needs the extra
"cluster". Book: about/many_machines.
"""

import os
import runpy
import sys
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import as_completed
from functools import lru_cache
from pathlib import Path
from typing import Any

from bert_compression.errors import BadInput, one_line
from bert_compression.experiments.job import Job, Resolver
from bert_compression.experiments.progress import Progress
from bert_compression.experiments.run import fail_job, kind_versions, run_job
from bert_compression.experiments.store import Store
from bert_compression.timing import threads


def read_config(path: str | Path) -> Any:
    """The Parsl configuration that a Python file calls `config`. Raises BadInput where there is none."""
    try:
        from parsl.config import Config
    except ImportError as error:
        raise BadInput("this needs Parsl: install it with pip install 'bert-compression[cluster]'") from error
    if not Path(path).is_file():
        raise BadInput(
            f"there is no file {str(path)!r}: give a Python file with `config = parsl.config.Config(...)`"
        )
    try:
        config = runpy.run_path(str(path)).get("config")
    except Exception as error:  # whatever the user's own code raises
        raise BadInput(f"{path} stopped with {type(error).__name__}: {one_line(error)}") from error
    if not isinstance(config, Config):
        raise BadInput(f"{path} has no `config` that is a parsl.config.Config")
    return config


def run_with_parsl(
    jobs: list[Job],
    resolver: Resolver,
    store: Store,
    profile: str,
    progress: Progress,
    number: int | None,
    config: Any,
) -> Generator[tuple[Job, dict]]:
    """Each job with its record, as soon as the record is kept; each where Parsl sends it, after its inputs,
    on that `number` of threads.

    A job whose worker is lost leaves a record that says so, as do those that would have read its result.
    Raises BadInput as `run_job` does.
    """
    import parsl
    from parsl.dataflow.errors import DependencyError

    # Parsl starts its own programs by name: those beside this Python, be its environment active or not.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    app = parsl.python_app(_work)
    place = (resolver.source, store.folder.resolve(), profile, number, kind_versions())
    with parsl.load(config):
        futures: dict[str, Any] = {}
        jobs_of = {}
        for job in jobs:  # inputs come first
            needed = [futures[i.identity] for i in job.inputs.values() if i.identity in futures]
            progress.begun(job)
            futures[job.identity] = future = app(job, *place, inputs=needed)
            jobs_of[future] = job
        for future in as_completed(jobs_of):
            job = jobs_of[future]
            try:
                record = future.result()
            except BadInput:
                raise
            except DependencyError:
                record = fail_job(job, resolver, store, profile, "its input failed")
            except Exception as error:  # of Parsl's: the worker, or the machine that it was on, is lost
                record = fail_job(job, resolver, store, profile, f"its worker was lost: {one_line(error)}")
            progress.ended(job)
            yield job, record


def _work(
    job: Job,
    source: Any,
    store_folder: Path,
    profile: str,
    number: int | None,
    versions: dict[str, int],
    inputs: Sequence[Mapping] = (),
) -> dict:
    """The record of a job whose `inputs` are done, run by a worker, somewhere. Raises BadInput where the
    library there is another."""
    if kind_versions() != versions:
        raise BadInput("a worker has another version of this library: install the same everywhere")
    with threads(number):
        return run_job(job, _resolver(source, store_folder), Store(store_folder), profile, _untold)


@lru_cache(maxsize=4)
def _resolver(source: Any, store_folder: Path) -> Resolver:
    """Reads each split once a worker."""
    return Resolver(source, store_folder / "digests.json")


def _untold(done: int, total: int) -> None:
    """Nobody sees the progress of a job on another machine."""
