"""Verdicts worked out by hand, and that nothing but real records can give one."""

import math
from dataclasses import replace

import pytest

from bert_compression.report.claims import (
    DIRECTION,
    LOYALTY_CLAIMS,
    NOT_ATTEMPTED,
    NOT_EVIDENCE,
    NOT_REPRODUCED,
    REPRODUCED,
    Claim,
    _verdict,
    judge,
)
from bert_compression.report.verdicts import claims_table, in_words

ROBUST = Claim(
    "robust", "Quantization helps.", "section 4.3", "after_attack_accuracy", "q8_ptq_int8", "teacher"
)


def attack(record, method, outcomes, seed=0, **others):
    return record("attack", method, seed, {}, {"outcomes": outcomes}, **others)


def attacks(record, teacher, student, **others):
    """Attack records of both, a seed for each pair of outcomes."""
    pairs = zip(teacher, student, strict=True)
    return [
        attack(record, method, outcomes, seed, **others)
        for seed, pair in enumerate(pairs)
        for method, outcomes in zip(("teacher", "q8_ptq_int8"), pair, strict=True)
    ]


def verdict(records, claim=ROBUST):
    return judge(records, [claim])[0]


@pytest.mark.parametrize(
    ("effect", "low", "high", "expected"),
    [
        (19.0, 12.0, 26.0, REPRODUCED),
        (9.5, 0.1, 20.0, REPRODUCED),  # just half of the reported 19
        (9.4, 5.0, 14.0, DIRECTION),  # sure, but less than half
        (12.0, -1.0, 25.0, DIRECTION),  # large, but not sure
        (3.0, -2.0, 8.0, NOT_REPRODUCED),  # not sure, and half of 19 is ruled out
        (3.0, -4.0, 10.0, DIRECTION),  # not sure, and half of 19 is not ruled out
        (0.0, 0.0, 0.0, NOT_REPRODUCED),
        (-0.5, -30.0, 29.0, NOT_REPRODUCED),
    ],
)
def test_the_rule(effect, low, high, expected):
    assert _verdict(effect, low, high, reported=19.0) == expected


def test_the_effect_is_the_mean_difference_on_the_same_texts(record):
    # The teacher withstands 1 of 8 and 2 of 8, the student 5 of 8 and 6 of 8: half of the texts more.
    records = attacks(record, ["12222222", "11222222"], ["11111222", "11111122"])
    found = verdict(records)
    assert found.reported == pytest.approx(26.5 - 7.5)
    assert found.effect == pytest.approx(50.0)
    assert 0 < found.low < 50 < found.high <= 100
    assert (found.verdict, found.seeds, found.texts) == (REPRODUCED, 2, 8)
    assert set(found.keys) == {r["key"] for r in records}


def test_a_text_that_was_wrong_before_the_attack_counts_as_lost(record):
    found = verdict(attacks(record, ["1111"], ["1100"]))
    assert found.effect == pytest.approx(-50.0)
    assert found.verdict == NOT_REPRODUCED


def test_no_difference_is_not_reproduced(record):
    found = verdict(attacks(record, ["1122"], ["1122"]))
    assert (found.effect, found.low, found.high) == (0, 0, 0)
    assert found.verdict == NOT_REPRODUCED and found.p_value == 1.0


def test_the_p_value_is_that_of_the_least_favourable_seed(record):
    # Texts on which only the student withstands, eight and two: 2 * 0.5 ** 8 and 2 * 0.5 ** 2.
    one = attacks(record, ["22222222"], ["11111111"])
    assert verdict(one).p_value == 0.0078125
    two = attacks(record, ["22222222", "22222222"], ["11111111", "11222222"])
    assert verdict(two).p_value == 0.5


def test_p_values_are_corrected_for_the_comparisons_of_one_sentence(record):
    records = attacks(record, ["22222222"], ["11111111"])
    another = replace(ROBUST, sentence="Something else.")
    found = [judgement.p_value for judgement in judge(records, [ROBUST, another, ROBUST])]
    assert found == [0.015625, 0.0078125, 0.015625]


@pytest.mark.parametrize("profile", ["smoke", "anything"])
def test_generated_english_is_never_evidence(record, profile):
    strong = ["22222222"], ["11111111"]
    found = verdict(attacks(record, *strong, profile=profile))
    assert (found.verdict, found.reason) == (NOT_EVIDENCE, f"profile {profile}")
    assert math.isnan(found.effect) and math.isnan(found.p_value)
    assert verdict(attacks(record, *strong, profile="paper")).verdict == REPRODUCED


def test_one_record_of_smoke_spoils_the_evidence(record):
    records = attacks(record, ["22222222"], ["11111111"])
    assert verdict([records[0], records[1] | {"profile": "smoke"}]).verdict == NOT_EVIDENCE


