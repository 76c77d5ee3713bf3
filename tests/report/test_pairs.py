"""Every pair is compared once, on what both have, and shown so that it can be read without colour."""

import re
from dataclasses import replace
from itertools import combinations

import pytest
from made_records import attack_record, mnli_source, source_of

from bert_compression.errors import BadInput
from bert_compression.metrics import holm, min_f_prime, seed_noise
from bert_compression.papers.loyalty.tables import TABLE_1, TABLE_2, TABLE_3
from bert_compression.report.pairs import (
    HIGHER,
    LOWER,
    compare_pairs,
    pairs_figure,
    pairs_in_words,
    pairs_list,
    pairs_picture,
)
from bert_compression.report.per_text import Outcomes

ROBUST = "after_attack_accuracy"
LOSING, ROBUSTER = ("12222222", "21222222"), ("11111112", "11111121")


def attacks(**outcomes):
    """Attacks on models of Table 3: for each method its outcomes, seed by seed."""
    return source_of(
        attack_record(TABLE_3, method, each, seed)
        for method, seeds in outcomes.items()
        for seed, each in enumerate(seeds)
    )


@pytest.fixture
def three():
    """The teacher and two methods on eight texts and two seeds; one method withstands nearly everything."""
    return attacks(teacher=LOSING, kd=("12222222", "22122222"), q8_qat=ROBUSTER)


@pytest.fixture(scope="module")
def mnli():
    """All records of Tables 1 and 2: three seeds, or one for what is in Table 2 alone."""
    return mnli_source()


def first_seed(source):
    return replace(source, records=[record for record in source.records if record["seed"] == 0])


def squares(figure):
    """The text of each square with its weight and the colour behind it."""
    axes = figure.axes[0]
    fills = [patch.get_facecolor() for patch in axes.patches]
    texts = [text for text in axes.texts if text.get_transform() == axes.transData]
    return [(text.get_text(), text.get_weight(), fill) for text, fill in zip(texts, fills, strict=True)]


def test_a_pair_is_later_minus_earlier_row_in_points(three):
    compared = compare_pairs(three, TABLE_3, ROBUST)
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
    compared = compare_pairs(three, TABLE_3, ROBUST)
    outcomes = Outcomes(three, TABLE_3)
    arrays = {m: outcomes.paired([ROBUST], [m], [m]).first for m in ("teacher", "kd", "q8_qat")}
    noise = seed_noise([values.mean(axis=0) for values in arrays.values()]).of_difference()
    expected = [min_f_prime(arrays[a], arrays[b], noise).p_value for b, a in combinations(arrays, 2)]
    assert [pair.p_value for pair in compared.pairs] == pytest.approx(expected)
    assert [pair.corrected for pair in compared.pairs] == pytest.approx(holm(expected))
    assert [pair.differs for pair in compared.pairs] == [False, True, True]


def test_all_pairs_of_a_table_are_compared_and_the_teachers_loyalty_to_itself_is_not(mnli):
    assert len(compare_pairs(mnli, TABLE_1, ROBUST).pairs) == 12 * 11 / 2
    loyalty = compare_pairs(mnli, TABLE_1, "label_loyalty")
    assert len(loyalty.pairs) == 11 * 10 / 2 and "teacher" not in loyalty.methods
    assert len(compare_pairs(mnli, TABLE_2, "accuracy").pairs) == 19 * 18 / 2


def test_what_differs_is_found_and_what_does_not_is_not(mnli):
    compared = compare_pairs(mnli, TABLE_1, "probability_loyalty")
    assert compared.of("kd", "theseus").differs
    assert not compared.of("distilbert", "tinybert").differs


def test_a_pair_has_the_seeds_that_both_have_and_no_other_texts(mnli):
    compared = compare_pairs(mnli, TABLE_2, ROBUST)
    assert compared.of("theseus", "pkd").seeds == 3 and compared.of("theseus_kd", "pkd").seeds == 1
    other = attacks(teacher=["1222"], kd=["11222"])
    assert compare_pairs(other, TABLE_3, ROBUST).pairs == ()


def test_the_chance_of_seeds_weighs_on_a_pair_with_one_seed(mnli):
    once = first_seed(mnli)
    alone = compare_pairs(once, TABLE_2, "probability_loyalty").of("theseus_kd", "theseus")
    among = compare_pairs(mnli, TABLE_2, "probability_loyalty").of("theseus_kd", "theseus")
    assert alone.seeds == among.seeds == 1 and alone.difference == among.difference
    assert among.p_value > 10 * alone.p_value


