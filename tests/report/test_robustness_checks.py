"""The two ways to be fooled about robustness, as tables: the right records, in the right direction."""

import pytest

from bert_compression.report.papers.loyalty_tables import TABLE_1
from bert_compression.report.robustness_checks import company_table, transfer_facts, transfer_table

INT8 = "q8_ptq_int8"


def record(kind, method, metrics, seed=0, per_example=None, **params):
    return {
        "kind": kind, "method": method, "task": "mnli", "seed": seed, "status": "ok", "metrics": metrics,
        "per_example": per_example or {}, "params": {"split": "validation_matched", **params},
    }  # fmt: skip


def transfer(judged, made_for, rate, texts, borrowed, seed=0):
    metrics = {
        "transfer_rate": rate, "transfer_rate_low": rate - 0.1, "transfer_rate_high": rate + 0.1,
        "texts_judged": texts, "accuracy_on_borrowed_texts": borrowed,
    }  # fmt: skip
    return record("transfer", judged, metrics, seed, made_for=made_for)


@pytest.fixture
def records():
    return [
        transfer(INT8, "teacher", 0.6, 40, 0.5),
        transfer(INT8, "teacher", 0.7, 60, 0.6, seed=1),
        transfer("teacher", INT8, 0.9, 30, 0.3),
        transfer("teacher", "q8_ptq_static", 0.1, 30, 0.9),
        record("attack", INT8, {"after_attack_accuracy": 0.25, "successes": 10, "successes_lost_alone": 0}),
        record(
            "attack",
            INT8,
            {"after_attack_accuracy": 0.35, "successes": 6, "successes_lost_alone": 4},
            in_company=True,
        ),
        record("predict", INT8, {"accuracy": 0.75}, per_example={"predictions": "0120"}),
        record("predict", INT8, {"accuracy": 0.5}, per_example={"predictions": "0121"}, in_company=True),
        # A seed that was never asked in company, and another split.
        record("predict", INT8, {"accuracy": 0.1}, seed=1, per_example={"predictions": "2222"}),
        record("predict", INT8, {"accuracy": 0.2}, per_example={"predictions": "2"}, split="train"),
    ]


def lines(shown):
    return [line.split("  ") for line in shown.text.splitlines()]


def test_both_directions_stand_in_their_places(records):
    _, row = lines(transfer_table({"small": records}, [INT8], TABLE_1))
    assert row == [
        "Q8-PTQ, real int8", "small",
        "65.0 % [55.0, 75.0] of 100", "90.0 % [80.0, 100.0] of 30", "55.0 %", "25.0 %",
    ]  # fmt: skip


def test_what_was_not_run_is_said_in_every_cell():
    _, row = lines(transfer_table({"small": []}, [INT8], TABLE_1))
    assert row[2:] == ["not run"] * 4
    _, row = lines(company_table({"small": []}, [INT8], TABLE_1))
    assert row[2:] == ["not run"] * 6


def test_company_compares_the_same_seed_alone_and_in_batches(records):
    _, row = lines(company_table({"small": records}, [INT8], TABLE_1))
    assert row == [
        "Q8-PTQ, real int8", "small", "25.00 %", "75.0 %", "50.0 %", "25.0 %", "35.0 %", "4 of 10"
    ]  # fmt: skip


def test_facts_are_the_printed_rates(records):
    assert transfer_facts(records, [INT8]) == {
        f"{INT8}_from_teacher": "65.0 %",
        f"{INT8}_to_teacher": "90.0 %",
    }


def test_a_source_is_a_line_of_its_own(records):
    shown = transfer_table({"small": records, "this run (smoke)": []}, [INT8, "q8_ptq_static"], TABLE_1)
    assert [line[1] for line in lines(shown)[1:]] == ["small", "this run (smoke)"] * 2
    assert shown.html.count("<tr>") == 5
