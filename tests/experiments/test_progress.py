"""Progress: a bar with the time left on a terminal, a line a job elsewhere, nothing at all when quiet."""

import contextlib
import io
import os
import re
import sys
import termios
import threading

import pytest
from stopped_clock import Clock

from bert_compression import cli
from bert_compression.experiments import Job
from bert_compression.experiments import progress as progress_module
from bert_compression.experiments.progress import Progress, duration

JOBS = [Job("finetune", {"seed": seed}, {}, "teacher") for seed in range(3)]
SECONDS = {JOBS[0].identity: 10.0, JOBS[1].identity: 30.0, JOBS[2].identity: 60.0}


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


class Terminal(io.StringIO):
    def isatty(self):
        return True


def work(progress, clock, seconds):
    for job, taken in zip(JOBS, seconds, strict=True):
        report = progress.begun(job)
        clock.now += taken / 2
        report(1, 2)
        clock.now += taken / 2
        report(2, 2)
        progress.ended(job)
    progress.close()


def test_elsewhere_there_is_a_line_a_job_with_the_time_left_as_the_clock_corrects_it(clock, capsys):
    work(Progress(JOBS, SECONDS, quiet=False), clock, (20, 60, 120))  # twice as slow as foreseen
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "[1/3] finetune of teacher, seed 0: 20.0 s, 3 min left",
        "[2/3] finetune of teacher, seed 1: 60.0 s, 2 min left",
        "[3/3] finetune of teacher, seed 2: 120.0 s, 0 s left",
    ]
    assert captured.out == ""


def test_on_a_terminal_there_is_one_bar_that_goes_away(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    work(Progress(JOBS, SECONDS, quiet=False), clock, (10, 30, 60))
    drawn = [part.strip() for part in terminal.getvalue().split("\r") if part.strip()]
    assert drawn[-1].startswith("100% |")
    shown = re.findall(
        r"(\d+)% \|[^|]*\| (\d)/3 finetune of teacher, seed (\d), (\d+ s|\d+ min) left", "\n".join(drawn)
    )
    assert ("25", "2", "1", "75 s") in shown  # in the middle of the second job: 10 + 15 of 100 s
    assert shown == sorted(shown, key=lambda each: int(each[0]))
    assert "\n" not in terminal.getvalue()
    assert terminal.getvalue().endswith("\r") and not terminal.getvalue().split("\r")[-2].strip()


def test_of_jobs_that_run_at_once_the_time_left_is_that_of_all_together(clock, capsys):
    progress = Progress(JOBS, SECONDS, quiet=False, workers=2)
    for job in JOBS[:2]:
        progress.begun(job)
    clock.now = 10
    progress.ended(JOBS[0])  # 10 of 100 s in 10 s
    progress.begun(JOBS[2])(1, 4)
    clock.now = 30
    progress.ended(JOBS[1])  # 10 + 30 + 15 of 100 s in 30 s
    clock.now = 55
    progress.ended(JOBS[2])
    assert capsys.readouterr().err.splitlines() == [
        "[1/3] finetune of teacher, seed 0: 10.0 s, 2 min left",
        "[2/3] finetune of teacher, seed 1: 30.0 s, 25 s left",
        "[3/3] finetune of teacher, seed 2: 45.0 s, 0 s left",
    ]


def test_the_bar_names_the_job_that_has_run_longest_and_counts_the_others(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress(JOBS, SECONDS, quiet=False, workers=2)

    def shown():
        progress.bar.refresh()
        return terminal.getvalue().split("\r")[-1].split("| ")[-1].strip()

    progress.begun(JOBS[0])
    assert (
        shown() == "1/3 finetune of teacher, seed 0, 50 s left"
    )  # shared evenly, as long as nothing is known
    progress.begun(JOBS[1])
    assert shown() == "1/3 finetune of teacher, seed 0 and 1 more, 50 s left"
    clock.now = 10
    progress.ended(JOBS[0])
    progress.begun(JOBS[2])
    assert shown() == "2/3 finetune of teacher, seed 1 and 1 more, 2 min left"
    progress.close()


def test_a_note_on_a_terminal_stays_above_the_bar(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress(JOBS, SECONDS, quiet=False)
    progress.note("something worth knowing")
    progress.close()
    assert terminal.getvalue().count("something worth knowing\n") == 1


def test_quiet_is_quiet(clock, capsys):
    progress = Progress(JOBS, SECONDS, quiet=True)
    progress.note("not worth knowing")
    work(progress, clock, (10, 30, 60))
    assert capsys.readouterr() == ("", "")


def test_where_nothing_is_foreseen_the_time_left_is_nothing_rather_than_an_error(clock, capsys):
    work(Progress(JOBS, {}, quiet=False), clock, (1, 1, 1))
    assert capsys.readouterr().err.splitlines()[0] == "[1/3] finetune of teacher, seed 0: 1.0 s, 0 s left"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (12_240, "3.4 h")]
)
def test_a_duration_is_told_as_people_tell_it(seconds, words):
    assert duration(seconds) == words


# A whole run.


def test_a_run_elsewhere_prints_each_job_once(toys, capsys):
    assert cli.main(["run", "--table", "table_3"]) == 0
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == len(set(lines)) == 39
    assert lines[0].startswith("[1/39] pretrained of pretrained, seed 0: ")
    assert lines[-1].startswith("[39/39] attack of q8_ptq_dynamic, seed 0: ")
    assert captured.out == "39 jobs: 0 were there, 39 run, 0 failed\n"
    assert cli.main(["run", "--table", "table_3"]) == 0
    assert capsys.readouterr() == ("39 jobs: 39 were there, 0 run, 0 failed\n", "")


def test_a_quiet_run_prints_nothing(toys, capfd):
    assert cli.main(["run", "--table", "table_3", "--quiet"]) == 0
    assert len(toys.ran) == 39
    assert capfd.readouterr() == ("", "")


def test_a_run_on_a_terminal_leaves_no_line_behind(toys, monkeypatch):
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 110))
    shown = []

    def watch():
        with contextlib.suppress(OSError):  # the end of a terminal is an error
            while part := os.read(ours, 4096):
                shown.append(part)

    watching = threading.Thread(target=watch)
    watching.start()
    with open(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert sys.stderr.isatty()
        assert cli.main(["run", "--table", "table_3"]) == 0
    watching.join()
    os.close(ours)
    drawn = b"".join(shown).decode()
    assert re.search(r"\d+% \|.*\| 2/39 finetune of teacher, seed 0, \d+ (s|min) left", drawn)
    assert re.search(r"\d+% \|.*\| 39/39 attack of q8_ptq_dynamic, seed 0, \d+ (s|min) left", drawn)
    assert "\n" not in drawn
