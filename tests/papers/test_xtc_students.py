"""A line of the extreme-compression appendix: what may be asked of it, and the settings that its jobs get."""

import math
import re

import pytest
from made_records import jobs_of, record_of, source_of

from bert_compression.errors import BadInput
from bert_compression.experiments import Grid, get_profile, in_order
from bert_compression.papers import xtc
from bert_compression.papers.xtc.students import (
    PAPER_STEPS,
    Student,
    budget_steps,
    full_precision,
    kept_layers,
)
from bert_compression.report.reported import reported
from bert_compression.tasks import get_task


def grid(profile="paper", task="rte", seed=0):
    return Grid(get_profile(profile).at_precision("fp32"), get_task(task), seed)


# What may be asked


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"bits": 3}, "a student has 1, 2 or 32 bits, not 3"),
        ({"bits": True}, "bits must be a whole number, not True"),
        ({"layers": "skip7"}, "unknown layers 'skip7': choose one of all, skip6"),
        ({"taught_by": "nobody"}, "unknown taught_by 'nobody': choose one of all, skip6"),
        ({"budget": "D"}, "unknown budget 'D': choose one of A, B, C"),
        ({"activations": "int8"}, "unknown activations 'int8': choose one of per_token, clipped"),
        ({"stages": 0}, "stages must lie in 1..3, not 0"),
        ({"stages": 4}, "stages must lie in 1..3, not 4"),
        ({"rank": -1}, "rank must be 0 or more, not -1"),
        ({"rate": 0.0}, "rate must be above 0, not 0.0"),
        ({"rate": -2e-5}, "rate must be above 0, not -2e-05"),
        ({"rate": math.nan}, "rate must be a finite number, not nan"),
        ({"start": "skip6"}, "start must be a student or None, not 'skip6'"),
        ({"bits": 32, "rank": 1}, "a student of 32 bits has no rank"),
        ({"bits": 32, "activations": "clipped"}, "a student of 32 bits has no rank"),
        ({"bits": 32, "start": Student()}, "a student of 32 bits has no rank"),
        ({"bits": 32, "continues": Student(2)}, "a student of 32 bits has no rank"),
        ({"layers": "all", "start": Student()}, "a start is quantized, and neither the teacher nor"),
        ({"continues": Student(2), "start": Student()}, "a start is quantized, and neither the teacher nor"),
        ({"continues": Student(32)}, "what continues another goes on with its few bits, and that one has 32"),
    ],
)
def test_a_line_that_the_paper_cannot_have_is_refused_before_any_job_is_made(told, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        Student(**{"bits": 1, "layers": "skip6", **told})


def test_a_selection_and_a_budget_that_there_is_not_are_refused():
    with pytest.raises(BadInput, match=r"^unknown selection 'skip7': choose one of all, skip6, skip5"):
        kept_layers("skip7", 12)
    with pytest.raises(BadInput, match=r"^layers must be 1 or more, not 0$"):
        kept_layers("bottom6", 0)
    for profile in ("small", "paper"):
        with pytest.raises(BadInput, match=r"^unknown budget 'D': choose one of A, B, C$"):
            budget_steps(grid(profile), "D", bits=1)


# Settings


def test_the_steps_of_budget_a_are_an_epoch_of_augmented_texts_or_three_of_the_two_that_are_not():
    """From the sizes and batches that Table C.1 prints."""
    lines = reported("xtc", "xtc_table_C1").set_index("quantity")
    columns = {"sst2": "SST-2", "stsb": "STS-B", "cola": "CoLA"}
    counted = {}
    for task in PAPER_STEPS:
        column = columns.get(task, task.upper())
        texts, batch = (float(lines.loc[name, column]) for name in ("Train (DA)", "Train batch-size"))
        epochs = 1 if texts > float(lines.loc["Train (noDA)", column]) else 3
        counted[task] = epochs * math.ceil(texts / batch)
    assert counted == PAPER_STEPS
    assert counted == {task: budget_steps(grid(task=task), "A", 1) for task in counted}


@pytest.mark.parametrize("profile", ["smoke", "small", "paper"])
def test_every_training_warms_up_over_a_tenth_of_its_steps(profile):
    student = Student(1, "skip6", "C", 3, rank=1)
    trained = [job for job in in_order([student(grid(profile))]) if "warmup" in job.params]
    assert {job.kind for job in trained} >= {"finetune", "distill_in_stages"}
    assert {job.params["warmup"] for job in trained} == {0.1}


@pytest.mark.parametrize(("bits", "stages"), [(1, 1), (1, 2), (1, 3), (2, 3)])
def test_lines_of_the_seeds_have_budget_b_and_begin_with_what_has_learnt_in_three_stages(bits, stages):
    """Both as Tables C.16 and C.17 have them: a start from C.7, and a training of its own."""
    student = xtc.tables.with_seeds(bits, "skip6", stages)
    last, start = student(grid(seed=1)), student.start(grid(seed=0))
    assert last.params["steps"] == budget_steps(grid(), "B", bits) and last.params["stages"] == stages
    assert last.params["learning_rate"] == 2e-5
    rounded = last.inputs["model"]
    assert rounded.kind == "quantize" and rounded.inputs["model"].identity == start.identity
    assert start.params["stages"] == 3 and start.params["steps"] == budget_steps(grid(), "C", 32)
    assert start.params["learning_rate"] == 5e-5
    assert start.identity in {row.recipe(grid()).identity for row in xtc.TABLE_C7.rows}


# What choosing is worth


def test_a_student_with_one_checkpoint_has_chosen_nothing_and_is_not_counted():
    told = {"last_score": 0.5, "best_score": 0.7, "selection_gain": 0.2, "selection_gain_unseen": 0.1}
    one = {"last_score": 0.9, "best_score": 0.9, "selection_gain": 0.0, "selection_gain_unseen": 0.0}
    cells = jobs_of(xtc.TABLE_C5)
    several, single = (
        next(job for job in in_order(cells[student.name, "cola_mcc"]) if job.method == student.name)
        for student in (full_precision("skip6"), Student(32, "skip6", rate=5e-5))
    )
    records = [
        record_of(several, metrics={**told, "evaluations": 12}),
        record_of(single, metrics={**one, "evaluations": 1}),
    ]
    (line,) = xtc.selection_table({"small": source_of(records)}, xtc.TABLE_C5).text.splitlines()[1:]
    assert line.split()[:6] == ["small", "cola", "1", "12.0", "50.0", "70.0"]
