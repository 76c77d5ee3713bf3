"""Own records next to committed ones: what is said of each value, where two runs part, and what is taken for
committed."""

import time
from dataclasses import replace

import pytest

from bert_compression import cli, smoke
from bert_compression.experiments.kinds import KINDS
from bert_compression.report.diff import MEANINGS, compare_records, first_apart, in_lines
from bert_compression.smoke import builtin


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
ATTACK = {
    "after_attack_accuracy": 0.3, "after_attack_accuracy_low": 0.25, "after_attack_accuracy_high": 0.35,
    "attacked": 400, "queries_mean": 23.9, "successes": 46,
}  # fmt: skip
OOD = {"flagged": 0.05, "flagged_low": 0.04, "flagged_high": 0.06, "auroc": 0.386, "training_points": 3000}
SIMILARITY = {"neighbour_jaccard_5": 0.2, "neighbour_jaccard_5_low": 0.1, "neighbour_jaccard_5_high": 0.3,
              "cka_last": 0.7, "points": 3000}  # fmt: skip
READING = {"exact_match": 0.4, "exact_match_low": 0.38, "exact_match_high": 0.42, "answered_f1": 0.6}


def verdict(ours, theirs):
    [compared] = compare_records([ours], [theirs])
    return compared.verdict


@pytest.mark.parametrize(
    ("metrics", "changed", "expected"),
    [
        (ACCURACY, {}, "same"),
        (ACCURACY, {"accuracy": 0.85}, "within noise"),
        (ACCURACY, {"accuracy": 0.9}, "within noise"),
        (ACCURACY, {"accuracy": 0.91}, "different"),
        (ACCURACY, {"accuracy": None}, "different"),
        (ACCURACY, {"accuracy_low": 0.71}, "within noise"),
        (ACCURACY, {"accuracy": 0.85, "examples": 99}, "different"),
        (ATTACK, {"attacked": 399}, "different"),
        (ATTACK, {"after_attack_accuracy": 0.26, "successes": 55}, "no interval"),
        (ATTACK, {"queries_mean": 24.1}, "within noise"),
        (ATTACK, {"queries_mean": 99_999.0}, "no interval"),
        (ATTACK, {"queries_mean": 99_999.0, "after_attack_accuracy": 0.1}, "different"),
        (OOD, {"auroc": 0.389}, "within noise"),
        (OOD, {"auroc": 0.01}, "no interval"),
        (OOD, {"training_points": 2999}, "different"),
        (SIMILARITY, {"cka_last": -1.0}, "no interval"),
        (READING, {"answered_f1": 0.0}, "no interval"),
    ],
)
def test_a_number_is_judged_by_its_own_interval_and_a_count_must_be_equal(metrics, changed, expected):
    assert verdict(record("a", metrics | changed), record("a", metrics)) == expected


# Two unrelated models that answer 0 and 1 equally often differ in half of their answers.
@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("01010101", "same"),
        ("01010110", "within noise"),  # 2 of 8 are half of that half
        ("01011010", "different"),
        ("10101010", "different"),  # reversed: the same accuracy on another half of the texts, or on none
        ("0101010", "different"),
        ("00000000", "different"),
    ],
)
def test_answers_to_single_examples_change_less_than_between_unrelated_models(answers, expected):
    ours, theirs = (record("a", ACCURACY, per_example={"predictions": a}) for a in (answers, "01010101"))
    assert verdict(ours, theirs) == expected


@pytest.mark.parametrize(
    ("grades", "expected"),
    [([1.0, 2.0, 3.0], "same"), ([1.02, 2.0, 3.0], "within noise"), ([3.0, 2.0, 1.0], "no interval"),
     ([1.0, 2.0], "different")],
)  # fmt: skip
def test_numbers_of_single_examples_are_near_or_undecided(grades, expected):
    ours, theirs = (
        record("a", ACCURACY, per_example={"predictions": each}) for each in (grades, [1.0, 2.0, 3.0])
    )
    assert verdict(ours, theirs) == expected


def test_values_of_single_examples_that_one_side_lacks_are_a_difference():
    assert verdict(record("a", ACCURACY), record("a", ACCURACY, per_example={"exact": "01"})) == "different"


