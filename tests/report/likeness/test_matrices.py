"""Matrices of models: values, chance, and what another seed of the same model makes of it."""

import numpy as np
import pytest

from bert_compression.report.likeness.heat_maps import _figure, heat_map, in_words
from bert_compression.report.likeness.matrices import (
    ASSOCIATION,
    matrix_of_pairs,
    matrix_of_sets,
    outliers,
    wrong_answers,
)

NAMES = ("large", "tiny")


def answers(record, method, seed, exact):
    """The first six of every eight questions have an answer."""
    told = {"exact": exact, "answerable": "11111100"}
    return record("answer", method, seed, {"exact_match": exact.count("1") / len(exact)}, told)


@pytest.fixture
def asked(record):
    """Two models with two seeds each on eight questions."""
    return [
        answers(record, "large", 0, "00001111"),
        answers(record, "tiny", 0, "00110011"),
        answers(record, "large", 1, "00001111"),
        answers(record, "tiny", 1, "00000011"),
    ]


def test_errors_are_what_is_not_exactly_right(asked):
    masks = wrong_answers(asked)
    assert masks["large", 0].tolist() == [True] * 4 + [False] * 4
    assert set(masks) == {(name, seed) for name in NAMES for seed in (0, 1)}
    assert wrong_answers(asked, answerable=True)["tiny", 0].tolist() == [True, True, False, False, True, True]
    assert wrong_answers(asked, answerable=False)["tiny", 0].tolist() == [False, False]


def masks_of(record, **exact):
    """The errors of two models, each with what two seeds of it have right."""
    return wrong_answers(
        answers(record, name, seed, hits) for name, seeds in exact.items() for seed, hits in enumerate(seeds)
    )


def test_models_are_compared_at_different_seeds_as_one_model_is_with_itself(record):
    masks = masks_of(record, large=("00001111", "11111110"), tiny=("00110011", "00000011"))
    matrix = matrix_of_sets(masks, NAMES)
    # Wrong are 0 to 3 of large and 0 to 5 of tiny's other seed; and 7 with 0, 1, 4, 5.
    assert matrix.of("large", "tiny") == pytest.approx((4 / 6 + 0) / 2) == matrix.of("tiny", "large")
    assert matrix.of("large", "large") == 0.0
    assert matrix.of("tiny", "tiny") == pytest.approx(4 / 6)
    a, b = (4 + 1) / 16, (4 + 6) / 16
    assert matrix.chance[0, 1] == pytest.approx(a * b / (a + b - a * b)) == matrix.chance[1, 0]
    assert (matrix.low <= matrix.values).all() and (matrix.values <= matrix.high).all()
    assert matrix.low[0, 1] < matrix.high[0, 1]
    assert matrix.seeds == 2


def test_association_leaves_out_how_often_models_err(record):
    masks = masks_of(record, large=("00111111", "00111111"), tiny=("00001111", "00001111"))
    matrix = matrix_of_sets(masks, NAMES, ASSOCIATION)
    assert (matrix.values == 1).all() and (matrix.chance == 0).all()
    assert matrix_of_sets(masks, NAMES).of("large", "tiny") == 0.5
    # What chance gives is not written into every square where it is 0.
    written = [text.get_text() for text in _figure({"small": matrix}).axes[0].texts]
    assert len(written) == 4 * 2 + 2 and not any("(" in text for text in written)
    assert written.count("100.0") == 4 and written.count("two seeds") == 2


def test_with_one_seed_the_diagonal_is_empty_and_a_missing_model_leaves_a_gap(asked):
    first = wrong_answers(asked[:2])
    assert np.isnan(matrix_of_sets(first, NAMES).values.diagonal()).all()
    gap = matrix_of_sets(first, ("large", "mini", "tiny"))
    assert gap.of("large", "tiny") == pytest.approx(2 / 6) and np.isnan(gap.of("large", "mini"))
    assert np.isnan(matrix_of_sets({}, NAMES).values).all()


def alike(record, one, other, seeds, value, chance=0.1):
    found = {"neighbour_jaccard_5": value, "neighbour_jaccard_5_chance": chance}
    params = {"seed": seeds[0], "other": other, "other_seed": seeds[1]}
    return record("alike", one, seeds[0], found, params=params)


def test_a_record_of_a_pair_counts_for_both_models(record):
    records = [
        alike(record, "large", "tiny", (0, 1), 0.2),
        alike(record, "large", "tiny", (1, 0), 0.4),
        alike(record, "large", "large", (0, 1), 0.7),
    ]
    matrix = matrix_of_pairs(records, NAMES, "neighbour_jaccard_5")
    assert matrix.of("large", "tiny") == matrix.of("tiny", "large") == pytest.approx(0.3)
    assert matrix.of("large", "large") == 0.7 and np.isnan(matrix.of("tiny", "tiny"))
    assert matrix.chance[0, 1] == 0.1 and matrix.seeds == 2


def test_outliers_are_those_flagged_of_one_task_by_one_neighbour(record):
    flags = [
        record("outliers", "large", 0, {}, {"outside": outside}, task=task, params={"k": k})
        for task, k, outside in (("subjqa", 50, "0110"), ("policyqa", 50, "1111"), ("subjqa", 5, "1111"))
    ]
    assert outliers(flags, "subjqa", 50)["large", 0].tolist() == [False, True, True, False]
    assert len(outliers(flags, "subjqa", 50)) == 1


def test_the_picture_says_its_numbers(asked):
    matrix = matrix_of_sets(wrong_answers(asked), NAMES)
    low, high = 100 * matrix.low, 100 * matrix.high
    assert in_words(matrix) == (
        f"tiny with large 50 ({low[1, 0]:.0f} to {high[1, 0]:.0f}); one model with two seeds: "
        f"large 100 (100 to 100), tiny 67 ({low[1, 1]:.0f} to {high[1, 1]:.0f})."
    )
    written = [text.get_text() for text in _figure({"small": matrix}).axes[0].texts]
    chance = 100 * matrix.chance[0, 1]
    assert written[3:6] == ["50.0", f"{low[0, 1]:.1f} to {high[0, 1]:.1f}", f"({chance:.1f})"]
    shown = heat_map({"small": matrix, "this run": matrix_of_sets({}, NAMES)}, "errors in common")
    assert shown.text.startswith(
        "Heat map of errors in common, every two models against each other. Panel “small”: "
    )
    assert shown.text.endswith("Panel “this run”: nothing yet.")
    assert "<img" in shown.html


def test_a_map_without_a_level_of_chance_writes_none(record):
    pair = record(
        "alike", "large", 0, {"cka_last": 0.4}, params={"seed": 0, "other": "tiny", "other_seed": 0}
    )
    matrix = matrix_of_pairs([pair], NAMES, "cka_last")
    assert matrix.of("large", "tiny") == 0.4
    written = [text.get_text() for text in _figure({"small": matrix}).axes[0].texts]
    assert written == ["40.0"] * 2
