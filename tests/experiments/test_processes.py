"""Running a plan in several processes: the records are the same, and no death takes down more than a job."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest
import tiny_profile

from bert_compression import cli
from bert_compression.errors import BadInput, Failure
from bert_compression.experiments import Job, Resolver, Store, get_profile
from bert_compression.experiments import run as processes
from bert_compression.experiments.kinds import KINDS
from bert_compression.experiments.progress import Progress
from bert_compression.experiments.run import _ctrl_c_waits, run_in_processes, threads_of, workers_for
from bert_compression.tasks.sources import BuiltinSource

JOBS = 39  # of a Table 3 with one seed
# What may differ between two runs of the same job.
OWN = ("seconds", "created", "peak_memory_mib", "artifacts", "digest")
TIMED = ("milliseconds_batch_1", "milliseconds_batch_32", "speedup_batch_1", "speedup_batch_32")


def start(house, toys=None, **options):
    """The command line with small profiles, in processes of its own: two that work, and the one that is told
    to."""
    return subprocess.Popen(
        [sys.executable, tiny_profile.__file__, "run", "--table", "table_3", "--workers", "2"],
        cwd=house,
        env={**os.environ, **({"TOYS": toys} if toys is not None else {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def records(house):
    return {record["key"]: record for record in Store(house / "store").records()}


def partial(house):
    return [path.name for path in house.glob("store/partial-*")]


def measured(record):
    """The record without what may differ."""
    metrics = {name: value for name, value in record["metrics"].items() if name not in TIMED}
    kept = {name: value for name, value in record.items() if name not in OWN}
    return {**kept, "metrics": metrics}


def test_two_processes_leave_the_records_that_one_leaves(table, house):
    out, err = start(house).communicate()
    assert out == f"{JOBS} jobs: 0 were there, {JOBS} run, 0 failed\n"
    lines = err.splitlines()
    assert len(lines) == JOBS and lines[-1].startswith(f"[{JOBS}/{JOBS}] ")
    in_one = {record["key"]: measured(record) for record in table}
    in_two = {key: measured(record) for key, record in records(house).items()}
    assert in_two == in_one and len(in_two) == JOBS
    (kd,) = (r for r in table if (r["kind"], r["method"]) == ("predict", "kd"))
    assert len(set(kd["per_example"]["predictions"])) == 2  # which would be the same if nothing was learned
    assert partial(house) == []


def test_a_job_that_fails_and_a_worker_that_dies_take_down_what_needs_them_and_nothing_else(house):
    process = start(house, "distill:dies prune_heads:fails")
    out, err = process.communicate()
    assert process.returncode == 1
    failed = {
        f"{r['kind']} of {r['method']}": r["error"]
        for r in records(house).values()
        if r["status"] == "failed"
    }
    death = "its worker died (exit status 3), perhaps for want of memory"
    assert failed == {
        "distill of kd": death,
        **{
            f"{kind} of kd": "its input failed: distill of kd, seed 0"
            for kind in ("predict", "attack", "cost")
        },
        "loyalty of kd": "its input failed: predict of kd, seed 0",
        "prune_heads of head_prune": "RuntimeError: no such thing",
        **{
            f"{kind} of head_prune": "its input failed: prune_heads of head_prune, seed 0"
            for kind in ("predict", "attack", "cost")
        },
        "loyalty of head_prune": "its input failed: predict of head_prune, seed 0",
    }
    assert out == f"{JOBS} jobs: 0 were there, {JOBS} run, 10 failed\n"
    assert f"distill of kd, seed 0 failed: {death}" in err.splitlines()
    assert err.splitlines()[-1] == (
        "bert-compression: 10 of 39 jobs failed, first distill of kd, seed 0, as told above; "
        "the next run tries them again"
    )
    assert partial(house) == []


def test_bad_input_in_a_job_ends_the_run_with_its_line_and_leaves_nothing_of_the_job(house):
    process = start(house, "distill:refuses")
    _, err = process.communicate()
    assert process.returncode == 2
    assert err.splitlines()[-1] == "bert-compression: the labels are wrong"
    assert {r["status"] for r in records(house).values()} == {"ok"}
    assert 2 <= len(records(house)) < JOBS
    assert "distill" not in {r["kind"] for r in records(house).values()}
    assert partial(house) == []


@pytest.fixture
def stuck(house):
    """A run in the middle of distillation, and its workers."""
    process = start(house, "distill:waits prune_heads:waits", start_new_session=True)
    while len(partial(house)) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    children = psutil.Process(process.pid).children()
    workers = [child for child in children if any("spawn_main" in part for part in child.cmdline())]
    assert len(workers) == 2
    yield process, workers
    process.kill()


def test_ctrl_c_ends_all_workers_at_once_with_one_line_and_130(house, stuck):
    process, workers = stuck
    done = records(house)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, err = process.communicate(timeout=20)  # the jobs would take a minute
    assert process.returncode == 130
    *progress, last = err.splitlines()
    assert last == "bert-compression: stopped; what is done is kept, and the next run goes on"
    assert all(line.startswith("[") for line in progress)
    assert not any(worker.is_running() for worker in workers)
    assert partial(house) == []
    assert records(house) == done


def test_ctrl_c_while_a_worker_starts_comes_afterwards_and_is_not_lost():
    seen = []
    with pytest.raises(KeyboardInterrupt):
        with _ctrl_c_waits():
            os.kill(os.getpid(), signal.SIGINT)
            seen.append("started")
        seen.append("never")
    assert seen == ["started"]


def test_a_killed_run_takes_its_workers_along_and_the_next_run_goes_on(toys, house, stuck):
    process, workers = stuck
    done = records(house)
    process.kill()
    process.communicate()
    gone, alive = psutil.wait_procs(workers, timeout=20)
    assert gone and not alive
    assert records(house) == done
    assert cli.main(["run", "--table", "table_3", "--quiet"]) == 0
    assert len(toys.ran) == JOBS - len(done)
    assert partial(house) == []


# How many.


def settled(house):
    """A resolver, a store and a progress that says nothing."""
    return Resolver(BuiltinSource()), Store(house / "store"), "smoke", Progress([], {}, quiet=True)


def test_there_are_no_more_workers_than_jobs_that_can_run_at_once(house, monkeypatch):
    started = []

    class Counted(processes._Worker):
        def __init__(self, *arguments):
            started.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(processes, "_Worker", Counted)
    params = {"task": "sst2", "seed": 0, "encoder": "builtin-bert"}
    first = Job("pretrained", {**params, "labels": 2}, {}, "pretrained")
    second = Job("reduce_layers", {**params, "keep": 0.5}, {"model": first}, "truncate")
    done = list(run_in_processes([first, second], *settled(house), workers=4, number=1))
    assert [job for job, _ in done] == [first, second]
    assert [record["status"] for _, record in done] == ["ok", "ok"]
    assert len(started) == 1


ONE = Job("pretrained", {"task": "sst2", "seed": 0, "encoder": "builtin-bert", "labels": 2}, {}, "pretrained")


class Deadly:
    """A source that ends the process that it is sent to."""

    name = "deadly"

    def __reduce__(self):
        return os._exit, (7,)


def test_a_worker_that_cannot_be_started_is_told_in_one_line(house):
    _, *place = settled(house)
    with pytest.raises(Failure, match=r"^a worker could not be started \(exit status 7\): in a script, call"):
        list(run_in_processes([ONE], Resolver(Deadly()), *place, workers=2, number=1))


def test_a_worker_with_another_library_than_the_plan_is_not_used(house, monkeypatch):
    monkeypatch.setitem(KINDS, "predict", replace(KINDS["predict"], version=99))
    with pytest.raises(BadInput, match=r"^the library has been changed since this run began: run it again$"):
        list(run_in_processes([ONE], *settled(house), workers=2, number=1))
    assert records(house) == {}


@pytest.fixture
def large_machine(monkeypatch):
    """Eight cores, memory enough and no GPU."""
    monkeypatch.setattr(processes, "cores", lambda: 8)
    monkeypatch.setattr(processes.torch.cuda, "is_available", lambda: False)
    memory(monkeypatch, 64)


def memory(monkeypatch, gib):
    monkeypatch.setattr(
        processes.psutil, "virtual_memory", lambda: type("Memory", (), {"available": gib * 2**30})
    )


def test_the_profile_says_how_many_and_else_the_machine(large_machine, monkeypatch):
    assert workers_for(get_profile("paper"), 1e6) == 1
    smoke = get_profile("smoke")
    assert smoke.workers is None
    assert workers_for(smoke, 1000) == 8
    assert workers_for(smoke, 5) == 1  # starting a second takes longer
    memory(monkeypatch, 7)
    assert workers_for(smoke, 1000) == 3
    memory(monkeypatch, 30)
    assert workers_for(get_profile("small"), 1000) == 3  # long inputs want more in training
    memory(monkeypatch, 1)
    assert workers_for(smoke, 1000) == 1
    memory(monkeypatch, 64)
    monkeypatch.setattr(processes.torch.cuda, "is_available", lambda: True)
    assert workers_for(smoke, 1000) == 1  # they would share it


def test_workers_share_the_cores_where_the_profile_names_no_threads(large_machine):
    smoke, paper = get_profile("smoke"), get_profile("paper")
    assert (smoke.threads, paper.threads) == (1, None)
    assert [threads_of(smoke, number) for number in (1, 2, 8)] == [1, 1, 1]
    assert [threads_of(paper, number) for number in (1, 2, 3, 20)] == [None, 4, 2, 1]


def test_workers_can_be_asked_for(toys):
    session = tiny_profile.session(workers=3)
    assert session.workers(session.seconds()) == 3
    assert tiny_profile.session().workers(session.seconds()) == 1  # as the profile says
    session = tiny_profile.session(workers=500)
    assert session.workers(session.seconds()) == JOBS
    for number in (0, -2):
        with pytest.raises(BadInput, match=rf"^workers must be at least 1, not {number}$"):
            tiny_profile.session(workers=number)
