"""Neighbours by their number, CKA by layer, and how well foreign questions are noticed."""

import re

import pytest

from bert_compression.report.neighbourhoods import (
    CHANCE,
    SAME,
    cka_picture,
    neighbours_by_k,
    neighbours_picture,
    outliers_table,
)

METHODS = ("large", "mini", "tiny")


def alike(record, one, other, seeds, jaccards, cka=((0.2, 0.9),)):
    metrics = {f"neighbour_jaccard_{k}": value for k, value in jaccards.items()}
    metrics |= {f"neighbour_jaccard_{k}_chance": 0.01 for k in jaccards}
    metrics |= {f"neighbour_jaccard_{k}_low": 0.0 for k in jaccards}
    params = {"seed": seeds[0], "other": other, "other_seed": seeds[1]}
    return record("alike", one, seeds[0], metrics, {"cka": [list(row) for row in cka]}, params=params)


@pytest.fixture
def pairs(record):
    return [
        alike(record, "large", "mini", (0, 0), {5: 0.2, 10: 0.3}),
        alike(record, "large", "mini", (1, 1), {5: 0.4, 10: 0.5}),
        alike(record, "large", "large", (0, 1), {5: 0.6, 10: 0.7}),
        alike(record, "mini", "tiny", (0, 0), {5: 0.9, 10: 0.9}),  # not with the first
    ]


def test_neighbours_are_told_by_their_number_for_each_model_beside_the_first(pairs):
    table = neighbours_by_k(pairs, METHODS).set_index(["other", "k"]).jaccard
    assert table["mini", 5] == pytest.approx(30) and table["mini", 10] == pytest.approx(40)
    assert table[SAME, 5] == 60 and table[CHANCE, 10] == pytest.approx(1)
    assert set(table.index.get_level_values("other")) == {"mini", SAME, CHANCE}


def test_pictures_say_their_numbers(pairs):
    words = neighbours_picture({"small": pairs, "this run": []}, METHODS).text
    assert "mini: 30.0 of 5, 40.0 of 10" in words and words.endswith("Panel “this run”: nothing yet.")
    words = cka_picture({"small": pairs, "this run": []}, METHODS).text
    assert "Panel “small”: mini: last layers 90. Panel “this run”: nothing yet." in words


def test_a_line_a_model_and_columns_for_every_set(record):
    def outliers(method, seed, auroc, task):
        metrics = {"auroc": auroc, "fpr95": 0.5, "flagged": 0.25}
        return record("outliers", method, seed, metrics, {"inside": "0", "outside": "1"}, task=task)

    records = [
        outliers("large", 0, 0.8, "films"),
        outliers("large", 1, 0.9, "films"),
        outliers("mini", 0, 0.6, "news"),
    ]
    html = outliers_table({"small": records, "this run": []}, METHODS).html
    assert re.findall(r"<th[^>]*colgroup[^>]*>(.*?)</th>", html) == ["small, films", "small, news"]
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]
    assert rows[2:] == [
        ["85.0", "50.0", "25.0", "not run", "not run", "not run"],
        ["not run", "not run", "not run", "60.0", "50.0", "25.0"],
        ["not run"] * 6,
    ]


def test_with_nothing_measured_nothing_breaks():
    assert neighbours_picture({"small": []}, METHODS).text.endswith("nothing yet.")
    assert cka_picture({"small": []}, METHODS).text.endswith("nothing yet.")
    assert "Model" in outliers_table({"small": []}, METHODS).html
