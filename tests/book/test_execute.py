"""A notebook's execution: its parameters are checked before anything runs."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from tiny_notebooks import write_notebook

from bert_compression.book.execute import (
    accepts,
    check_values,
    declared_parameters,
    execute,
    kept,
    read_values,
)
from bert_compression.errors import BadInput


def test_parameters_are_read_with_their_types(tmp_path):
    declared = declared_parameters(write_notebook(tmp_path / "n.ipynb"))
    assert declared == {"profile": "str", "seeds": "list[int]", "rate": "float", "quick": "bool"}


def test_comments_and_a_default_over_several_lines_are_no_matter(tmp_path):
    seeds = "# How many?\nseeds: list[int] = [\n    0,  # the first\n    1,\n]  # which seeds"
    path = write_notebook(tmp_path / "n.ipynb", parameters=f'{seeds}\n\nnote: str = ""  # one')
    declared = declared_parameters(path)
    assert declared == {"seeds": "list[int]", "note": "str"}


def test_a_notebook_without_a_parameters_cell_declares_none(tmp_path):
    nbformat.write(new_notebook(cells=[new_code_cell("profile = 'smoke'")]), tmp_path / "n.ipynb")
    assert declared_parameters(tmp_path / "n.ipynb") == {}


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "quick = False",
        "rate += 1",
        "seeds: list[int] | None = None",  # papermill does not see this one
        "note: str = 'a=b'",  # nor this
        "angle: complex = 1j",
        "seeds: list[complex] = []",
        "seeds: int[int] = 1",
    ],
)
def test_what_is_no_declared_parameter_is_refused(tmp_path, line):
    with pytest.raises(BadInput) as refused:
        declared_parameters(write_notebook(tmp_path / "n.ipynb", parameters=f"rate: float = 0.5\n{line}"))
    assert str(refused.value) == (
        f"n.ipynb has {line!r} among its parameters: write `name: type = default` in one line with one "
        "equals sign; a type is one of str, int, float, bool, list, or list[...] of these"
    )


def test_parameters_that_are_no_python_are_told_in_one_line(tmp_path):
    path = write_notebook(tmp_path / "n.ipynb", parameters="%pip install this")
    with pytest.raises(BadInput) as refused:
        declared_parameters(path)
    assert (
        str(refused.value) == f"the parameters of {path} cannot be read: invalid syntax (<unknown>, line 1)"
    )


@pytest.mark.parametrize(
    ("kind", "fitting", "unfitting"),
    [
        ("str", ["", "small"], [1, None, ["a"]]),
        ("int", [0, 3], [True, 1.0, "3"]),
        ("float", [0.5, 1], [True, "0.5"]),
        ("bool", [True], [1, "True"]),
        ("list[int]", [[], [0, 1]], [[0.5], ["0"], [True], 0, None]),
        ("list[list[str]]", [[], [["a"], []]], [["a"], [[1]]]),
        ("list", [[1, "a"]], [(1, 2)]),
    ],
)
def test_a_value_is_compared_with_the_declared_type(kind, fitting, unfitting):
    assert [accepts(kind, value) for value in fitting] == [True] * len(fitting)
    assert [accepts(kind, value) for value in unfitting] == [False] * len(unfitting)


def test_an_unknown_parameter_is_refused_with_the_known_ones(tmp_path):
    declared = declared_parameters(write_notebook(tmp_path / "n.ipynb"))
    check_values("notebooks/n", declared, {"seeds": [0, 1], "rate": 1})
    with pytest.raises(BadInput) as refused:
        check_values("notebooks/n", declared, {"seed": [0]})
    assert str(refused.value) == "notebooks/n has no parameter 'seed': it has profile, seeds, rate, quick"


def test_a_value_of_the_wrong_type_is_refused_with_the_expected_one(tmp_path):
    declared = declared_parameters(write_notebook(tmp_path / "n.ipynb"))
    with pytest.raises(BadInput) as refused:
        check_values("notebooks/n", declared, {"seeds": "three"})
    assert str(refused.value) == "notebooks/n needs seeds to be of type list[int], not 'three'"


def test_values_from_a_command_line_are_literals_or_text():
    read = read_values(["seeds=[0, 1]", "rate=0.5", "profile=small", "note=a=b", "nothing=None"])
    assert read == {"seeds": [0, 1], "rate": 0.5, "profile": "small", "note": "a=b", "nothing": None}
    with pytest.raises(BadInput) as refused:
        read_values(["seeds"])
    assert str(refused.value) == "a notebook's parameter is written name=value, not 'seeds'"


def test_on_a_busy_machine_what_a_cell_has_written_may_come_late(clone):
    # The kernel says that a cell has been run, and only later that nothing more will come of it.
    late = """import time
kernel = get_ipython().kernel
publish = kernel._publish_status

def publish_late(status, *others, **named):
    time.sleep(6 if status == "idle" else 0)
    publish(status, *others, **named)

kernel._publish_status = publish_late
print("late")"""
    source = write_notebook(clone / "notebooks" / "tiny.ipynb", late)
    executed = execute(source, {}, clone)
    assert executed.cells[-1].outputs[0].text == "late\n"


def test_a_half_written_copy_counts_as_none(tmp_path):
    (tmp_path / "n.ipynb").write_text('{"cells": [')
    assert kept(tmp_path / "n.ipynb") is None
