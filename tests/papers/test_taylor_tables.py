"""The grid of the Taylor paper: its jobs, and what students learn from each loss."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from tiny_profile import jobs_of

from bert_compression.compression import LogitLoss
from bert_compression.experiments import PROFILES, Grid, get_profile, in_order
from bert_compression.papers import measure
from bert_compression.papers.taylor import tables as taylor
from bert_compression.papers.taylor.tables import STUDENTS
from bert_compression.report.tables import Row
from bert_compression.tasks import TASKS, get_task

LOSSES = {
    "ce": "cross_entropy",
    "kl": "kl",
    "kl_untuned": "kl",
    "taylor": "taylor",
    "taylor_untuned": "taylor",
    "squares": "squares",
    "squares_untuned": "squares",
}


def grid(profile="small", task="mrpc", seed=0):
    return Grid(get_profile(profile).at_precision("bf16"), get_task(task), seed)


def model_of(g, method):
    loss, _, student = method.rpartition("_")
    return getattr(taylor, loss)(g, student) if student in STUDENTS else taylor.teacher(g)


def model_named(method, g):
    return model_of(g, method)


def teacher_of(job):
    """The kind of the job that made the teacher, if there is one."""
    logits = job.inputs.get("teacher_logits")
    return logits and logits.inputs["model"].kind


# The grid


def test_each_method_has_its_loss_its_teacher_and_its_student():
    for method in [f"{loss}_{student}" for loss in LOSSES for student in STUDENTS]:
        job = model_of(grid(), method)
        loss, _, student = method.rpartition("_")
        assert job.method == method and job.kind == "taylor"
        assert job.params["loss"] == LOSSES[loss]
        assert job.params["lambda"] == (0.0 if loss.startswith("kl") else 0.5)
        expected = None if loss == "ce" else "pretrained" if loss.endswith("_untuned") else "finetune"
        assert teacher_of(job) == expected
        assert job.inputs["model"].kind == "reduce_layers"
        assert job.inputs["model"].params["keep"] == taylor.SHARES[student]


def test_students_are_the_hubs_at_paper_and_learn_with_the_papers_settings():
    checkpoints = {}
    for student in STUDENTS:
        job = model_of(grid("paper"), f"taylor_untuned_{student}")
        assert job.inputs["model"].kind == "pretrained"
        checkpoints[student] = job.inputs["model"].params["encoder"]
        assert job.inputs["teacher_logits"].inputs["model"].params["encoder"] == "bert-base-uncased"
        settings = {name: job.params[name] for name in ("learning_rate", "batch_size", "epochs", "warmup")}
        assert settings == {"learning_rate": 5e-5, "batch_size": 64, "epochs": 10, "warmup": 0}
    assert checkpoints["2x128"] == "google/bert_uncased_L-2_H-128_A-2"
    assert len(set(checkpoints.values())) == 3


def test_small_sets_have_more_epochs_and_more_seeds():
    jobs = jobs_of("taylor", "table_2")
    seeds = {name: {job.seed for job in jobs if job.params["task"] == name} for name in taylor.TASKS}
    assert {name for name in seeds if seeds[name] == {0, 1, 2}} == {"mrpc", "rte", "stsb"}
    assert all(seeds[name] == {0} for name in ("qqp", "mnli", "sst2", "qnli"))
    assert model_of(grid(task="rte"), "teacher").params["epochs"] == PROFILES["small"].small_set_epochs
    assert model_of(grid(task="qnli"), "teacher").params["epochs"] == PROFILES["small"].epochs


@pytest.mark.parametrize("profile", PROFILES)
def test_ten_epochs_are_ten_and_nothing_else_is_otherwise(profile):
    cells = taylor.TEN_EPOCHS.cells(get_profile(profile).at_precision("bf16"))
    for row in taylor.TEN_EPOCHS.rows:
        for task in ("mrpc", "rte"):
            models = [cells[row.method, name][0].inputs["model"] for name in (task, f"{task}_long")]
            assert models[0].identity == model_of(grid(profile, task), row.method).identity
            params = [dict(model.params) for model in models]
            epochs = [each.pop("epochs") for each in params]
            assert epochs == [10 if profile == "paper" else PROFILES[profile].small_set_epochs, 10]
            assert params[0] == params[1]


def test_the_models_of_the_loyalty_paper_are_shared_where_they_are_the_same():
    loyalty = {job.identity for job in in_order(jobs_of("loyalty", None))}
    for task in ("mnli", "sst2"):
        assert model_of(grid(task=task), "teacher").identity in loyalty


@pytest.mark.parametrize("profile", PROFILES)
def test_a_sweep_varies_what_it_says_and_nothing_else(profile):
    models = {
        job.inputs["model"].identity: job.inputs["model"]
        for job in jobs_of("taylor", "lambda_sweep", profile)
    }
    by_loss = {}
    for job in models.values():
        assert teacher_of(job) == "pretrained"
        by_loss.setdefault((job.params["loss"], job.seed), []).append(job.params)
    for params in by_loss.values():
        assert [each["lambda"] for each in params] == [step / 10 for step in range(11)]
        assert len({str({**each, "lambda": None}) for each in params}) == 1
    sizes = jobs_of("taylor", "training_sizes", profile)
    found = [
        job.inputs["model"].params["size"] for job in sizes if job.method == "ce_4x312" and job.seed == 0
    ]
    assert found == sorted(found) and len(set(found)) == 5
    assert found[-1] == (get_profile(profile).train_size["sst2"] or get_task("sst2").rows["train"])
    for job in sizes:  # a teacher that has seen no more than its student
        model = job.inputs["model"]
        if teacher_of(model) == "finetune":
            assert model.inputs["teacher_logits"].inputs["model"].params["size"] == model.params["size"]


def test_every_task_is_known_to_every_profile():
    assert set(taylor.TASKS) < TASKS.keys()
    for profile in PROFILES.values():
        jobs = in_order(jobs_of("taylor", "table_2", replace(profile, seeds=(0,))))
        assert {job.params["task"] for job in jobs} == set(taylor.TASKS)


# What is learnt


@pytest.fixture
def learnt(house, monkeypatch):
    """Trains these methods on a task, really and small; their records by (kind, method). Not all of them have
    a row in the paper's table."""

    def learn(task, *methods):
        table = replace(
            taylor.TABLE_2,
            rows=tuple(Row(method, method, partial(model_named, method)) for method in methods),
            columns=(taylor.TABLE_2.column(task),),
            panels=(),
        )
        small = {**PROFILES["smoke"].train_size, task: 128}
        monkeypatch.setitem(PROFILES, "smoke", replace(PROFILES["smoke"], train_size=small))
        records = measure(table, profile="smoke", quiet=True).records
        assert {record["status"] for record in records} == {"ok"}
        return {
            (r["kind"], r["method"]): r
            for r in records
            if r["params"].get("split") != "train" or r["kind"] == "taylor"
        }

    return learn


