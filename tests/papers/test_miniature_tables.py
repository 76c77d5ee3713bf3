"""The grid of the miniature paper: six model sizes, every pair, every seed."""

from dataclasses import replace
from itertools import combinations

import pytest
from tiny_profile import grid as loyalty_grid
from tiny_profile import jobs_of, measurements

from bert_compression.experiments import PROFILES, Grid, get_profile, in_order
from bert_compression.papers import same_model, xtc
from bert_compression.papers.loyalty import TABLE_1, recipes
from bert_compression.papers.miniature import tables as miniature
from bert_compression.papers.miniature.tables import KS, MODELS
from bert_compression.tasks import get_task

METHODS = tuple(MODELS)
LOYALTY = [row.method for row in TABLE_1.rows]


def grid(profile):
    return Grid(get_profile(profile).at_precision("bf16"), get_task("squad2"), 0)


def steps(job) -> list:
    """The kinds of the chain that makes a model, with what tells the sizes apart."""
    chain = [(job.kind, job.params.get("keep"), job.params["encoder"])]
    return steps(job.inputs["model"]) + chain if "model" in job.inputs else chain


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_has_six_model_sizes_that_differ(profile):
    chains = [tuple(map(str, steps(miniature._model(method, grid(profile))))) for method in METHODS]
    assert len(set(chains)) == 6
    assert all("finetune" in chain[-1] for chain in chains)


def test_smaller_models_are_lower_layers_at_smoke_distilled_at_small_and_the_hubs_at_paper():
    def kinds(profile, method):
        return [kind for kind, *_ in steps(miniature._model(method, grid(profile)))]

    assert kinds("smoke", "large") == kinds("small", "large") == ["pretrained", "finetune"]
    assert kinds("smoke", "tiny") == ["pretrained", "reduce_layers", "finetune"]
    assert kinds("small", "tiny") == ["pretrained", "distill_task_agnostic", "new_head", "finetune"]
    encoders = [steps(miniature._model(method, grid("paper")))[0][2] for method in METHODS]
    assert encoders == list(miniature.SIZES["paper"].models)
    assert encoders[0] == "bert-large-uncased"


def test_encoders_are_distilled_once_on_text_that_is_not_the_tasks():
    made = {
        job.identity: job
        for job in in_order(jobs_of("miniature", "errors"))
        if job.kind == "distill_task_agnostic"
    }
    assert len(made) == 5
    assert {(job.params["task"], job.params["seed"]) for job in made.values()} == {("imdb", 0)}


def test_every_question_is_asked_of_every_model_and_read_through_windows():
    jobs = jobs_of("miniature", "errors")
    assert {(job.method, job.seed) for job in jobs} == {(m, s) for m in METHODS for s in (0, 1)}
    assert all((job.params["max_length"], job.params["stride"]) == (256, 64) for job in jobs)


def test_every_pair_of_models_and_every_model_with_itself_is_compared_at_different_seeds():
    jobs = jobs_of("miniature", "representation", get_profile("small"))
    found = {(job.method, job.seed, job.params["other"], job.params["other_seed"]) for job in jobs}
    between = {(a, s, b, 1 - s) for a, b in combinations(METHODS, 2) for s in (0, 1)}
    assert found == between | {(m, 0, m, 1) for m in METHODS} and len(jobs) == len(found)
    for job in jobs:
        assert job.params["ks"] == list(KS)
        for side, seed in (("a", job.seed), ("b", job.params["other_seed"])):
            assert job.inputs[f"states_{side}"].seed == job.inputs[f"neighbours_{side}"].seed == seed


def test_with_one_seed_there_is_no_other_seed_to_compare_with():
    jobs = jobs_of("miniature", "representation", get_profile("smoke"))
    assert len(jobs) == 15


def test_ood_examples_are_looked_for_in_every_foreign_set():
    jobs = jobs_of("miniature", "distribution", get_profile("small"))
    assert {job.params["task"] for job in jobs} == {"subjqa", "policyqa"}
    assert {job.params["k"] for job in jobs} == {5, 50, 200} and len(jobs) == 2 * 2 * 3 * 6
    job = jobs[0]
    assert {name: (j.params["task"], j.params["split"]) for name, j in job.inputs.items()} == {
        "training": ("squad2", "train"),
        "inside": ("squad2", "validation"),
        "outside": ("subjqa", "dev_test"),
    }
    assert len({j.inputs["model"].identity for j in job.inputs.values()}) == 1


