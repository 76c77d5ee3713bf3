"""What the pages on miniatures draw and say: matrices, curves, attacks, tables."""

import numpy as np
import pytest
from made_records import cell_record, jobs_of, record_of, source_of

from bert_compression.errors import BadInput
from bert_compression.papers import miniature, same_model
from bert_compression.papers.miniature import (
    ASSOCIATION,
    ATTACK_SETTINGS,
    DISTRIBUTION,
    ERRORS,
    REPRESENTATION,
    WEAKNESSES,
    matrix_of_pairs,
    matrix_of_sets,
    wrong_answers,
)
from bert_compression.papers.miniature.figures import _figure, in_words
from bert_compression.papers.miniature.overlap import CHANCE, SAME, cka_maps
from bert_compression.papers.same_model import FEW_BITS, SAME_MODEL, ranks
from bert_compression.report.records import measured

NOTHING = source_of([])
NAMES = ("large", "tiny")


def answers(model, seed, exact):
    """The first six of every eight questions have an answer."""
    told = {"exact": [int(hit) for hit in exact], "answerable": [1, 1, 1, 1, 1, 1, 0, 0]}
    return cell_record(ERRORS, model, "exact_match", told, seed)


def asked(**exact):
    return source_of(
        [answers(model, seed, hits) for model, seeds in exact.items() for seed, hits in enumerate(seeds)]
    )


TWO = {"large": ("00001111", "00001111"), "tiny": ("00110011", "00000011")}


# Sets


def test_errors_are_what_is_not_exactly_right():
    wrong = wrong_answers(asked(**TWO))
    assert wrong["large", 0].tolist() == [True] * 4 + [False] * 4
    assert set(wrong) == {(name, seed) for name in NAMES for seed in (0, 1)}
    answerable = wrong_answers(asked(**TWO), answerable=True)
    assert answerable["tiny", 0].tolist() == [True, True, False, False, True, True]
    assert wrong_answers(asked(**TWO), answerable=False)["tiny", 0].tolist() == [False, False]


def test_models_are_compared_at_different_seeds_as_one_model_is_with_itself():
    source = asked(large=("00001111", "11111110"), tiny=("00110011", "00000011"))
    matrix = matrix_of_sets(wrong_answers(source))
    # Wrong are 0 to 3 of large and 0 to 5 of tiny's other seed; and 7 with 0, 1, 4, 5.
    assert matrix.of("large", "tiny") == pytest.approx((4 / 6 + 0) / 2) == matrix.of("tiny", "large")
    assert matrix.of("large", "large") == 0.0
    assert matrix.of("tiny", "tiny") == pytest.approx(4 / 6)
    a, b = (4 + 1) / 16, (4 + 6) / 16
    assert matrix.chance[0, 5] == pytest.approx(a * b / (a + b - a * b)) == matrix.chance[5, 0]
    there = np.isfinite(matrix.values)
    assert (matrix.low <= matrix.values)[there].all() and (matrix.values <= matrix.high)[there].all()
    assert matrix.low[0, 5] < matrix.high[0, 5] and matrix.seeds == 2


