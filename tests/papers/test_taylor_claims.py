"""The Taylor paper's claims rest on rows that are measured, and are judged in the score of each task."""

import math

import pytest
from made_records import prediction_record, source_of

from bert_compression.papers import committed
from bert_compression.papers.taylor.claims import BEATS_OTHERS, LOSES_TO_TINYBERT, TABLE_2_CLAIMS
from bert_compression.papers.taylor.tables import TABLE_2, TEN_EPOCHS
from bert_compression.report.claims import judge
from bert_compression.report.gates import learnt_nothing
from bert_compression.report.reported import as_printed, reported_value
from bert_compression.report.rule import NOT_ATTEMPTED, NOT_EVIDENCE, NOTHING_LEARNT
from bert_compression.report.side_by_side import side_by_side
from bert_compression.report.verdicts import claims_table

LABELS = "1101011010"
SIMILARITIES = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.5, 1.5, 2.5, 4.5]
GOLD = {"mrpc validation": LABELS, "rte validation": LABELS, "stsb validation": SIMILARITIES}


def answers(method, task, predictions):
    return prediction_record(TABLE_2, method, predictions, column=task)


def judged(records):
    return {judgement.claim.name: judgement for judgement in judge(source_of(records, GOLD), TABLE_2_CLAIMS)}


def test_claims_are_judged_in_every_score():
    pairs = {
        "mrpc": ("1101011011", "1111111111"),
        "stsb": (SIMILARITIES, [-similarity for similarity in SIMILARITIES]),
    }
    found = judged(
        answers(method, task, predictions)
        for task, both in pairs.items()
        for method, predictions in zip(("taylor_untuned_4x312", "kl_4x312"), both, strict=True)
    )
    mrpc, stsb = found["taylor_better_4x312_mrpc"], found["taylor_better_4x312_stsb"]
    assert mrpc.effect == pytest.approx(100 * (12 / 13 - 12 / 16))
    assert mrpc.reported == pytest.approx(88.1 - 83.2)
    assert stsb.effect == pytest.approx(200) and stsb.verdict == NOTHING_LEARNT
    assert stsb.reason == "Student 4 × 312, Vanilla KD at seed 0 scores -100.0, and 0.0 whoever does not read"
    assert mrpc.reason == "Student 4 × 312, Vanilla KD at seed 0 scores 60.0, and 60.0 whoever does not read"
    assert found["taylor_better_4x312_rte"].verdict == NOT_ATTEMPTED


def test_what_the_paper_does_not_say_has_no_reported_effect():
    found = judged(
        [answers("squares_4x312", "rte", LABELS), answers("squares_untuned_4x312", "rte", "0" * 10)]
    )["taylor_squares_rte"]
    assert math.isnan(found.reported) and found.effect == pytest.approx(60)


def test_claims_have_names_of_their_own_and_rest_on_rows_that_are_measured():
    names = [claim.name for claim in TABLE_2_CLAIMS]
    assert len(set(names)) == len(names)
    ours = {row.method for row in TABLE_2.rows if row.recipe}
    quoting = [c for c in TABLE_2_CLAIMS if c.sentence in (BEATS_OTHERS, LOSES_TO_TINYBERT)]
    for claim in TABLE_2_CLAIMS:
        others = {method for side in claim.sides for method in side} - ours
        assert len(others) == (claim in quoting), claim.name
    assert len(quoting) == 4 * 3 + 2 * 5


def test_a_gain_that_is_larger_on_few_examples_is_an_interaction():
    """From the paper's own numbers, where the two are of one metric."""
    found = judged([])["taylor_more_for_few_2x128"]
    small = 62.1 - 57.2  # not MRPC: F1 against accuracy; not STS-B: Pearson against Spearman
    large = ((64.4 - 62.2) + (71.7 - 70.2) + (70.5 - 70.3) + (83.4 - 83.2) + (81.6 - 81.5)) / 5
    assert found.reported == pytest.approx(small - large) and found.verdict == NOT_ATTEMPTED


def test_a_number_of_another_metric_is_shown_and_compared_with_nothing():
    row, column = TABLE_2.row("kl_2x128"), TABLE_2.column("mrpc")
    assert as_printed(TABLE_2, row, column) == "71.1 (accuracy)"
    assert as_printed(TABLE_2, row, TABLE_2.column("rte")) == "57.2"
    assert math.isnan(reported_value(TABLE_2, row, column))
    assert math.isnan(judged([])["taylor_better_2x128_mrpc"].reported)
    shown = side_by_side({"small": source_of([answers("kl_2x128", "mrpc", LABELS)])}, "small", TABLE_2)
    assert "<td>71.1 (accuracy)</td>" in shown.html and "71.1 (accuracy)" in shown.text
    assert "than reported</span>" not in shown.html


def test_the_claims_name_the_student_and_each_sentence_stands_once():
    shown = claims_table(judge(source_of([]), TABLE_2_CLAIMS))
    for claim, line in zip(TABLE_2_CLAIMS, shown.text.splitlines(), strict=True):
        row = TABLE_2.row(claim.first)
        several = sum(other.label == row.label for other in TABLE_2.rows) > 1
        assert (f", s{row.group[1:]}" in line) == several
    assert "QQP, student 2 × 128" in shown.html and "MNLI mismatched, student" in shown.html
    sentences = {claim.sentence for claim in TABLE_2_CLAIMS}
    assert shown.html.count("<tbody") == len(sentences)


def test_every_claim_is_judged_on_the_committed_records():
    found = judge(committed(), TABLE_2_CLAIMS)
    assert NOT_EVIDENCE not in {judgement.verdict for judgement in found}
    for judgement in found:
        others = judgement.claim.sentence in (BEATS_OTHERS, LOSES_TO_TINYBERT)
        assert (judgement.verdict == NOT_ATTEMPTED) == others, judgement.claim.name


def test_ten_epochs_leave_the_students_no_better_than_guessing_as_the_chapter_says():
    source, table = committed("small"), TEN_EPOCHS
    for row in table.rows:
        for name in ("mrpc_long", "rte_long"):
            records = source.done(table, row.method, name)
            assert records and bool(learnt_nothing(source, records)) == (
                row.method != "teacher" or name == "rte_long"
            )
