"""Estimates: in proportion to the work, and corrected by what such jobs have taken here."""

from dataclasses import replace

import pytest

from bert_compression.experiments import estimate
from bert_compression.experiments.estimate import predicted_seconds
from bert_compression.experiments.job import Job
from bert_compression.experiments.papers import table_jobs
from bert_compression.experiments.papers.loyalty import Grid, measurements, model_of
from bert_compression.experiments.plan import in_order, passes_of
from bert_compression.experiments.profiles import PROFILES, get_profile
from bert_compression.tasks.glue import get_task


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine of a known speed."""
    monkeypatch.setattr(estimate, "flop_per_second", lambda: 1e11)


def grid(profile="smoke", seed=0, **changes):
    return Grid(replace(get_profile(profile), **changes), get_task("sst2"), seed)


def seconds(job, known=()):
    return predicted_seconds([job], list(known))[job.identity]


def record(job, seconds, **others):
    return {
        "kind": job.kind,
        "params": job.params,
        "method": job.method,
        "status": "ok",
        "seconds": seconds,
        **others,
    }


def test_work_is_counted_in_examples_through_the_model():
    teacher = model_of(grid(train_size=1000, epochs=3), "teacher")
    assert passes_of(teacher) == 3 * 3 * 1000  # forward and twice as much back
    assert passes_of(model_of(grid(train_size=None, epochs=1), "teacher")) == 3 * 67_349  # the official split
    assert passes_of(measurements(grid(), "teacher")[0]) == 872
    assert passes_of(Job("quantize", {})) == 0


def test_twice_the_work_takes_twice_as_long_and_a_larger_encoder_longer():
    def without_overhead(**changes):
        return seconds(model_of(grid(**changes), "teacher")) - estimate.OVERHEAD_SECONDS

    assert without_overhead(epochs=4) == pytest.approx(2 * without_overhead(epochs=2))
    assert without_overhead(train_size=500) == pytest.approx(without_overhead() / 2)
    assert without_overhead(profile="paper") > 5 * without_overhead(profile="small") > 0


def test_a_faster_machine_takes_less(monkeypatch):
    job = model_of(grid("paper"), "teacher")
    slow = seconds(job)
    monkeypatch.setattr(estimate, "flop_per_second", lambda: 1e13)
    assert seconds(job) < slow / 10


def test_what_such_jobs_took_here_corrects_the_arithmetic():
    done, next_one = model_of(grid(seed=0), "teacher"), model_of(grid(seed=1), "teacher")
    known = [record(done, 7.0)]
    assert seconds(next_one) != pytest.approx(7.0)
    assert seconds(next_one, known) == pytest.approx(7.0)
    assert seconds(next_one, [record(done, 7.0, status="failed")]) == seconds(next_one)
    other = model_of(grid(), "head_prune")
    assert seconds(other, known) == seconds(other)


def test_the_method_counts_where_it_is_known_and_else_the_kind():
    def predict(method, seed):
        return measurements(grid(seed=seed), method)[0]

    known = [record(predict("teacher", 0), 1.0), record(predict("q8_ptq_dynamic", 0), 20.0)]
    assert seconds(predict("teacher", 1), known) == pytest.approx(1.0)
    assert seconds(predict("q8_ptq_dynamic", 1), known) == pytest.approx(20.0)
    assert seconds(predict("kd", 1), known) == pytest.approx(10.5)  # the median of both


def test_records_of_an_older_library_do_no_harm():
    job = model_of(grid(), "teacher")
    strangers = [
        {"kind": "alchemy", "params": {"task": "sst2"}, "method": "", "status": "ok", "seconds": 1.0},
        {
            "kind": "finetune",
            "params": {"encoder": "builtin-bert"},
            "method": "",
            "status": "ok",
            "seconds": 1.0,
        },
    ]
    assert seconds(job, strangers) == seconds(job)


def test_every_job_of_every_profile_has_a_price():
    for profile in PROFILES.values():
        jobs = in_order(table_jobs("loyalty", "table_3", profile))
        priced = predicted_seconds(jobs, [])
        assert priced.keys() == {job.identity for job in jobs}
        assert all(0 < price < float("inf") for price in priced.values())


def test_the_speed_of_this_machine_is_measured(monkeypatch):
    monkeypatch.undo()
    assert 1e7 < estimate.flop_per_second() < 1e16
