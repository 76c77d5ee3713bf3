"""The Taylor paper's table over several tasks, its claims, and the figures of its sweeps."""

import math
import re

import pytest

from bert_compression.experiments.papers import table_jobs
from bert_compression.experiments.profiles import get_profile
from bert_compression.metrics import f1, pearson_correlation
from bert_compression.report.claims import NOT_ATTEMPTED, REPRODUCED, judge
from bert_compression.report.layouts import place_of
from bert_compression.report.papers.taylor_claims import TABLE_2_CLAIMS
from bert_compression.report.papers.taylor_tables import TABLE_2, TASKS
from bert_compression.report.record_list import anchor, record_list
from bert_compression.report.reported import reported, reported_lines, reported_value
from bert_compression.report.sentences import sizes_of
from bert_compression.report.side_by_side import side_by_side
from bert_compression.report.sweeps import _lines, curves, curves_picture, sweep_picture, swept
from bert_compression.report.tables import OTHERS, measured
from bert_compression.report.verdicts import claims_table

GOLD = "1101011010"
GRADES = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.5, 1.5, 2.5, 4.5]


def answer(record, method, task, predicted, seed=0, split="validation"):
    """A record of answers to ten texts; a string of digits, or grades."""
    if isinstance(predicted, str):
        gold = GOLD
        scores = {
            "accuracy": sum(a == b for a, b in zip(gold, predicted, strict=True)) / 10,
            "f1": f1([int(g) for g in gold], [int(p) for p in predicted]),
        }
    else:
        gold, scores = GRADES, {"pearson": pearson_correlation(GRADES, predicted)}
    return record(
        "predict",
        method,
        seed,
        scores,
        {"predictions": predicted, "gold": gold},
        task=task,
        params={"seed": seed, "split": split},
    )


# Table 2


def test_every_line_of_the_paper_has_a_row_and_every_score_a_column():
    facing = [row.reported for row in TABLE_2.rows if row.reported]
    assert facing == reported_lines("taylor_table_2").index.tolist()
    described = {"block", "method", "layers", "hidden", "params_M", "extra_unlabelled_data"}
    columns = set(reported("taylor_table_2")) - described
    assert [m.reported for m in TABLE_2.measures] == [c for c in reported("taylor_table_2") if c in columns]
    assert {name for part in TABLE_2.parts for name in part.measures} == {m.name for m in TABLE_2.measures}


def test_rows_and_places_are_what_is_measured():
    jobs = table_jobs("taylor", "table_2", get_profile("small"))
    assert {row.method for row in TABLE_2.rows if not row.quoted} == {job.method for job in jobs}
    places = {(job.kind, job.params["task"], job.params["split"]) for job in jobs}
    assert set(TABLE_2.places) == places
    assert TASKS == ("qqp", "mnli", "sst2", "qnli", "mrpc", "rte", "stsb")


def test_the_papers_numbers_stand_in_their_cells():
    row, teacher = TABLE_2.row("taylor_untuned_4x312"), TABLE_2.row("teacher")
    assert reported_value(TABLE_2, row, TABLE_2.measure("mrpc")) == 88.1
    assert reported_value(TABLE_2, row, TABLE_2.measure("mnli_mismatched")) == 80.1
    assert reported_value(TABLE_2, teacher, TABLE_2.measure("stsb")) == 89.8
    assert math.isnan(reported_value(TABLE_2, TABLE_2.row("ce_4x312"), TABLE_2.measure("rte")))


