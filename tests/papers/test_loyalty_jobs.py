"""The grid of the loyalty paper: its rows and seeds, what tables share, and its hyperparameters."""

import math

import pytest
import tiny_profile
from tiny_profile import grid, measurements, model_of

from bert_compression.errors import BadInput
from bert_compression.experiments import PROFILES, get_profile, in_order
from bert_compression.papers import get_tables, loyalty
from bert_compression.papers.loyalty.recipes import PTQ
from bert_compression.report import reported
from bert_compression.tasks import get_task

TABLE_1, TABLE_2, TABLE_3 = (
    tuple(row.method for row in table.rows) for table in (loyalty.TABLE_1, loyalty.TABLE_2, loyalty.TABLE_3)
)
MEASURED = {"predict", "attack", "cost", "loyalty"}
COMBINED = set(TABLE_2) - set(TABLE_1)


def jobs_of(table, profile="small"):
    return tiny_profile.jobs_of("loyalty", table, profile)


def identities(jobs):
    return {job.identity for job in jobs}


# Rows, in their order, with their seeds


@pytest.mark.parametrize(("table", "methods"), [("table_1", TABLE_1), ("table_3", TABLE_3)])
def test_jobs_come_seed_by_seed_and_in_each_row_by_row(table, methods):
    order = [(job.seed, job.method) for job in jobs_of(table)]
    assert list(dict.fromkeys(order)) == [(seed, method) for seed in (0, 1, 2) for method in methods]


def test_of_table_2_what_is_combined_has_fewer_seeds():
    found = {(job.seed, job.method) for job in jobs_of("table_2")}
    shared = [method for method in TABLE_2 if method not in COMBINED]
    assert found == {(s, m) for s in (0, 1, 2) for m in shared} | {(0, m) for m in COMBINED}
    assert (len(shared), len(COMBINED)) == (8, 11)
    at_paper = {(job.seed, job.method) for job in jobs_of("table_2", "paper")}
    assert at_paper == {(seed, method) for seed in (0, 1, 2) for method in TABLE_2}


@pytest.mark.parametrize("table", ["table_1", "table_2", "table_3"])
def test_each_row_is_measured_in_all_four_ways_on_every_split_that_models_answer(table):
    jobs = jobs_of(table)
    task = get_task("sst2" if table == "table_3" else "mnli")
    for method, seed in {(job.method, job.seed) for job in jobs}:
        own = [job for job in jobs if (job.method, job.seed) == (method, seed)]
        found = sorted((job.kind, job.params["split"]) for job in own)
        others = MEASURED - {"predict"} - ({"loyalty"} if method == "teacher" else set())
        expected = [("predict", split) for split in task.evaluated]
        assert found == sorted([*expected, *((kind, task.evaluated[0]) for kind in others)]), method
        assert {job.params["task"] for job in own} == {task.name}
        sizes = {job.kind: job.params["size"] for job in own}
        assert sizes["attack"] == 400 and sizes["predict"] is sizes["cost"] is None


def test_the_numbers_of_measurements():
    assert len(jobs_of("table_1")) == 3 * (12 * 4 + 11)
    assert len(jobs_of("table_2")) == 3 * (8 * 4 + 7) + 11 * 5
    assert len(jobs_of("table_3")) == 3 * (7 * 3 + 6)


@pytest.mark.parametrize("profile", PROFILES)
def test_with_all_pairs_models_learn_from_more_equally_long_and_nothing_else_is_otherwise(profile):
    known = get_profile(profile).at_precision("bf16")
    cells, usual = loyalty.ALL_PAIRS.cells(known), loyalty.TABLE_1.cells(known)
    told = set()
    for (method, column), jobs in cells.items():
        assert [job.seed for job in jobs] == [
            seed for seed in known.seeds[:2] if (method, "loyalty") != ("teacher", column[-7:])
        ]
        for job, as_usual in zip(jobs, usual[method, column], strict=False):
            for one, other in zip(in_order([job]), in_order([as_usual]), strict=True):
                assert (one.kind, one.method, one.seed) == (other.kind, other.method, other.seed)
                changed = {name for name in one.params if one.params[name] != other.params[name]}
                assert changed <= ({"epochs", "size"} if profile == "small" else set())
                if "epochs" in one.params:
                    told.add((one.params["epochs"], one.params["size"]))
    assert told == {"small": {(3, None)}, "smoke": {(3, 1000), (1, 1000)}, "paper": {(3, None)}}[profile]


# What is shared, and what is not


