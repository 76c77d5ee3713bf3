"""What goes wrong around a build ends in one line, early, and the site that was there stays."""

import errno
import json
import os
import shutil
import sys
from unittest.mock import Mock

import papermill
import pytest
from tiny_notebooks import write_notebook

from bert_compression.book import render as rendering
from bert_compression.book.build import build
from bert_compression.book.execute import execute, keep, kept, read_notebook
from bert_compression.book.render import render
from bert_compression.book.stage import pages, read_settings, stage
from bert_compression.errors import LINE, BadInput, Failure

building = sys.modules[build.__module__]  # the package's name for it is that of its function


def refused(call, *arguments, kind=BadInput, **named):
    """The one line that is told."""
    with pytest.raises(kind) as told:
        call(*arguments, **named)
    line = str(told.value)
    assert len(line) <= LINE and "\n" not in line
    return line


@pytest.fixture
def never(monkeypatch):
    """No notebook is executed meanwhile."""

    def executed(*arguments, **named):
        raise AssertionError("a notebook was executed")

    monkeypatch.setattr(building, "execute", executed)


# What lies in the way


@pytest.mark.parametrize("name", ["_build", "_build/html"])
@pytest.mark.parametrize("what", ["a link", "a file"])
def test_what_lies_in_the_place_of_the_site_is_told_before_anything_runs(clone, never, name, what):
    place = clone / name
    place.parent.mkdir(exist_ok=True)
    if what == "a link":
        place.symlink_to(clone / "nowhere")
    else:
        place.write_text("in the way")
    assert refused(build, quiet=True) == f"{place} is {what}, and a folder is to be there: take it away"
    assert os.path.lexists(place) and not (clone / "nowhere").exists()


def test_the_build_folder_may_be_a_link_to_another_disk(clone, monkeypatch):
    (clone / "elsewhere").mkdir()
    (clone / "_build").symlink_to(clone / "elsewhere")
    monkeypatch.setattr(building, "planned", lambda *arguments: [])
    monkeypatch.setattr(building, "stage", Mock(side_effect=Failure("so far")))
    with pytest.raises(Failure, match="so far"):
        build(quiet=True)
    assert (clone / "elsewhere" / "executed").is_dir()


# Notebooks


BROKEN_NOTEBOOKS = {
    "no JSON": "hello",
    "nothing": "",
    "torn": '{"cells": [',
    "an object": "{}",
    "a list": "[]",
    "no object": "null",
    "deep": "[" * 100_000,
    "cells that are none": '{"cells": ["a"], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    "no metadata": '{"cells": [], "nbformat": 4, "nbformat_minor": 5}',
    "a number for a source": json.dumps(
        {
            "cells": [{"cell_type": "markdown", "metadata": {}, "source": 5}],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 4,
        }
    ),
    "null for tags": json.dumps(
        {
            "cells": [{"cell_type": "markdown", "metadata": {"tags": None}, "source": ""}],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 4,
        }
    ),
    "no UTF-8": b"\xe9",
}


@pytest.mark.parametrize("content", BROKEN_NOTEBOOKS.values(), ids=BROKEN_NOTEBOOKS)
def test_a_notebook_that_is_none_is_named_before_anything_runs(clone, never, content):
    path = clone / "notebooks" / "tiny.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert refused(build, quiet=True).startswith(f"{path} is no notebook: ")


def test_a_notebook_of_an_earlier_format_is_to_be_saved_anew(clone):
    path = clone / "notebooks" / "tiny.ipynb"
    path.write_text('{"worksheets": [], "metadata": {}, "nbformat": 3, "nbformat_minor": 0}')
    told = f"{path} is a notebook of format 3: save it anew in format 4"
    assert refused(read_notebook, path) == told


@pytest.mark.parametrize("content", BROKEN_NOTEBOOKS.values(), ids=BROKEN_NOTEBOOKS)
def test_an_executed_copy_that_is_no_notebook_counts_as_none(tmp_path, content):
    path = tmp_path / "copy.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert kept(path) is None