def test_the_whole_table_at_smoke_gives_no_verdict_and_at_small_gives_some(whole_table):
    assert {judgement.verdict for judgement in judge(whole_table("smoke"))} == {NOT_EVIDENCE}
    verdicts = {judgement.verdict for judgement in judge(whole_table("small"))}
    assert REPRODUCED in verdicts and not verdicts & {NOT_EVIDENCE, NOT_ATTEMPTED}


def test_without_records_a_claim_is_not_attempted(record):
    assert {judgement.verdict for judgement in judge([])} == {NOT_ATTEMPTED}
    alone = verdict([attack(record, "teacher", "1122")])
    assert (alone.verdict, alone.reason) == (NOT_ATTEMPTED, "records are missing")
    failed = attacks(record, ["22"], ["11"], status="failed")
    assert verdict(failed).verdict == NOT_ATTEMPTED
    other_seed = [attack(record, "teacher", "22", 0), attack(record, "q8_ptq_int8", "11", 1)]
    assert verdict(other_seed).verdict == NOT_ATTEMPTED


def test_different_texts_are_not_compared(record):
    teacher, student = attacks(record, ["2222"], ["1111"])
    longer = attack(record, "q8_ptq_int8", "11111")
    other = student | {"data": {"digest": "other texts"}}
    for records in ([teacher, longer], [teacher, other]):
        found = verdict(records)
        assert (found.verdict, found.reason) == (NOT_ATTEMPTED, "the two were not measured on the same texts")
    assert verdict([teacher, student]).verdict == REPRODUCED


def test_label_loyalty_is_read_from_the_predictions_of_both(record):
    def predict(method, predictions):
        return record("predict", method, 0, {}, {"predictions": predictions})

    records = [predict("teacher", "1100"), predict("kd", "1100"), predict("head_prune", "1010")]
    claim = Claim("labels", "KD is loyal.", "section 4.3", "label_loyalty", "kd", "head_prune")
    found = verdict(records, claim)
    assert found.effect == pytest.approx(50.0)
    assert found.reported == pytest.approx(93.8 - 89.5)
    assert found.p_value == 0.5  # two texts, both for KD: 2 * 0.5 ** 2
    assert verdict(records[1:], claim).verdict == NOT_ATTEMPTED


def test_probability_loyalty_has_an_interval_and_no_mcnemar_test(record):
    def loyalty(method, values):
        return record("loyalty", method, 0, {}, {"probability_loyalty": values})

    records = [loyalty("kd", [0.9, 0.9, 0.9]), loyalty("q8_qat", [0.8, 0.85, 0.75])]
    found = verdict(records, Claim("p", "KD is loyal.", "4.1", "probability_loyalty", "kd", "q8_qat"))
    assert found.effect == pytest.approx(10.0) and math.isnan(found.p_value)
    assert found.verdict == REPRODUCED


def test_earlier_code_is_passed_on(record):
    records = attacks(record, ["22"], ["11"])
    assert not verdict(records).earlier_code
    earlier = verdict([records[0] | {"earlier_code": True}, records[1]])
    assert earlier.earlier_code
    assert "†" not in claims_table([verdict(records)]).html
    assert "† measured with an earlier state" in claims_table([earlier]).html


def test_every_variant_of_quantization_gets_its_own_verdict():
    names = [claim.name for claim in LOYALTY_CLAIMS]
    assert names[:3] == ["ptq_robust_int8", "ptq_robust_static", "ptq_robust_dynamic"]
    assert len(set(names)) == len(names)
    assert all(judgement.reported > 0 for judgement in judge([])), "a claim must agree with its own paper"


# what the reader sees


def test_a_verdict_is_readable_without_colour(record):
    shown = claims_table([verdict(attacks(record, ["22222222"], ["11111111"]))])
    assert "<strong>✔ reproduced</strong>" in shown.html
    assert "+100.0 [+100.0, +100.0]" in shown.text and "+19.0" in shown.text and "0.008" in shown.text
    assert "<strong>○ not attempted</strong>" in claims_table(judge([], [ROBUST])).html


def test_judgements_are_told_in_words(record):
    strong = in_words([verdict(attacks(record, ["22222222"], ["11111111"]))]).markdown
    found = "+100.0 [+100.0, +100.0] points, where +19.0 are reported: **reproduced**"
    assert strong == f"- Q8-PTQ, real int8 against Teacher: {found}"
    missing = in_words(judge([], [ROBUST])).markdown
    assert missing.endswith("Teacher: records are missing, where +19.0 are reported: **not attempted**")


def test_comparisons_are_grouped_under_their_sentence(whole_table):
    html = claims_table(judge(whole_table())).html
    assert html.count('scope="rowgroup"') == len({claim.sentence for claim in LOYALTY_CLAIMS}) == 5
    assert html.count('scope="row"') == len(LOYALTY_CLAIMS)
    assert 'rowspan="3" ' not in html and html.count('rowspan="3"') == 2
