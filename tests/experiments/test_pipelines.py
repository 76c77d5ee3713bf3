"""Pipelines: methods put together from steps, in their order, each reading what it should, under its name."""

import pytest

from bert_compression.errors import BadInput
from bert_compression.experiments.papers.loyalty import APPENDIX_A, METHODS
from bert_compression.experiments.papers.pipelines import STEPS, Grid, model_of, predict
from bert_compression.experiments.plan import in_order
from bert_compression.experiments.profiles import PROFILES, get_profile
from bert_compression.tasks.catalogue import get_task


def grid(profile="small", seed=0, task="mnli"):
    return Grid(METHODS, APPENDIX_A, get_profile(profile), get_task(task), seed)


def chain(job):
    """(kind, method) of the job and of all the models before it, first the first."""
    before = chain(job.inputs["model"]) if "model" in job.inputs else []
    return [*before, (job.kind, job.method)]


def kinds(pipeline, **where):
    return [kind for kind, _ in chain(model_of(grid(**where), pipeline))]


# Order


TRAINED = ["pretrained", "finetune"]
KINDS = {
    "teacher": TRAINED,
    "truncate_finetune": [*TRAINED, "truncate", "finetune"],
    "kd": [*TRAINED, "truncate", "distill"],
    "q8_ptq_int8": [*TRAINED, "quantize"],
    "q8_ptq_static": [*TRAINED, "quantize", "calibrate"],
    "q8_ptq_dynamic": [*TRAINED, "quantize"],
    "q8_qat": ["pretrained", "quantize", "finetune"],
    "head_prune": [*TRAINED, "head_prune"],
    "distilbert": ["pretrained", "pretrain_distill", "new_head", "finetune"],
    "tinybert": ["pretrained", "pretrain_distill", "new_head", "finetune"],
    "pkd": [*TRAINED, "truncate", "pkd"],
    "theseus": [*TRAINED, "theseus"],
    "head_prune_finetune": [*TRAINED, "head_prune", "finetune"],
    "head_prune_kd": [*TRAINED, "head_prune", "distill"],
    "q8_ptq_finetune": [*TRAINED, "quantize", "calibrate", "finetune"],
    "q8_ptq_kd": [*TRAINED, "quantize", "calibrate", "distill"],
    "theseus_kd": [*TRAINED, "theseus"],
    "head_prune_kd_ptq_int8": [*TRAINED, "head_prune", "distill", "quantize"],
    "head_prune_kd_ptq_static": [*TRAINED, "head_prune", "distill", "quantize", "calibrate"],
    "head_prune_kd_ptq_dynamic": [*TRAINED, "head_prune", "distill", "quantize"],
    "theseus_kd_ptq_int8": [*TRAINED, "theseus", "quantize"],
    "theseus_kd_ptq_static": [*TRAINED, "theseus", "quantize", "calibrate"],
    "theseus_kd_ptq_dynamic": [*TRAINED, "theseus", "quantize"],
}


def test_every_method_is_the_chain_of_its_steps():
    assert {method: kinds(method) for method in METHODS} == KINDS


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("task", ["sst2", "mnli"])
def test_every_method_has_its_own_name_and_its_own_job(profile, task):
    jobs = {method: model_of(grid(profile, 1, task), method) for method in METHODS}
    assert {job.method for job in jobs.values()} == METHODS.keys()
    assert all(job.method == method for method, job in jobs.items())
    assert len({job.identity for job in jobs.values()}) == len(METHODS)
    for job in in_order(list(jobs.values())):
        assert job.params["task"] == task
        assert job.params.get("size", 0) in (None, 0, 500, 1000, 2000, get_profile(profile).train_size[task])


