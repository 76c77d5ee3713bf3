"""Recipes: models put together from steps, in their order, each reading what it should, under its name."""

import pytest
from tiny_profile import ROWS, grid, model_of

from bert_compression.experiments import PROFILES, get_profile, in_order, recipe, steps
from bert_compression.papers.loyalty import recipes

METHODS = list(ROWS)


def chain(job):
    """(kind, method) of the job and of all the models before it, first the first."""
    before = chain(job.inputs["model"]) if "model" in job.inputs else []
    return [*before, (job.kind, job.method)]


def kinds(method, **where):
    return [kind for kind, _ in chain(model_of(grid(**where), method))]


# Order


TRAINED = ["pretrained", "finetune"]
KINDS = {
    "teacher": TRAINED,
    "truncate_finetune": [*TRAINED, "reduce_layers", "finetune"],
    "kd": [*TRAINED, "reduce_layers", "distill"],
    "q8_ptq_int8": [*TRAINED, "quantize"],
    "q8_ptq_static": [*TRAINED, "quantize", "calibrate"],
    "q8_ptq_dynamic": [*TRAINED, "quantize"],
    "q8_qat": ["pretrained", "quantize", "finetune"],
    "head_prune": [*TRAINED, "prune_heads"],
    "distilbert": ["pretrained", "distill_task_agnostic", "new_head", "finetune"],
    "tinybert": ["pretrained", "distill_task_agnostic", "new_head", "finetune"],
    "pkd": [*TRAINED, "reduce_layers", "pkd"],
    "theseus": [*TRAINED, "theseus"],
    "head_prune_finetune": [*TRAINED, "prune_heads", "finetune"],
    "head_prune_kd": [*TRAINED, "prune_heads", "distill"],
    "q8_ptq_finetune": [*TRAINED, "quantize", "calibrate", "finetune"],
    "q8_ptq_kd": [*TRAINED, "quantize", "calibrate", "distill"],
    "theseus_kd": [*TRAINED, "theseus"],
    "head_prune_kd_ptq_int8": [*TRAINED, "prune_heads", "distill", "quantize"],
    "head_prune_kd_ptq_static": [*TRAINED, "prune_heads", "distill", "quantize", "calibrate"],
    "head_prune_kd_ptq_dynamic": [*TRAINED, "prune_heads", "distill", "quantize"],
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
    assert {job.method for job in jobs.values()} == set(METHODS)
    assert all(job.method == method for method, job in jobs.items())
    assert len({job.identity for job in jobs.values()}) == len(METHODS)
    for job in in_order(list(jobs.values())):
        assert job.params["task"] == task
        assert job.params.get("size", 0) in (None, 0, 500, 1000, 2000, get_profile(profile).train_size[task])


def test_steps_apply_in_the_order_in_which_they_stand():
    g = grid()
    teacher = recipes.teacher(g)
    one = steps.truncate(g, steps.prune_heads(g, teacher, 0.45, 100), 0.5)
    other = steps.prune_heads(g, steps.truncate(g, teacher, 0.5), 0.45, 100)
    assert [job.kind for job in (one, one.inputs["model"])] == ["reduce_layers", "prune_heads"]
    assert [job.kind for job in (other, other.inputs["model"])] == ["prune_heads", "reduce_layers"]
    assert one.identity != other.identity
    assert str(one) == "teacher | prune_heads | truncate" and str(other) == "teacher | truncate | prune_heads"


def test_a_combination_reads_what_the_steps_before_it_made():
    g = grid()
    int8 = recipes.head_prune_kd_ptq(g, "int8")
    distilled = int8.inputs["model"]
    pruned = distilled.inputs["model"]
    teacher = pruned.inputs["model"]
    assert int8.inputs.keys() == {"model"} and int8.params["mode"] == "int8"
    assert distilled.inputs.keys() == {"model", "teacher_logits"}
    assert teacher.identity == recipes.teacher(g).identity
    answers = distilled.inputs["teacher_logits"]
    assert answers.identity == steps.predict(g, teacher, "train", 8000).identity
    assert (answers.kind, answers.method, answers.params["split"]) == ("predict", "teacher", "train")
    assert distilled.params["size"] == answers.params["size"]  # row for row the same examples
    assert (pruned.params["split"], pruned.params["size"]) == ("train", 2000)


def test_patient_distillation_reads_the_teacher_itself_and_replacement_its_predecessor():
    pkd, theseus, theseus_kd = (model_of(grid(), method) for method in ("pkd", "theseus", "theseus_kd"))
    teacher = model_of(grid(), "teacher").identity
    assert pkd.inputs.keys() == {"model", "teacher", "teacher_logits"}
    assert pkd.inputs["teacher"].identity == teacher
    assert pkd.inputs["model"].identity == steps.truncate(grid(), recipes.teacher(grid()), 0.5).identity
    assert theseus.inputs.keys() == {"model"}
    assert theseus_kd.inputs.keys() == {"model", "teacher_logits"}
    assert theseus.inputs["model"].identity == theseus_kd.inputs["model"].identity == teacher
    assert theseus.params["keep"] == theseus_kd.params["keep"] == 0.5
    assert "temperature" not in theseus.params


def test_the_layers_that_patience_looks_at_are_chosen_by_a_parameter():
    g, told = grid(), {"alpha": 0.7, "beta": 500.0, "temperature": 10.0}
    teacher = recipes.teacher(g)
    skip, last = (
        steps.pkd(g, steps.truncate(g, teacher, 0.5), teacher, strategy=strategy, **told)
        for strategy in ("skip", "last")
    )
    assert (skip.params["strategy"], last.params["strategy"]) == ("skip", "last")
    assert {**skip.params, "strategy": "last"} == last.params
    assert str(last) == "teacher | truncate | pkd_last"


def test_a_step_has_parameters_and_each_value_is_another_job():
    g = grid()
    teacher = recipes.teacher(g)
    shares = [steps.truncate(g, teacher, keep) for keep in (0.5, 0.25)]
    bits = [steps.quantize(g, teacher, "ema", 0.99, weight_bits=bits) for bits in (8, 4)]
    maps = [steps.reduce_layers(g, teacher, keep) for keep in ([1, 3, 5], [0, 2, 4])]
    jobs = [*shares, *bits, *maps]
    assert len({job.identity for job in jobs}) == len(jobs)
    assert bits[0].params["weight_bits"] == bits[0].params["activation_bits"] == 8
    assert maps[0].params["keep"] == [1, 3, 5]


# Names


def test_a_recipe_bears_its_functions_name_and_its_arguments_and_is_made_once_in_a_grid():
    @recipe
    def cut(g, how):
        return steps.truncate(g, recipes.teacher(g), 0.5)

    g = grid()
    assert cut(g, "short").method == "cut_short"
    assert cut(g, "short") is cut(g, "short") is not cut(grid(), "short")
    assert recipes.kd(g) is recipes.kd(g)


def test_a_job_prints_the_chain_from_the_nearest_name_on():
    g = grid()
    assert str(recipes.kd(g)) == "teacher | truncate | distill"
    assert recipes.kd(g).chain == "pretrained | finetune | truncate | distill"
    assert str(recipes.head_prune_kd_ptq(g, "static")) == "head_prune_kd | q8 | calibrate"
    assert str(steps.predict(g, recipes.kd(g))) == "predict of kd, seed 0"


def test_the_jobs_on_the_way_bear_the_names_of_what_they_make():
    assert chain(model_of(grid(), "head_prune_kd_ptq_static")) == [
        ("pretrained", "pretrained"),
        ("finetune", "teacher"),
        ("prune_heads", "head_prune"),
        ("distill", "head_prune_kd"),
        ("quantize", "head_prune_kd | q8"),
        ("calibrate", "head_prune_kd_ptq_static"),
    ]


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

    quantized = ("q8_qat", "q8_ptq_finetune", "q8_ptq_kd")
    assert {precision(method) for method in quantized} == {"fp32"}
    plain = ("teacher", "kd", "head_prune_kd", "pkd", "theseus", "theseus_kd", "tinybert")
    assert {precision(method) for method in plain} == {"bf16"}
