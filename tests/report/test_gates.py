"""Models that have learnt nothing, and stand-ins, are no evidence."""

from dataclasses import replace

import pytest
from made_records import attack_record, cell_record, job_of, prediction_record, record_of, source_of

from bert_compression.papers.loyalty.tables import SEARCH_MNLI, TABLE_1, TABLE_3
from bert_compression.papers.miniature.tables import ERRORS
from bert_compression.papers.taylor.tables import TABLE_2
from bert_compression.report.gates import learnt_nothing, stand_in

GOLD = {"sst2 validation": "1110", "cola validation": "1110", "stsb validation": [0.0, 1.0, 2.0, 5.0]}


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        ("1110", ""),
        ("1111", "kd at seed 0 scores 75.0, and 75.0 whoever does not read"),  # one class
        ("1010", "kd at seed 0 scores 75.0, and 75.0 whoever does not read"),
        ("0001", "kd at seed 0 scores 0.0, and 75.0 whoever does not read"),
    ],
)
def test_accuracy_must_exceed_the_share_of_the_most_frequent_label(predictions, expected):
    record = prediction_record(TABLE_3, "kd", predictions)
    assert learnt_nothing(source_of([record], GOLD), [record]) == expected
    assert learnt_nothing(source_of([record]), [record]) == ""  # without labels nobody knows


def test_where_a_claim_may_be_in_f1_always_yes_must_be_exceeded_in_that_as_well():
    # Three of five are yes: always yes has 60 % accuracy and 75 % F1.
    gold = {"mrpc validation": "11100"}
    for predictions, learnt in (("11101", True), ("11000", True), ("10000", False), ("01101", False)):
        record = prediction_record(TABLE_2, "kl_4x312", predictions, column="mrpc")
        told = learnt_nothing(source_of([record], gold), [record])
        assert (told == "") == learnt, predictions
    more_yes = prediction_record(TABLE_2, "kl_4x312", "11010", column="mrpc")  # 60 % and 66.7 %
    told = learnt_nothing(source_of([more_yes], {"mrpc validation": "11100"}), [more_yes])
    assert told.startswith("kl_4x312 at seed 0 scores 6")


@pytest.mark.parametrize(("low", "learnt"), [(0.74, False), (0.75, False), (0.76, True)])
def test_a_score_whose_interval_reaches_the_baseline_is_not_surely_above_it(low, learnt):
    record = prediction_record(TABLE_3, "kd", "1110", metrics={"accuracy": 1.0, "accuracy_low": low})
    told = learnt_nothing(source_of([record], GOLD), [record])
    assert (told == "") == learnt
    if not learnt:
        assert told == f"kd at seed 0 scores 100.0 [{100 * low:.1f}, …], and 75.0 whoever does not read"


@pytest.mark.parametrize(("answers", "learnt"), [([0, 1, 3, 5], True), ([5, 1, 3, 0], False)])
def test_a_correlation_must_exceed_zero(answers, learnt):
    record = prediction_record(TABLE_2, "kl_4x312", answers, column="stsb")
    assert (learnt_nothing(source_of([record], GOLD), [record]) == "") == learnt


def test_answers_must_exceed_never_answering():
    def asked(exact):
        kept = {"exact": [1, 0, 1, 0], "answerable": [1, 1, 0, 0]}
        return cell_record(ERRORS, "tiny", "exact_match", kept, metrics={"exact_match": exact})

    for exact, learnt in ((0.5, False), (0.6, True)):
        record = asked(exact)
        assert (learnt_nothing(source_of([record]), [record]) == "") == learnt


def test_what_was_measured_of_a_model_is_led_back_to_it():
    guesses = prediction_record(TABLE_3, "kd", "1111")
    attack = cell_record(TABLE_3, "kd", "after_attack_accuracy")
    loyalty = cell_record(TABLE_3, "kd", "label_loyalty")
    others = [cell_record(TABLE_3, "head_prune", "after_attack_accuracy")]
    source = source_of([guesses, attack, loyalty, *others], GOLD)
    told = "kd at seed 0 scores 75.0, and 75.0 whoever does not read"
    assert learnt_nothing(source, [attack]) == told
    assert learnt_nothing(source, [loyalty]) == told
    assert learnt_nothing(source, others) == ""


def test_other_splits_say_nothing():
    guesses = prediction_record(TABLE_3, "kd", "1111")
    trained = guesses | {"params": guesses["params"] | {"split": "train"}}
    assert learnt_nothing(source_of([trained], GOLD), [trained]) == ""


def test_a_checkpoint_that_was_made_here_is_a_stand_in():
    row = TABLE_1.row("distilbert")
    measured = cell_record(TABLE_1, "distilbert", "accuracy")
    model = job_of(TABLE_1, "distilbert", "accuracy").inputs["model"]
    chain, job = [measured], model
    while job.kind != "distill_task_agnostic":
        chain.append(record_of(job))
        job = next(iter(job.inputs.values()))
    made = [*chain, record_of(job)]
    told = "DistilBERT begins with a stand-in for its public checkpoint"
    assert stand_in(source_of(made), [row], [measured]) == told
    assert stand_in(source_of(chain), [row], [measured]) == ""  # as at `paper`, where nothing is made
    assert stand_in(source_of(made), [replace(row, checkpoint=False)], [measured]) == ""
    assert row.checkpoint and TABLE_1.row("tinybert").checkpoint and not TABLE_1.row("pkd").checkpoint


def test_never_answering_is_right_where_there_is_no_answer():
    kept = {"exact": [1, 0, 1, 0], "answerable": [1, 1, 1, 0]}  # never answering is right on one of four
    record = cell_record(ERRORS, "tiny", "exact_match", kept, metrics={"exact_match": 0.5})
    assert learnt_nothing(source_of([record]), [record]) == ""


def test_the_other_split_of_a_task_has_no_guess_of_its_own():
    gold = {f"mnli validation_{split}": "0012" for split in ("matched", "mismatched")}
    main, other = (
        prediction_record(TABLE_1, "kd", "0000", column=name) for name in ("accuracy", "accuracy_mismatched")
    )
    assert learnt_nothing(source_of([main], gold), [main]).startswith("kd at seed 0 scores 50.0")
    assert learnt_nothing(source_of([other], gold), [other]) == ""


@pytest.mark.parametrize(("right", "guesses"), [(10, True), (36, True), (70, False)])
def test_of_a_model_that_was_attacked_and_not_asked_the_accuracy_before_counts(right, guesses):
    outcomes = "1" * (right // 2) + "2" * (right - right // 2) + "0" * (100 - right)
    record = attack_record(SEARCH_MNLI, "q8_ptq_int8", outcomes, 0, "released")
    assert bool(learnt_nothing(source_of([record]), [record])) == guesses  # 36 of 100, of three labels