def test_classifiers_are_held_against_the_largest_at_another_seed():
    profile = get_profile("small").at_precision("bf16")
    for task in ("mnli", "sst2"):
        jobs = jobs_of("miniature", f"classifiers_{task}", profile)
        teachers = {recipes.teacher(Grid(profile, get_task(task), seed)).identity for seed in (0, 1)}
        for kind in ("overlap", "similarity"):
            pairs = [job for job in jobs if job.kind == kind]
            expected = {(model, seed) for model in MODELS for seed in (0, 1)} - {("large", 1)}
            assert len(pairs) == 11 and {(job.method, job.seed) for job in pairs} == expected
        for job in jobs:
            if job.kind == "similarity":
                assert (job.params["other"], job.params["other_seed"]) == ("large", 1 - job.seed)
        asked = {job.inputs["model"].identity for job in jobs if job.kind == "predict"}
        assert teachers <= asked and len(asked) == 12


def test_the_same_model_page_asks_what_the_loyalty_table_asks_and_more():
    profile = get_profile("small")
    jobs = jobs_of("miniature", "same_model", profile)
    identities = {job.identity for job in jobs}
    for method in LOYALTY:
        asked = measurements(loyalty_grid(), method)
        asked = [job for job in asked if job.params["split"] == "validation_matched"]
        assert {job.identity for job in asked} <= identities
    few_bits = jobs_of("miniature", "same_model_few_bits", profile)
    for found, methods in (
        (jobs, {*LOYALTY}),
        (few_bits, {"teacher", *(student.name for student in same_model.STUDENTS.values())}),
    ):
        compared = {(method, seed) for method in methods - {"teacher"} for seed in (0, 1)}
        compared.add(("other_seed", 0))  # from seed 1 it would be the same pair
        for kind in ("similarity", "overlap"):
            assert {(job.method, job.seed) for job in found if job.kind == kind} == compared
        assert {job.method for job in found if job.kind == "calibration"} == methods


def test_models_of_few_bits_begin_with_the_loyalty_papers_teacher_and_learn_from_it():
    profile = get_profile("small").at_precision("fp32")
    grid = Grid(profile, get_task("mnli"), 0)
    teacher = recipes.teacher(grid)
    for student in same_model.STUDENTS.values():
        made = student(grid)
        assert made.inputs["teacher"].identity == teacher.identity
        assert made.inputs["model"].inputs["model"].identity == teacher.identity
        assert made.params["size"] == profile.train_size["mnli"] == 8_000  # as the others have it
    # At `paper` the two papers fine-tune differently.
    paper = Grid(get_profile("paper"), get_task("mnli"), 0)
    reduced = replace(same_model.STUDENTS["1 bit"], layers="skip6")(paper)
    behind = {job.identity for job in in_order([reduced])}
    assert recipes.teacher(paper).identity in behind
    assert xtc.students.teacher(paper).identity not in behind


def test_another_seed_of_the_teacher_stands_beside_its_students():
    jobs = jobs_of("miniature", "same_model", get_profile("small"))
    (similar,) = (j for j in jobs if (j.kind, j.method, j.seed) == ("similarity", "other_seed", 0))
    assert {side: similar.inputs[f"states_{side}"].seed for side in "ab"} == {"a": 0, "b": 1}
    (loyal,) = (j for j in jobs if (j.kind, j.method) == ("loyalty", "other_seed"))
    assert {name: job.seed for name, job in loyal.inputs.items()} == {"teacher": 0, "student": 1}
    assert not [
        j for j in jobs_of("miniature", "same_model", get_profile("smoke")) if j.method == "other_seed"
    ]


def test_questions_are_learnt_with_settings_of_their_own_at_small_and_reviews_with_the_profiles():
    trained = {
        (job.params["task"], job.params["learning_rate"], job.params["batch_size"])
        for table in ("errors", "weaknesses")
        for job in in_order(jobs_of("miniature", table, get_profile("small")))
        if job.kind == "finetune"
    }
    assert trained == {("squad2", 2e-4, 16), ("imdb", 1e-4, 32)}