def test_the_order_in_which_sets_come_changes_nothing():
    sets = wrong_answers(asked(**TWO))
    one, other = (matrix_of_sets(dict(order)) for order in (sets.items(), reversed(sets.items())))
    for name in ("values", "low", "high", "chance"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_association_leaves_out_how_often_models_err():
    sets = wrong_answers(asked(large=("00111111",) * 2, tiny=("00001111",) * 2))
    matrix = matrix_of_sets(sets, ASSOCIATION)
    there = np.isfinite(matrix.values)
    assert there.sum() == 4 and (matrix.values[there] == 1).all() and (matrix.chance[there] == 0).all()
    assert matrix_of_sets(sets).of("large", "tiny") == 0.5
    # What chance gives is not written into every square where it is 0.
    written = [text.get_text() for text in _figure({"small": matrix}).axes[0].texts]
    assert len(written) == 4 * 2 + 2 and not any("(" in text for text in written)
    assert written.count("100.0") == 4 and written.count("two seeds") == 2


def test_with_one_seed_the_diagonal_is_empty_and_a_missing_model_leaves_a_gap():
    gap = matrix_of_sets(wrong_answers(asked(large=("00001111",), tiny=("00110011",))))
    assert np.isnan(gap.values.diagonal()).all()
    assert gap.of("large", "tiny") == pytest.approx(2 / 6) and np.isnan(gap.of("large", "mini"))
    assert np.isnan(matrix_of_sets({}).values).all()


def test_the_heat_map_says_its_numbers():
    matrix = matrix_of_sets(wrong_answers(asked(**TWO)))
    low, high = 100 * matrix.low, 100 * matrix.high
    assert in_words(matrix) == (
        f"tiny with large 50 ({low[5, 0]:.0f} to {high[5, 0]:.0f}); one model with two seeds: "
        f"large 100 (100 to 100), tiny 67 ({low[5, 5]:.0f} to {high[5, 5]:.0f})."
    )
    written = [text.get_text() for text in _figure({"small": matrix}).axes[0].texts]
    chance = 100 * matrix.chance[0, 5]
    assert written[3:6] == ["50.0", f"{low[0, 5]:.1f} to {high[0, 5]:.1f}", f"({chance:.1f})"]
    shown = miniature.heat_map(
        {"small": matrix, "this run": matrix_of_sets({})},
        "error overlap",
        {"small": NOTHING},
        miniature.ERRORS,
    )
    assert shown.text.startswith(
        "Heat map of error overlap, every two models against each other. Panel “small”"
    )
    assert shown.text.endswith("Panel “this run”: nothing yet.") and "<img" in shown.html


def test_errors_are_told_by_what_counts_as_one():
    def f1(model, values):
        return cell_record(ERRORS, model, "exact_match", {"answer_f1": values})

    source = source_of([f1("large", [0, 0.3, 1, 1]), f1("mini", [0, 1, 0.6, 0.9])])
    found = miniature.errors_by_threshold(source).set_index(["other", "setting"]).jaccard
    assert dict(found) == {
        ("mini", 0.25): 100,  # the first question
        ("mini", 0.5): 50,
        ("mini", 0.75): pytest.approx(100 / 3),
        ("mini", 1.0): 25,
    }
    assert miniature.overlap_at(source, 0.5).text.endswith("shared with large: mini 50.0\u00a0%.")
    with pytest.raises(BadInput, match="a threshold of F1 lies above 0 and is at most 1, not 0"):
        miniature.overlap_at(source, 0)


# Pairs


def pair(one, other, seed, metrics, cka=None):
    jobs = jobs_of(REPRESENTATION)[one, f"cka_{other}"]
    job = next(job for job in jobs if job.seed == seed)
    return record_of(job, {"cka": cka} if cka else {}, metrics=metrics)


def shared(value, chance=0.1):
    return {"neighbour_jaccard_5": value, "neighbour_jaccard_5_chance": chance}


def test_a_record_of_a_pair_counts_for_both_models():
    source = source_of(
        [
            pair("large", "tiny", 0, shared(0.2)),
            pair("large", "tiny", 1, shared(0.4)),
            pair("large", "large", 0, shared(0.7)),
        ]
    )
    matrix = matrix_of_pairs(source, "neighbour_jaccard_5")
    assert matrix.of("large", "tiny") == matrix.of("tiny", "large") == pytest.approx(0.3)
    assert matrix.of("large", "large") == 0.7 and np.isnan(matrix.of("tiny", "tiny"))
    assert matrix.chance[0, 5] == 0.1 and matrix.seeds == 2
    told = miniature.overlap_in_words(matrix).text
    assert told.endswith("large 70.0\u00a0%, tiny 30.0\u00a0%.")


def test_a_map_without_a_level_of_chance_writes_none():
    matrix = matrix_of_pairs(source_of([pair("large", "tiny", 0, {"cka_last": 0.4})]), "cka_last")
    assert matrix.of("large", "tiny") == 0.4
    written = [text.get_text() for text in _figure({"small": matrix}).axes[0].texts]
    assert written == ["40.0"] * 2


def test_neighbours_are_told_by_their_number_for_each_model_next_to_the_largest():
    source = source_of(
        [
            pair("large", "mini", 0, shared(0.2, 0.01)),
            pair("large", "mini", 1, shared(0.4, 0.01)),
            pair("large", "large", 0, shared(0.6, 0.01)),
            pair("mini", "tiny", 0, shared(0.9, 0.01)),  # not with the largest
        ]
    )
    table = miniature.neighbours_by_k(source)
    found = table.set_index(["other", "setting"]).jaccard
    assert found["mini", 5] == pytest.approx(30)
    assert found[SAME, 5] == 60 and found[CHANCE, 5] == pytest.approx(1) and len(found) == 3
    tables = {"small": table, "run": miniature.neighbours_by_k(NOTHING)}
    words = miniature.curves(
        tables, "neighbours", "in common", {"small": source}, miniature.REPRESENTATION, logarithmic=True
    ).text
    assert "mini: 30.0 at 5" in words and words.endswith("Panel “run”: nothing yet.")


def test_the_map_of_layers_is_the_mean_over_seeds():
    source = source_of(
        [
            pair("large", "mini", 0, {}, [[0.2, 0.9]]),
            pair("large", "mini", 1, {}, [[0.4, 0.7]]),
            pair("large", "large", 0, {}, [[0.5]]),
            pair("mini", "tiny", 0, {}, [[0.1]]),
        ]
    )
    assert cka_maps(source)["mini"].tolist() == [[pytest.approx(0.3), pytest.approx(0.8)]]
    words = miniature.cka_picture({"small": source, "paper": NOTHING}).text
    assert "Panel “small”: mini: last layers 80. Panel “paper”: nothing yet." in words
    assert miniature.cka_picture({"small": NOTHING}).text.endswith("nothing yet.")


# Out of distribution


def flags(model, seed, outside, k=50, foreign="subjqa", auroc=0.5):
    metrics = {"auroc": auroc, "fpr95": 0.5, "flagged": 0.25}
    told = {"outside": [int(each) for each in outside]}
    return cell_record(DISTRIBUTION, model, f"{foreign}_{k}_flagged", told, seed, metrics=metrics)


def test_flags_are_those_of_one_task_by_one_neighbour():
    source = source_of(
        [
            flags("large", 0, "0110"),
            flags("large", 0, "1111", foreign="policyqa"),
            flags("large", 0, "1111", k=5),
        ]
    )
    found = miniature.flagged(source, "subjqa")
    assert found["large", 0].tolist() == [False, True, True, False] and len(found) == 1
    assert miniature.foreign_tasks(source) == ["policyqa", "subjqa"]


def test_flags_are_told_by_the_neighbour_that_counts():
    source = source_of(
        [
            *(flags("large", 0, "1100", 5), flags("mini", 0, "1010", 5)),
            *(flags("large", 0, "1100", 50), flags("mini", 0, "1000", 50)),
            *(flags("large", 1, "1110", 50), flags("large", 0, "1111", 50, "policyqa")),
        ]
    )
    found = dict(miniature.flagged_by_k(source, "subjqa").set_index(["other", "setting"]).jaccard)
    # With two seeds, models are compared at different ones: "1110" with "1000".
    third = pytest.approx(100 / 3)
    assert found == {("mini", 5): third, ("mini", 50): third, (SAME, 50): pytest.approx(200 / 3)}


def test_detection_has_a_line_a_model_and_columns_for_every_set():
    source = source_of(
        [
            flags("large", 0, "1", auroc=0.8),
            flags("large", 1, "1", auroc=0.9),
            flags("mini", 0, "1", foreign="policyqa", auroc=0.6),
            flags("mini", 0, "1", k=5, auroc=0.1),
        ]
    )
    shown = miniature.ood_table({"small": source, "paper": NOTHING})
    rows = {line.split("  ")[0]: line.split("  ")[1:] for line in shown.text.splitlines()[1:]}
    assert rows["large"] == ["not run"] * 3 + ["85.0 ± 7.1", "50.0 ± 0.0", "25.0 ± 0.0"]
    assert rows["mini"] == ["60.0", "50.0", "25.0"] + ["not run"] * 3
    assert "small, policyqa" in shown.html and "small, subjqa" in shown.html


# Attacks


def attacked(model, outcomes, queries=None, seed=0, recipe="textbugger", **others):
    found = [int(digit) for digit in outcomes]
    share = {digit: found.count(digit) / len(found) for digit in (0, 1, 2)}
    metrics = {
        "clean_accuracy": 1 - share[0],
        "after_attack_accuracy": share[1],
        "degradation": share[2],
        "relative_degradation": share[2] / (1 - share[0]),
    }
    told = {"outcomes": found, "queries": queries or [1] * len(found)}
    return cell_record(
        WEAKNESSES, model, f"{recipe}_degradation", told, seed, **({"metrics": metrics} | others)
    )


def test_each_model_and_seed_falls_as_its_queries_say():
    source = source_of(
        [
            attacked("tiny", "0222", [1, 10, 20, 30]),
            attacked("large", "1222", [200, 50, 60, 100]),
            attacked("large", "1112", [200, 50, 60, 100], seed=1),
            attacked("tiny", "2222", [1, 1, 1, 1], seed=1, status="failed", error="died"),
        ]
    )
    table = miniature.budget_table(source)
    assert list(dict.fromkeys(table.model)) == ["large", "tiny"]
    found = table.set_index(["model", "seed", "budget"]).accuracy
    assert found["large", 0, 0] == found["large", 1, 50] == 100 and found["tiny", 0, 0] == 75
    assert found["large", 0, 50] == 75 and found["large", 0, 100] == 25 and found["tiny", 0, 50] == 0
    assert found["large", 1, 100] == 75 and ("tiny", 1, 0) not in found.index
    assert table.budget.max() == 200
    words = miniature.budget_picture(
        {"small": table, "run": miniature.budget_table(NOTHING)}, {"small": source}, miniature.WEAKNESSES
    ).text
    assert "TextBugger on large: 100 at 0, 88 at 50, 50 at 100, 50 at 200;" in words
    assert words.endswith("Panel “run”: nothing yet.")
    told = miniature.left_within(source, 50).text
    assert "TextBugger, 50 queries: large 87.5\u00a0%, tiny 0.0\u00a0%" in told
    with pytest.raises(BadInput, match="a budget of queries is at least 0, not -1"):
        miniature.left_within(source, -1)


def test_arrows_lead_from_before_to_after_the_largest_first():
    source = source_of(
        [attacked("tiny", "0122"), attacked("large", "1112"), attacked("large", "1111", seed=1)]
    )
    table = miniature.degradation_table(source)
    assert table.model.tolist() == ["large", "tiny"]
    words = miniature.degradation_picture(
        {"small": table}, "model", {"small": source}, miniature.WEAKNESSES
    ).text
    assert "Panel “small, TextBugger”: large 100 to 88, tiny 75 to 25." in words
    nothing = miniature.degradation_picture(
        {"small": miniature.degradation_table(NOTHING)}, "model", {"small": NOTHING}, miniature.WEAKNESSES
    )
    assert nothing.text.endswith("Nothing yet.")


def test_settings_of_an_attack_are_told_apart():
    metrics = {"clean_accuracy": 1.0, "after_attack_accuracy": 0.5}
    records = [
        cell_record(ATTACK_SETTINGS, "large", name, metrics=metrics)
        for name in ("published", "candidates_12", "subwords_False")
    ]
    assert set(miniature.settings_table(source_of(records)).settings) == {
        "K = 48, threshold 0, sub-words on",
        "K = 12, threshold 0, sub-words on",
        "K = 48, threshold 0, sub-words off",
    }


def test_the_largest_models_seeds_are_compared_with_the_other_models():
    def lost(model, share, seed):
        return attacked(model, "12", seed=seed, metrics={"relative_degradation": share})

    seeds = [lost("large", 0.5, 1), lost("large", 0.75, 0)]
    small = [lost("tiny", 0.7, 0), lost("tiny", 0.8, 1), lost("mini", 0.625, 0)]
    assert miniature.between_seeds(source_of([*small, *seeds])).text == (
        "TextBugger takes 75.0 and 50.0 % of the accuracy of large, seed by seed: 25.0 points apart. "
        "The means of the other models lie within 12.5 points of the mean of these."
    )
    for missing in (seeds, [*small, seeds[0]], []):
        assert "not been attacked yet" in miniature.between_seeds(source_of(missing)).text


# Together


def test_every_reported_number_has_a_line_and_ours_are_ranges_over_the_smaller_models():
    source = source_of(
        [
            *(
                answers("large", 0, "00110000"),
                answers("mini", 0, "01100000"),
                answers("tiny", 0, "00000000"),
            ),
            pair("large", "mini", 0, {"neighbour_jaccard_50": 0.1}),
            pair("large", "tiny", 0, {"neighbour_jaccard_50": 0.04}),
            attacked("tiny", "12", metrics={"relative_degradation": 0.9}),
            attacked("tiny", "12", seed=1, metrics={"relative_degradation": 0.7}),
        ]
    )
    lines = miniature.key_numbers(source).text.splitlines()[1:]
    assert lines[0].endswith("22.0 to 52.8  71.4 to 75.0")
    assert lines[1].endswith("3.0 to 5.0  4.0 to 10.0; 4.0 to 10.0 for K from 5 to 100")
    (tiny,) = (line for line in lines if "TextBugger, relative" in line and "Tiny-BERT" in line)
    assert tiny.endswith("87  80.0")
    (large,) = (line for line in lines if "BERT-ATTACK, points" in line and "BERT-large" in line)
    assert large.endswith("40  not run")
    nothing = miniature.key_numbers(NOTHING)
    assert nothing.text.count("not run") == 2 + 8 and "<table" in nothing.html


def test_models_are_ranked_by_all_measures_that_each_of_them_has():
    def similar(method, column, value):
        return cell_record(SAME_MODEL, method, column, metrics={column: value})

    source = source_of(
        [
            similar("kd", "label_loyalty", 0.9),
            similar("pkd", "label_loyalty", 0.8),
            similar("other_seed", "label_loyalty", 0.95),
            similar("kd", "cka_last", 0.1),
            similar("pkd", "cka_last", 0.3),
            similar("theseus", "label_loyalty", 0.7),  # and no CKA: so that does not count
        ]
    )
    assert dict(ranks(measured(source, SAME_MODEL))) == {"kd": 1.0, "pkd": 2.0, "theseus": 3.0}
    words = same_model.same_model_picture({"small": source, "this run": NOTHING}).text
    assert "Pure KD: label loyalty 90.0, cka, last layer 10.0" in words
    assert same_model.same_model_picture({"small": NOTHING}).text.endswith("Nothing yet.")
    both = {
        "small": same_model.both(source),
        "this run": same_model.both(source_of([similar("tinybert", "label_loyalty", 0.6)])),
    }
    assert same_model._order(both) == ["kd", "pkd", "theseus", "tinybert"]


def test_models_of_few_bits_are_ranked_with_the_others_and_their_teacher_stands_once():
    two, one = (row.method for row in FEW_BITS.rows[2:])
    loyal = [
        cell_record(table, method, "label_loyalty", metrics={"label_loyalty": value})
        for table, method, value in ((SAME_MODEL, "kd", 0.9), (FEW_BITS, two, 0.95), (FEW_BITS, one, 0.7))
    ]
    told = same_model.both(source_of(loyal))
    assert not told.index.duplicated().any()
    assert told.loc[("other_seed", "accuracy"), "status"] == "not asked"
    assert list(ranks(told).index) == [two, "kd", one]
    words = same_model.same_model_picture({"small": source_of(loyal)}).text
    assert "2 bits: label loyalty 95.0" in words and words.count("Teacher, another seed") == 1