@pytest.mark.parametrize(("loss", "steps", "expected"), [
    (0.5, 10, "same"), (0.504, 10, "within noise"), (0.52, 10, "no interval"), (0.5, 11, "different"),
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


def test_the_first_job_that_parts_is_one_whose_inputs_are_the_same():
    theirs = [record("model", {"final_loss": 0.5}), record("answers", ACCURACY, ["model"])]
    theirs += [record("other", ACCURACY), record("alone", ACCURACY)]
    ours = [record("other", ACCURACY | {"accuracy": 0.2}, data={"digest": "12345678"})]
    ours += [
        record("answers", ACCURACY | {"accuracy": 0.1}, ["model"]),
        record("mine", ACCURACY),
        record("model", {"final_loss": 0.6}),
    ]
    compared = compare_records(ours, theirs)
    assert [each.record["key"] for each in compared] == ["model", "answers", "other"]
    assert [each.record["key"] for each in first_apart(compared)] == ["model", "other"]
    told = in_lines(compared)
    assert told[0] == "3 jobs are in both"
    assert told[1:6] == [
        f"{count:>6} {name}: {meaning}"
        for count, (name, meaning) in zip((0, 0, 1, 2, 0), MEANINGS.items(), strict=True)
    ]
    assert told[6:] == [
        "",
        "They part first at:",
        "  predict of model on sst2, seed 0: final_loss 0.5 and 0.6",
        "  and at 1 more, whose inputs are the same",
        "",
        "Different:",
        "  predict of answers on sst2, seed 0: accuracy 0.8 and 0.1",
        "  predict of other on sst2, seed 0: accuracy 0.8 and 0.2; data abcdefgh and 12345678",
        "",
        "No interval:",
        "  predict of model on sst2, seed 0: final_loss 0.5 and 0.6",
    ]


def test_what_is_equal_parts_nowhere():
    told = in_lines(compare_records([record("a", ACCURACY)], [record("a", ACCURACY)]))
    assert told[1].startswith("     1 same") and told[-1] == "They part nowhere."


# What is compared with what: toy jobs, in a project of the test's own.

RUN = ["run", "--table", "table_3", "--paper", "loyalty", "--profile", "small", "--fresh", "--quiet"]


def diff(capsys, profile="small"):
    capsys.readouterr()
    assert cli.main(["book", "--diff", "--profile", profile]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_run_on_other_data_is_compared_with_what_was_committed_and_not_with_what_it_published(
    toys, house, capsys, monkeypatch
):
    assert cli.main(RUN) == 0
    committed = house / "results" / "small" / "loyalty.jsonl"
    jobs = len(committed.read_text().splitlines())
    (house / "store").rename(house / "the store of others")
    time.sleep(1.1)  # what two runs make within one second may be one record, to the last digit
    monkeypatch.setattr(builtin, "SEED", 2)  # other texts, which have other names
    monkeypatch.setattr(smoke, "VERSION", 2)
    answered = KINDS["predict"].run

    def otherwise(work):
        outcome = answered(work)
        return replace(outcome, per_example={name: 1 - each for name, each in outcome.per_example.items()})

    monkeypatch.setitem(KINDS, "predict", replace(KINDS["predict"], run=otherwise))
    assert cli.main(RUN) == 0
    assert len(committed.read_text().splitlines()) > jobs
    told = diff(capsys)
    assert told[0] == f"{jobs} jobs are in both"
    first = told[told.index("They part first at:") + 1]
    assert first.startswith("  predict of ") and "predictions of single examples; data " in first


def test_where_nothing_is_in_both_the_counts_and_the_way_to_a_comparison_are_told(toys, house, capsys):
    told = diff(capsys, "smoke")
    assert told[0] == (
        "no job is in both: of the profile smoke the store holds 0 records, and others have committed 0"
    )
    commands = [line.split()[1:] for line in told if line.startswith("  bert-compression ")]
    assert [command[0] for command in commands] == ["run", "book"] and "--fresh" in commands[0]
    for command in commands:
        cli._parser().parse_args(command)
    assert cli.main(RUN) == 0  # all that is committed is the store's own
    own = len((house / "results" / "small" / "loyalty.jsonl").read_text().splitlines())
    assert f"the store holds {own} records, and others have committed 0" in diff(capsys)[0]
