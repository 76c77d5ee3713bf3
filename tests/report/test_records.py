"""From records to cells: which records a cell has, and what stands in it."""

import math

import pytest
from made_records import SMALL, cell_record, job_of, record_of, source_of

from bert_compression.experiments import in_order
from bert_compression.experiments.records import decode, encode, is_sound, sealed
from bert_compression.papers import committed, get_tables
from bert_compression.papers.loyalty import TABLE_1, TABLE_3
from bert_compression.report.records import difference, measured


def accuracies(*values, **others):
    return [
        cell_record(TABLE_3, "kd", "accuracy", seed=seed, metrics={"accuracy": value}, **others)
        for seed, value in enumerate(values)
    ]


def cell(records, method="kd", column="accuracy", table=TABLE_3):
    return measured(source_of(records), table).loc[(method, column)]


def test_a_cell_is_the_mean_over_seeds_with_the_sample_deviation():
    found = cell(accuracies(0.90, 0.92, 0.97))
    assert found.value == pytest.approx(93.0)
    # deviations -3, -1, 4: (9 + 1 + 16) / 2 = 13; the population's would be 26 / 3
    assert found.spread == pytest.approx(math.sqrt(13))
    assert found.seeds == 3 and found.status == "measured"


def test_one_seed_has_no_spread():
    found = cell(accuracies(0.9))
    assert found.value == pytest.approx(90) and math.isnan(found.spread)


def test_bounds_are_the_means_of_the_records_bounds():
    records = [
        cell_record(
            TABLE_3,
            "kd",
            "accuracy",
            seed=seed,
            metrics={"accuracy": 0.9, "accuracy_low": low, "accuracy_high": high},
        )
        for seed, (low, high) in enumerate([(0.88, 0.92), (0.90, 0.96)])
    ]
    found = cell(records)
    assert (found.low, found.high) == (pytest.approx(89), pytest.approx(94))
    assert math.isnan(cell(accuracies(0.9)).low)


def test_missing_failed_undefined_given_and_others_cells_are_told_apart():
    assert cell([]).status == "not run"
    assert cell(accuracies(0.9, status="failed", error="died")).status == "failed"
    assert cell(accuracies(None)).status == "undefined"
    given = cell([], "teacher", "label_loyalty")
    assert (given.status, given.value) == ("by definition", 100)
    assert cell([], "kd", "label_loyalty").status == "not run"
    (taylor,) = (table for table in get_tables("taylor", "table_2"))
    assert cell([], "distilbert", "rte", taylor).status == "of others"


def test_a_failed_seed_is_counted_and_left_out():
    done, failed = accuracies(0.9, 0.1)
    found = cell([done, failed | {"status": "failed", "error": "died", "metrics": {}}])
    assert (found.value, found.seeds, found.failed) == (pytest.approx(90), 1, 1)


def test_a_cell_has_the_records_of_its_own_jobs_and_no_others():
    """No record of the same method and kind with other parameters, nor one of another profile's size."""
    job = job_of(TABLE_3, "kd", "accuracy")
    (right,) = accuracies(0.9)
    others = [
        record_of(type(job)(job.kind, {**job.params, **other}, job.inputs, "kd"), metrics={"accuracy": 0.1})
        for other in ({"split": "train"}, {"size": 10}, {"batched": True}, {"seed": 7})
    ]
    assert cell([*others, right]).records == (right["key"],) == cell([right, *others]).records
    assert cell(others).status == "not run"


def test_each_accuracy_is_read_from_its_own_split():
    records = [
        cell_record(TABLE_1, "kd", column, metrics={"accuracy": value})
        for column, value in (("accuracy", 0.8), ("accuracy_mismatched", 0.7))
    ]
    texts = [cell(records, column=name, table=TABLE_1).text for name in ("accuracy", "accuracy_mismatched")]
    assert texts == ["80.0", "70.0"]
    assert cell(records[:1], column="accuracy_mismatched", table=TABLE_1).text == "not run"


def test_bytes_become_mebibytes():
    record = cell_record(TABLE_3, "kd", "stored_bytes", metrics={"stored_bytes": 3 * 2**19})
    assert cell([record], column="stored_bytes").value == pytest.approx(1.5)


def test_stale_records_make_a_stale_cell():
    done, other = accuracies(0.9, 0.9)
    assert not cell([done, other]).stale
    assert cell([done | {"stale": True}, other]).stale


def test_a_source_lists_what_a_table_rests_on_each_once():
    records = [*accuracies(0.9, 0.8), cell_record(TABLE_1, "kd", "accuracy", metrics={"accuracy": 0.1})]
    source = source_of(records)
    assert source.of(TABLE_3) == records[:2]
    model = record_of(job_of(TABLE_3, "kd", "accuracy").inputs["model"])
    assert source_of([*records, model]).all_of(TABLE_3) == [model, *records[:2]]
    assert source_of([*records, model]).of(TABLE_3) == records[:2]


