"""Running a plan with toy jobs in this process: nothing twice, nothing half, and a failure is a result."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import tiny_profile

from bert_compression import cli
from bert_compression.errors import BadInput, Failure
from bert_compression.experiments import Store

JOBS = 39  # of a Table 3 with one seed


run = tiny_profile.run


def records(house):
    return Store(house / "store").records()


def place(house, record):
    return house / "store" / record["key"][:2] / record["key"]


def partial(house):
    return [path.name for path in house.glob("store/partial-*")]


# The same key is never computed twice.


def test_a_second_run_computes_nothing_and_gives_the_same_records(toys, house):
    first = run()
    assert len(toys.ran) == len(first) == JOBS
    assert run() == first
    assert len(toys.ran) == JOBS
    assert len(records(house)) == JOBS


def test_what_two_plans_share_is_computed_once(toys):
    run()
    before = len(toys.ran)
    run(attacked=5)
    assert toys.ran[before:] == ["attack"] * 7
    run(seeds=2)
    assert len(toys.ran) == before + 7 + JOBS


def test_inputs_come_first_and_each_job_once(toys):
    jobs = tiny_profile.session().plan.all_jobs()
    assert len(jobs) == JOBS
    seen = set()
    for job in jobs:
        assert {needed.identity for needed in job.inputs.values()} <= seen
        assert job.identity not in seen
        seen.add(job.identity)


def test_what_another_process_has_done_meanwhile_is_not_done_again(toys):
    session = tiny_profile.session()
    run()
    assert len(session.run(quiet=True)) == JOBS
    assert len(toys.ran) == JOBS


def test_two_runs_on_one_store_do_each_job_once_and_agree(toys, house):
    """Two sessions that were planned before either had done anything, at work at the same time."""
    toys.before = dict.fromkeys(toys.kinds, lambda work: time.sleep(0.01))
    sessions = [tiny_profile.session() for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda session: session.run(quiet=True), sessions)
    assert len(toys.ran) == len(first) == JOBS
    assert first == second
    assert all(record["status"] == "ok" for record in first)
    assert partial(house) == []


def test_each_new_record_is_handed_on_as_soon_as_it_is_kept(toys, house):
    seen = []

    def handed(record):
        seen.append(record["kind"])
        assert (place(house, record) / "record.json").is_file()
        assert len(records(house)) == len(seen)

    tiny_profile.session().run(quiet=True, on_record=handed)
    assert seen == toys.ran


# Damage is found, said and mended.


def test_a_damaged_artifact_is_recomputed_and_said_in_one_line(toys, house, capsys):
    run()
    (teacher,) = (r for r in records(house) if (r["kind"], r["method"]) == ("finetune", "teacher"))
    artifact = place(house, teacher) / tiny_profile.WEIGHTS
    before = len(toys.ran)

    artifact.write_text("other weights")
    assert (
        cli.main(["run", "--table", "table_3"]) == 0
    )  # nobody asks for the teacher's weights: the table's numbers are there
    assert len(toys.ran) == before

    for record in records(house):  # now somebody does
        if (record["kind"], record["method"]) == ("attack", "teacher"):
            shutil.rmtree(place(house, record))
    capsys.readouterr()
    assert cli.main(["run", "--table", "table_3"]) == 0
    assert toys.ran[before:] == ["finetune", "attack"]
    told = [line for line in capsys.readouterr().err.splitlines() if "will be computed again" in line]
    assert told == [
        f"job {teacher['key'][:12]} will be computed again: "
        f"its artifact {tiny_profile.WEIGHTS} is missing or has been changed"
    ]
    assert artifact.read_text().startswith("finetune ")


@pytest.mark.parametrize("how", ["foreign", "invalid"])
def test_a_record_that_is_not_the_jobs_own_is_recomputed_and_said_in_one_line(toys, house, capsys, how):
    run()
    mine, other = [place(house, record) for record in records(house) if record["kind"] == "attack"][:2]
    before = len(toys.ran)
    if how == "foreign":
        shutil.rmtree(mine)
        shutil.copytree(other, mine)
    else:
        (mine / "record.json").write_text("{")
    assert cli.main(["run", "--table", "table_3"]) == 0
    assert toys.ran[before:] == ["attack"]
    told = capsys.readouterr().err.splitlines()
    damage = "its record is damaged, another job's or of an earlier layout"
    assert told[0] == f"job {mine.name[:12]} will be computed again: {damage}"
    assert len(told) == 2  # that line, and the job's own
    assert json.loads((mine / "record.json").read_text())["key"] == mine.name


# A failure is a result.


def fail(message, error=ValueError):
    def before(work):
        raise error(message)

    return before


def test_a_failed_job_is_recorded_what_needs_it_says_so_and_the_others_go_on(toys, house, capsys):
    toys.before["distill"] = fail("no such thing\nmore", RuntimeError)
    assert cli.main(["run", "--table", "table_3"]) == 1
    captured = capsys.readouterr()
    failed = [r for r in records(house) if r["status"] == "failed"]
    assert {f"{r['kind']} of {r['method']}": r["error"] for r in failed} == {
        "distill of kd": "RuntimeError: no such thing",
        "predict of kd": "its input failed: distill of kd, seed 0",
        "attack of kd": "its input failed: distill of kd, seed 0",
        "cost of kd": "its input failed: distill of kd, seed 0",
        "loyalty of kd": "its input failed: predict of kd, seed 0",
    }
    assert all(r["metrics"] == {} and r["artifacts"] == {} for r in failed)
    assert len(toys.ran) == JOBS - 5
    lines = captured.err.splitlines()
    assert lines[-1] == (
        "bert-compression: 5 of 39 jobs failed, first distill of kd, seed 0, as told above; "
        "the next run tries them again"
    )
    assert sum("no such thing" in line for line in lines) == 1
    assert captured.out == "39 jobs: 0 were there, 39 run, 5 failed\n"

    toys.before.clear()
    before = len(toys.ran)
    assert cli.main(["run", "--table", "table_3", "--quiet"]) == 0
    assert toys.ran[before:] == ["distill", "predict", "loyalty", "cost", "attack"]
    assert {r["status"] for r in records(house)} == {"ok"}


def test_a_failure_of_our_own_is_kept_in_its_own_words(toys, capsys):
    toys.before["finetune"] = fail("the loss is nan at step 3", Failure)
    assert cli.main(["run", "--table", "table_3", "--quiet"]) == 1
    captured = capsys.readouterr()
    assert captured.err == (
        "bert-compression: 37 of 39 jobs failed, first finetune of teacher, seed 0: the loss is nan at step "
        "3; the next run tries them again\n"
    )
    assert captured.out == ""


def test_bad_input_in_a_job_ends_the_run_and_leaves_nothing_of_the_job(toys, house):
    toys.before["distill"] = fail("the labels are wrong", BadInput)
    with pytest.raises(BadInput, match=r"^the labels are wrong$"):
        run()
    assert {r["status"] for r in records(house)} == {"ok"}
    assert len(records(house)) == len(toys.ran) < JOBS
    assert partial(house) == []


# Kills and full disks lose the running job at most.


def start(house, *arguments):
    """The command line with toy kinds in a process of its own, which ends up waiting in prune_heads."""
    return subprocess.Popen(
        [sys.executable, tiny_profile.__file__, "run", "--table", "table_3", *arguments],
        cwd=house,
        env={**os.environ, "TOYS": "prune_heads:waits"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def stuck(house):
    """Starts a run and comes back when it is in the middle of prune_heads, with what had been done by
    then."""
    session = tiny_profile.session()
    (job,) = (job for job in session.plan.all_jobs() if job.kind == "prune_heads")
    key = session.resolver.key(job)

    def start_and_wait(*arguments):
        process = start(house, *arguments)
        while not any(name.endswith(key) for name in partial(house)):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        return process, records(house)

    return start_and_wait


def test_a_killed_run_loses_the_running_job_only_and_the_next_run_goes_on(toys, house, stuck):
    process, done = stuck()
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(partial(house)) == 1
    assert records(house) == done
    assert 0 < len(done) < JOBS

    run()
    assert len(toys.ran) == JOBS - len(done)
    assert toys.ran[0] == "prune_heads"
    assert partial(house) == []
    assert len(records(house)) == JOBS


def test_ctrl_c_ends_a_run_with_one_line_and_130(house, stuck):
    process, done = stuck("--quiet")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert err == "bert-compression: stopped; what is done is kept, and the next run goes on\n"
    assert out == ""
    assert partial(house) == []
    assert records(house) == done


def test_a_disk_that_fills_up_ends_the_run_in_one_line_with_nothing_half_written(toys, house, capsys):
    toys.before["prune_heads"] = lambda work: fail_to_write(work.folder / "model.safetensors")
    assert cli.main(["run", "--table", "table_3", "--quiet"]) == 2
    assert capsys.readouterr().err == (
        f"bert-compression: {house / 'store'} cannot be written to (No space left on device): free some "
        "space, or make it writable, or name another folder with BERT_COMPRESSION_STORE\n"
    )
    assert partial(house) == []
    assert len(records(house)) == len(toys.ran) > 0
    toys.before.clear()
    assert cli.main(["run", "--table", "table_3", "--quiet"]) == 0
    assert len(records(house)) == JOBS


def fail_to_write(path):
    path.write_text("half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def small_disk(house):
    """A disk of one MiB in the place of the store, where this process may mount one."""
    folder = house / "store"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only the superuser can mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_model_that_does_not_fit_on_the_disk_is_told_in_one_line(small_disk, house, capsys):
    assert cli.main(["run", "--table", "table_3", "--quiet"]) == 2
    assert capsys.readouterr().err == (
        f"bert-compression: the disk that holds {small_disk} is full: free some space and run again\n"
    )
    assert [path.name for path in small_disk.iterdir()] == ["locks"]


def test_a_store_in_whose_place_is_a_file_is_told_in_one_line(toys, house, capsys):
    (house / "store").write_text("in the way")
    assert cli.main(["run", "--table", "table_3"]) == 2
    assert capsys.readouterr().err == (
        f"bert-compression: {house / 'store'} cannot be written to (Not a directory): free some space, "
        "or make it writable, or name another folder with BERT_COMPRESSION_STORE\n"
    )
    assert toys.ran == []