@pytest.mark.parametrize(("task", "epochs"), [("sst2", 2), ("mrpc", 3), ("stsb", 3)])  # more for small sets
def test_the_taylor_loss_teaches_what_cross_entropy_does_and_the_others_do_not(learnt, task, epochs):
    methods = [f"{loss}_2x128" for loss in ("ce", "taylor_untuned", "kl_untuned", "squares_untuned")]
    found = learnt(task, *methods)
    plain, same, *others = (np.array(found["taylor", m]["per_example"]["cross_entropy"]) for m in methods)
    assert len(plain) == found["taylor", methods[0]]["metrics"]["steps"] == 4 * epochs
    np.testing.assert_allclose(same, plain, atol=3e-5)
    for other in others:
        assert np.abs(other - plain).max() > 1e-3
    answers = [found["predict", m]["per_example"]["predictions"] for m in methods[:2]]
    if task == "stsb":
        np.testing.assert_allclose(*answers, atol=0.01)
        assert found["predict", methods[0]]["metrics"].keys() >= {"pearson", "pearson_low", "spearman"}
        assert "accuracy" not in found["predict", methods[0]]["metrics"]
    else:
        assert answers[0] == answers[1]
    if task == "mrpc":
        metrics = found["predict", methods[0]]["metrics"]
        assert metrics["f1_low"] <= metrics["f1"] <= metrics["f1_high"] and "accuracy" in metrics


def test_an_objective_without_a_teacher_needs_none():
    assert LogitLoss("cross_entropy", 0.5).needs == ()
    assert LogitLoss("taylor", 0.5).needs == ("teacher_logits",)