def test_steps_apply_in_the_order_in_which_they_stand():
    assert kinds("head_prune | distill | int8") == [*TRAINED, "head_prune", "distill", "quantize"]
    assert kinds("q8_ptq_static | distill") == [*TRAINED, "quantize", "calibrate", "distill"]
    assert kinds("kd | q8 | calibrate") == [*TRAINED, "truncate", "distill", "quantize", "calibrate"]
    assert kinds("teacher | prune_heads | truncate") != kinds("teacher | truncate | prune_heads")
    two_orders = ("head_prune | distill | finetune", "head_prune | finetune | distill")
    assert len({model_of(grid(), pipeline).identity for pipeline in two_orders}) == 2


def test_a_combination_reads_what_the_steps_before_it_made():
    int8 = model_of(grid(), "head_prune | distill | int8")
    distilled = int8.inputs["model"]
    pruned = distilled.inputs["model"]
    teacher = pruned.inputs["model"]
    assert int8.inputs.keys() == {"model"} and int8.params["mode"] == "int8"
    assert distilled.inputs.keys() == {"model", "teacher_logits"}
    assert teacher.identity == model_of(grid(), "teacher").identity
    answers = distilled.inputs["teacher_logits"]
    assert answers.identity == predict(grid(), teacher, "train", 8000).identity
    assert (answers.kind, answers.method, answers.params["split"]) == ("predict", "teacher", "train")
    assert distilled.params["size"] == answers.params["size"]  # row for row the same examples
    assert (pruned.params["split"], pruned.params["size"]) == ("train", 2000)


def test_patient_distillation_reads_the_teacher_itself_and_replacement_its_predecessor():
    pkd, theseus, theseus_kd = (model_of(grid(), method) for method in ("pkd", "theseus", "theseus_kd"))
    teacher = model_of(grid(), "teacher").identity
    assert pkd.inputs.keys() == {"model", "teacher", "teacher_logits"}
    assert pkd.inputs["teacher"].identity == teacher
    assert pkd.inputs["model"].identity == model_of(grid(), "teacher | truncate").identity
    assert theseus.inputs.keys() == {"model"}
    assert theseus_kd.inputs.keys() == {"model", "teacher_logits"}
    assert theseus.inputs["model"].identity == theseus_kd.inputs["model"].identity == teacher
    assert theseus.params["keep"] == theseus_kd.params["keep"] == 0.5
    assert "temperature" not in theseus.params


def test_the_strategy_of_patience_is_chosen_by_its_step():
    skip, last = (model_of(grid(), f"teacher | truncate | pkd_{s}") for s in ("skip", "last"))
    assert (skip.params["strategy"], last.params["strategy"]) == ("skip", "last")
    assert (skip.method, last.method) == ("pkd", "teacher | truncate | pkd_last")
    assert {**skip.params, "strategy": "last"} == last.params


# Names


@pytest.mark.parametrize(
    ("pipeline", "name"),
    [
        ("head_prune | distill", "head_prune_kd"),
        ("head_prune | distill | int8", "head_prune_kd_ptq_int8"),
        ("pretrained | finetune | prune_heads | distill | q8 | calibrate", "head_prune_kd_ptq_static"),
        ("teacher | q8 | calibrate | finetune", "q8_ptq_finetune"),
        ("pretrained | finetune", "teacher"),
    ],
)
def test_a_chain_that_is_a_method_bears_its_name_and_is_its_job(pipeline, name):
    job = model_of(grid(), pipeline)
    assert job.method == name and job.identity == model_of(grid(), name).identity


@pytest.mark.parametrize(
    ("pipeline", "name"),
    [
        ("kd | int8", "kd | int8"),
        ("pretrained | finetune | truncate", "teacher | truncate"),
        ("head_prune | distill | finetune", "head_prune_kd | finetune"),
        ("theseus | prune_heads | q8 | calibrate", "theseus | prune_heads | q8 | calibrate"),
        ("pretrained | int8", "pretrained | int8"),
    ],
)
def test_a_chain_without_a_name_is_called_after_its_longest_named_start(pipeline, name):
    assert model_of(grid(), pipeline).method == name


