"""The paper's few numbers and ours."""

from bert_compression.report.likeness.key_numbers import key_numbers

METHODS = ("large", "mini", "tiny")


def test_every_reported_number_has_a_line_and_ours_are_ranges_over_the_smaller_models(record):
    def answers(method, exact):
        return record("answer", method, 0, {}, {"exact": exact})

    def alike(other, value):
        params = {"seed": 0, "other": other, "other_seed": 0}
        return record("alike", "large", 0, {"neighbour_jaccard_50": value}, params=params)

    def attacked(method, share):
        params = {"seed": 0, "recipe": "textbugger"}
        return record("weakness", method, 0, {"relative_degradation": share}, params=params)

    errors = [answers("large", "0011"), answers("mini", "0110"), answers("tiny", "0000")]
    pairs = [alike("mini", 0.1), alike("tiny", 0.04)]
    lines = key_numbers(errors, pairs, [attacked("tiny", 0.9), attacked("tiny", 0.7)], METHODS).text.split(
        "\n"
    )
    assert lines[0].endswith("22.0 to 52.8  33.3 to 50.0")
    assert lines[1].endswith("3.0 to 5.0  4.0 to 10.0")
    (tiny,) = (line for line in lines if "TextBugger, relative" in line and "Tiny-BERT" in line)
    assert tiny.endswith("87  80.0")
    (large,) = (line for line in lines if "BERT-ATTACK, points" in line and "BERT-large" in line)
    assert large.endswith("40  not run")


def test_with_nothing_measured_the_reported_numbers_stand_alone():
    shown = key_numbers([], [], [], METHODS)
    assert shown.text.count("not run") == 2 + 8 and "<table" in shown.html
