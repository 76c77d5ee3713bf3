"""The engine of several processes on this machine: each works on one job at a time, and is handed the next in
the plan's order whose inputs are done.

A worker that dies takes down its own job and nothing else.
"""

import importlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

import psutil
import torch

from bert_compression.errors import BadInput, Failure
from bert_compression.experiments.code import code_digest
from bert_compression.experiments.environment import cores, threads
from bert_compression.experiments.job import Job, Resolver
from bert_compression.experiments.profiles import Profile
from bert_compression.experiments.progress import Progress
from bert_compression.experiments.running import fail_job, run_job
from bert_compression.experiments.store import Store

SPAWN = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
STARTING_SECONDS = 10  # what a worker computes before its first job: imports
REPORT_SECONDS = 0.2  # between two messages about a job's progress
FAREWELL_SECONDS = 5  # for a worker to clean up after itself


def workers_for(profile: Profile, seconds: float) -> int:
    """How many processes to run jobs in that take so long in one: as many as the profile says.

    Where it leaves that open, one a core that has memory enough; but one alone where all would share a GPU,
    and where starting a second would cost more than it could save.
    """
    if profile.workers:
        return profile.workers
    if torch.cuda.is_available() or seconds < 2 * STARTING_SECONDS:
        return 1
    return max(1, min(cores(), psutil.virtual_memory().available // (profile.worker_gib * 2**30)))


def run_in_processes(
    jobs: list[Job],
    resolver: Resolver,
    store: Store,
    profile: str,
    progress: Progress,
    workers: int,
    number: int,
) -> Generator[tuple[Job, dict]]:
    """Each job with its record, as soon as the record is kept; at most `workers` jobs at a time, each on
    that `number` of threads.

    The job of a worker that dies leaves a record that says so. Raises BadInput as `run_job` does, and Failure
    where a worker cannot be started.
    """
    codes = {job.kind: code_digest(job.kind) for job in jobs}
    waiting = list(jobs)
    unfinished = {job.identity for job in jobs}
    team: list[_Worker] = []

    def able() -> list[Job]:
        """The waiting jobs whose inputs are done."""
        return [job for job in waiting if not any(i.identity in unfinished for i in job.inputs.values())]

    try:
        while unfinished:
            idle = [worker for worker in team if worker.ready and worker.job is None]
            for worker, job in zip(idle, able(), strict=False):
                waiting.remove(job)
                worker.begin(job, progress.begun(job))
            starting = sum(not worker.ready for worker in team)
            for _ in range(min(len(able()) - starting, workers - len(team))):
                team.append(_Worker(resolver, store, profile, number, codes))
            for worker in _that_speak(team):
                job = worker.job
                try:
                    record = worker.listen()
                except EOFError:
                    team.remove(worker)
                    error = f"its worker died ({worker.death()}), perhaps for want of memory"
                    record = fail_job(job, resolver, store, profile, error) if job else None
                if record:
                    unfinished.remove(job.identity)
                    progress.ended(job)
                    yield job, record
    finally:
        for worker in team:
            worker.end()
        store.sweep()


class _Worker:
    """A process that runs jobs, as this one sees it. `ready` when it has started, `job` while it has one."""

    def __init__(self, resolver: Resolver, store: Store, profile: str, number: int, codes: dict[str, str]):
        self.pipe, theirs = SPAWN.Pipe()
        setup = (theirs, resolver, store.folder, profile, number, codes)
        self.process = SPAWN.Process(target=_work, args=setup, daemon=True)
        with _deaf_to_ctrl_c():
            self.process.start()
        theirs.close()  # so that the pipe ends when the process does
        self.ready = False
        self.job: Job | None = None
        self.report: Callable[[int, int], None] | None = None

    def begin(self, job: Job, report: Callable[[int, int], None]) -> None:
        self.job, self.report = job, report
        with suppress(OSError):  # it has died meanwhile, and the pipe's end will tell
            self.pipe.send(job)

    def listen(self) -> dict | None:
        """Take in one message, and return the record if it is that of the finished job."""
        try:
            message = self.pipe.recv()
        except (EOFError, OSError) as error:
            if self.ready:
                raise EOFError from error
            raise Failure(
                f"a worker could not be started ({self.death()}): in a script, call this under "
                "`if __name__ == '__main__':`, or ask for one worker"
            ) from error
        if isinstance(message, BadInput):
            raise message
        if isinstance(message, dict):
            self.job = None
            return message
        if message is None:
            self.ready = True
        else:
            self.report(*message)
        return None

    def death(self) -> str:
        """How the process ended."""
        self.process.join()
        code = self.process.exitcode
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"

    def end(self) -> None:
        """Let the process go if it has nothing to do, and end it at once if it has."""
        self.pipe.close()
        if self.ready and self.job is None:
            self.process.join(FAREWELL_SECONDS)
        self.process.kill()
        self.process.join()


def _that_speak(team: list[_Worker]) -> list[_Worker]:
    """Wait until a worker has something to say, or has died."""
    speaking = wait([worker.pipe for worker in team])
    return [worker for worker in team if worker.pipe in speaking]


def _work(
    pipe: Connection,
    resolver: Resolver,
    store_folder: Path,
    profile: str,
    number: int,
    codes: dict[str, str],
) -> None:
    """What a worker does with that number of threads: a job that comes in through the pipe, then its record
    out, until the pipe ends.

    The resolver brings the examples and the keys; `codes` are the digests that these keys rest on.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    store = Store(store_folder)
    told = 0.0

    def report(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told > REPORT_SECONDS:
            told = time.monotonic()
            with suppress(OSError):  # nobody listens any more: this process is about to end
                pipe.send((done, total))

    with threads(number), suppress(EOFError, OSError):
        for kind, code in codes.items():
            importlib.import_module(f"bert_compression.experiments.kinds.{kind}")  # as it is now
            if code_digest(kind) != code:
                pipe.send(BadInput("the library has been changed since this run began: run it again"))
        pipe.send(None)
        while True:
            job = pipe.recv()
            try:
                pipe.send(run_job(job, resolver, store, profile, report))
            except BadInput as error:
                pipe.send(error)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """What is started here ignores Ctrl-C, which a terminal sends to all: the process that asked ends the
    others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_with_parent() -> None:
    """Without the process that asked for the results, there is nobody to go on for."""
    multiprocessing.parent_process().join()
    os._exit(1)
