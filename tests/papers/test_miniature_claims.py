"""Two models compared with two seeds of one: effects worked out by hand, verdicts by the rule of all."""

import math

import pytest
from made_records import attack_record, cell_record, jobs_of, record_of, source_of

from bert_compression.papers import committed
from bert_compression.papers.miniature.claims import (
    CLAIMS,
    DISTRIBUTION_CLAIMS,
    ERRORS_CLAIMS,
    LARGEST,
    REPRESENTATION_CLAIMS,
    SMALLER,
    WEAKNESSES_CLAIMS,
)
from bert_compression.papers.miniature.classifiers import CLASSIFIERS_MNLI, CLASSIFIERS_SST2
from bert_compression.papers.miniature.tables import DISTRIBUTION, ERRORS, REPRESENTATION, WEAKNESSES
from bert_compression.report.claims import judge
from bert_compression.report.rule import (
    NOT_ATTEMPTED,
    NOT_EVIDENCE,
    NOT_REPRODUCED,
    NOTHING_LEARNT,
    REPRODUCED,
    UNDECIDED,
)
from bert_compression.report.verdicts import claims_table, count_verdicts

TINY = SMALLER[-1]
BY_NAME = {claim.name: claim for claim in CLAIMS}


def judged(name, records):
    (judgement,) = judge(source_of(records), [BY_NAME[f"miniature_{name}_{TINY}"]])
    return judgement


def marks(digits):
    return [int(digit) for digit in digits] * 50


def answers(profile="small", answerable="1", **exact):
    """By model and seed, as in large_0="0110": which of the questions are answered rightly."""
    return [
        cell_record(
            ERRORS,
            name[:-2],
            "exact_match",
            {"exact": marks(hits), "answerable": marks((answerable * len(hits))[: len(hits)])},
            int(name[-1]),
            profile=profile,
        )
        for name, hits in exact.items()
    ]


def test_an_effect_is_what_two_seeds_share_beyond_what_two_models_share():
    found = judged("errors", answers(large_0="0001", large_1="0001", tiny_0="1000", tiny_1="0011"))
    # Seeds share all of their three errors; the models, each at the other's seed, 2 of 3 and 2 of 4.
    assert found.effect == pytest.approx(100 * (1 - (2 / 3 + 2 / 4) / 2))
    assert found.low < 0 < found.effect < found.high  # the two pairs of seeds are 1/6 apart, and all there is
    assert (found.verdict, found.seeds, found.texts, len(found.keys)) == (UNDECIDED, 2, 200, 4)


def test_how_much_a_seed_moves_an_overlap_is_judged_by_all_models():
    two = {"large_0": "0001", "large_1": "0001", "tiny_0": "1000", "tiny_1": "0011"}
    # These move by as much, together with the tiny one: what moves all alike is not noise between them.
    others = {f"{model}_{seed}": two[f"tiny_{seed}"] for model in ("base", "mini") for seed in (0, 1)}
    found = judged("errors", answers(**two, **others))
    assert found.verdict == REPRODUCED and 0 < found.low < found.effect < found.high
    # One that moves the other way is.
    others["base_0"], others["base_1"] = others["base_1"], others["base_0"]
    assert judged("errors", answers(**two, **others)).verdict == UNDECIDED


def test_a_smaller_model_that_errs_where_the_largest_does_is_a_miniature():
    found = judged("errors", answers(large_0="0001", large_1="0101", tiny_0="0001", tiny_1="0101"))
    assert found.effect == 0 and found.verdict == NOT_REPRODUCED


def test_by_association_a_miniature_may_err_more_often_as_long_as_it_errs_where_the_largest_does():
    records = answers(large_0="00111111", large_1="00111111", tiny_0="00001111", tiny_1="00001111")
    assert judged("errors", records).effect == pytest.approx(50)
    assert judged("errors", records).verdict == REPRODUCED
    found = judged("answerable_association", records)
    assert found.effect == found.low == found.high == 0 and found.verdict == NOT_REPRODUCED
    elsewhere = answers(large_0="00111111", large_1="00111111", tiny_0="01000011", tiny_1="01000011")
    # 1 of 8 shared, and chance 2/8 * 5/8: below it, of what could be below.
    found = judged("answerable_association", elsewhere)
    assert found.effect == pytest.approx(100 * (1 - (1 - 10 / 8) / (10 / 8)))