def test_the_jobs_on_the_way_bear_the_names_of_what_they_make():
    assert chain(model_of(grid(), "head_prune_kd_ptq_static")) == [
        ("pretrained", "pretrained"),
        ("finetune", "teacher"),
        ("head_prune", "head_prune"),
        ("distill", "head_prune_kd"),
        ("quantize", "head_prune_kd | q8"),
        ("calibrate", "head_prune_kd_ptq_static"),
    ]
    assert chain(model_of(grid(), "kd | int8"))[-2:] == [("distill", "kd"), ("quantize", "kd | int8")]


# Settings


def test_the_profile_sets_rate_batch_and_warm_up_and_the_paper_the_objective():
    params = model_of(grid("small"), "head_prune_kd").params
    assert (params["learning_rate"], params["batch_size"], params["warmup"]) == (1e-4, 32, 0.1)
    assert (params["temperature"], params["alpha"]) == (10.0, 1.0)
    pkd, theseus = (model_of(grid("small"), method).params for method in ("pkd", "theseus"))
    assert (pkd["alpha"], pkd["beta"], pkd["temperature"]) == (0.7, 500.0, 10.0)
    assert (theseus["k"], theseus["b"]) == (1e-3, 0.5)  # k counts steps, of which there are fewer
    assert model_of(grid("paper"), "theseus").params["k"] == 2e-5


def test_fine_tuning_and_distillation_have_their_own_numbers_of_epochs():
    profile = get_profile("small")
    trained = {method: model_of(grid(), method).params.get("epochs") for method in METHODS}
    assert {method for method, epochs in trained.items() if epochs == profile.epochs} == {
        *("teacher", "truncate_finetune", "q8_qat", "distilbert", "tinybert"),
        *("head_prune_finetune", "q8_ptq_finetune"),
    }
    assert {method for method, epochs in trained.items() if epochs == profile.kd_epochs} == {
        *("kd", "pkd", "theseus", "theseus_kd", "head_prune_kd", "q8_ptq_kd"),
    }


def test_quantized_models_train_in_full_precision_and_others_as_the_profile_says():
    def precision(method):
        return model_of(grid("small"), method).params["precision"]

    quantized = ("q8_qat", "q8_ptq_finetune", "q8_ptq_kd", "teacher | q8 | finetune", "kd | q8 | distill")
    assert {precision(method) for method in quantized} == {"fp32"}
    plain = ("teacher", "kd", "head_prune_kd", "pkd", "theseus", "theseus_kd", "tinybert")
    assert {precision(method) for method in plain} == {"auto"}


# What is refused


def test_an_unknown_name_is_refused_with_all_that_are_known():
    with pytest.raises(BadInput) as refused:
        model_of(grid(), "teacher | miracle")
    known = ", ".join((*METHODS, *STEPS))
    assert str(refused.value) == f"unknown method 'miracle': choose one of {known}"
    assert "head_prune_kd" in known and "pkd_last" in known and "distilbert_checkpoint" in known


@pytest.mark.parametrize(
    "pipeline",
    ["distill | int8", "kd | teacher", "kd | pretrained", "teacher | tinybert_checkpoint", "truncate"],
)
def test_a_pipeline_that_begins_nowhere_or_twice_is_refused(pipeline):
    with pytest.raises(BadInput) as refused:
        model_of(grid(), pipeline)
    assert str(refused.value) == (
        f"{pipeline!r} must begin with a method or one of pretrained, distilbert_checkpoint, "
        "tinybert_checkpoint, 2x128, 4x312, 6x768, large_encoder, base_encoder, distil_encoder, "
        "medium_encoder, mini_encoder, tiny_encoder, and have none later"
    )


def test_a_training_that_the_paper_says_nothing_of_is_refused_at_profile_paper_only():
    with pytest.raises(BadInput) as refused:
        model_of(grid("paper"), "kd | finetune")
    assert str(refused.value) == "the paper names no hyperparameters for 'kd | finetune' at profile paper"
    assert model_of(grid("small"), "kd | finetune").params["learning_rate"] == 1e-4
    assert model_of(grid("paper"), "kd | int8").method == "kd | int8"  # nothing is trained anew