def test_each_task_has_its_own_records_and_models_of_others_have_none(record):
    records = [
        answer(record, "ce_4x312", "mrpc", "1101011011"),
        answer(record, "ce_4x312", "rte", "0001011010"),
        answer(record, "ce_4x312", "stsb", [g + 1 for g in GRADES]),
        answer(record, "ce_4x312", "mnli", GOLD, split="validation_mismatched"),
        answer(record, "ce_4x312", "cola", "0000000000"),
    ]
    table = measured(records, TABLE_2)

    def value(measure):
        return table.loc["ce_4x312", measure].value

    assert value("mrpc") == pytest.approx(100 * 12 / 13)  # six found of six, seven said
    assert value("rte") == pytest.approx(80)
    assert value("stsb") == pytest.approx(100)
    assert value("mnli_mismatched") == 100
    assert table.loc["ce_4x312", "mnli"].text == "not run"
    assert table.loc["mobilebert_tiny", "rte"].status == OTHERS
    html = side_by_side({"small": records}, "small", TABLE_2).html
    foot = record_list({"small": records}, TABLE_2).html
    line = next(
        each
        for each in re.findall(r"<tr[^>]*>.*?</tr>", html)
        if "cross-entropy, no teacher" in each and "80.0" in each
    )
    assert "–" in line and "nan" not in html
    first = next(r for r in records if (r["kind"], r["task"], r["method"]) == ("predict", "rte", "ce_4x312"))
    address = anchor("small", first["key"])
    assert f'href="#{address}"' in line and f'id="{address}"' in foot


def test_what_is_tried_on_small_sets_alone_has_no_line_among_the_larger():
    for part, there in (("small", True), ("large", False)):
        shown = side_by_side({"small": []}, part, TABLE_2)
        for words in (shown.html, shown.text):
            assert ("squared loss, fine-tuned teacher" in words) == there
            assert "cross-entropy, no teacher" in words
    places = {
        (job.method, job.params["task"]) for job in table_jobs("taylor", "table_2", get_profile("small"))
    }
    for part in TABLE_2.parts:
        tasks = {TABLE_2.place(TABLE_2.measure(name)).task for name in part.measures}
        shown_rows = [row for row in TABLE_2.rows_of(part) if not row.quoted]
        assert {(row.method, task) for row in shown_rows for task in tasks} == {
            p for p in places if p[1] in tasks
        }


def test_how_much_stands_behind_each_task(record):
    records = [answer(record, "ce_4x312", "mrpc", GOLD, seed) for seed in (0, 1)]
    records.append(answer(record, "ce_4x312", "rte", GOLD))
    assert sizes_of(records, TABLE_2) == "MRPC 2 seeds and 10 texts; RTE 1 seed and 10 texts"
    assert sizes_of([], TABLE_2) == "nothing yet"


# Claims


def test_claims_are_judged_in_every_score(record):
    pairs = {"mrpc": ("1101011011", "1111111111"), "stsb": (GRADES, [-g for g in GRADES])}
    records = [
        answer(record, method, task, answers)
        for task, both in pairs.items()
        for method, answers in zip(("taylor_untuned_4x312", "kl_4x312"), both, strict=True)
    ]
    found = {j.claim.name: j for j in judge(records, TABLE_2_CLAIMS, TABLE_2)}
    mrpc, stsb = found["taylor_better_4x312_mrpc"], found["taylor_better_4x312_stsb"]
    assert mrpc.effect == pytest.approx(100 * (12 / 13 - 12 / 16))
    assert mrpc.reported == pytest.approx(88.1 - 83.2)
    assert stsb.effect == pytest.approx(200) and stsb.verdict == REPRODUCED
    assert found["taylor_better_4x312_rte"].verdict == NOT_ATTEMPTED


def test_what_the_paper_does_not_say_has_no_reported_effect(record):
    records = [
        answer(record, "squares_4x312", "rte", GOLD),
        answer(record, "squares_untuned_4x312", "rte", "0" * 10),
    ]
    (found,) = (j for j in judge(records, TABLE_2_CLAIMS, TABLE_2) if j.claim.name == "taylor_squares_rte")
    assert math.isnan(found.reported) and found.effect == pytest.approx(60) and found.verdict == REPRODUCED


def test_claims_have_names_of_their_own_and_rest_on_rows_that_are_measured():
    names = [claim.name for claim in TABLE_2_CLAIMS]
    assert len(set(names)) == len(names)
    ours = {row.method for row in TABLE_2.rows if not row.quoted}
    assert all(set(side) <= ours for claim in TABLE_2_CLAIMS for side in claim.sides)


