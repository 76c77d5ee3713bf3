"""Effects that are no plain difference of two means: worked out by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from made_records import prediction_record, source_of

from bert_compression.metrics import StandardError, satterthwaite, seed_error, seed_noise, spread_interval
from bert_compression.papers.taylor.tables import TABLE_2
from bert_compression.report.claims import Claim, judge
from bert_compression.report.estimators import difference_of_spreads, error_of, interaction, spread_over_seeds
from bert_compression.report.rule import NOT_REPRODUCED, REPRODUCED, UNDECIDED
from bert_compression.report.tables import MeanOf

TASKS = ("rte", "sst2", "qnli")
GOLD = {f"{task} validation": "01" * 50 for task in TASKS}
FIRST, SECOND = "taylor_untuned_4x312", "kl_4x312"
CLAIM = Claim("c", "It gains more on few.", "4", TABLE_2, TASKS, FIRST, SECOND, printed=lambda: 20.0)
SPREAD = Claim("s", "It is steadier.", "5", TABLE_2, "rte", FIRST, SECOND, printed=lambda: math.nan)


def answers(method, task, wrong, seed):
    """A hundred answers, of which the first so many are wrong."""
    gold = [int(digit) for digit in GOLD[f"{task} validation"]]
    given = [1 - label if place < wrong else label for place, label in enumerate(gold)]
    metrics = {"accuracy": 1 - wrong / 100}
    return prediction_record(TABLE_2, method, given, seed, column=task, metrics=metrics)


def judged(claim, wrong):
    """`wrong` holds the number of wrong answers by method, task and seed."""
    records = [
        answers(method, task, number, seed)
        for (method, task), numbers in wrong.items()
        for seed, number in enumerate(numbers)
    ]
    (found,) = judge(source_of(records, GOLD), [claim])
    return found


def test_an_interaction_is_the_lead_in_some_columns_less_that_in_others():
    wrong = {
        **{(FIRST, "rte"): (10, 10), (SECOND, "rte"): (40, 40)},
        **{(FIRST, "sst2"): (10, 10), (SECOND, "sst2"): (20, 20)},
        **{(FIRST, "qnli"): (10, 10), (SECOND, "qnli"): (10, 10)},
    }
    claim = replace(CLAIM, estimator=interaction(("rte",), ("sst2", "qnli")))
    found = judged(claim, wrong)
    assert found.effect == pytest.approx(30 - 5)
    assert found.low < 25 < found.high and (found.seeds, found.verdict) == (2, REPRODUCED)
    turned = judged(replace(CLAIM, estimator=interaction(("sst2", "qnli"), ("rte",))), wrong)
    assert turned.effect == pytest.approx(-25)
    assert judged(claim, {key: wrong[key] for key in list(wrong)[:4]}).reason == "records are missing"


def test_spreads_are_compared_by_the_f_test_of_two_variances():
    found = judged(
        replace(SPREAD, estimator=difference_of_spreads),
        {(FIRST, "rte"): (10, 14, 18), (SECOND, "rte"): (10, 11, 12)},
    )
    # Standard deviations of 4 points and 1. With 2 and 2 degrees of freedom F = 16, and 39 at 2.5 %.
    assert found.effect == pytest.approx(3.0)
    assert (found.low, found.high) == pytest.approx((4 / math.sqrt(39) - 1, 4 * math.sqrt(39) - 1))
    assert found.p_value == pytest.approx(2 / 17) and found.verdict == UNDECIDED
    alike = {(FIRST, "rte"): (10, 14), (SECOND, "rte"): (10, 10)}
    spread = replace(SPREAD, estimator=difference_of_spreads)
    assert judged(spread, alike).reason == "the trainings of one side are all alike"
    once = {key: numbers[:1] for key, numbers in alike.items()}
    assert judged(spread, once).reason == "records of two seeds are missing"


def test_a_spread_is_asked_to_lie_within_a_margin_and_so_is_its_interval():
    claim = replace(SPREAD, second=FIRST, estimator=spread_over_seeds, margin=1.0)
    found = judged(claim, {(FIRST, "rte"): (10, 14, 18)})
    # 4 points. With 2 degrees of freedom chi-squared has 2.5 % beyond -2 log 0.025 and -2 log 0.975.
    assert found.effect == pytest.approx(4.0) and found.seeds == 3
    low, high = (4 * math.sqrt(2 / (-2 * math.log(tail))) for tail in (0.025, 0.975))
    assert (found.low, found.high) == pytest.approx((low, high)) and found.verdict == NOT_REPRODUCED
    assert judged(replace(claim, margin=30.0), {(FIRST, "rte"): (10, 14, 18)}).verdict == REPRODUCED
    assert judged(replace(claim, margin=5.0), {(FIRST, "rte"): (10, 14, 18)}).verdict == UNDECIDED
    assert judged(claim, {(FIRST, "rte"): (10,)}).reason == "records of two seeds are missing"


def test_a_spread_is_pooled_over_the_methods_by_their_degrees_of_freedom():
    both = (FIRST, SECOND)
    claim = replace(SPREAD, first=both, second=both, estimator=spread_over_seeds, margin=1.0)
    found = judged(claim, {(FIRST, "rte"): (10, 14, 18), (SECOND, "rte"): (20, 22)})
    # Variances 16 and 2 with 2 and 1 degrees of freedom.
    assert found.effect == pytest.approx(math.sqrt((2 * 16 + 2) / 3)) and found.seeds == 2
    assert (found.low, found.high) == pytest.approx(spread_interval(found.effect, seeds=4))
    assert judged(claim, {(FIRST, "rte"): (10, 14)}).reason == "records of two seeds are missing"


def test_the_spread_of_a_mean_over_tasks_is_that_of_the_means():
    columns = (*TABLE_2.columns, MeanOf("mean", "Mean", None, of=("rte", "sst2")))
    of_both = {"table": replace(TABLE_2, columns=columns), "column": "mean", "second": FIRST}
    claim = replace(SPREAD, **of_both, estimator=spread_over_seeds, margin=1.0)
    # Of RTE 90 and 80, of SST-2 90 and 100: in the mean they are alike.
    assert judged(claim, {(FIRST, "rte"): (10, 20), (FIRST, "sst2"): (10, 0)}).effect == pytest.approx(0)
    moved = judged(claim, {(FIRST, "rte"): (10, 20), (FIRST, "sst2"): (10, 20)})
    assert moved.effect == pytest.approx(math.sqrt(50))
    assert judged(claim, {(FIRST, "rte"): (10, 20)}).reason == "records of two seeds are missing"


def test_an_interaction_has_the_errors_of_both_leads():
    third, more, less = "ce_4x312", "rte", "sst2"
    wrong = {
        (FIRST, more): (10, 14),
        (SECOND, more): (40, 38),
        (third, more): (20, 30),
        (FIRST, less): (10, 11),
        (SECOND, less): (20, 24),
        (third, less): (30, 20),
    }
    errors = []
    for task in (more, less):
        right = np.array([[100 - n for n in wrong[method, task]] for method in (FIRST, SECOND, third)], float)
        lead = np.array(
            [
                [
                    100.0 * ((place >= a) - (0.0 + (place >= b)))
                    for a, b in zip(wrong[FIRST, task], wrong[SECOND, task], strict=True)
                ]
                for place in range(100)
            ]
        )
        errors.append(seed_error(lead.mean(axis=0), seed_noise(right).of_difference()))
        errors.append(StandardError(lead.mean(axis=1).var(ddof=1) / 100, 99))
    found = judged(replace(CLAIM, estimator=interaction((more,), (less,))), wrong)
    by_hand = satterthwaite(found.effect, errors)
    assert (found.low, found.high) == pytest.approx((by_hand.low, by_hand.high))


def test_the_error_of_an_interval():
    assert error_of(10 - 1.96 * 3, 10 + 1.96 * 3, 101) == pytest.approx(StandardError(9.0, 100))