def test_what_both_tables_show_is_one_job():
    first, second = jobs_of("table_1"), jobs_of("table_2")
    shared = identities(first) & identities(second)
    assert shared == {job.identity for job in second if job.method not in COMBINED}
    assert shared == {job.identity for job in first if job.method in TABLE_2}
    assert not identities(jobs_of("table_3")) & (identities(first) | identities(second))


def test_no_table_asks_for_the_same_job_twice():
    for table in ("table_1", "table_2", "table_3"):
        jobs = jobs_of(table)
        assert len(identities(jobs)) == len(jobs)


@pytest.mark.parametrize("table", ["table_1", "table_2", "table_3"])
def test_all_seeds_share_nothing_but_what_is_distilled_before_the_task(table):
    for job in in_order(jobs_of(table)):
        for needed in job.inputs.values():
            assert needed.seed == job.seed or (job.kind, needed.kind) == ("new_head", "distill_task_agnostic")


def test_distillation_before_the_task_happens_once_for_all_seeds_at_small():
    jobs = in_order(jobs_of("table_1"))
    distilled = [job for job in jobs if job.kind == "distill_task_agnostic"]
    assert sorted(job.params["recipe"] for job in distilled) == ["distilbert", "tinybert"]
    assert {job.seed for job in distilled} == {0} and {job.params["size"] for job in distilled} == {None}
    teachers = {job.inputs["model"].identity for job in distilled}
    (teacher,) = (job for job in jobs if job.identity in teachers)
    assert (teacher.kind, teacher.seed, teacher.method) == ("pretrained", 0, "pretrained")
    heads = [job for job in jobs if job.kind == "new_head"]
    assert sorted((job.method, job.seed) for job in heads) == [
        (f"{recipe} before any task", seed) for recipe in ("distilbert", "tinybert") for seed in (0, 1, 2)
    ]
    students = {job.method: job for job in jobs if job.kind == "finetune" and job.seed == 2}
    for recipe in ("distilbert", "tinybert"):
        head = students[recipe].inputs["model"]
        assert head.kind == "new_head" and head.inputs["model"].params["recipe"] == recipe


def test_at_profile_paper_checkpoints_from_the_hub_take_its_place():
    jobs = in_order(jobs_of("table_1", "paper"))
    assert not {"distill_task_agnostic", "new_head"} & {job.kind for job in jobs}
    for method, encoder in (
        ("distilbert", "distilbert-base-uncased"),
        ("tinybert", "huawei-noah/TinyBERT_General_6L_768D"),
    ):
        for seed in (0, 1, 2):
            job = model_of(grid("paper", seed), method)
            start = job.inputs["model"]
            assert (start.kind, start.params["encoder"], start.seed) == ("pretrained", encoder, seed)
            assert start.params["labels"] == 3
            assert job.params["encoder"] == "bert-base-uncased"  # whose vocabulary it shares


def test_a_student_is_measured_against_the_very_teacher_it_came_from():
    jobs = measurements(grid(), "head_prune")
    by_kind = {job.kind: job for job in jobs if job.params["split"] == "validation_matched"}
    teacher, student = model_of(grid(), "teacher"), model_of(grid(), "head_prune")
    assert student.inputs["model"].identity == teacher.identity
    assert by_kind["cost"].inputs["teacher"].identity == teacher.identity
    pair = by_kind["loyalty"].inputs
    assert pair["teacher"].inputs["model"].identity == teacher.identity
    assert pair["student"].inputs["model"].identity == student.identity
    assert pair["student"].identity == by_kind["predict"].identity
    assert {job.method for job in jobs} == {"head_prune"}


# Is the robustness of a quantized model real?


def test_texts_that_fooled_the_teacher_go_to_each_quantized_model_and_the_other_way_round():
    jobs = [job for job in jobs_of("quantized_robustness") if job.kind == "transfer"]
    ways = {(job.params["source"], job.method) for job in jobs}
    quantized = {f"q8_ptq_{variant}" for variant in PTQ}
    assert ways == {("teacher", q) for q in quantized} | {(q, "teacher") for q in quantized}
    table_1 = identities(jobs_of("table_1"))
    for job in jobs:
        attack = job.inputs["attack"]
        assert attack.identity in table_1  # no attack is made anew
        assert attack.inputs["model"].identity == model_of(grid(), job.params["source"]).identity
        assert job.inputs["model"].identity == model_of(grid(), job.method).identity
        same = ("task", "split", "size", "max_length", "seed")
        assert [job.params[name] for name in same] == [attack.params[name] for name in same]


