"""The grid of the loyalty paper: its rows, its hyperparameters, and pipelines put together from its steps."""

import math

import pytest

from bert_compression.errors import BadInput
from bert_compression.experiments.papers import table_jobs
from bert_compression.experiments.papers.loyalty import METHODS, Grid, measurements, model_of
from bert_compression.experiments.plan import in_order
from bert_compression.experiments.profiles import get_profile
from bert_compression.report.layouts import LOYALTY_TABLE_3
from bert_compression.report.reported import reported
from bert_compression.tasks.glue import get_task


def grid(profile="smoke", seed=0):
    return Grid(get_profile(profile), get_task("sst2"), seed)


def chain(job):
    """(kind, method) of the job and of all the models before it, first the first."""
    before = chain(job.inputs["model"]) if "model" in job.inputs else []
    return [*before, (job.kind, job.method)]


def test_table_3_has_the_papers_rows_in_its_order_each_with_all_seeds():
    jobs = table_jobs("loyalty", "table_3", get_profile("smoke"))
    methods = list(dict.fromkeys(job.method for job in jobs))
    assert methods == [row.method for row in LOYALTY_TABLE_3.rows] == list(METHODS)
    measured = {"predict", "attack", "cost", "loyalty"}
    for method in methods:
        kinds = measured - {"loyalty"} if method == "teacher" else measured
        found = sorted((job.kind, job.seed) for job in jobs if job.method == method)
        assert found == sorted((kind, seed) for kind in kinds for seed in (0, 1)), method
    assert {job.params["task"] for job in jobs} == {"sst2"}


def test_all_seeds_share_nothing_but_the_question():
    jobs = table_jobs("loyalty", "table_3", get_profile("smoke"))
    identities = [job.identity for job in in_order(jobs)]
    assert len(identities) == len(set(identities)) == 78
    for job in in_order(jobs):
        assert all(needed.seed == job.seed for needed in job.inputs.values())


def test_a_student_is_measured_against_the_very_teacher_it_came_from():
    by_kind = {job.kind: job for job in measurements(grid(), "head_prune")}
    teacher, student = model_of(grid(), "teacher"), model_of(grid(), "head_prune")
    assert student.inputs["model"].identity == teacher.identity
    assert by_kind["cost"].inputs["teacher"].identity == teacher.identity
    pair = by_kind["loyalty"].inputs
    assert pair["teacher"].inputs["model"].identity == teacher.identity
    assert pair["student"].inputs["model"].identity == student.identity
    assert pair["student"].identity == by_kind["predict"].identity


def test_a_method_is_the_chain_of_its_steps():
    assert chain(model_of(grid(), "kd")) == [
        ("pretrained", "pretrained"),
        ("finetune", "teacher"),
        ("truncate", "teacher | truncate"),
        ("distill", "kd"),
    ]
    assert chain(model_of(grid(), "q8_qat")) == [
        ("pretrained", "pretrained"),
        ("quantize", "pretrained | q8"),
        ("finetune", "q8_qat"),
    ]
    modes = {m: model_of(grid(), f"q8_ptq_{m}") for m in ("int8", "static", "dynamic")}
    assert modes["int8"].params["mode"] == "int8"
    assert modes["static"].kind == "calibrate" and modes["static"].inputs["model"].params["mode"] == "ema"
    assert modes["dynamic"].params["mode"] == "dynamic"


def test_methods_and_steps_are_put_together_freely():
    job = model_of(grid(), "head_prune | distill | int8")
    assert job.method == "head_prune | distill | int8"
    assert chain(job)[1:] == [
        ("finetune", "teacher"),
        ("head_prune", "head_prune"),
        ("distill", "head_prune | distill"),
        ("quantize", "head_prune | distill | int8"),
    ]
    assert model_of(grid(), "pretrained | finetune | prune_heads").identity == (
        model_of(grid(), "head_prune").identity
    )
    assert [job.method for job in measurements(grid(), "kd | int8")] == ["kd | int8"] * 4


def test_quantized_models_train_in_full_precision_and_others_as_the_profile_says():
    def precision(method):
        return model_of(grid("small"), method).params["precision"]

    assert (
        precision("q8_qat")
        == precision("teacher | q8 | finetune")
        == precision("kd | q8 | distill")
        == "fp32"
    )
    assert precision("teacher") == precision("kd") == precision("head_prune | distill") == "auto"


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (
            "miracle",
            "unknown method 'miracle': choose one of teacher, kd, head_prune, q8_qat, q8_ptq_int8, "
            "q8_ptq_static, q8_ptq_dynamic, pretrained, finetune, distill, truncate, prune_heads, calibrate, "
            "q8, q8_dynamic, int8",
        ),
        (
            "distill | int8",
            "'distill | int8' must begin with a method or with pretrained, and have no other later",
        ),
        (
            "kd | teacher",
            "'kd | teacher' must begin with a method or with pretrained, and have no other later",
        ),
    ],
)
def test_a_pipeline_that_makes_no_sense_is_refused(pipeline, message):
    with pytest.raises(BadInput) as refused:
        model_of(grid(), pipeline)
    assert str(refused.value) == message


# Each of our trained methods, and what the appendix calls it.
TRAINED = {"teacher": "Teacher", "kd": "Pure KD", "q8_qat": "Q8-QAT"}


@pytest.mark.parametrize("method", TRAINED)
def test_the_hyperparameters_at_profile_paper_are_those_of_appendix_a(method):
    printed = reported("loyalty_appendix_A_hyperparameters").set_index("method").loc[TRAINED[method]]
    params = model_of(grid("paper"), method).params
    assert params["learning_rate"] == float(printed["learning_rate"])
    assert params["batch_size"] == printed["batch_size"]
    assert params["warmup"] == (0 if math.isnan(printed["warmup_steps"]) else printed["warmup_steps"])
    for name in ("alpha", "temperature"):
        assert params.get(name) == (None if math.isnan(printed[name]) else printed[name])


def test_every_trained_row_of_table_3_is_among_those():
    jobs = in_order(table_jobs("loyalty", "table_3", get_profile("paper")))
    assert {job.method for job in jobs if job.kind in ("finetune", "distill")} == TRAINED.keys()


def test_the_paper_compresses_as_section_4_2_says():
    assert model_of(grid("paper"), "kd").inputs["model"].params["keep"] == 6 / 12
    assert model_of(grid("paper"), "head_prune").params["share"] == 0.45


def test_a_training_that_the_appendix_says_nothing_of_is_refused_at_profile_paper_only():
    with pytest.raises(BadInput) as refused:
        model_of(grid("paper"), "head_prune | distill")
    assert str(refused.value) == (
        "appendix A names no hyperparameters for 'head_prune | distill' at profile paper"
    )
    assert model_of(grid("small"), "head_prune | distill").params["learning_rate"] == 1e-4
    assert model_of(grid("paper"), "kd | int8").method == "kd | int8"  # nothing is trained anew


@pytest.mark.parametrize(
    ("paper", "table", "message"),
    [
        ("loyalti", "table_3", "unknown paper 'loyalti': choose one of loyalty"),
        ("loyalty", "table_9", "unknown table 'table_9' of loyalty: choose one of table_3"),
    ],
)
def test_an_unknown_paper_or_table_is_refused_with_those_that_there_are(paper, table, message):
    with pytest.raises(BadInput) as refused:
        table_jobs(paper, table, get_profile("smoke"))
    assert str(refused.value) == message
