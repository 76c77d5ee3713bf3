"""Every pair is compared once, on what both have, and shown so that it can be read without colour."""

import re
from itertools import combinations

import pytest

from bert_compression.errors import BadInput
from bert_compression.metrics import holm, min_f_prime, seed_noise
from bert_compression.report.pair_matrix import HIGHER, LOWER, pairs_figure, pairs_picture
from bert_compression.report.pairs import compare_pairs, pairs_in_words, pairs_list
from bert_compression.report.papers.loyalty_tables import TABLE_1, TABLE_2, TABLE_3
from bert_compression.report.per_text import Outcomes

ROBUST = "after_attack_accuracy"


def attacks(record, **outcomes):
    """Attack records of SST-2: for each method its outcomes, seed by seed."""
    return [
        record("attack", method, seed, {}, {"outcomes": each})
        for method, seeds in outcomes.items()
        for seed, each in enumerate(seeds)
    ]


@pytest.fixture
def three(record):
    """The teacher and two methods on eight texts and two seeds; one method withstands nearly everything."""
    return attacks(
        record,
        teacher=["12222222", "21222222"],
        kd=["12222222", "22122222"],
        q8_qat=["11111112", "11111121"],
    )


def squares(figure):
    """The text of each square with its weight and the colour behind it."""
    axes = figure.axes[0]
    fills = [patch.get_facecolor() for patch in axes.patches]
    texts = [text for text in axes.texts if text.get_transform() == axes.transData]
    return [(text.get_text(), text.get_weight(), fill) for text, fill in zip(texts, fills, strict=True)]


def test_a_pair_is_later_minus_earlier_row_in_points(three):
    compared = compare_pairs(three, ROBUST, TABLE_3)
    assert [(pair.first, pair.second) for pair in compared.pairs] == [
        ("kd", "teacher"),
        ("q8_qat", "teacher"),
        ("q8_qat", "kd"),
    ]
    assert [pair.difference for pair in compared.pairs] == pytest.approx([0.0, 75.0, 75.0])
    assert compared.of("teacher", "q8_qat").difference == pytest.approx(-75.0)
    assert compared.of("q8_qat", "head_prune") is None
    assert {(pair.seeds, pair.texts) for pair in compared.pairs} == {(2, 8)}


def test_p_values_are_min_f_with_the_noise_of_all_methods_corrected_for_all_pairs(three):
    compared = compare_pairs(three, ROBUST, TABLE_3)
    outcomes = Outcomes(three, TABLE_3)
    arrays = {m: outcomes.paired(ROBUST, [m], [m]).first for m in ("teacher", "kd", "q8_qat")}
    noise = seed_noise([values.mean(axis=0) for values in arrays.values()]).of_difference()
    expected = [min_f_prime(arrays[a], arrays[b], noise).p_value for b, a in combinations(arrays, 2)]
    assert [pair.p_value for pair in compared.pairs] == pytest.approx(expected)
    assert [pair.corrected for pair in compared.pairs] == pytest.approx(holm(expected))
    assert [pair.differs for pair in compared.pairs] == [False, True, True]


def test_all_pairs_of_a_table_are_compared_and_the_teachers_loyalty_to_itself_is_not(mnli):
    assert len(compare_pairs(mnli, ROBUST, TABLE_1).pairs) == 12 * 11 / 2
    loyalty = compare_pairs(mnli, "label_loyalty", TABLE_1)
    assert len(loyalty.pairs) == 11 * 10 / 2 and "teacher" not in loyalty.methods
    assert len(compare_pairs(mnli, "accuracy", TABLE_2).pairs) == 19 * 18 / 2


def test_what_differs_is_found_and_what_does_not_is_not(mnli):
    compared = compare_pairs(mnli, "probability_loyalty", TABLE_1)
    assert compared.of("kd", "theseus").differs
    assert not compared.of("distilbert", "tinybert").differs


def test_a_pair_has_the_seeds_that_both_have_and_no_other_texts(mnli, record):
    compared = compare_pairs(mnli, ROBUST, TABLE_2)
    assert compared.of("theseus", "pkd").seeds == 3 and compared.of("theseus_kd", "pkd").seeds == 1
    other = attacks(record, teacher=["1222"], kd=["11222"])
    assert compare_pairs(other, ROBUST, TABLE_3).pairs == ()