def test_only_batch_dependent_models_are_attacked_in_batches_as_well():
    jobs = [job for job in jobs_of("quantized_robustness") if job.kind != "transfer"]
    jobs = [job for job in jobs if "batched" in job.params]
    assert sorted((job.kind, job.method) for job in jobs) == [
        (kind, f"q8_ptq_{variant}") for kind in ("attack", "predict") for variant in ("dynamic", "int8")
    ]
    assert all(job.params["batched"] is True for job in jobs)
    main = [job for job in jobs_of("table_1") if job.params["split"] == "validation_matched"]
    table_1 = {(job.kind, job.method, job.seed): job for job in main}
    for job in jobs:
        one_at_a_time = table_1[job.kind, job.method, job.seed]
        assert job.params == {**one_at_a_time.params, "batched": True}
        assert job.identity != one_at_a_time.identity


# Hyperparameters


# Each of our trained methods, and what the appendix calls it.
PRINTED = {
    "teacher": "Teacher",
    "truncate_finetune": "Truncate & Finetune",
    "kd": "Pure KD",
    "q8_qat": "Q8-QAT",
    "distilbert": "DistilBERT",
    "tinybert": "TinyBERT",
    "pkd": "BERT-PKD",
    "theseus": "BERT-of-Theseus",
    "head_prune_finetune": "Head Prune + Finetune",
    "head_prune_kd": "Head Prune + KD",
    "q8_ptq_finetune": "Q8 + FT",
    "q8_ptq_kd": "Q8 + KD",
    "theseus_kd": "BERT-of-Theseus + KD",
}
COLUMNS = {
    "learning_rate": "learning_rate",
    "batch_size": "batch_size",
    "warmup": "warmup_steps",
    "alpha": "alpha",
    "beta": "beta",
    "temperature": "temperature",
    "k": "theseus_k",
    "b": "theseus_b",
}
# What the appendix leaves open. A distillation loss in the place of cross-entropy (section 5) has all the
# weight; the curriculum of BERT-of-Theseus does not change with its loss.
KD = ("head_prune_kd", "q8_ptq_kd", "theseus_kd")
LEFT_OPEN = {("alpha", method): 1.0 for method in KD} | {("k", "theseus_kd"): 2e-5, ("b", "theseus_kd"): 0.5}


@pytest.mark.parametrize("task", ["mnli", "sst2"])
@pytest.mark.parametrize("method", PRINTED)
def test_the_hyperparameters_at_profile_paper_are_those_of_appendix_a(method, task):
    appendix = reported("loyalty", "loyalty_appendix_A_hyperparameters").set_index("method")
    printed = appendix.loc[PRINTED[method]]
    params = model_of(grid("paper", task=task), method).params
    for name, column in COLUMNS.items():
        value = None if math.isnan(float(printed[column])) else float(printed[column])
        if value is None:
            value = 0 if name == "warmup" else LEFT_OPEN.get((name, method))
        assert params.get(name) == value, name
    assert set(appendix.columns) == set(COLUMNS.values())


def test_the_appendix_and_our_trained_methods_are_the_same():
    appendix = reported("loyalty", "loyalty_appendix_A_hyperparameters")
    assert set(PRINTED.values()) == set(appendix["method"])
    training = {"finetune", "distill", "pkd", "theseus"}
    for table in ("table_1", "table_2"):
        jobs = in_order(jobs_of(table, "paper"))
        assert {job.method for job in jobs if job.kind in training} <= PRINTED.keys()
    both = in_order(jobs_of("table_1", "paper") + jobs_of("table_2", "paper"))
    assert {job.method for job in both if job.kind in training} == PRINTED.keys()


def test_the_paper_compresses_as_section_4_2_says():
    paper = grid("paper")
    assert model_of(paper, "kd").inputs["model"].params["keep"] == 6 / 12
    assert model_of(paper, "theseus").params["keep"] == 6 / 12
    assert model_of(paper, "head_prune").params["share"] == 0.45
    assert model_of(paper, "pkd").params["strategy"] == "skip"


# What is refused


@pytest.mark.parametrize(
    ("paper", "table", "message"),
    [
        ("loyalti", "table_3", "unknown paper 'loyalti': choose one of loyalty, taylor, miniature, xtc"),
        (
            "loyalty",
            "table_9",
            "unknown table 'table_9' of loyalty: choose one of "
            + ", ".join(table.name for table in loyalty.TABLES),
        ),
    ],
)
def test_an_unknown_paper_or_table_is_refused_with_those_that_there_are(paper, table, message):
    with pytest.raises(BadInput) as refused:
        get_tables(paper, table)
    assert str(refused.value) == message
