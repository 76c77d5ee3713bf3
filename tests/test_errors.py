"""The two errors of the project, and what is told of other libraries' errors."""

import pickle
from pathlib import Path

import pytest

from bert_compression.errors import (
    LINE,
    VALUE,
    BadInput,
    Failure,
    expanded,
    named,
    one_line,
    shown,
    unforeseen,
)


def test_bad_input_is_a_value_error_and_a_failure_is_none():
    assert issubclass(BadInput, ValueError)
    assert not issubclass(Failure, ValueError) and not issubclass(Failure, BadInput)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("no such file"), "no such file"),
        (RuntimeError("\n  sizes differ:\n32 and 64"), "sizes differ:"),
        (ValueError("x" * 4800), "x" * 200),
        (KeyError(), "KeyError"),
        (OSError(" \n "), "OSError"),
    ],
)
def test_another_librarys_error_is_told_in_one_line(error, told):
    assert one_line(error) == told


@pytest.mark.parametrize("kind", [BadInput, Failure])
def test_a_message_is_one_line_that_keeps_its_beginning_and_its_end(kind):
    assert str(kind("a short one: do this")) == "a short one: do this"
    told = str(kind(f"what is wrong: {'x' * 5000}\nwhat to do"))
    assert len(told) == LINE and told.startswith("what is wrong: x") and told.endswith("x what to do")
    assert str(kind("one\n\ttwo\u200bthree\x1b[31m")) == "one two\\u200bthree\\x1b[31m"
    again = pickle.loads(pickle.dumps(kind(told)))  # as from another process
    assert type(again) is kind and str(again) == told


def test_a_value_is_shown_as_python_writes_it_or_its_two_ends():
    assert [shown(value) for value in (7, "word", None, [1, "a"])] == ["7", "'word'", "None", "[1, 'a']"]
    for value in ("x" * 10**6, list(range(10**5)), {"key": "x" * 100}, "line\n" * 100):
        assert len(shown(value)) == VALUE and "\n" not in shown(value)
        assert (shown(value)[:5], shown(value)[-5:]) == (repr(value)[:5], repr(value)[-5:])


def test_a_home_folder_that_is_not_known_leaves_the_path_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/data") == tmp_path / "data"
    for path in ("~nobody-of-that-name/data", "data", ""):
        assert expanded(path) == Path(path)


def test_what_nobody_has_foreseen_is_told_with_its_kind_and_the_line_of_ours():
    assert named(KeyError("columns")) == "KeyError: 'columns'" and named(ValueError()) == "ValueError"
    try:
        expanded.__globals__["_shortened"](3, 3)
    except AttributeError as error:
        told = unforeseen(error)
    assert told.startswith("AttributeError: 'int' object has no attribute 'isprintable' (at errors.py:")
    assert unforeseen(KeyError(3)) == "KeyError: 3"  # none of ours
