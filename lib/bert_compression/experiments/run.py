"""Runs a plan: one job after another in this process, or in several processes of this machine.

Either leaves the same records. A kill loses at most the jobs that are running; a worker that dies takes down
its own job and nothing else.
"""

import errno
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path

import psutil
import torch

from bert_compression.errors import BadInput, Failure
from bert_compression.experiments.environment import cores, reset_peak_memory
from bert_compression.experiments.job import Job, Resolver
from bert_compression.experiments.kinds import KINDS, Outcome, Work
from bert_compression.experiments.plan import Plan
from bert_compression.experiments.profiles import Profile
from bert_compression.experiments.progress import Progress
from bert_compression.experiments.records import make_record
from bert_compression.experiments.store import Store
from bert_compression.tasks import get_task
from bert_compression.timing import threads

SPAWN = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
STARTING_SECONDS = 10  # what a worker computes before its first job: imports
REPORT_SECONDS = 0.2  # between two messages about a job's progress
FAREWELL_SECONDS = 5  # for a worker to clean up after itself


def run_plan(
    plan: Plan,
    resolver: Resolver,
    store: Store,
    profile: Profile,
    progress: Progress,
    workers: int = 1,
    on_record: Callable[[dict], None] | None = None,
    elsewhere: Callable[..., Generator[tuple[Job, dict]]] | None = None,
) -> list[Mapping]:
    """Run what the plan says is missing, and return the records of all jobs of the plan that have one.

    A job that fails leaves a record with its error, as do the jobs that would have read its result; the rest
    go on. `on_record(record)` is called as each record is kept. With one worker, jobs run in this process;
    with `elsewhere`, an engine of its own, wherever that brings them.
    """
    records: dict[str, Mapping] = dict(plan.there)
    number = threads_of(profile, workers)
    place = (plan.to_run, resolver, store, profile.name, progress)
    if elsewhere:
        engine = elsewhere(*place, number)
    else:
        engine = run_in_processes(*place, workers, number) if workers > 1 else run_serially(*place)
    with threads(number), closing(engine) as work:
        for job, record in work:
            records[job.identity] = record
            if record["status"] == "failed":
                progress.note(f"{job.title} failed: {record['error']}")
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


def run_job(
    job: Job, resolver: Resolver, store: Store, profile: str, report: Callable[[int, int], None]
) -> dict:
    """The job's record, the one that is there if another process on the same store was faster; while another
    is at the same job, its result is waited for.

    A job that goes wrong, or whose input did, leaves a record with its error. Raises BadInput where no record
    could mend what was asked for.
    """
    key = resolver.key(job)
    if store.sound(key):
        return store.record(key)
    for needed in job.inputs.values():
        if not _done(store, resolver.key(needed)):
            return fail_job(job, resolver, store, profile, f"its input failed: {needed.title}")
    with store.workspace(key) as folder:
        if store.sound(key):  # another process has done it meanwhile
            return store.record(key)
        work = Work(
            params=job.params,
            task=get_task(job.task),
            inputs={name: store.artifacts(resolver.key(needed)) for name, needed in job.inputs.items()},
            folder=folder,
            examples=resolver.examples(job),
            data_folder=getattr(resolver.source, "folder", None),
            progress=report,
        )
        reset_peak_memory()
        start = time.perf_counter()
        try:
            with store.writing():
                outcome = KINDS[job.kind].run(work)
        except BadInput:
            raise  # what was asked for is wrong: no record can mend that
        except Exception as error:  # a job's failure is a result: it is recorded, and the others go on
            if _disk_is_full(folder, error):
                raise BadInput(
                    f"the disk that holds {store.folder} is full: free some space and run again"
                ) from error
            text = str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {error}"
            return fail_job(job, resolver, store, profile, text.strip().splitlines()[0])
        seconds = time.perf_counter() - start
        if "predictions" in outcome.per_example:
            store.keep_gold(job.task, job.params["split"], work.examples)
        return store.keep(key, folder, make_record(job, resolver, profile, outcome, seconds))


def _done(store: Store, key: str) -> bool:
    """Is a job's result there? Where it is not, another process may be about to bring it."""
    record = store.record(key)
    if record is None or record["status"] != "ok":
        with store.claim(key):
            record = store.record(key)
    return record is not None and record["status"] == "ok"


def fail_job(job: Job, resolver: Resolver, store: Store, profile: str, error: str) -> dict:
    """Keep a record that says why the job has no result, and return it."""
    key = resolver.key(job)
    with store.workspace(f"{key}-failed") as folder:
        return store.keep(key, folder, make_record(job, resolver, profile, Outcome(), 0.0, error))


def _disk_is_full(folder: Path, error: Exception) -> bool:
    """Is there no room left, or was there none before what had been written was taken away again?"""
    return shutil.disk_usage(folder).free < 2**20 or os.strerror(errno.ENOSPC) in str(error)


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
                team.append(_Worker(resolver, store, profile, number))
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


def kind_versions() -> dict[str, int]:
    """The version of each kind, which tells whether two processes have read the same library."""
    return {name: kind.version for name, kind in KINDS.items()}


class _Worker:
    """A process that runs jobs, as this one sees it. `ready` when it has started, `job` while it has one."""

    def __init__(self, resolver: Resolver, store: Store, profile: str, number: int):
        self.pipe, theirs = SPAWN.Pipe()
        setup = (theirs, resolver, store.folder, profile, number, kind_versions())
        self.process = SPAWN.Process(target=_work, args=setup, daemon=True)
        with _ctrl_c_waits():
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
    versions: dict[str, int],
) -> None:
    """What a worker does with that number of threads: a job that comes in through the pipe, then its record
    out, until the pipe ends.

    The resolver brings the examples and the keys; `versions` are those of the kinds that these keys rest on.
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
        if kind_versions() != versions:  # this process has read the library as it is now
            pipe.send(BadInput("the library has been changed since this run began: run it again"))
        pipe.send(None)
        while True:
            job = pipe.recv()
            try:
                pipe.send(run_job(job, resolver, store, profile, report))
            except BadInput as error:
                pipe.send(error)


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Ctrl-C, which a terminal sends to all processes, comes afterwards to this one, which ends the others.
    What is started here never hears it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    resource_tracker.ensure_running()  # which Python starts with the first child, and which unblocks Ctrl-C
    # A child inherits what is blocked; here it may still come to a thread of torch's, and is noted.
    masks = hasattr(signal, "pthread_sigmask")  # not so on Windows
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masks else set()
    try:
        yield
    finally:
        if masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
    if heard:
        raise KeyboardInterrupt


def _end_with_parent() -> None:
    """Without the process that asked for the results, there is nobody to go on for."""
    multiprocessing.parent_process().join()
    os._exit(1)
