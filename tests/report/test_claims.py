"""Verdicts worked out by hand, and that nothing but real records can give one."""

import math
from dataclasses import replace

import pytest

from bert_compression.errors import BadInput
from bert_compression.metrics import min_f_prime, seed_noise
from bert_compression.report.claims import (
    DIRECTION,
    NOT_ATTEMPTED,
    NOT_EVIDENCE,
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDED,
    Claim,
    _same,
    exceeds,
    judge,
)
from bert_compression.report.papers.loyalty_claims import TABLE_3_CLAIMS
from bert_compression.report.papers.loyalty_tables import TABLE_3
from bert_compression.report.verdicts import claims_table, count_verdicts, in_words, listed, meanings

ROBUST = Claim(
    "robust", "Quantization helps.", "section 4.3", "after_attack_accuracy", "q8_ptq_int8", "teacher"
)
SAME = replace(ROBUST, sentence="Quantization changes nothing.", margin=5.0)


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
    return judge(records, [claim], TABLE_3)[0]


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
def test_the_rule_where_one_is_to_exceed_the_other(effect, low, high, expected):
    assert exceeds(effect, low, high, reported=19.0) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-1.0, 1.5, REPRODUCED),
        (0.5, 1.5, REPRODUCED),  # surely different, but by less than matters
        (-2.0, 2.0, REPRODUCED),
        (-2.1, 1.0, UNDECIDED),
        (-9.0, 9.0, UNDECIDED),
        (1.0, 3.0, UNDECIDED),  # surely different, perhaps by more than matters
        (2.0, 3.0, UNDECIDED),
        (2.1, 3.0, NOT_REPRODUCED),
        (-8.0, -2.1, NOT_REPRODUCED),
    ],
)
def test_the_rule_where_two_are_not_to_differ(low, high, expected):
    assert _same(low, high, margin=2.0) == expected


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


def test_no_difference_is_not_reproduced_but_borne_out_where_it_is_claimed(record):
    records = attacks(record, ["1122"], ["1122"])
    found = verdict(records)
    assert (found.effect, found.low, found.high) == (0, 0, 0)
    assert found.verdict == NOT_REPRODUCED and found.p_value == 1.0
    same = verdict(records, SAME)
    assert (same.verdict, same.low, same.high) == (REPRODUCED, 0, 0)


def test_a_difference_beyond_the_margin_is_no_sameness_and_a_wide_interval_is_undecided(record):
    assert verdict(attacks(record, ["2" * 8], ["1" * 8]), SAME).verdict == NOT_REPRODUCED
    assert verdict(attacks(record, ["12" * 8], ["21" * 8]), SAME).verdict == UNDECIDED


def test_p_is_that_of_min_f_over_seeds_and_texts(record):
    teacher, student = ["22222221", "22222211"], ["11112222", "11111222"]
    found = verdict(attacks(record, teacher, student))
    first, second = (
        [[each == "1" for each in text] for text in zip(*side, strict=True)] for side in (student, teacher)
    )
    # Two methods alone: the noise of all methods is that of these two, with the same degrees of freedom.
    assert found.p_value == pytest.approx(min_f_prime(first, second).p_value)
    one = verdict(attacks(record, teacher[:1], student[:1]))
    assert one.p_value == pytest.approx(
        min_f_prime([[a[0]] for a in first], [[b[0]] for b in second]).p_value
    )
    assert (one.reason, found.reason) == ("one seed", "")


def test_the_noise_of_the_other_methods_weighs_on_p_and_not_on_the_verdict(record):
    # Teacher and student agree over seeds; a third method swings from seed to seed.
    pair = attacks(record, ["2222222212", "2222222221"], ["1111122222", "1111112222"])
    swinging = [attack(record, "kd", outcomes, seed) for seed, outcomes in enumerate(["1" * 10, "2" * 10])]
    alone, among = verdict(pair), verdict(pair + swinging)
    assert among.p_value > 2 * alone.p_value
    assert (among.verdict, among.low, among.high) == (alone.verdict, alone.low, alone.high)


