"""Own records next to committed ones."""

import pytest

from bert_compression.report.diff import compare_records, first_apart, in_lines


def record(name, metrics, inputs=(), per_example=None, **others):
    return {
        "key": name,
        "identity": name,
        "kind": "predict",
        "method": name,
        "task": "sst2",
        "seed": 0,
        "inputs": {each: each for each in inputs},
        "data": {"digest": "abcdefgh1"},
        "metrics": metrics,
        "per_example": per_example or {},
        "status": "ok",
    } | others


ACCURACY = {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9, "examples": 100}


def verdict(ours, theirs):
    [compared] = compare_records([ours], [theirs])
    return compared.verdict


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "same"),
        ({"accuracy": 0.85}, "within noise"),
        ({"accuracy": 0.85, "examples": 99}, "within noise"),
        ({"accuracy": 0.91}, "different"),
    ],
)
def test_a_number_with_an_interval_is_held_against_it(changed, expected):
    assert verdict(record("a", ACCURACY | changed), record("a", ACCURACY)) == expected


def test_values_of_single_examples_count_where_the_numbers_agree():
    ours, theirs = (record("a", ACCURACY, per_example={"predictions": each}) for each in ("0110", "0101"))
    assert verdict(ours, theirs) == "within noise"
    assert verdict(theirs, theirs) == "same"


@pytest.mark.parametrize(("loss", "steps", "expected"), [
    (0.5, 10, "same"), (0.504, 10, "within noise"), (0.52, 10, "different"), (0.5, 11, "different"),
])  # fmt: skip
def test_a_training_is_compared_by_its_loss_and_must_have_as_many_steps(loss, steps, expected):
    theirs = record("a", {"final_loss": 0.5, "steps": 10})
    assert verdict(record("a", {"final_loss": loss, "steps": steps}), theirs) == expected


def test_times_and_failures_are_not_compared_but_a_failure_on_one_side_is_told():
    cost = record("a", {"speedup_batch_1": 1.0}, kind="cost")
    assert verdict(cost | {"metrics": {"speedup_batch_1": 2.0}}, cost) == "not compared"
    failed = record("a", {}, status="failed")
    assert verdict(failed, failed) == "not compared"
    assert verdict(failed, record("a", ACCURACY)) == "different"


def test_the_first_jobs_that_part_are_those_whose_inputs_are_the_same():
    theirs = [record("model", {"final_loss": 0.5}), record("answers", ACCURACY, ["model"])]
    theirs += [record("other", ACCURACY), record("alone", ACCURACY)]
    ours = [
        record("answers", ACCURACY | {"accuracy": 0.1}, ["model"]),
        record("model", {"final_loss": 0.502}),
    ]
    ours += [record("other", ACCURACY | {"accuracy": 0.2}, data={"digest": "12345678"})]
    compared = compare_records([*ours, record("mine", ACCURACY)], theirs)
    assert [each.record["key"] for each in compared] == ["model", "answers", "other"]
    assert [each.record["key"] for each in first_apart(compared)] == ["model", "other"]
    told = in_lines(compared)
    assert told[0] == "3 jobs are in both" and "     2 different: a number lies outside of that" in told
    assert "  model of model on sst2" not in told
    assert "  predict of model on sst2, seed 0: final_loss 0.5 and 0.502" in told
    assert "  predict of other on sst2, seed 0: accuracy 0.8 and 0.2; data abcdefgh and 12345678" in told


def test_without_common_jobs_there_is_nothing_to_tell():
    assert in_lines(compare_records([record("a", {})], [record("b", {})])) == [
        "none of your records is of a job that is committed"
    ]
