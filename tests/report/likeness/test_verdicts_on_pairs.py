"""Two models held against two seeds of one: effects worked out by hand, verdicts by the rules of claims."""

import numpy as np
import pytest

from bert_compression.report.claims import NOT_ATTEMPTED, NOT_EVIDENCE, NOT_REPRODUCED, REPRODUCED, Claim
from bert_compression.report.likeness.matrices import ASSOCIATION, wrong_answers
from bert_compression.report.likeness.verdicts_on_pairs import judge_pairs, of_neighbours, of_sets
from bert_compression.report.papers.miniature_claims import LIKENESS, MEASURES, likeness_claims
from bert_compression.report.papers.miniature_tables import METHODS

LARGE, TINY = METHODS[0], METHODS[-1]
ERRORS = Claim("errors", "sentence", "where", "errors", LARGE, TINY)
NEIGHBOURS = Claim("neighbours", "sentence", "where", "neighbours", LARGE, TINY)


@pytest.fixture
def answers(record):
    def build(profile="small", **exact):
        """By model and seed, as in large_0="0110": which of the questions are right."""
        return [
            record("answer", name[:-2], int(name[-1]), {}, {"exact": hits * 50}, profile=profile)
            for name, hits in exact.items()
        ]

    return build


def judged(records):
    (judgement,) = judge_pairs(records, [ERRORS], LIKENESS, of_sets(wrong_answers))
    return judgement


def test_an_effect_is_what_two_seeds_share_beyond_what_two_models_share(answers):
    found = judged(answers(large_0="0001", large_1="0001", tiny_0="1000", tiny_1="0011"))
    # Seeds share all of their three errors; the models, each at the other's seed, 2 of 3 and 2 of 4.
    assert found.effect == pytest.approx(100 * (1 - (2 / 3 + 2 / 4) / 2))
    assert 0 < found.low < found.effect < found.high
    assert (found.verdict, found.seeds, found.texts, len(found.keys)) == (REPRODUCED, 2, 200, 4)


def test_a_smaller_model_that_errs_where_the_largest_does_is_a_miniature(answers):
    found = judged(answers(large_0="0001", large_1="0101", tiny_0="0001", tiny_1="0101"))
    assert found.effect == 0 and found.verdict == NOT_REPRODUCED


def test_by_association_a_miniature_may_err_more_often_as_long_as_it_errs_where_the_largest_does(answers):
    records = answers(large_0="00111111", large_1="00111111", tiny_0="00001111", tiny_1="00001111")
    assert judged(records).effect == pytest.approx(50) and judged(records).verdict == REPRODUCED
    compare = of_sets(wrong_answers, ASSOCIATION)
    (found,) = judge_pairs(records, [ERRORS], LIKENESS, compare)
    assert found.effect == found.low == found.high == 0 and found.verdict == NOT_REPRODUCED
    elsewhere = answers(large_0="00111111", large_1="00111111", tiny_0="01000011", tiny_1="01000011")
    (found,) = judge_pairs(elsewhere, [ERRORS], LIKENESS, compare)
    # 1 of 8 shared, and chance 2/8 * 5/8: below it, of what could be below.
    assert found.effect == pytest.approx(100 * (1 - (1 - 10 / 8) / (10 / 8)))


def test_without_a_second_seed_or_with_generated_text_there_is_no_verdict(answers):
    found = judged(answers(large_0="0001", tiny_0="1000"))
    assert (found.verdict, found.reason) == (NOT_ATTEMPTED, "records of two seeds are missing")
    assert judged([]).verdict == NOT_ATTEMPTED
    smoke = answers("smoke", large_0="0001", large_1="0001", tiny_0="1000", tiny_1="0011")
    assert judged(smoke).verdict == NOT_EVIDENCE


def test_neighbours_are_compared_point_by_point(record):
    def alike(one, other, seeds, jaccards):
        params = {"seed": seeds[0], "other": other, "other_seed": seeds[1]}
        return record("alike", one, seeds[0], {}, {"neighbour_jaccards": jaccards * 50}, params=params)

    records = [
        alike(LARGE, LARGE, (0, 1), [0.5, 0.7]),
        alike(LARGE, TINY, (0, 1), [0.2, 0.2]),
        alike(LARGE, TINY, (1, 0), [0.4, 0.4]),
        alike(LARGE, METHODS[1], (0, 1), [0.9, 0.9]),  # of another claim
    ]
    (found,) = judge_pairs(records, [NEIGHBOURS], LIKENESS, of_neighbours)
    assert found.effect == pytest.approx(30) and found.verdict == REPRODUCED
    assert (found.seeds, found.texts, len(found.keys)) == (2, 100, 3)
    assert 0 < found.low < 30 < found.high
    (found,) = judge_pairs(records[1:], [NEIGHBOURS], LIKENESS, of_neighbours)
    assert found.verdict == NOT_ATTEMPTED


def test_every_smaller_model_has_a_claim_in_every_measure():
    names = [claim.name for measure in MEASURES for claim in likeness_claims(measure)]
    assert len(names) == len(set(names)) == 8 * 5
    assert {claim.second for claim in likeness_claims("errors")} == set(METHODS[1:])
    assert np.all([claim.first == LARGE for claim in likeness_claims("neighbours")])
