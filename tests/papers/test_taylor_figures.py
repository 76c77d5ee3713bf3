"""Taylor's Table 2 over several tasks, and the figures of its sweeps."""

import math

import pytest
from made_records import cell_record, job_of, record_of, source_of

from bert_compression.papers.taylor import (
    LAMBDA_SWEEP,
    TABLE_2,
    TASKS,
    TRAINING_SIZES,
    curves_in_words,
    curves_picture,
    lambda_picture,
    sweep_in_words,
)
from bert_compression.papers.taylor.figures import _lines, curves, swept
from bert_compression.papers.taylor.tables import CONTROLS, LARGE, MIDDLE, SMALL
from bert_compression.report import reported, side_by_side
from bert_compression.report.reported import reported_value


def test_every_line_of_the_paper_has_a_row_and_every_score_a_column():
    lines = reported("taylor", "taylor_table_2")
    facing = [(row.reported["block"], row.reported["method"]) for row in TABLE_2.rows if row.reported]
    assert facing == list(zip(lines.block, lines.method, strict=True))
    described = {"block", "method", "layers", "hidden", "params_M", "extra_unlabelled_data"}
    assert [c.reported for c in TABLE_2.columns] == [name for name in lines if name not in described]
    assert {name for panel in TABLE_2.panels for name in panel.columns} == {c.name for c in TABLE_2.columns}
    assert TASKS == ("qqp", "mnli", "sst2", "qnli", "mrpc", "rte", "stsb")


def test_the_papers_numbers_stand_in_their_cells():
    row, teacher = TABLE_2.row("taylor_untuned_4x312"), TABLE_2.row("teacher")
    assert reported_value(TABLE_2, row, TABLE_2.column("mrpc")) == 88.1
    assert reported_value(TABLE_2, row, TABLE_2.column("mnli_mismatched")) == 80.1
    assert reported_value(TABLE_2, teacher, TABLE_2.column("stsb")) == 89.8
    assert math.isnan(reported_value(TABLE_2, TABLE_2.row("ce_4x312"), TABLE_2.column("rte")))


def test_what_is_tried_on_small_sets_alone_has_no_line_and_no_job_among_the_larger():
    nothing = {"small": source_of([])}
    for panel, there in (("small", True), ("large", False)):
        shown = side_by_side(nothing, panel, TABLE_2)
        for words in (shown.html, shown.text):
            assert ("squared loss, fine-tuned teacher" in words) == there
            assert "cross-entropy, no teacher" in words
    for make in CONTROLS:
        row = TABLE_2.row(f"{make.__name__}_{MIDDLE}")
        assert all(job_of(TABLE_2, row.method, column) for column in SMALL)
        with pytest.raises(StopIteration):
            job_of(TABLE_2, row.method, LARGE[0])


# Sweeps


def models_of(table, method, score, column, metrics=None):
    """The records of an answer in a sweep, of the model that gave it, and of what that learnt from."""
    answer = job_of(table, method, column)
    model = answer.inputs["model"]
    curve = {"cross_entropy": [1.0, score]}
    records = [
        record_of(answer, metrics={column if table is not TRAINING_SIZES else "accuracy": score}),
        record_of(model, curve, metrics={"train_examples": model.params["size"]}),
    ]
    if "teacher_logits" in model.inputs:
        logits = model.inputs["teacher_logits"]
        records += [record_of(logits), record_of(logits.inputs["model"])]
    return records


@pytest.fixture
def sweep():
    found = []
    for method, score in (("taylor_0", 0.8), ("taylor_1", 0.82), ("kl_0", 0.5)):
        found += models_of(LAMBDA_SWEEP, method, score, "f1")
    return source_of(found)


def test_a_sweep_is_read_from_what_training_was_asked_for(sweep):
    assert swept(sweep, LAMBDA_SWEEP).to_dict("records") == [
        {"loss": "KL, teacher not fine-tuned", "x": 0.0, "seed": 0, "score": 50.0},
        {"loss": "Taylor, teacher not fine-tuned", "x": 0.0, "seed": 0, "score": 80.0},
        {"loss": "Taylor, teacher not fine-tuned", "x": 1.0, "seed": 0, "score": 82.0},
    ]
    assert swept(source_of([]), LAMBDA_SWEEP).empty
    part = source_of(models_of(TRAINING_SIZES, "kl_1/4", 0.7, "accuracy"))
    (line,) = swept(part, TRAINING_SIZES).to_dict("records")
    assert line == {"loss": "KL, fine-tuned teacher", "x": 5000, "seed": 0, "score": 70.0}


def test_pictures_and_sentences_say_what_they_show(sweep):
    words = lambda_picture({"small": sweep, "this run": source_of([])}).text
    assert words.startswith("F1 on MRPC (%) against λ, the share of cross-entropy, a line for each loss. ")
    assert "Taylor, teacher not fine-tuned: 0 80.0, 1 82.0" in words
    assert words.endswith("Panel “this run”: nothing yet.")
    figure = _lines({"small": swept(sweep, LAMBDA_SWEEP).assign(x=1250)}, "examples", "F1 (%)", log=True)
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["1,250"]
    told = sweep_in_words(sweep, LAMBDA_SWEEP).text
    assert "Taylor, teacher not fine-tuned from 80.0 to 82.0\u00a0%" in told
    assert sweep_in_words(source_of([]), LAMBDA_SWEEP).text.endswith("nothing yet.")


def test_curves_are_those_of_one_task_student_and_seed():
    found = []
    for method, score in ((f"ce_{MIDDLE}", 0.9), (f"kl_{MIDDLE}", 0.5), ("ce_2x128", 0.1)):
        found += models_of(TABLE_2, method, score, "mrpc")
    found += models_of(TABLE_2, f"ce_{MIDDLE}", 0.2, "rte")
    source = source_of(found)
    table = curves(source)
    assert table[table.loss == "KL, fine-tuned teacher"][["x", "score"]].values.tolist() == [
        [25, 1.0],
        [75, 0.5],
    ]
    assert set(table.score) == {1.0, 0.5, 0.9}
    told = curves_picture({"small": source, "this run": source_of([])}).text
    assert "cross-entropy, no teacher from 1.00 to 0.90" in told
    assert told.endswith("Panel “this run”: nothing yet.")
    assert curves_in_words(source).text.endswith("KL, fine-tuned teacher 0.400.")
    assert curves_in_words(source_of([])).text == "No student has been trained yet."


def test_models_of_others_are_never_measured():
    record = cell_record(TABLE_2, "teacher", "rte", metrics={"accuracy": 0.5})
    shown = side_by_side({"small": source_of([record])}, "small", TABLE_2)
    assert "of others" in shown.text and "nan" not in shown.html