def test_the_claims_name_the_student_and_each_sentence_stands_once():
    shown = claims_table(judge([], TABLE_2_CLAIMS, TABLE_2))
    for claim, line in zip(TABLE_2_CLAIMS, shown.text.splitlines(), strict=True):
        row = TABLE_2.row(claim.first)
        several = sum(other.label == row.label for other in TABLE_2.rows) > 1
        assert (f", s{row.group[1:]}" in line) == several
    assert "QQP, student 2 × 128" in shown.html and "MNLI mismatched, student" in shown.html
    sentences = {claim.sentence for claim in TABLE_2_CLAIMS}
    assert shown.html.count("<tbody") == len(sentences)


# Sweeps


@pytest.fixture
def sweep(record):
    """Two losses at two weights, each with its teacher; as records of models and of their answers."""
    teachers = {
        tuned: record("finetune" if tuned else "pretrained", "teacher", params={"seed": 0})
        for tuned in (True, False)
    }
    logits = {
        tuned: record("predict", "teacher", inputs={"model": t["key"]}, split="train", tuned=tuned)
        for tuned, t in teachers.items()
    }
    records = [*teachers.values(), *logits.values()]
    for loss, tuned, weight, score in (
        ("taylor", False, 0.0, 0.8),
        ("taylor", False, 1.0, 0.82),
        ("kl", True, 0.0, 0.5),
        ("cross_entropy", None, 1.0, 0.9),
    ):
        inputs = {} if tuned is None else {"teacher_logits": logits[tuned]["key"]}
        model = record(
            "taylor",
            f"{loss}_4x312",
            metrics={"train_examples": 100},
            per_example={"cross_entropy": [1.0, score]},
            params={"seed": 0, "loss": loss, "lambda": weight},
            inputs=inputs,
            task="mrpc",
        )
        records += [
            model,
            record(
                "predict", f"{loss}_4x312", metrics={"f1": score}, inputs={"model": model["key"]}, task="mrpc"
            ),
        ]
    return records


def test_a_sweep_is_read_from_what_training_was_asked_for(sweep):
    table = swept(sweep, "lambda", "f1")
    assert table.to_dict("records") == [
        {"loss": "KL, fine-tuned teacher", "x": 0.0, "seed": 0, "score": 50.0},
        {"loss": "Taylor, teacher not fine-tuned", "x": 0.0, "seed": 0, "score": 80.0},
        {"loss": "Taylor, teacher not fine-tuned", "x": 1.0, "seed": 0, "score": 82.0},
        {"loss": "cross-entropy, no teacher", "x": 1.0, "seed": 0, "score": 90.0},
    ]
    assert set(swept(sweep, "train_examples", "f1").x) == {100}
    assert swept([], "lambda", "f1").empty


def test_pictures_say_what_they_show(sweep):
    words = sweep_picture({"small": sweep, "this run": []}, "lambda", "f1", "λ", "F1 (%)").text
    assert words.startswith("F1 (%) against λ, a line for each loss. Panel “small”: ")
    assert "Taylor, teacher not fine-tuned: 0 80.0, 1 82.0" in words
    assert words.endswith("Panel “this run”: nothing yet.")
    figure = _lines({"small": swept(sweep, "lambda", "f1").assign(x=1250)}, "examples", "F1 (%)", log=True)
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["1,250"]
    told = curves_picture({"small": sweep, "this run": []}, "mrpc", "4x312").text
    assert "cross-entropy, no teacher from 1.00 to 0.90" in told
    assert told.endswith("Panel “this run”: nothing yet.")


def test_curves_are_those_of_one_task_and_student(sweep):
    found = curves(sweep, "mrpc", "4x312")
    assert found[found.loss == "KL, fine-tuned teacher"][["x", "score"]].values.tolist() == [
        [25, 1.0],
        [75, 0.5],
    ]
    assert curves(sweep, "rte", "4x312").empty and curves(sweep, "mrpc", "2x128").empty


def test_places_tell_tasks_apart(record):
    assert place_of(answer(record, "kd", "rte", GOLD)) != place_of(answer(record, "kd", "mrpc", GOLD))
