"""A gate decides on the interval: few texts decide nothing, whatever their share."""

import re

import numpy as np
import pytest

from bert_compression.compare.gate import check, exit_status, parse
from bert_compression.compare.measures import estimate, exact, mean, share, timed
from bert_compression.errors import BadInput


def hits(same: int, of: int) -> np.ndarray:
    return np.arange(of) < same


def decided(requirement: str, measure):
    (decision,) = check([parse(requirement)], {parse(requirement).measure: measure})
    return decision


@pytest.mark.parametrize(
    ("same", "of", "outcome"),
    [
        (20, 20, "undecided"),  # without any exception
        (19, 20, "undecided"),  # on which a gate on the share itself would fire
        (189, 189, "met"),
        (188, 188, "undecided"),
        (985, 1000, "undecided"),
        (989, 1000, "met"),
        (960, 1000, "not met"),
        (0, 3, "not met"),
    ],
)
def test_a_share_is_judged_by_wilsons_interval(same, of, outcome):
    assert decided("label_loyalty>=0.98", share(hits(same, of))).outcome == outcome


def test_it_says_how_many_texts_and_what_they_could_have_seen():
    told = str(decided("label_loyalty>=0.98", share(hits(20, 20))))
    assert told == (
        "undecided: label_loyalty>=0.98; measured 1.0000 [0.8389, 1.0000], n = 20; so few could not have "
        "met it even without a single exception: it takes 189 texts or more"
    )
    told = str(decided("label_loyalty >= 98 %", share(hits(985, 1000))))
    assert "n = 1000; 1000 texts would meet it from 0.9890 on: 0.0090 from the threshold is the" in told
    assert decided("label_loyalty>=0.98", share(hits(989, 1000))).outcome == "met"
    assert decided("label_loyalty>=0.98", share(hits(988, 1000))).outcome == "undecided"


def test_the_other_direction_is_the_mirror_image():
    for same, outcome in ((11, "met"), (12, "undecided"), (40, "not met")):
        decision = decided("right_to_wrong<=0.02", share(hits(same, 1000)))
        assert decision.outcome == outcome
        mirrored = decided("label_loyalty>=0.98", share(hits(1000 - same, 1000)))
        assert mirrored.outcome == outcome
    assert "would meet it from 0.0110 on: 0.0090 from the threshold" in str(decision)


def test_a_mean_over_few_texts_decides_nothing():
    near = np.tile([0.998, 1.0], 50)
    assert decided("probability_loyalty>=0.9", mean(near[:99])).outcome == "undecided"
    assert decided("probability_loyalty>=0.9", mean(near)).outcome == "met"
    assert decided("probability_loyalty>=0.9", mean(np.full(100, 0.999))).outcome == "undecided"
    values = np.random.default_rng(0).normal(0.9, 0.1, 400)
    assert decided("probability_loyalty>=0.9", mean(values)).outcome == "undecided"
    assert decided("probability_loyalty>0.95", mean(values)).outcome == "not met"
    assert decided("kl_teacher_student_mean<=0.95", mean(values)).outcome == "met"


def test_exact_numbers_are_what_they_are():
    assert decided("student_bytes<=100", exact(100, 5)).outcome == "met"
    assert decided("student_bytes<100", exact(100, 5)).outcome == "not met"
    assert decided("student_bytes>=1e2", exact(99, 5)).outcome == "not met"


def test_the_status_is_that_of_the_worst():
    found = {"a": share(hits(1000, 1000)), "b": share(hits(20, 20)), "c": share(hits(1, 1000))}
    for names, status in (("a", 0), ("ab", 3), ("abc", 1), ("", 0)):
        assert exit_status(check([parse(f"{name}>=0.98") for name in names], found)) == status


@pytest.mark.parametrize(
    "text",
    [
        "",
        "label_loyalty",
        "label_loyalty>=",
        ">=0.98",
        "label_loyalty==0.98",
        "a>=0.9; b>=0.9",
        "a>=1e",
        "a>=1e999",
    ],
)
def test_what_is_no_requirement_is_refused(text):
    with pytest.raises(BadInput, match=f"a requirement reads NAME>=NUMBER .*not {re.escape(repr(text))}$"):
        parse(text)


def test_a_measure_that_there_is_not_or_that_has_no_interval_is_refused():
    found = {"label_loyalty": share(hits(9, 10)), "mcnemar_p": estimate(0.1, 10)}
    with pytest.raises(BadInput, match="there is no measure 'loyalty' here: label_loyalty would be"):
        check([parse("loyalty>=0.9")], found)
    with pytest.raises(BadInput, match="mcnemar_p has no interval, so that no gate can rest on it"):
        check([parse("mcnemar_p>=0.05")], found)


def test_rounds_of_timing_decide_nothing():
    found = {"label_loyalty": share(hits(9, 10)), "speedup_batch_1": timed([2.0, 2.5, 3.0])}
    with pytest.raises(BadInput, match=r"speedup_batch_1 has no interval, .*: label_loyalty have one"):
        check([parse("speedup_batch_1>=2")], found)


def test_a_whole_number_is_told_as_one():
    decision = decided("student_bytes<=1e6", exact(853862, 5))
    assert str(decision) == "met: student_bytes<=1000000; measured 853862, n = 5; exact"


@pytest.mark.parametrize("threshold", ["0", "1", "2", "-1"])
def test_thresholds_beyond_all_shares_end(threshold):
    for sign in (">=", "<=", ">", "<"):
        assert str(decided(f"label_loyalty{sign}{threshold}", share(hits(50, 100))))
