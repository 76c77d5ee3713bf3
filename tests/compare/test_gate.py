"""A gate decides on the interval: few texts decide nothing, whatever their share."""

import re

import numpy as np
import pytest

from bert_compression.compare.gate import check, exit_status, parse
from bert_compression.compare.measures import estimate, exact, mean, open_mean, share, timed
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
        "undecided: label_loyalty>=0.98; measured 1.0000 [0.8389, 1.0000], n = 20; the interval holds the "
        "threshold, so that more texts are needed to tell; without a single exception it takes 189 texts or "
        "more"
    )
    told = str(decided("label_loyalty >= 98 %", share(hits(985, 1000))))
    assert told.endswith("; of 1000 texts it takes 0.9890 or more")
    assert decided("label_loyalty>=0.98", share(hits(989, 1000))).outcome == "met"
    assert decided("label_loyalty>=0.98", share(hits(988, 1000))).outcome == "undecided"


def test_the_other_direction_is_the_mirror_image():
    for same, outcome in ((11, "met"), (40, "not met"), (12, "undecided")):
        decision = decided("right_to_wrong<=0.02", share(hits(same, 1000)))
        assert decision.outcome == outcome
        mirrored = decided("label_loyalty>=0.98", share(hits(1000 - same, 1000)))
        assert mirrored.outcome == outcome
    assert str(decision).endswith("; of 1000 texts it takes 0.0110 or less")


def test_a_mean_leaves_room_for_texts_that_were_not_seen():
    for texts, outcome in ((100, "undecided"), (400, "met")):
        alike = mean(np.full(texts, 1.0), 0.0, 1.0)
        assert decided("probability_loyalty>=0.99", alike).outcome == outcome
    values = np.random.default_rng(0).uniform(0.8, 1.0, 400)
    assert decided("probability_loyalty>=0.9", mean(values, 0.0, 1.0)).outcome == "undecided"
    assert decided("probability_loyalty>0.95", mean(values, 0.0, 1.0)).outcome == "not met"
    assert decided("probability_loyalty>=0.85", mean(values, 0.0, 1.0)).outcome == "met"


@pytest.mark.parametrize(("texts", "rare"), [(100, 0.01), (100, 0.02), (300, 0.01)])
def test_of_a_student_that_fails_rarely_no_more_than_one_gate_in_forty_is_met_wrongly(texts, rare):
    """The worst case for an interval of the values that were seen: most samples hold few of the texts that
    matter or none."""
    random = np.random.default_rng(3)
    flipped = random.uniform(size=(400, texts)) < rare
    required = f"probability_loyalty>={1 - 0.8 * rare + 0.001}"  # which the true mean does not reach
    met = [decided(required, mean(1 - 0.8 * each, 0.0, 1.0)).outcome == "met" for each in flipped]
    assert np.mean(met) <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / 400)


def test_what_one_text_can_move_far_is_decided_by_many_alone():
    values = np.random.default_rng(0).exponential(0.5, 400)
    assert decided("kl_teacher_student_mean<=0.95", open_mean(values)).outcome == "met"
    few = decided("kl_teacher_student_mean<=0.95", open_mean(values[:299]))
    assert few.outcome == "undecided" and "fewer than 300 texts decide nothing" in str(few)
    alike = decided("kl_teacher_student_mean<=0.95", open_mean(np.zeros(400)))
    assert alike.outcome == "undecided" and "texts without any difference" in str(alike)


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
    with pytest.raises(BadInput, match=r"no measure 'loyalty' here \(some take .*\): label_loyalty would be"):
        check([parse("loyalty>=0.9")], found)
    with pytest.raises(BadInput, match="mcnemar_p has no interval, so that no gate can rest on it"):
        check([parse("mcnemar_p>=0.05")], found)


def test_rounds_of_timing_decide_nothing():
    found = {"label_loyalty": share(hits(9, 10)), "speedup_batch_1": timed([2.0, 2.5, 3.0])}
    with pytest.raises(BadInput, match=r"speedup_batch_1 has no interval, .*: label_loyalty have one"):
        check([parse("speedup_batch_1>=2")], found)


def test_a_whole_number_is_told_as_one():
    decision = decided("student_bytes<=1e6", exact(853862, 5))
    assert str(decision) == "met: student_bytes<=1000000; measured 853862, n = 5"


@pytest.mark.parametrize("threshold", ["0", "1", "2", "-1"])
def test_thresholds_beyond_all_shares_end(threshold):
    for sign in (">=", "<=", ">", "<"):
        assert decided(f"label_loyalty{sign}{threshold}", share(hits(50, 100))).outcome in ("met", "not met")


@pytest.mark.parametrize("requirement", ["label_loyalty>=1", "label_loyalty>1", "right_to_wrong<=0"])
def test_what_no_number_of_texts_can_show_is_refused(requirement):
    same = share(hits(300 * ("loyalty" in requirement), 300))
    with pytest.raises(BadInput, match=r"can be shown by no number of texts: ask for (less|more) than"):
        decided(requirement, same)


def test_what_so_many_texts_need_is_the_first_share_that_reaches_the_threshold():
    (told,) = check([parse("label_loyalty>0")], {"label_loyalty": share(np.zeros(100, bool))})
    print(told)
    assert "0.0100 or more" in str(told)