def test_an_executed_copy_whose_cells_have_changed_counts_as_none(tmp_path):
    path = write_notebook(tmp_path / "copy.ipynb", "1 + 1")
    notebook = read_notebook(path)
    assert kept(path) is None
    notebook.metadata["bert_compression"] = {"seconds": 1.0}
    keep(notebook, path, digest="abc")
    told = kept(path).metadata["bert_compression"]
    assert (told["seconds"], told["digest"]) == (1.0, "abc")
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "cells": told["cells"][:1]}))
    assert kept(path) is None


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("raise ValueError('x' * 5000)", "tiny.ipynb stopped in cell 2 with ValueError: xxx"),
        ("raise RuntimeError", "tiny.ipynb stopped in cell 2 with RuntimeError: no message"),
        ("import os; os._exit(1)", "tiny.ipynb stopped because its Python died"),
        ("print((", "tiny.ipynb stopped in cell 2 with "),
    ],
)
def test_a_cell_that_goes_wrong_is_told_in_one_line(clone, capfd, cell, told):
    source = write_notebook(clone / "notebooks" / "tiny.ipynb", cell)
    assert refused(execute, source, {}, clone, kind=Failure).startswith(told)
    assert capfd.readouterr() == ("", "")


def test_a_kernel_that_starts_late_is_waited_for_and_one_that_never_comes_is_one_line(clone, monkeypatch):
    asked = {}

    def silent(*arguments, **named):
        asked.update(named)
        raise RuntimeError("Kernel didn't respond in 300 seconds")

    monkeypatch.setattr(papermill, "execute_notebook", silent)
    source = clone / "notebooks" / "tiny.ipynb"
    told = refused(execute, source, {}, clone, kind=Failure)
    assert told.startswith("tiny.ipynb could not be executed: RuntimeError: Kernel didn't respond in 300 sec")
    assert asked["start_timeout"] >= 300


# The table of contents, and the configuration


@pytest.mark.parametrize(
    "content",
    [
        "root: index",
        "root: index\nparts: 3",
        "root: index\nparts:\n- caption: Part",
        "root: index\nparts:\n- chapters:\n  - url: x",
        "root: index\nparts:\n- chapters:\n  - file: 7",
        "root: 5\nparts: []",
        "a: &a [*a]",
    ],
)
def test_a_table_of_contents_of_another_shape_is_named_before_anything_runs(clone, never, content):
    toc = clone / "book" / "_toc.yml"
    toc.write_text(content)
    told = f"{toc} must name a `root`, and `parts`, each with `chapters`, each with a `file`"
    assert refused(build, quiet=True) == told


UNREADABLE = {
    "root: [index": "line 2 cannot be read: ",
    "title: !!python/object/apply:os.system [x]": "line 1 cannot be read: ",
    b"\xe9": "cannot be read: 'utf-8' codec",
    "[" * 100_000: "cannot be read: ",
    "": "must hold names with values, and holds None",
    "[]": "must hold names with values, and holds []",
    "3": "must hold names with values, and holds 3",
}


@pytest.mark.parametrize("name", ["book/_toc.yml", "_config.yml"])
@pytest.mark.parametrize(("content", "told"), UNREADABLE.items(), ids=map(str, range(len(UNREADABLE))))
def test_settings_that_are_none_are_named_before_anything_runs(clone, never, name, content, told):
    path = clone / name
    path.write_bytes(content if isinstance(content, bytes) else f"{content}\n".encode())
    line = refused(build, quiet=True)
    assert line.startswith(f"{path}") and told in line


def test_a_table_of_contents_that_is_not_there_is_named(clone, never):
    (clone / "book" / "_toc.yml").unlink()
    told = f"{clone / 'book' / '_toc.yml'} cannot be read: "
    assert refused(build, quiet=True).startswith(told)


def test_a_page_that_is_named_and_not_there_is_told_before_anything_runs(clone, never):
    page = clone / "book" / "index.md"
    page.unlink()
    page.symlink_to("nowhere")
    told = f"book/_toc.yml names index, and {page} is not there: write it, or take it out"
    assert refused(build, quiet=True) == told


def test_settings_are_names_with_values(clone):
    assert read_settings(clone / "_config.yml")["title"] == "Tiny"
    assert pages(clone / "book") == ["index", "notebooks/tiny"]


# Staging and rendering


