"""The book's building: each notebook gets its values, and runs only when need be."""

import json
import sys
from dataclasses import replace

import nbformat
import pytest
from filelock import FileLock
from tiny_notebooks import write_notebook

from bert_compression.book.build import Notebook, build, planned, refresh, stamp, state, surroundings
from bert_compression.book.execute import kept
from bert_compression.errors import BadInput, Failure
from bert_compression.tasks import open_source

BUILTIN = open_source(None, True)


def refreshed(run, say):
    return refresh(run, surroundings(None), BUILTIN, say, live=False)


def facts(path):
    return kept(path).metadata["bert_compression"]


def test_a_plan_offers_values_and_demands_parameters(clone):
    (run,) = planned(clone, {"profile": "small", "data": "/somewhere"}, None, {"seeds": [3]})
    assert run.values == {"profile": "small", "seeds": [3]}  # data is offered, and this notebook has none
    (run,) = planned(clone, {"profile": "small"}, ["tiny"], {})
    assert run.name == "notebooks/tiny"
    with pytest.raises(BadInput) as refused:
        planned(clone, {}, ["huge"], {})
    assert str(refused.value) == "unknown notebook 'huge': the book has notebooks/tiny"


def test_a_notebook_runs_with_this_interpreter_once_and_again_when_the_library_changed(clone):
    (run,) = planned(clone, {"profile": "smoke"}, None, {"seeds": [0, 1]})
    executed, said = clone / "_build" / "executed" / "notebooks" / "tiny.ipynb", []
    copy, _ = refreshed(run, said.append)
    output = nbformat.read(executed, as_version=4).cells[-1].outputs[0].text
    assert output == f"{sys.executable} smoke [0, 1]\n"
    assert facts(executed)["parameters"] == {"profile": "smoke", "seeds": [0, 1]}

    before = executed.read_bytes()
    again, _ = refreshed(run, said.append)
    assert said[-1] == "notebooks/tiny: unchanged"
    assert executed.read_bytes() == before
    assert json.dumps(again) == json.dumps(copy)  # down to the order of names, which the status page tells

    # What would make it run again, without running it.
    digest = facts(executed)["digest"]
    assert state(run, surroundings(None)) == digest
    for name in ("lib/bert_compression/code.py", "results/small/records.jsonl", ".store/ab/abc/record.json"):
        path = clone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.read_text() if path.exists() else None
        path.write_text("two = 2\n")
        assert state(run, surroundings(None)) != digest, name
        path.unlink() if there is None else path.write_text(there)
    assert state(replace(run, values={"profile": "small"}), surroundings(None)) != digest
    assert state(run, surroundings(None)) == digest


def test_a_failing_cell_gives_one_line_and_leaves_the_earlier_copy(clone):
    executed = clone / "_build" / "executed" / "notebooks" / "tiny.ipynb"
    executed.parent.mkdir(parents=True)
    executed.write_text("the earlier copy")
    source = write_notebook(clone / "notebooks" / "tiny.ipynb", "raise ValueError('no such\\nthing')")
    with pytest.raises(Failure) as failed:
        refreshed(Notebook("notebooks/tiny", source, {}, executed), print)
    log = clone / "_build" / "notebook.log"
    assert str(failed.value) == f"tiny.ipynb stopped in cell 2 with ValueError: no such (more in {log})"
    assert "raise ValueError" in log.read_text()
    assert [path.name for path in executed.parent.iterdir()] == ["tiny.ipynb"]
    assert executed.read_text() == "the earlier copy"


def test_a_build_folder_that_cannot_be_written_to_is_told_in_one_line(clone):
    place = clone / "_build" / "executed"
    place.parent.mkdir()
    place.write_text("a file where the folder should be")
    with pytest.raises(BadInput) as refused:
        build(quiet=True)
    assert str(refused.value) == (
        f"{place} cannot be written to (Not a directory): free some space, or make it writable"
    )


def test_a_notebook_that_is_named_and_not_there_is_told_in_one_line(clone):
    source = clone / "notebooks" / "tiny.ipynb"
    source.unlink()
    with pytest.raises(BadInput) as refused:
        build(quiet=True)
    assert str(refused.value) == (
        f"book/_toc.yml names notebooks/tiny, and {source} is not there: write it, or take it out"
    )


def test_a_parameter_goes_to_the_notebooks_that_declare_it_and_must_be_declared_somewhere(clone):
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    nbformat.write(other, clone / "notebooks" / "plain.ipynb")
    toc = clone / "book" / "_toc.yml"
    toc.write_text(toc.read_text().replace("notebooks/tiny", "notebooks/tiny\n  - file: notebooks/plain"))
    tiny, plain = planned(clone, {"profile": "small"}, None, {"seeds": [3]})
    assert (tiny.values, plain.values) == ({"profile": "small", "seeds": [3]}, {})
    with pytest.raises(BadInput) as refused:
        planned(clone, {}, ["plain"], {"seeds": [3]})
    assert "notebooks/plain has no parameter 'seeds'" in str(refused.value)
    with pytest.raises(BadInput) as refused:
        planned(clone, {}, None, {"sedes": [3]})
    assert str(refused.value).startswith("no notebook has a parameter 'sedes': there are ")


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"profile": "huge"}, "unknown profile 'huge': choose one of smoke, small, paper"),
        ({"seeds": -3}, "seeds must be from 1 to 10,000, not -3"),
    ],
)
def test_sizes_are_refused_before_any_notebook_runs(clone, values, line):
    declared = 'profile: str = "smoke"\nseeds: int = 0'
    write_notebook(clone / "notebooks" / "tiny.ipynb", parameters=declared)
    assert planned(clone, {}, None, {"seeds": 3})[0].values == {"seeds": 3}
    with pytest.raises(BadInput) as refused:
        build(parameters=values, quiet=True)
    assert str(refused.value) == line
    assert not (clone / "_build" / "executed").exists()


def test_two_builds_at_once_are_refused_in_one_line(clone):
    folder = clone / "_build"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / ".lock"), pytest.raises(BadInput) as refused:
        build(quiet=True)
    assert str(refused.value) == f"another build is at work in {folder}: wait until it has ended"


def test_slides_of_the_workshop_are_staged_for_the_site(clone, monkeypatch):
    lesson = write_notebook(clone / "notebooks" / "workshop" / "lesson.ipynb", "print(6 * 7)")
    notebook = nbformat.read(lesson, as_version=4)
    for cell in notebook.cells[::2]:
        cell.metadata["slideshow"] = {"slide_type": "slide"}
    nbformat.write(notebook, lesson)
    with (clone / "book" / "_toc.yml").open("a") as toc:
        toc.write("  - file: notebooks/workshop/lesson\n")
    monkeypatch.setattr(sys.modules[build.__module__], "render", lambda *_: False)
    build(quiet=True)
    page = (clone / "_build" / "stage" / "_static" / "lesson_slides.html").read_text()
    assert page.count("<section ") == 2 and "42" in page


def test_what_another_notebook_adds_to_the_store_makes_no_copy_old(clone):
    (run,) = planned(clone, {"profile": "smoke"}, None, {"seeds": [0, 1]})
    executed, said = clone / "_build" / "executed" / "notebooks" / "tiny.ipynb", []
    copy, _ = refreshed(run, said.append)
    record = clone / ".store" / "ab" / "abc" / "record.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    stamp(run, copy, surroundings(None))
    refreshed(run, said.append)
    assert said[-1] == "notebooks/tiny: unchanged"
    assert facts(executed)["parameters"] == {"profile": "smoke", "seeds": [0, 1]}
