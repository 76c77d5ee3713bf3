"""Recaps, questions to unfold and tables."""

import numpy as np
import pytest

from bert_compression import workshop
from bert_compression.workshop import CHECKS, lesson


@pytest.fixture
def given(monkeypatch, small_models):
    """Models without the wait for them."""
    monkeypatch.setattr(lesson, "small_models", lambda: small_models)


def test_a_recap_puts_everything_in_place_for_who_comes_late(given, capsys):
    names = {}
    workshop.recap(3, names)
    functions = [check.name for check in CHECKS if check.part < 3]
    assert len(functions) == 5
    data = ["gold", "answers", "outcomes", "as_found", "judged", "labels", "teacher", "student"]
    assert list(names) == ["np", "torch", *data, *functions]
    assert all(names[check.name] is check.reference for check in CHECKS if check.part < 3)
    told = capsys.readouterr().out
    books = f"The book's functions, where yours are missing or not right: {', '.join(functions)}."
    assert told.split() == f"Part 3: ready. Data and models: {', '.join(data)}. {books}".split()
    assert max(map(len, told.splitlines())) <= 78


def test_a_recap_keeps_what_is_a_learners_own_and_right(given, capsys):
    def mine(teacher_labels, student_labels):
        return (teacher_labels == student_labels).mean()

    names = {"label_loyalty": mine, "error_overlap": lambda gold, a, b: ..., "student": "my student"}
    workshop.recap(2, names)
    assert names["label_loyalty"] is mine and names["student"] == "my student"
    assert names["error_overlap"] is workshop.check_error_overlap.reference
    told = " ".join(capsys.readouterr().out.split())
    assert "Your own functions, which are right: label_loyalty. The book's" in told
    assert told.endswith(": error_overlap, probability_loyalty.")
    workshop.recap(2, names)  # the same a second time
    assert names["label_loyalty"] is mine


def test_the_first_part_needs_no_function(given, capsys):
    workshop.recap(1, {})
    assert "function" not in capsys.readouterr().out


def test_what_unfolds_is_html_alone_and_escaped():
    shown = workshop.unfold("a < b?", "<b> & c")
    assert shown._repr_html_() == "<details><summary>a &lt; b?</summary><p>&lt;b&gt; &amp; c</p></details>"
    assert repr(shown) == "a < b?\n<b> & c"


def test_a_table_unfolds_as_a_table_with_what_is_said_of_it():
    table = workshop.table("A caption", ["Bits", "Accuracy"], [["8", 0.5]])
    shown = workshop.unfold("How much?", table, "Half of it.")
    drawn = shown._repr_html_()
    assert drawn.startswith("<details><summary>How much?</summary>")
    assert table.html in drawn and drawn.endswith("<p>Half of it.</p></details>")
    assert repr(shown) == f"How much?\n{table.text}\nHalf of it."


def test_a_table_prints_fractions_in_percent_and_words_as_they_are():
    rows = [["kd", np.float64(0.5), 1], ["8", "fooled", -0.25]]
    assert workshop.table("A caption", ["Model", "One", "Two"], rows).text.splitlines()[1:] == [
        "kd  50.0  100.0",
        "8  fooled  −25.0",
    ]
