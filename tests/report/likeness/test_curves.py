"""What is shared with the largest model, by a setting that the paper does not name."""

import pytest

from bert_compression.report.likeness.curves import (
    CHANCE,
    SAME,
    curves,
    errors_by_threshold,
    neighbours_by_k,
    outliers_by_k,
)

METHODS = ("large", "mini", "tiny")


def alike(record, one, other, seeds, jaccards):
    metrics = {f"neighbour_jaccard_{k}": value for k, value in jaccards.items()}
    metrics |= {f"neighbour_jaccard_{k}_chance": 0.01 for k in jaccards}
    metrics |= {f"neighbour_jaccard_{k}_low": 0.0 for k in jaccards}
    params = {"seed": seeds[0], "other": other, "other_seed": seeds[1]}
    return record("alike", one, seeds[0], metrics, params=params)


@pytest.fixture
def pairs(record):
    return [
        alike(record, "large", "mini", (0, 0), {5: 0.2, 10: 0.3}),
        alike(record, "large", "mini", (1, 1), {5: 0.4, 10: 0.5}),
        alike(record, "large", "large", (0, 1), {5: 0.6, 10: 0.7}),
        alike(record, "mini", "tiny", (0, 0), {5: 0.9, 10: 0.9}),  # not with the first
    ]


def values(table):
    return table.set_index(["other", "setting"]).jaccard


def test_neighbours_are_told_by_their_number_for_each_model_beside_the_first(pairs):
    found = values(neighbours_by_k(pairs, METHODS))
    assert found["mini", 5] == pytest.approx(30) and found["mini", 10] == pytest.approx(40)
    assert found[SAME, 5] == 60 and found[CHANCE, 10] == pytest.approx(1)
    assert set(found.index.get_level_values("other")) == {"mini", SAME, CHANCE}


def test_outliers_are_told_by_the_neighbour_that_counts(record):
    def flags(method, seed, outside, k, task="films"):
        return record("outliers", method, seed, {}, {"outside": outside}, task=task, params={"k": k})

    records = [
        *(flags("large", 0, "1100", 5), flags("mini", 0, "1010", 5)),
        *(flags("large", 0, "1100", 50), flags("mini", 0, "1000", 50)),
        *(flags("large", 1, "1110", 50), flags("large", 0, "1111", 50, "news")),
    ]
    found = values(outliers_by_k(records, METHODS, "films"))
    # With two seeds, models are compared at different ones: "1110" with "1000".
    third = pytest.approx(100 / 3)
    assert dict(found) == {("mini", 5): third, ("mini", 50): third, (SAME, 50): pytest.approx(200 / 3)}


def test_errors_are_told_by_what_counts_as_one(record):
    def answers(method, f1):
        return record("answer", method, 0, {}, {"answer_f1": f1})

    found = values(
        errors_by_threshold([answers("large", [0, 0.3, 1, 1]), answers("mini", [0, 1, 0.6, 0.9])], METHODS)
    )
    assert dict(found) == {
        ("mini", 0.25): 100,  # the first question
        ("mini", 0.5): 50,
        ("mini", 0.75): pytest.approx(100 / 3),
        ("mini", 1.0): 25,
    }


def test_the_picture_says_its_numbers_and_nothing_breaks_where_there_are_none(pairs):
    tables = {source: neighbours_by_k(each, METHODS) for source, each in (("small", pairs), ("run", []))}
    words = curves(tables, METHODS, "neighbours", "in common", logarithmic=True).text
    assert "mini: 30.0 at 5, 40.0 at 10" in words and words.endswith("Panel “run”: nothing yet.")
