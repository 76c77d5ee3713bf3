"""Verdicts worked out by hand, and that nothing but real records can give one."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from made_records import (
    attack_record,
    cost_record,
    loyalty_records,
    prediction_record,
    source_of,
)

from bert_compression.errors import BadInput, Failure
from bert_compression.experiments.records import encode
from bert_compression.metrics import min_f_interval, min_f_prime, seed_noise
from bert_compression.papers.loyalty.claims import TABLE_3_CLAIMS
from bert_compression.papers.loyalty.tables import TABLE_1, TABLE_3
from bert_compression.report.claims import Claim, judge
from bert_compression.report.estimators import Found, difference_over_seeds
from bert_compression.report.rule import (
    LARGER,
    MIXED,
    NOT_ATTEMPTED,
    NOT_EVIDENCE,
    NOT_REPRODUCED,
    NOTHING_LEARNT,
    OPPOSITE,
    REPRODUCED,
    SMALLER,
    UNDECIDED,
    VERDICTS,
    Measured,
    decide,
    decide_sentence,
)
from bert_compression.report.verdicts import (
    _lowered,
    claims_table,
    count_verdicts,
    effect_text,
    in_words,
    listed,
    meanings,
)

METHODS = ("teacher", "kd", "head_prune", "q8_qat", "q8_ptq_int8", "q8_ptq_static", "q8_ptq_dynamic")
ROBUST = Claim(
    "robust", "Quantization helps.", "section 4.3", TABLE_3, "after_attack_accuracy", "q8_ptq_int8", "teacher"
)
SAME = replace(ROBUST, sentence="Quantization changes nothing.", margin=5.0)
# 80 texts, of which the teacher withstands a quarter and the student half, at two seeds alike.
STRONG = ["1222" * 20] * 2, ["1122" * 20] * 2
GROUP = Claim("g", "Both.", "4.3", TABLE_3, "after_attack_accuracy", ("kd", "q8_qat"), "head_prune")


def attack(method, outcomes, seed=0, **others):
    return attack_record(TABLE_3, method, outcomes, seed, **others)


def attacks(teacher, student, **others):
    """Attack records of both, a seed for each pair of outcomes."""
    return attacks_of({"teacher": teacher, "q8_ptq_int8": student}, **others)


def attacks_of(outcomes, **others):
    return [
        attack(method, each, seed, **others)
        for method, seeds in outcomes.items()
        for seed, each in enumerate(seeds)
    ]


def whole_table(profile="small"):
    """What every claim on Table 3 is read from, for two seeds; the later in METHODS, the more a model
    withstands and the more loyal it is."""
    records = []
    for place, method in enumerate(METHODS):
        for seed in (0, 1):
            outcomes = "1" * (1 + place) + "2" * (7 - place)
            records.append(attack(method, outcomes, seed, profile=profile))
            records.append(cost_record(TABLE_3, method, 1 + place / 10 + seed / 50, seed, profile=profile))
            if place:
                answers = "0" * (8 - place) + "1" * place
                each = [0.8 + place / 100] * 8
                records += loyalty_records(TABLE_3, method, "1" * 8, answers, seed, each, profile=profile)
    return source_of(records)


def verdict(records, claim=ROBUST):
    return judge(source_of(records), [claim])[0]


def ruled(effect, low, high, p=1.0, reported=math.nan, margin=None, profiles=("small",), **others):
    return decide(Measured(effect, low, high, p, reported, margin, profiles, **others))


@pytest.mark.parametrize(
    ("effect", "low", "high", "p", "expected"),
    [
        (19.0, 12.0, 26.0, 0.001, REPRODUCED),
        (9.0, 0.1, 18.0, 0.04, REPRODUCED),  # holds half of the reported 19
        (42.0, 37.0, 47.0, 0.001, REPRODUCED),  # and twice of it
        (5.0, 1.0, 9.4, 0.001, SMALLER),
        (42.0, 38.1, 46.0, 0.001, LARGER),
        (19.0, 12.0, 26.0, 0.051, UNDECIDED),  # too many were asked at once
        (12.0, -1.0, 25.0, 0.07, UNDECIDED),
        (3.0, -2.0, 8.0, 0.4, NOT_REPRODUCED),  # half of 19 is ruled out
        (3.0, -4.0, 10.0, 0.4, UNDECIDED),  # half of 19 is not ruled out
        (0.0, 0.0, 0.0, 1.0, NOT_REPRODUCED),
        (-0.5, -30.0, 29.0, 0.9, UNDECIDED),  # wide is not worse than narrow
        (-5.0, -9.0, -1.0, 0.2, NOT_REPRODUCED),
        (2.0, 0.5, 3.5, 0.2, NOT_REPRODUCED),  # so it is whether or not its own interval holds 0
        (2.0, -0.5, 3.5, 0.2, NOT_REPRODUCED),
        (-5.0, -9.0, -1.0, 0.01, OPPOSITE),
    ],
)
def test_the_rule_where_one_is_to_exceed_the_other(effect, low, high, p, expected):
    assert ruled(effect, low, high, p, reported=19.0) == expected
    assert ruled(effect, low, high, p, reported=19.0, seeds=1) == UNDECIDED
    assert ruled(effect, low, high, p, reported=19.0, gate=NOTHING_LEARNT) == NOTHING_LEARNT
    assert ruled(effect, low, high, p, reported=19.0, gate=NOT_ATTEMPTED) == NOT_ATTEMPTED


def test_where_the_paper_has_no_number_a_sure_effect_will_do():
    assert ruled(0.2, 0.1, 0.3, 0.01) == REPRODUCED
    assert ruled(0.2, -0.1, 0.5, 0.2) == UNDECIDED
    assert ruled(-0.3, -0.5, -0.1, 0.2) == NOT_REPRODUCED
    # Nor where its number is no excess.
    assert (
        ruled(3.0, 1.0, 5.0, 0.001, reported=0.0) == ruled(3.0, 1.0, 5.0, 0.001, reported=-2.0) == REPRODUCED
    )


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
    assert ruled((low + high) / 2, low, high, margin=2.0) == expected
    assert ruled((low + high) / 2, low, high, margin=2.0, seeds=1) == UNDECIDED


@pytest.mark.parametrize("margin", [None, 2.0])
@pytest.mark.parametrize("reported", [math.nan, 19.0])
@pytest.mark.parametrize("gate", ["", NOTHING_LEARNT, NOT_ATTEMPTED, UNDECIDED])
def test_of_any_evidence_one_verdict_holds_and_no_other(margin, reported, gate):
    draw = random.Random(0)
    for _ in range(500):
        low, effect, high = sorted(draw.choice([0.0, draw.uniform(-45, 45)]) for _ in range(3))
        p, seeds = draw.choice([0.001, 0.3]) if not low <= 0 <= high else 0.3, draw.choice([1, 2, 3])
        measured = Measured(effect, low, high, p, reported, margin, ("small",), seeds, gate)
        holding = [v.name for v in VERDICTS if any(case.holds(measured) for case in v.cases)]
        assert holding == [decide(measured)], measured


def test_without_evidence_the_rule_says_why():
    nothing = math.nan, math.nan, math.nan, math.nan
    assert ruled(*nothing, profiles=(), seeds=0) == NOT_ATTEMPTED
    assert ruled(*nothing, profiles=("smoke",)) == NOT_EVIDENCE
    assert ruled(*nothing, margin=2.0, profiles=("paper", "smoke")) == NOT_EVIDENCE


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([REPRODUCED], REPRODUCED),
        ([REPRODUCED, LARGER, SMALLER], REPRODUCED),
        ([REPRODUCED, SMALLER, SMALLER], SMALLER),
        ([LARGER], LARGER),
        ([REPRODUCED, UNDECIDED], UNDECIDED),  # a sentence says it of all
        ([REPRODUCED, NOT_REPRODUCED], MIXED),
        ([LARGER, OPPOSITE, UNDECIDED], MIXED),
        ([NOT_REPRODUCED, OPPOSITE], NOT_REPRODUCED),
        ([NOT_REPRODUCED, UNDECIDED], NOT_REPRODUCED),
        ([OPPOSITE, UNDECIDED, UNDECIDED], UNDECIDED),
        ([UNDECIDED], UNDECIDED),
        ([NOT_ATTEMPTED, REPRODUCED], REPRODUCED),
        ([NOT_ATTEMPTED, REPRODUCED, NOTHING_LEARNT], UNDECIDED),  # of most there is no evidence
        ([NOT_ATTEMPTED, NOTHING_LEARNT, NOTHING_LEARNT], NOTHING_LEARNT),
        ([NOT_ATTEMPTED, NOT_ATTEMPTED, NOTHING_LEARNT], NOTHING_LEARNT),  # what was measured tells more
        ([NOT_ATTEMPTED, NOT_EVIDENCE], NOT_EVIDENCE),
        ([NOT_ATTEMPTED], NOT_ATTEMPTED),
    ],
)
def test_a_sentence_has_one_verdict(verdicts, expected):
    assert decide_sentence(verdicts) == decide_sentence(verdicts[::-1]) == expected


def test_the_effect_is_the_mean_difference_on_the_same_texts():
    # The teacher withstands 1 of 8 and 2 of 8, the student 5 of 8 and 6 of 8: half of the texts more.
    records = attacks(["12222222", "11222222"], ["11111222", "11111122"])
    found = verdict(records)
    assert found.reported == pytest.approx(26.5 - 7.5)
    assert found.effect == pytest.approx(50.0)
    assert 0 < found.low < 50 < found.high <= 100
    assert (found.verdict, found.seeds, found.texts) == (REPRODUCED, 2, 8)
    assert set(found.keys) == {r["key"] for r in records}


def test_a_text_that_was_wrong_before_the_attack_counts_as_lost():
    found = verdict(attacks(["1" * 40] * 2, ["1" * 38 + "00"] * 2))
    assert found.effect == pytest.approx(-5.0)
    assert found.verdict == NOT_REPRODUCED  # two texts of forty are not surely less
    assert verdict(attacks(["1" * 40] * 2, ["1" * 30 + "0" * 10] * 2)).verdict == OPPOSITE


def test_no_difference_is_not_reproduced_but_borne_out_where_it_is_claimed():
    records = attacks(["1122"] * 2, ["1122"] * 2)
    found = verdict(records)
    assert (found.effect, found.low, found.high) == (0, 0, 0)
    assert found.verdict == NOT_REPRODUCED and found.p_value == 1.0
    same = verdict(records, SAME)
    assert (same.verdict, same.low, same.high) == (REPRODUCED, 0, 0)


def test_a_difference_beyond_the_margin_is_no_sameness_and_a_wide_interval_is_undecided():
    assert verdict(attacks(["2" * 8] * 2, ["1" * 8] * 2), SAME).verdict == NOT_REPRODUCED
    assert verdict(attacks(["12" * 8] * 2, ["21" * 8] * 2), SAME).verdict == UNDECIDED


def test_p_is_that_of_min_f_over_seeds_and_texts():
    teacher, student = ["22222221", "22222211"], ["11112222", "11111222"]
    found = verdict(attacks(teacher, student))
    first, second = (
        [[each == "1" for each in text] for text in zip(*side, strict=True)] for side in (student, teacher)
    )
    # Two methods alone: the noise of all methods is that of these two, with the same degrees of freedom.
    assert found.p_value == pytest.approx(min_f_prime(first, second).p_value)
    one = verdict(attacks(teacher[:1], student[:1]))
    assert math.isnan(one.p_value)  # it decides nothing, and does not count among those that can
    assert (one.reason, one.verdict, found.reason) == ("one model", UNDECIDED, "")


def test_interval_and_p_are_of_one_test_and_all_methods_weigh_on_both():
    # Teacher and student agree over seeds; a third method swings from seed to seed.
    pair = attacks(["2222222212", "2222222221"], ["1111122222", "1111112222"])
    swinging = [attack("kd", outcomes, seed) for seed, outcomes in enumerate(["1" * 10, "2" * 10])]
    alone, among = verdict(pair), verdict(pair + swinging)
    assert among.p_value > 2 * alone.p_value
    assert among.high - among.low > 2 * (alone.high - alone.low)
    first, second = ([[each == "1" for each in text] for text in zip(*side, strict=True)] for side in
                     (["1111122222", "1111112222"], ["2222222212", "2222222221"]))  # fmt: skip
    noise = seed_noise([[0.5, 0.6], [0.1, 0.1], [1.0, 0.0]])
    low, high = min_f_interval(first, second, noise.of_difference())
    assert (among.low, among.high) == pytest.approx((100 * low, 100 * high))


def test_a_model_under_two_names_has_no_noise():
    pair = attacks(["1212", "1112"], ["1212", "1112"])
    swinging = [attack("kd", outcomes, seed) for seed, outcomes in enumerate(["1111", "2222"])]
    found = verdict(pair + swinging, SAME)
    assert (found.low, found.high, found.verdict) == (0, 0, REPRODUCED)


def test_p_values_are_corrected_for_all_comparisons_of_a_table():
    records = attacks(["22222221"] * 2, ["11111111"] * 2)
    another = replace(ROBUST, sentence="Something else.")
    alone = verdict(records).p_value
    found = [each.p_value for each in judge(source_of(records), [ROBUST, another, SAME, ROBUST])]
    assert math.isnan(found.pop(2))  # a margin is not a matter of p
    assert found == pytest.approx([3 * alone] * 3) and 0 < alone < 0.05


def test_several_methods_on_a_side_stand_for_their_mean():
    outcomes = {"kd": "1111", "q8_qat": "1122", "head_prune": "2222"}
    records = [attack(method, each) for method, each in outcomes.items()]
    found = verdict(records, GROUP)
    assert found.effect == pytest.approx(100 * (1.0 + 0.5) / 2)
    assert found.reported == pytest.approx((7.2 + 6.6) / 2 - 8.1)
    assert set(found.keys) == {r["key"] for r in records}
    assert "mean of KD and Q8-QAT − Head Prune" in claims_table([found]).text


def test_a_mean_of_methods_is_tested_with_less_noise():
    # By hand: both sides seed by seed, the first being the mean of two methods.
    outcomes = {"kd": ["1111", "1221"], "q8_qat": ["1122", "1121"], "head_prune": ["2222", "2221"]}
    records = attacks_of(outcomes)
    first = [[1.0, 1.0], [1.0, 0.5], [0.5, 0.0], [0.5, 1.0]]
    second = [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
    noise = seed_noise([[1.0, 0.5], [0.5, 0.75], [0.0, 0.25]])
    p = verdict(records, GROUP).p_value
    assert p == pytest.approx(min_f_prime(first, second, noise.of_difference(2, 1)).p_value)
    assert p < min_f_prime(first, second, noise.of_difference()).p_value


def test_an_estimator_may_bring_its_own_interval():
    records = attacks(["2222"], ["1111"])

    def given(source, claim):
        found = source.done(claim.table, "teacher", claim.column)
        if not found:
            raise Failure("nothing there")
        return Found(found, seeds=2, texts=7, effect=3.0, low=1.0, high=5.0, p_value=0.01)

    claim = replace(ROBUST, estimator=given, labels=("one", "other"), asked="what is asked")
    found = verdict(records, claim)
    assert (found.effect, found.low, found.high, found.seeds, found.texts) == (3.0, 1.0, 5.0, 2, 7)
    assert (found.verdict, found.keys, found.p_value) == (SMALLER, (records[0]["key"],), 0.01)
    told = "Quantization helps.  one − other  what is asked  +19.0  +3.0 [+1.0, +5.0]"
    assert claims_table([found]).text.startswith(told)
    assert verdict([], claim).reason == "nothing there"


def test_intervals_of_several_claims_are_those_of_each_alone():
    source = whole_table()
    together = judge(source, TABLE_3_CLAIMS)
    for claim, found in zip(TABLE_3_CLAIMS, together, strict=True):
        (alone,) = judge(source, [claim])
        assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=1e-12)


def test_claims_of_several_tables_are_corrected_table_by_table():
    teacher, student = "22222221", "11111111"
    records = attacks([teacher] * 2, [student] * 2)
    records += [
        attack_record(TABLE_1, method, outcomes, seed)
        for method, outcomes in (("teacher", teacher), ("q8_ptq_int8", student))
        for seed in (0, 1)
    ]
    alone = verdict(records).p_value
    claims = [ROBUST, replace(ROBUST, table=TABLE_1), ROBUST]
    found = [each.p_value for each in judge(source_of(records), claims)]
    assert found == pytest.approx([2 * alone, alone, 2 * alone])


def test_a_group_with_a_method_unmeasured_is_not_attempted():
    records = attacks_of({"q8_qat": ["1122"], "head_prune": ["2222"]})
    assert verdict(records[1:], GROUP).verdict == NOT_ATTEMPTED


@pytest.mark.parametrize("profile", ["smoke", "anything"])
def test_generated_english_is_never_evidence(profile):
    found = verdict(attacks(*STRONG, profile=profile))
    assert (found.verdict, found.reason) == (NOT_EVIDENCE, f"profile {profile}")
    assert math.isnan(found.effect) and math.isnan(found.p_value)
    assert verdict(attacks(*STRONG, profile="paper")).verdict == REPRODUCED


def test_one_record_of_smoke_spoils_the_evidence():
    records = attacks(["22222222"], ["11111111"])
    assert verdict([records[0], records[1] | {"profile": "smoke"}]).verdict == NOT_EVIDENCE


def test_the_whole_table_at_smoke_gives_no_verdict_and_at_small_gives_some():
    assert {each.verdict for each in judge(whole_table("smoke"), TABLE_3_CLAIMS)} == {NOT_EVIDENCE}
    verdicts = {each.verdict for each in judge(whole_table("small"), TABLE_3_CLAIMS)}
    assert REPRODUCED in verdicts and not verdicts & {NOT_EVIDENCE, NOT_ATTEMPTED}


def test_without_records_a_claim_is_not_attempted():
    assert {each.verdict for each in judge(source_of([]), TABLE_3_CLAIMS)} == {NOT_ATTEMPTED}
    alone = verdict([attack("teacher", "1122")])
    assert (alone.verdict, alone.reason) == (NOT_ATTEMPTED, "records are missing")
    failed = attacks(["22"], ["11"], status="failed")
    assert verdict(failed).verdict == NOT_ATTEMPTED
    other_seed = [attack("teacher", "22", 0), attack("q8_ptq_int8", "11", 1)]
    assert verdict(other_seed).verdict == NOT_ATTEMPTED


def test_different_texts_are_not_compared():
    teacher, student = attacks(["2222"], ["1111"])
    longer = attack("q8_ptq_int8", "11111")
    other = student | {"data": {"digest": "other texts"}}
    for records in ([teacher, longer], [teacher, other]):
        found = verdict(records)
        assert (found.verdict, found.reason) == (NOT_ATTEMPTED, "the two were not measured on the same texts")
    assert verdict([teacher, student]).verdict == UNDECIDED


def test_label_loyalty_is_read_from_the_predictions_of_both():
    records = loyalty_records(TABLE_3, "kd", "1100", "1100")
    records += loyalty_records(TABLE_3, "head_prune", "1100", "1010")
    claim = Claim("labels", "KD is loyal.", "section 4.3", TABLE_3, "label_loyalty", "kd", "head_prune")
    found = verdict(records, claim)
    assert found.effect == pytest.approx(50.0)
    assert found.reported == pytest.approx(93.8 - 89.5)
    assert set(found.keys) == {record["key"] for record in records}
    without_teacher = [record for record in records if record["method"] != "teacher"]
    assert verdict(without_teacher, claim).verdict == NOT_ATTEMPTED
    others = [record | {"data": {"digest": "other texts"}} for record in records[3:]]
    assert verdict([*records[:3], *others], claim).verdict == NOT_ATTEMPTED


def test_accuracy_is_read_from_the_predictions_and_the_gold_labels():
    records = [
        prediction_record(TABLE_3, "kd", "1010"),
        prediction_record(TABLE_3, "head_prune", "1100"),
    ]
    claim = Claim("a", "KD is right.", "4", TABLE_3, "accuracy", "kd", "head_prune")
    (found,) = judge(source_of(records, {"sst2 validation": "1010"}), [claim])
    assert found.effect == pytest.approx(50.0) and found.reported == pytest.approx(91.5 - 90.4)
    assert verdict(records, claim).verdict == NOT_ATTEMPTED  # without the labels


SPEED = Claim(
    "speed",
    "It is faster.",
    "Table 3",
    TABLE_3,
    "speedup_batch_1",
    "q8_qat",
    "teacher",
    estimator=difference_over_seeds,
)


def test_times_are_compared_over_seeds_alone():
    def records(seeds):
        return [
            cost_record(TABLE_3, method, times[seed], seed)
            for seed in range(seeds)
            for method, times in {"teacher": (1.0, 1.0, 1.0), "q8_qat": (1.7, 1.8, 1.9)}.items()
        ]

    found = verdict(records(3), SPEED)
    # The scatter of the differences is 0.1, over 3 seeds; the two rows alone say nothing more of noise.
    reach = 4.302653 * 0.1 / math.sqrt(3)
    assert (found.effect, found.low, found.high) == pytest.approx((0.8, 0.8 - reach, 0.8 + reach))
    assert (found.seeds, found.texts, found.verdict) == (3, 0, REPRODUCED) and found.reported == 0.8
    assert "speed-up (×)" in claims_table([found]).text
    once = verdict(records(1), SPEED)
    assert (once.verdict, once.reason) == (UNDECIDED, "one model") and math.isnan(once.low)
    assert effect_text(once) == "+0.70"
    assert verdict([], SPEED).reason == "records are missing"


def test_queries_are_compared_in_queries():
    records = attacks(["2222"] * 2, ["2222"] * 2)
    for record in records:
        asked = 40 if record["method"] == "q8_ptq_int8" else 30
        record["per_example"]["queries"] = encode(np.array([asked] * 4))
    found = verdict(records, replace(ROBUST, column="queries_mean"))
    assert found.effect == pytest.approx(10) and "queries (queries a text)" in claims_table([found]).text


def test_a_column_that_is_no_mean_over_texts_cannot_be_claimed_of():
    with pytest.raises(BadInput, match=r"^stored_bytes is no mean over texts: choose one of accuracy, f1, "):
        verdict([], replace(ROBUST, column="stored_bytes"))


def test_probability_loyalty_is_compared_text_by_text():
    records = []
    for seed in (0, 1):
        records += loyalty_records(TABLE_3, "kd", "111", "111", seed, each=[0.9, 0.9, 0.9])
        records += loyalty_records(TABLE_3, "q8_qat", "111", "111", seed, each=[0.8, 0.85, 0.75])
    claim = Claim("p", "KD is loyal.", "4.1", TABLE_3, "probability_loyalty", "kd", "q8_qat")
    found = verdict(records, claim)
    # Differences 0.1, 0.05, 0.15: mean 0.1, variance 0.0025 over 3 texts, so F2 = 12.
    assert found.effect == pytest.approx(10.0) and found.p_value == pytest.approx(0.0742, abs=1e-4)
    assert found.verdict == UNDECIDED


def test_stale_records_are_told():
    records = attacks(["22"], ["11"])
    fresh, stale = verdict(records), verdict([records[0] | {"stale": True}, records[1]])
    assert not fresh.stale and stale.stale
    assert "stale" not in claims_table([fresh]).html and "stale" not in effect_text(fresh)
    html = claims_table([stale]).html
    assert '<span class="bc-small">stale</span></td>' in html and "stale: measured with an earlier" in html
    assert effect_text(stale) == "+100.0 [+100.0, +100.0] (stale)"


def test_every_variant_of_quantization_gets_its_own_verdict():
    names = [claim.name for claim in TABLE_3_CLAIMS]
    assert names[:3] == ["ptq_robust_int8", "ptq_robust_static", "ptq_robust_dynamic"]


# what the reader sees


def test_a_verdict_is_readable_without_colour():
    shown = claims_table([verdict(attacks(*STRONG))])
    assert "<strong>✔ reproduced</strong>" in shown.html and "✔ reproduced</span></th>" in shown.html
    assert "+25.0 [+" in shown.text and "+19.0" in shown.text and "< 0.001" in shown.text
    assert "<strong>○ not attempted</strong>" in claims_table(judge(source_of([]), [ROBUST])).html


def test_judgements_are_told_in_words():
    strong = in_words([verdict(attacks(["2222"] * 2, ["1111"] * 2))]).markdown
    found = "+100.0 [+100.0, +100.0] points, where +19.0 are reported: **larger**"
    assert strong == f"- Q8-PTQ, real int8 against Teacher: {found}"
    missing = in_words(judge(source_of([]), [ROBUST])).markdown
    assert missing.endswith("Teacher: records are missing, where +19.0 are reported: **not attempted**")


def test_comparisons_are_grouped_under_their_sentence():
    html = claims_table(judge(whole_table(), TABLE_3_CLAIMS)).html
    assert html.count('scope="rowgroup"') == len({claim.sentence for claim in TABLE_3_CLAIMS}) == 7
    assert html.count('scope="row"') == html.count('id="claim-') == len(TABLE_3_CLAIMS)
    assert 'rowspan="3" ' not in html and html.count('rowspan="3"') == 3
    assert "bc-group" not in html.split("</style>")[1]
    assert html.count('href="') == html.count('download="claims_table_3.csv"') == 1


def test_several_tables_get_headings():
    other = replace(TABLE_3, name="another", title="Table 9")
    html = claims_table(judge(source_of([]), [ROBUST, replace(ROBUST, table=other)])).html
    headings = '<tr class="bc-group"><th scope="rowgroup" colspan="6">Table {}</th></tr>'
    assert headings.format(3) in html and headings.format(9) in html
    assert "The claims that Table 3 and Table 9 can bear." in html


def test_a_margin_is_told_beside_the_measure():
    told = claims_table([verdict(attacks(["1122"], ["1122"]), SAME)]).html
    assert "after-attack accuracy, within ± 5<" in told and "within ±" not in claims_table([]).html


def test_verdicts_are_counted_and_explained():
    strong, missing = verdict(attacks(*STRONG)), verdict([])
    assert str(count_verdicts([strong, strong, missing])) == (
        "1 claim: 1 reproduced. 3 comparisons: 2 reproduced, 1 not attempted."
    )
    assert count_verdicts([]).markdown == "no claims"
    told = meanings([strong, missing]).markdown.splitlines()
    assert [line.split(":")[0] for line in told] == ["- **✔ reproduced**", "- **○ not attempted**"]


def test_names_are_listed_as_in_a_sentence():
    assert [listed(["a", "b", "c"][:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_records_of_an_earlier_version_of_the_code_decide_nothing():
    records = attacks(*STRONG)
    assert verdict(records).verdict not in (NOT_ATTEMPTED, UNDECIDED)
    told = verdict([record | {"stale": True} for record in records])
    assert told.verdict == NOT_ATTEMPTED and told.stale and "an earlier version of the code" in told.reason


@pytest.mark.parametrize(
    ("label", "within"),
    [("Accuracy", "accuracy"), ("RTE", "RTE"), ("TinyBERT6, one stage", "TinyBERT6, one stage"), ("", "")],
)
def test_a_label_begins_small_within_a_line_where_it_is_no_name(label, within):
    assert _lowered(label) == within


@pytest.mark.parametrize(
    ("effect", "printed"),
    [(5.0, "+5.0"), (4.96, "+4.96"), (4.9951, "+4.995"), (-5.0004, "−5.000"), (4.9, "+4.9")],
)
def test_what_is_not_the_margin_does_not_look_like_it(effect, printed):
    claim = replace(ROBUST, margin=5.0)
    assert claim.signed(effect) == printed


def test_p_has_to_lie_below_the_level():
    assert ruled(19.0, 12.0, 26.0, 0.05, reported=19.0) == UNDECIDED  # p < 0.05, not p = 0.05


def test_an_interval_that_holds_just_half_of_the_effect_is_compatible():
    assert ruled(5.0, 1.0, 9.5, 0.001, reported=19.0) == REPRODUCED  # the interval holds just half


def test_a_sentence_that_is_half_smaller_is_not_called_reproduced():
    assert decide_sentence([SMALLER, REPRODUCED]) == SMALLER
    assert decide_sentence([LARGER, REPRODUCED]) == LARGER
    assert decide_sentence([SMALLER, REPRODUCED, REPRODUCED]) == REPRODUCED


def test_half_of_the_effect_has_to_have_room():
    def with_room(room):
        records = attacks(["2222"], ["1111"])

        def given(source, claim):
            return Found(records, 2, 7, 3.0, -1.0, 7.0, 0.4, room)

        return verdict(records, replace(ROBUST, estimator=given))  # 19 points are reported

    assert with_room(9.4).verdict == UNDECIDED and with_room(9.4).reason == "no more than +9.4 is possible"
    assert with_room(9.6).verdict == NOT_REPRODUCED and with_room(9.6).reason == ""


def test_what_is_stale_is_told_before_what_guesses():
    records = [each | {"stale": True} for each in attacks(*STRONG)]
    guesses = [prediction_record(TABLE_3, "teacher", "1111", seed) for seed in (0, 1)]
    (found,) = judge(source_of(records + guesses, {"sst2 validation": "1110"}), [ROBUST])
    assert found.verdict == NOT_ATTEMPTED and "an earlier version" in found.reason  # not what it guesses


def test_two_within_a_point_on_every_text_are_one_model():
    each = {"kd": (0.805, 0.805), "q8_qat": (0.8, 0.8), "head_prune": (0.2, 0.9)}
    records = [
        record
        for method, values in each.items()
        for seed, value in enumerate(values)
        for record in loyalty_records(TABLE_3, method, "1111", "1111", seed, [value] * 4)
    ]
    found = verdict(records, Claim("p", "x", "4", TABLE_3, "probability_loyalty", "kd", "q8_qat", margin=1.0))
    assert (found.low, found.high) == pytest.approx((0.5, 0.5))  # apart by less than a point: one model