def test_p_values_are_corrected_for_the_comparisons_of_one_sentence(record):
    records = attacks(record, ["22222221"], ["11111111"])
    another = replace(ROBUST, sentence="Something else.")
    found = [each.p_value for each in judge(records, [ROBUST, another, ROBUST], TABLE_3)]
    assert found == pytest.approx([2 * found[1], found[1], 2 * found[1]]) and 0 < found[1] < 0.05


def test_several_methods_on_a_side_stand_for_their_mean(record):
    outcomes = {"kd": "1111", "q8_qat": "1122", "head_prune": "2222"}
    records = [attack(record, method, each) for method, each in outcomes.items()]
    group = Claim("g", "Both.", "4.3", "after_attack_accuracy", ("kd", "q8_qat"), "head_prune")
    found = verdict(records, group)
    assert found.effect == pytest.approx(100 * (1.0 + 0.5) / 2)
    assert found.reported == pytest.approx((7.2 + 6.6) / 2 - 8.1)
    assert set(found.keys) == {r["key"] for r in records}
    assert "mean of KD and Q8-QAT − Head Prune" in claims_table([found]).text


def test_a_mean_of_methods_is_tested_with_less_noise(record):
    # By hand: both sides seed by seed, the first being the mean of two methods.
    outcomes = {"kd": ["1111", "1221"], "q8_qat": ["1122", "1121"], "head_prune": ["2222", "2221"]}
    records = attacks_of(record, outcomes)
    first = [[1.0, 1.0], [1.0, 0.5], [0.5, 0.0], [0.5, 1.0]]
    second = [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
    noise = seed_noise([[1.0, 0.5], [0.5, 0.75], [0.0, 0.25]])
    group = Claim("g", "Both.", "4.3", "after_attack_accuracy", ("kd", "q8_qat"), "head_prune")
    p = verdict(records, group).p_value
    assert p == pytest.approx(min_f_prime(first, second, noise.of_difference(2, 1)).p_value)
    assert p < min_f_prime(first, second, noise.of_difference()).p_value


def attacks_of(record, outcomes):
    return [
        attack(record, method, each, seed)
        for method, seeds in outcomes.items()
        for seed, each in enumerate(seeds)
    ]


def test_a_group_with_a_method_unmeasured_is_not_attempted(record):
    group = Claim("g", "Both.", "4.3", "after_attack_accuracy", ("kd", "q8_qat"), "head_prune")
    records = attacks_of(record, {"q8_qat": ["1122"], "head_prune": ["2222"]})
    assert verdict(records[1:], group).verdict == NOT_ATTEMPTED


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
    assert {each.verdict for each in judge(whole_table("smoke"), TABLE_3_CLAIMS, TABLE_3)} == {NOT_EVIDENCE}
    verdicts = {each.verdict for each in judge(whole_table("small"), TABLE_3_CLAIMS, TABLE_3)}
    assert REPRODUCED in verdicts and not verdicts & {NOT_EVIDENCE, NOT_ATTEMPTED}


def test_without_records_a_claim_is_not_attempted(record):
    assert {each.verdict for each in judge([], TABLE_3_CLAIMS, TABLE_3)} == {NOT_ATTEMPTED}
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
    assert verdict(records[1:], claim).verdict == NOT_ATTEMPTED
    others = [record_ | {"data": {"digest": "other texts"}} for record_ in records[1:]]
    assert verdict([records[0], *others], claim).verdict == NOT_ATTEMPTED


def test_accuracy_is_read_from_the_predictions_and_the_gold_labels(record):
    def predict(method, predictions):
        return record("predict", method, 0, {}, {"predictions": predictions, "gold": "1010"})

    records = [predict("kd", "1010"), predict("head_prune", "1100")]
    found = verdict(records, Claim("a", "KD is right.", "4", "accuracy", "kd", "head_prune"))
    assert found.effect == pytest.approx(50.0) and found.reported == pytest.approx(91.5 - 90.4)


def test_a_measure_that_is_no_mean_over_texts_cannot_be_claimed_of(record):
    with pytest.raises(BadInput, match=r"^queries_mean is no mean over texts: choose one of accuracy, f1, "):
        verdict([], replace(ROBUST, measure="queries_mean"))


def test_probability_loyalty_is_compared_text_by_text(record):
    def loyalty(method, values):
        return record("loyalty", method, 0, {}, {"probability_loyalty": values})

    records = [loyalty("kd", [0.9, 0.9, 0.9]), loyalty("q8_qat", [0.8, 0.85, 0.75])]
    found = verdict(records, Claim("p", "KD is loyal.", "4.1", "probability_loyalty", "kd", "q8_qat"))
    # Differences 0.1, 0.05, 0.15: mean 0.1, variance 0.0025 over 3 texts, so F2 = 12.
    assert found.effect == pytest.approx(10.0) and found.p_value == pytest.approx(0.0742, abs=1e-4)
    assert found.verdict == REPRODUCED


def test_earlier_code_is_passed_on(record):
    records = attacks(record, ["22"], ["11"])
    assert not verdict(records).earlier_code
    earlier = verdict([records[0] | {"earlier_code": True}, records[1]])
    assert earlier.earlier_code
    assert "†" not in claims_table([verdict(records)]).html
    assert "† measured with an earlier state" in claims_table([earlier]).html


def test_every_variant_of_quantization_gets_its_own_verdict():
    names = [claim.name for claim in TABLE_3_CLAIMS]
    assert names[:3] == ["ptq_robust_int8", "ptq_robust_static", "ptq_robust_dynamic"]


# what the reader sees


def test_a_verdict_is_readable_without_colour(record):
    shown = claims_table([verdict(attacks(record, ["22222222"], ["11111111"]))])
    assert "<strong>✔ reproduced</strong>" in shown.html
    assert "+100.0 [+100.0, +100.0]" in shown.text and "+19.0" in shown.text and "< 0.001" in shown.text
    assert "<strong>○ not attempted</strong>" in claims_table(judge([], [ROBUST], TABLE_3)).html


def test_judgements_are_told_in_words(record):
    strong = in_words([verdict(attacks(record, ["22222222"], ["11111111"]))]).markdown
    found = "+100.0 [+100.0, +100.0] points, where +19.0 are reported: **reproduced**"
    assert strong == f"- Q8-PTQ, real int8 against Teacher: {found}"
    missing = in_words(judge([], [ROBUST], TABLE_3)).markdown
    assert missing.endswith("Teacher: records are missing, where +19.0 are reported: **not attempted**")


def test_comparisons_are_grouped_under_their_sentence(whole_table):
    html = claims_table(judge(whole_table(), TABLE_3_CLAIMS, TABLE_3)).html
    assert html.count('scope="rowgroup"') == len({claim.sentence for claim in TABLE_3_CLAIMS}) == 5
    assert html.count('scope="row"') == html.count('id="claim-') == len(TABLE_3_CLAIMS)
    assert 'rowspan="3" ' not in html and html.count('rowspan="3"') == 2
    assert "bc-group" not in html.split("</style>")[1] and 'href="' not in html


def test_several_tables_get_headings_and_lead_to_their_pages(record):
    other = replace(TABLE_3, name="another", title="Table 9")
    judgements = judge([], [ROBUST], TABLE_3)
    judgements += [replace(judgement, layout=other) for judgement in judgements]
    html = claims_table(judgements, {"another": "nine.html"}).html
    headings = '<tr class="bc-group"><th scope="rowgroup" colspan="6">Table {}</th></tr>'
    assert headings.format(3) in html and headings.format(9) in html
    assert "The claims that Table 3 and Table 9 can bear." in html
    assert html.count('href="nine.html#claim-robust"') == html.count('href="') == 1


def test_a_margin_is_told_beside_the_measure(record):
    told = claims_table([verdict(attacks(record, ["1122"], ["1122"]), SAME)]).html
    assert "after-attack accuracy, within ± 5<" in told and "within" not in claims_table([]).html


def test_verdicts_are_counted_and_explained(record):
    strong, missing = verdict(attacks(record, ["2222"], ["1111"])), verdict([])
    assert str(count_verdicts([strong, strong, missing])) == (
        "1 claim, 3 comparisons: 2 reproduced, 1 not attempted"
    )
    assert count_verdicts([]).markdown == "no claims"
    told = meanings([strong, missing]).markdown.splitlines()
    assert [line.split(":")[0] for line in told] == ["- **✔ reproduced**", "- **○ not attempted**"]


def test_names_are_listed_as_in_a_sentence():
    assert [listed(["a", "b", "c"][:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]