def test_the_two_kinds_of_questions_are_judged_apart():
    # The models err alike on questions with an answer, and differently on those without.
    records = answers(answerable="10", large_0="0011", large_1="0011", tiny_0="0110", tiny_1="0110")
    with_answer, without = (judged(f"{kind}_association", records) for kind in ("answerable", "unanswerable"))
    assert (with_answer.effect, with_answer.texts) == (0, 100)
    assert without.effect == pytest.approx(200) and without.verdict == REPRODUCED


def test_without_a_second_seed_or_with_generated_text_there_is_no_verdict():
    found = judged("errors", answers(large_0="0001", tiny_0="1000"))
    assert (found.verdict, found.reason) == (NOT_ATTEMPTED, "records of two seeds are missing")
    assert judged("errors", []).verdict == NOT_ATTEMPTED
    smoke = answers("smoke", large_0="0001", large_1="0001", tiny_0="1000", tiny_1="0011")
    assert judged("errors", smoke).verdict == NOT_EVIDENCE


@pytest.mark.parametrize("foreign", ["subjqa", "policyqa"])
def test_out_of_distribution_flags_are_read_from_the_detection_of_each_set(foreign):
    flags = {"large": ("1100", "1100"), "tiny": ("0011", "1100")}
    records = [
        cell_record(DISTRIBUTION, model, f"{foreign}_50_flagged", {"outside": marks(digits)}, seed)
        for model, seeds in flags.items()
        for seed, digits in enumerate(seeds)
    ]
    found = judged(foreign, records)
    assert found.effect == pytest.approx(50) and found.verdict == UNDECIDED  # of 50 points the seeds take 100
    assert judged(f"{foreign}_association", records).effect == pytest.approx(100 * (1 - (1 - 1) / 2))
    other = {"subjqa": "policyqa", "policyqa": "subjqa"}[foreign]
    assert judged(other, records).verdict == NOT_ATTEMPTED


def test_neighbours_are_compared_point_by_point():
    def comparison(other, seeds, jaccards):
        (job,) = (
            job
            for job in jobs_of(REPRESENTATION)[LARGEST, f"neighbours_{other}"]
            if (job.seed, job.params["other_seed"]) == seeds
        )
        return record_of(job, {"neighbour_jaccards": jaccards * 50})

    records = [
        comparison(LARGEST, (0, 1), [0.5, 0.7]),
        comparison(TINY, (0, 1), [0.2, 0.2]),
        comparison(TINY, (1, 0), [0.4, 0.4]),
        comparison(SMALLER[0], (0, 1), [0.9, 0.9]),  # of another claim
    ]
    found = judged("neighbours", records)
    assert found.effect == pytest.approx(30) and found.verdict == UNDECIDED
    assert (found.seeds, found.texts, len(found.keys)) == (2, 100, 3)
    assert found.low < 0 and found.high - 30 == pytest.approx(30 - found.low)
    steady = [*records[:1], comparison(TINY, (0, 1), [0.3, 0.3]), comparison(TINY, (1, 0), [0.3, 0.3])]
    assert judged("neighbours", steady).verdict == REPRODUCED
    assert judged("neighbours", records[1:]).verdict == NOT_ATTEMPTED


def attacked(model, outcomes, seed=0, column="textbugger_relative_degradation"):
    return attack_record(WEAKNESSES, model, outcomes * 40, seed, column)


