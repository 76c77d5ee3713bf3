"""The two errors of the project, and what is told of other libraries' errors."""

import pytest

from bert_compression.errors import BadInput, Failure, one_line


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
