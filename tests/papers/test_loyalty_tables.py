"""The loyalty paper's three tables: every line of the paper has its rows, every number its place."""

import math

import pytest
from made_records import attack_record, cell_record, prediction_record, source_of

from bert_compression.papers.loyalty import (
    QUANTIZED_ROBUSTNESS,
    SEARCH_SST2,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    batch_facts,
    batch_table,
    lost_successes,
    search_picture,
    transfer_facts,
    transfer_table,
)
from bert_compression.papers.loyalty.tables import loyalty
from bert_compression.report import reported
from bert_compression.report.figures import _line_of
from bert_compression.report.reported import reported_spread, reported_value

TABLES = pytest.mark.parametrize("table", [TABLE_1, TABLE_2, TABLE_3], ids=lambda table: table.title)
INT8 = "q8_ptq_int8"
ACCURACIES = ("after_attack_accuracy", "as_found_accuracy")


@TABLES
def test_rows_face_every_line_of_the_paper_in_its_order(table):
    lines = reported("loyalty", table.reported)
    base = lines.base_method.fillna("") if "base_method" in lines else ""
    assert list(dict.fromkeys(_line_of(row) for row in table.rows if row.reported)) == (
        (base + " " + lines.method).str.strip().tolist()
    )


@TABLES
def test_every_column_of_the_paper_but_its_descriptions_has_its_column(table):
    described = {"method", "reference", "group", "base_method", "speedup_on_cpu", "init_not_from_teacher"}
    lines = reported("loyalty", table.reported)
    columns = {name for name in lines if not name.endswith("_std")} - described
    assert {column.reported for column in table.columns if column.reported} == columns


@TABLES
def test_the_teacher_is_loyal_to_itself_by_definition(table):
    assert table.row("teacher").given == {each.name: 1.0 for each in table.columns if each.measure is loyalty}


@TABLES
def test_labels_tell_rows_apart_short_ones_too(table):
    for labels in ([row.label for row in table.rows], [row.short_label for row in table.rows]):
        assert len(set(labels)) == len(labels)
    assert max(len(row.short_label) for row in table.rows) <= 22


def value(table, method, column, read=reported_value):
    return read(table, table.row(method), table.column(column))


def test_finetune_occurs_twice_in_table_2_and_means_two_rows():
    assert value(TABLE_2, "head_prune_finetune", "label_loyalty") == 89.1
    assert value(TABLE_2, "q8_ptq_finetune", "label_loyalty") == 89.7
    assert value(TABLE_2, "theseus_kd", "probability_loyalty") == 91.4
    assert value(TABLE_2, "theseus_kd_ptq_static", "probability_loyalty") == 80.3


def test_matched_and_mismatched_accuracy_are_two_columns():
    for table in (TABLE_1, TABLE_2):
        assert value(table, "head_prune", "accuracy") == 80.9
        assert value(table, "head_prune", "accuracy_mismatched") == 80.6


def test_table_1_alone_has_spreads():
    assert value(TABLE_1, "kd", "probability_loyalty", reported_spread) == 0.2
    assert math.isnan(value(TABLE_1, "teacher", "label_loyalty", reported_spread))
    assert math.isnan(value(TABLE_1, "kd", "stored_bytes", reported_spread))
    assert math.isnan(value(TABLE_2, "pkd", "label_loyalty", reported_spread))


def test_classes_are_called_by_their_names():
    assert TABLE_1.column("after_attack_accuracy_class_1").label == "After-attack accuracy, neutral pairs"
    assert TABLE_3.column("after_attack_accuracy_class_0").label == "After-attack accuracy, negative texts"


# Is the robustness of a quantized model its own?


def transfer(method, column, rate, texts, accuracy, seed=0):
    metrics = {
        "transfer_rate": rate,
        "transfer_rate_low": rate - 0.1,
        "transfer_rate_high": rate + 0.1,
        "texts_judged": texts,
        "accuracy_on_transferred_texts": accuracy,
    }
    return cell_record(QUANTIZED_ROBUSTNESS, method, column, metrics=metrics, seed=seed)


def attacked(column, accuracy, successes, lost, **others):
    metrics = {"after_attack_accuracy": accuracy, "successes": successes, "successes_lost_alone": lost}
    return attack_record(QUANTIZED_ROBUSTNESS, INT8, "12", column=column, metrics=metrics, **others)


def answered(column, accuracy, predictions):
    return prediction_record(
        QUANTIZED_ROBUSTNESS, INT8, predictions, column=column, metrics={"accuracy": accuracy}
    )