def test_the_chance_of_seeds_weighs_on_a_pair_with_one_seed(mnli):
    once = [record for record in mnli if record["seed"] == 0]
    alone = compare_pairs(once, "probability_loyalty", TABLE_2).of("theseus_kd", "theseus")
    among = compare_pairs(mnli, "probability_loyalty", TABLE_2).of("theseus_kd", "theseus")
    assert alone.seeds == among.seeds == 1 and alone.difference == among.difference
    assert among.p_value > 10 * alone.p_value


def test_only_means_over_texts_can_be_compared(mnli):
    with pytest.raises(BadInput, match=r"^stored_bytes is no mean over texts: choose one of accuracy, "):
        compare_pairs(mnli, "stored_bytes", TABLE_1)


# what the reader sees


def test_a_square_tells_by_weight_sign_and_colour(three):
    from matplotlib.colors import to_rgba

    figure = pairs_figure(compare_pairs(three, ROBUST, TABLE_3))
    assert squares(figure) == [
        ("0.0", "normal", to_rgba("white")),
        ("+75.0", "bold", to_rgba(HIGHER)),
        ("+75.0", "bold", to_rgba(HIGHER)),
    ]
    turned = attacks_turned(three)
    assert [fill for _, _, fill in squares(pairs_figure(turned))] == [to_rgba(LOWER)] * 2 + [to_rgba("white")]
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["Teacher", "KD"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["KD", "Q8-QAT"]


def attacks_turned(three):
    """The same outcomes with the names of the teacher and the robust method exchanged."""
    names = {"teacher": "q8_qat", "q8_qat": "teacher"}
    renamed = [record | {"method": names.get(record["method"], record["method"])} for record in three]
    return compare_pairs(renamed, ROBUST, TABLE_3)


def test_single_seeds_are_marked_where_others_have_more(mnli):
    mixed = squares(pairs_figure(compare_pairs(mnli, ROBUST, TABLE_2)))
    assert {text.endswith("°") for text, *_ in mixed} == {True, False}
    once = [record for record in mnli if record["seed"] == 0]
    for even in (compare_pairs(mnli, ROBUST, TABLE_1), compare_pairs(once, ROBUST, TABLE_1)):
        assert not any("°" in text for text, *_ in squares(pairs_figure(even)))


def test_numbers_stay_inside_their_squares_in_the_largest_table(mnli):
    figure = pairs_figure(compare_pairs(mnli, ROBUST, TABLE_2))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    texts = [text for text in axes.texts if text.get_transform() == axes.transData]
    for text, square in zip(texts, axes.patches, strict=True):
        inside, frame = text.get_window_extent(), square.get_window_extent()
        assert frame.x0 <= inside.x0 and inside.x1 <= frame.x1, text.get_text()
    assert figure.get_size_inches()[0] == 7


def test_the_picture_says_in_words_how_many_differ(three, mnli):
    shown = pairs_picture(compare_pairs(three, ROBUST, TABLE_3))
    words = (
        "In after-attack accuracy, 2 of 3 pairs differ beyond chance, at the level of 5\u00a0% after Holm’s "
        "correction: Q8-QAT and Teacher; Q8-QAT and KD."
    )
    assert shown.html.startswith('<img src="data:image/svg+xml;base64,') and words in shown.html
    assert pairs_in_words(compare_pairs(three, ROBUST, TABLE_3)).markdown == words
    many = pairs_in_words(compare_pairs(mnli, ROBUST, TABLE_1)).text
    assert re.fullmatch(r"In after-attack accuracy, \d+ of 66 pairs differ .* correction\.", many)


def test_nothing_measured_gives_an_empty_picture_and_says_so():
    nothing = compare_pairs([], ROBUST, TABLE_1)
    assert pairs_in_words(nothing).text == "No pair has been compared in after-attack accuracy yet."
    assert "No pair has been compared" in pairs_picture(nothing).html
    assert pairs_list(nothing).text == "no pairs"


def test_the_list_holds_every_pair_the_surest_first(three):
    shown = pairs_list(compare_pairs(three, ROBUST, TABLE_3))
    lines = shown.text.splitlines()
    assert len(lines) == 3 and lines[-1] == "KD − Teacher  0.0  1.000  1.000  2  8"
    assert all(line.startswith("Q8-QAT − ") and line.endswith("2  8  differ") for line in lines[:2])
    assert shown.html.startswith("<details><summary>3 pairs, after-attack accuracy</summary>")
    assert shown.html.count("<strong>") == 2 and "†" not in shown.html
    earlier = [record | {"earlier_code": True} for record in three]
    assert "† measured with an earlier state" in pairs_list(compare_pairs(earlier, ROBUST, TABLE_3)).html
