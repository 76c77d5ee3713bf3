"""Maps of CKA, layer by layer."""

import pytest

from bert_compression.report.likeness.cka_maps import cka_picture

METHODS = ("large", "mini", "tiny")


def alike(record, one, other, seeds, cka):
    params = {"seed": seeds[0], "other": other, "other_seed": seeds[1]}
    return record("alike", one, seeds[0], {}, {"cka": cka}, params=params)


@pytest.fixture
def pairs(record):
    return [
        alike(record, "large", "mini", (0, 0), [[0.2, 0.9]]),
        alike(record, "large", "mini", (1, 1), [[0.4, 0.7]]),
        alike(record, "large", "large", (0, 1), [[0.5]]),
        alike(record, "mini", "tiny", (0, 0), [[0.1]]),  # not with the first
    ]


def test_the_map_says_how_alike_the_last_layers_are_over_seeds(pairs):
    words = cka_picture({"small": pairs, "this run": []}, METHODS).text
    assert "Panel “small”: mini: last layers 80. Panel “this run”: nothing yet." in words


def test_with_nothing_measured_nothing_breaks():
    assert cka_picture({"small": []}, METHODS).text.endswith("nothing yet.")