@pytest.fixture
def source():
    return source_of(
        [
            transfer(INT8, "from_teacher", 0.65, 100, 0.55),
            transfer(INT8, "to_teacher", 0.9, 30, 0.3),
            transfer("q8_ptq_static", "to_teacher", 0.1, 30, 0.9),
            attacked("attacked", 0.25, 10, 0),
            attacked("attacked_batched", 0.875, 6, 4),
            answered("accuracy", 0.75, "0120"),
            answered("accuracy_batched", 0.5, "0121"),
        ]
    )


def test_the_picture_compares_protocols_at_the_same_seeds():
    def attacked(method, column, seed, value):
        return attack_record(
            SEARCH_SST2, method, "12", seed, column, metrics=dict.fromkeys(ACCURACIES, value)
        )

    found = [attacked("teacher", column, seed, 0.2) for column in ("alone", "released") for seed in (0, 1)]
    found += [attacked("q8_ptq_int8", "alone", seed, value) for seed, value in ((0, 0.2), (1, 0.6))]
    found.append(attacked("q8_ptq_int8", "released", 0, 0.5))
    told = search_picture(source_of(found), SEARCH_SST2).text
    assert "searched and judged alone 0.0; in batches, judged alone +30.0" in told


def test_the_picture_of_search_and_verdict_shows_gains_over_the_teacher_seed_by_seed():
    found = [
        attack_record(SEARCH_SST2, method, "12", seed, column, metrics=dict.fromkeys(ACCURACIES, value))
        for method, column, values in (
            ("teacher", "released", (0.2, 0.4)),
            ("teacher", "alone", (0.3,)),
            (INT8, "released", (0.5, 0.6)),
            (INT8, "alone", (0.35, 0.9)),
        )
        for seed, value in enumerate(values)
    ]
    told = search_picture(source_of(found), SEARCH_SST2).text
    # The teacher was attacked alone at the first seed only.
    assert "int8, seed 0: searched and judged alone +5.0; in batches, judged alone +30.0; in batches" in told
    assert told.count("reported +19.0") == 1 and "Teacher" not in told
    assert search_picture(source_of([]), SEARCH_SST2).text == "Nothing has been searched in batches yet."


def lines(shown):
    return [line.split("  ") for line in shown.text.splitlines()]


def test_both_directions_stand_in_their_places(source):
    _, row, *_ = lines(transfer_table({"small": source}))
    assert row == [
        "Q8-PTQ, real int8", "small",
        "65.0 % [55.0, 75.0] of 100", "90.0 % [80.0, 100.0] of 30", "55.0 %", "25.0 %",
    ]  # fmt: skip


def test_what_was_not_run_is_said_in_every_cell():
    nothing = {"small": source_of([])}
    assert all(row[2:] == ["not run"] * 4 for row in lines(transfer_table(nothing))[1:])
    assert all(row[2:] == ["not run"] * 7 for row in lines(batch_table(nothing))[1:])


def test_batches_are_compared_with_one_at_a_time_at_the_same_seed(source):
    _, row, _ = lines(batch_table({"small": source}))
    assert row == [
        "Q8-PTQ, real int8", "small", "25.00 %", "75.0 %", "50.0 %", "25.0 %", "87.5 %", "37.5 %",
        "4 of 10",
    ]  # fmt: skip
    facts = batch_facts(source)
    assert facts == {"alone": "25.0 %", "judged": "87.5 %", "found": "37.5 %", "seeds": "0"}


def test_facts_are_the_printed_rates(source):
    facts = transfer_facts(source)
    assert facts[f"{INT8}_from_teacher"] == "65.0 %" and facts[f"{INT8}_to_teacher"] == "90.0 %"
    assert facts[f"{INT8}_attacked"] == "25.0 %"  # at the seeds of the rates
    assert facts["q8_ptq_static_from_teacher"] == "not run" and len(facts) == 9


def test_a_source_is_a_line_of_its_own(source):
    shown = transfer_table({"small": source, "paper": source_of([])})
    assert [line[1] for line in lines(shown)[1:]] == ["small", "paper"] * 3
    assert shown.html.count('scope="row"') == 6


def test_successes_that_are_lost_alone_may_fall_to_a_search_that_asks_alone():
    def records(seed, as_found, judged, alone):
        kept = {"as_found": [int(digit) for digit in as_found], "outcomes": [int(digit) for digit in judged]}
        whole = {"outcomes": [int(digit) for digit in alone]}
        return [
            cell_record(SEARCH_SST2, "q8_ptq_int8", "released", kept, seed),
            cell_record(SEARCH_SST2, "q8_ptq_int8", "alone", whole, seed),
        ]

    both = [*records(0, "2222110", "2111120", "2221110"), *records(1, "2200", "1200", "1200")]
    assert lost_successes(source_of(both), SEARCH_SST2, "q8_ptq_int8") == (6, 4, 2)
    assert lost_successes(source_of(both[:1]), SEARCH_SST2, "q8_ptq_int8") == (0, 0, 0)