def test_how_much_more_a_model_loses_is_measured_on_what_it_had():
    records = [
        *(attacked("large", "1112"), attacked("tiny", "0112")),
        *(attacked("large", "1122", seed=1), attacked("tiny", "0222", seed=1)),
    ]
    found = judged("textbugger", records)
    assert found.effect == pytest.approx(100 * ((1 / 3 - 1 / 4) + (1 - 1 / 2)) / 2)
    assert found.low < found.effect < found.high and (found.seeds, found.texts) == (2, 160)
    assert found.verdict == UNDECIDED  # a twelfth at one seed and a half at the other
    missing = judged("textbugger", records[:1])
    assert (missing.verdict, missing.reason) == (NOT_ATTEMPTED, "records are missing")
    assert judged("bert_attack", records).verdict == NOT_ATTEMPTED


def test_the_only_effect_that_the_paper_prints_is_that_of_the_smallest_under_bert_attack():
    found = {j.claim.name: j.reported for j in judge(source_of([]), CLAIMS)}
    assert found.pop(f"miniature_bert_attack_{TINY}") == 87 - 40
    for name, effect in found.items():
        assert effect == 0 if "range" in name else math.isnan(effect), name


def test_the_paper_s_ranges_are_claims_of_their_own():
    """.22 to .528 of the errors, .03 to .05 of the neighbours: no further from the middle than the ends."""
    errors, neighbours = (BY_NAME[f"miniature_{what}_range_{TINY}"] for what in ("errors", "neighbours"))
    assert (errors.margin, neighbours.margin) == pytest.approx((15.4, 1.0))
    assert "between 22 and 52.8 %" in errors.sentence and "between 3 and 5 %" in neighbours.sentence
    # Each shares two of four errors with the other at the other seed: 50 %, where the middle is 37.4.
    half = answers(large_0="1000", large_1="1000", tiny_0="0100", tiny_1="0100")
    found = judged("errors_range", half)
    assert found.effect == pytest.approx(50 - 37.4) and found.low < found.effect < found.high
    assert judged("errors_range", half[:1]).verdict == NOT_ATTEMPTED


def test_a_model_that_is_never_right_has_nothing_to_lose():
    found = judged("textbugger", [attacked("large", "1112"), attacked("tiny", "0000")])
    assert (found.verdict, found.reason) == (
        NOT_ATTEMPTED,
        "too few texts are answered rightly before the attack",
    )


def test_every_smaller_model_has_a_claim_in_every_measure():
    by_table = (ERRORS_CLAIMS, REPRESENTATION_CLAIMS, DISTRIBUTION_CLAIMS, WEAKNESSES_CLAIMS)
    assert [len(claims) for claims in by_table] == [4 * 5, 2 * 5, 6 * 5, 2 * 5]
    assert len(BY_NAME) == len(CLAIMS) == (14 + 2 * 7) * 5
    overlaps = [claim for claim in ERRORS_CLAIMS if claim.margin is None]
    assert {(claim.first, claim.second) for claim in overlaps} == {(LARGEST, model) for model in SMALLER}
    assert all(claim.second == LARGEST for claim in WEAKNESSES_CLAIMS)


def test_readers_see_what_is_compared_with_what():
    judgements = judge(source_of([]), CLAIMS)
    shown = claims_table(judgements)
    assert str(count_verdicts(judgements)) == (
        "23 claims: 23 not attempted. 140 comparisons: 140 not attempted."
    )
    assert shown.html.count('class="bc-group"') == 6
    for words in (
        "large with itself − with base  error overlap",
        "large with itself − with tiny  unanswerable questions, association of errors",
        "large with itself − with mini  50 nearest neighbours shared",
        "large with itself − with medium  questions on privacy policies, OOD overlap",
        "distil − large  relative degradation by BERT-ATTACK",
    ):
        assert words in shown.text


def test_every_claim_is_judged_on_the_committed_records():
    found = judge(committed(), CLAIMS)
    assert not {NOT_ATTEMPTED, NOT_EVIDENCE} & {judgement.verdict for judgement in found}
    # Never answering is right on 47.7 % of SQuAD 2.0, and no model here is that good.
    learnt = {judgement.table for judgement in found if judgement.verdict != NOTHING_LEARNT}
    assert learnt == {WEAKNESSES, CLASSIFIERS_MNLI, CLASSIFIERS_SST2}