def staged(clone):
    folder = clone / "_build" / "stage"
    executed = read_notebook(clone / "notebooks" / "tiny.ipynb")
    stage(clone / "book", {"notebooks/tiny": executed}, folder, {})
    return folder


def test_a_dead_link_among_the_pages_is_named(clone):
    (clone / "book" / "figure.png").symlink_to("nowhere")
    told = refused(staged, clone, kind=Failure)
    assert told.startswith(
        f"{clone / 'book' / 'figure.png'} cannot be copied into {clone / '_build' / 'stage'}"
    )


def test_a_page_that_is_no_utf8_is_named(clone):
    (clone / "book" / "index.md").write_bytes(b"# caf\xe9")
    told = refused(staged, clone)
    assert told.startswith(f"{clone / 'book' / 'index.md'} is no text in UTF-8: save it anew (")


BOOK = """import pathlib, sys
site = pathlib.Path(sys.argv[sys.argv.index("--path-output") + 1], "_build", "html")
(site / "notebooks").mkdir(parents=True)
(site / "_sources").mkdir()
(site / "index.html").write_text("the new site")
(site / "notebooks" / "tiny.html").write_text("")"""


@pytest.fixture
def site(clone, monkeypatch):
    """The good site of an earlier build; the next one is made without Jupyter Book."""
    monkeypatch.setattr(rendering, "JUPYTER_BOOK", BOOK)
    folder = clone / "_build" / "html"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("the good site")
    (clone / "_build" / "book.zip").write_text("the good archive")
    return folder


def full(*arguments, **named):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("owner", "step"),
    [(shutil, "make_archive"), (rendering, "add_mathjax"), (rendering, "mend_pages")],
    ids=["archive", "mathjax", "pages"],
)
def test_a_disk_that_fills_meanwhile_leaves_the_site_and_its_archive(clone, site, monkeypatch, owner, step):
    pages = staged(clone)
    with monkeypatch.context() as during:
        during.setattr(owner, step, full)
        with pytest.raises(OSError):
            render(clone, site.parent, pages)
    assert (site / "index.html").read_text() == "the good site"
    assert (site.parent / "book.zip").read_text() == "the good archive"
    assert render(clone, site.parent, pages)  # the next build is not up to date
    assert (site / "index.html").read_text() == "the new site"
    assert (site.parent / "book.zip").read_bytes()[:2] == b"PK"
    assert not (site.parent / "fresh").exists()


def test_a_full_disk_in_jupyter_books_log_is_an_error_of_the_disk(clone, site, monkeypatch):
    monkeypatch.setattr(rendering, "JUPYTER_BOOK", "open('/dev/full', 'wb', 0).write(b'x')")
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no device that is always full")
    with pytest.raises(OSError) as told:
        render(clone, site.parent, staged(clone))
    assert told.value.errno == errno.ENOSPC
    assert (site / "index.html").read_text() == "the good site"


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("print('WARNING: one'); exit(1)", "WARNING: one"),
        ("print('====')\nraise KeyError('title')", "KeyError: 'title'"),
        ("import sys; sys.stdout.buffer.write(b'\\xff ERROR: two'); exit(1)", "\ufffd ERROR: two"),
        ("exit(1)", "Jupyter Book says no reason"),
    ],
)
def test_what_jupyter_book_stops_with_is_told_in_one_line(clone, site, monkeypatch, capfd, program, told):
    monkeypatch.setattr(rendering, "JUPYTER_BOOK", program)
    line = refused(render, clone, site.parent, staged(clone), kind=Failure)
    assert line == f"the pages did not render: {told} (more in {site.parent / 'book.log'})"
    assert capfd.readouterr().err == ""
    assert (site / "index.html").read_text() == "the good site"


def test_jupyter_book_writes_utf8_whatever_the_locale(clone, site, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("PYTHONUTF8", "0")
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr(rendering, "JUPYTER_BOOK", f"print('done \\u2713')\n{BOOK}")
    assert render(clone, site.parent, staged(clone))
    assert (site.parent / "book.log").read_text(encoding="utf-8").startswith("done \u2713")


def test_a_stamp_that_is_no_text_is_only_another_one(clone, site):
    (site / rendering.STAMP).write_bytes(b"\xff")
    assert render(clone, site.parent, staged(clone))