def test_only_means_over_texts_can_be_compared(mnli):
    with pytest.raises(BadInput, match=r"^stored_bytes is no mean over texts: choose one of accuracy, "):
        compare_pairs(mnli, TABLE_1, "stored_bytes")


# what the reader sees


def test_a_square_tells_by_weight_sign_and_colour(three):
    from matplotlib.colors import to_rgba

    figure = pairs_figure(compare_pairs(three, TABLE_3, ROBUST))
    assert squares(figure) == [
        ("0.0", "normal", to_rgba("white")),
        ("+75.0", "bold", to_rgba(HIGHER)),
        ("+75.0", "bold", to_rgba(HIGHER)),
    ]
    turned = attacks(teacher=ROBUSTER, kd=("12222222", "22122222"), q8_qat=LOSING)
    fills = [fill for *_, fill in squares(pairs_figure(compare_pairs(turned, TABLE_3, ROBUST)))]
    assert fills == [to_rgba(LOWER)] * 2 + [to_rgba("white")]
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["Teacher", "KD"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["KD", "Q8-QAT"]


def test_single_seeds_are_marked_where_others_have_more(mnli):
    mixed = squares(pairs_figure(compare_pairs(mnli, TABLE_2, ROBUST)))
    assert {text.endswith("°") for text, *_ in mixed} == {True, False}
    once = first_seed(mnli)
    for even in (compare_pairs(mnli, TABLE_1, ROBUST), compare_pairs(once, TABLE_1, ROBUST)):
        assert not any("°" in text for text, *_ in squares(pairs_figure(even)))


def test_numbers_stay_inside_their_squares_in_the_largest_table(mnli):
    figure = pairs_figure(compare_pairs(mnli, TABLE_2, ROBUST))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    texts = [text for text in axes.texts if text.get_transform() == axes.transData]
    for text, square in zip(texts, axes.patches, strict=True):
        inside, frame = text.get_window_extent(), square.get_window_extent()
        assert frame.x0 <= inside.x0 and inside.x1 <= frame.x1, text.get_text()
    assert figure.get_size_inches()[0] == 7


def test_the_picture_says_in_words_how_many_differ(three, mnli):
    shown = pairs_picture(compare_pairs(three, TABLE_3, ROBUST))
    words = (
        "In after-attack accuracy, 2 of 3 pairs differ beyond chance, at the level of 5\u00a0% after Holm’s "
        "correction: Q8-QAT and Teacher; Q8-QAT and KD."
    )
    assert shown.html.startswith('<img src="data:image/svg+xml;base64,') and words in shown.html
    assert pairs_in_words(compare_pairs(three, TABLE_3, ROBUST)).markdown == words
    many = pairs_in_words(compare_pairs(mnli, TABLE_1, ROBUST)).text
    assert re.fullmatch(r"In after-attack accuracy, \d+ of 66 pairs differ .* correction\.", many)


def test_nothing_measured_gives_an_empty_picture_and_says_so():
    nothing = compare_pairs(source_of([]), TABLE_1, ROBUST)
    assert pairs_in_words(nothing).text == "No pair has been compared in after-attack accuracy yet."
    assert "No pair has been compared" in pairs_picture(nothing).html
    assert pairs_list(nothing).text == "no pairs"


def test_the_list_holds_every_pair_the_surest_first(three):
    shown = pairs_list(compare_pairs(three, TABLE_3, ROBUST))
    lines = shown.text.splitlines()
    assert len(lines) == 3 and lines[-1] == "KD − Teacher  0.0  1.000  1.000  2  8"
    assert all(line.startswith("Q8-QAT − ") and line.endswith("2  8  differ") for line in lines[:2])
    assert shown.html.startswith("<details><summary>3 pairs, after-attack accuracy</summary>")
    assert shown.html.count("<strong>") == 2 and "stale" not in shown.html
    stale = replace(three, records=[record | {"stale": True} for record in three.records])
    shown = pairs_list(compare_pairs(stale, TABLE_3, ROBUST))
    assert "stale: measured with an earlier" in shown.html and shown.html.count(">stale</span></td>") == 3
    assert shown.text.count("(stale)") == 3