def test_a_difference_is_near_when_the_interval_holds_the_reported_value():
    base = {"status": "measured", "value": 91.0, "low": 89.0, "high": 93.0}
    near, higher = difference(base, 92.0), difference(base, 88.9)
    assert (near.word, near.symbol, near.amount) == ("near", "≈", pytest.approx(-1.0))
    assert (higher.word, higher.symbol) == ("higher", "▲")
    assert difference(base, 93.1).symbol == "▼"


def test_a_difference_without_interval_is_near_when_both_print_alike():
    base = {"status": "measured", "value": 2.04, "low": math.nan, "high": math.nan}
    assert difference(base, 2.0).symbol == "≈"
    assert difference(base, 1.9).symbol == "▲"
    assert difference(base, math.nan) is None
    assert difference(base | {"status": "failed"}, 2.0) is None


# What is committed.


def test_every_chain_of_committed_records_can_be_walked_to_its_end(project, monkeypatch):
    monkeypatch.chdir(project)
    source = committed("small")
    assert len(source.records) > 1000

    def walk(key, depth=0):
        record = source.by_key[key]
        assert depth < 20
        for needed in record["inputs"].values():
            walk(needed, depth + 1)

    for record in source.records:
        walk(record["key"])


def test_committed_records_answer_for_the_cells_of_todays_tables(project, monkeypatch):
    """All that loyalty and miniature ask for; of Taylor's three seeds two are measured. Of the grid of
    extreme compression, of its models on the page of all methods, of what is rounded as Q8BERT was released,
    of search and verdict, of what learns from all pairs, and of the overlaps of classifiers on MNLI it is a
    part, which the pages tell."""
    monkeypatch.chdir(project)
    source = committed("small")
    for table in get_tables():
        jobs = table.jobs(table.decided(source.profile, source.by_identity))
        missing = [job for job in jobs if job.identity not in source.by_identity]
        for job in missing:
            third_seed = table.paper == "taylor" and job.seed == 2
            few_bits = table.paper == "xtc"
            search = table.name.startswith("search_and_verdict") or table.name == "all_pairs"
            # They would rest on other answers of the teacher than the committed ones.
            refused = (table.name, job.kind) == ("classifiers_mnli", "overlap")
            rounded = any(each.params.get("parts") == "q8bert" for each in in_order([job]))
            assert third_seed or few_bits or search or rounded or refused, f"{table.name}: {job.title}"


def test_a_record_names_its_predictions_gold_labels(project, monkeypatch):
    monkeypatch.chdir(project)
    source = committed("small")
    predicted = [r for r in source.records if r["kind"] == "predict" and "predictions" in r["per_example"]]
    assert len(predicted) > 200
    for record in predicted:
        gold = source.gold[record["data"]["digest"]]
        assert len(gold) == record["data"]["rows"] == len(decode(record["per_example"]["predictions"]))


# How a record keeps values.


def test_values_come_back_as_they_were_kept():
    import numpy as np

    for values in (np.array([0, 1, 9]), np.array([True, False]), np.array([0.5, 1.25]), [3, 12], np.eye(2)):
        kept = encode(values)
        assert np.array_equal(decode(kept), values)
        assert isinstance(kept, str) == (isinstance(values, np.ndarray) and values.ndim == 1 and
                                         values.dtype.kind in "bi")  # fmt: skip
    assert encode(np.array([0, 12])) == [0, 12] and encode(np.array([-1])) == [-1]


def test_a_seal_breaks_with_any_change_but_that_of_place():
    record = sealed({"key": "1", "metrics": {"accuracy": 0.5}})
    assert is_sound(record) and is_sound({**record, "artifacts": {}, "stale": True})
    assert not is_sound({**record, "metrics": {"accuracy": 0.6}})
    assert not is_sound({**record, "more": 1}) and not is_sound({"key": "1"}) and not is_sound(3)
    assert SMALL.precision == "fp32"


def test_a_metric_that_no_record_has_is_not_run_and_one_without_a_value_undefined():
    def status(**metrics):
        record = cell_record(TABLE_3, "kd", "accuracy", metrics=metrics)
        return measured(source_of([record]), TABLE_3).loc["kd", "accuracy"].status

    assert status(accuracy=0.9) == "measured"
    assert status(accuracy=None, f1=0.9) == "undefined"
    assert status(f1=0.9) == "not run"


def test_bounds_of_one_seed_are_not_those_of_a_mean_of_two():
    bounds = {"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 0.95}
    first = cell_record(TABLE_3, "kd", "accuracy", metrics=bounds)
    found = cell([first, *accuracies(0.9, 0.7)[1:]])
    assert found.seeds == 2 and math.isnan(found.low)


def test_a_record_without_a_value_has_not_failed():
    assert tuple(cell(accuracies(0.9, None))[["seeds", "failed"]]) == (1, 0)


def test_what_lies_on_a_bound_is_near():
    base = {"status": "measured", "value": 91.0, "low": 89.0, "high": 93.0}
    assert difference(base, 89.0).word == difference(base, 93.0).word == "near"
