"""What a workshop hands out: blanks instead of solutions, slides without a network."""

import re
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bert_compression.book import handout
from bert_compression.book.handout import (
    decks,
    for_download,
    for_learners,
    hand_out,
    on_page,
    slides,
    solution,
    stub,
)
from bert_compression.book.stage import cleaned
from bert_compression.errors import BadInput

SOURCE = (
    "def double(x):\n    # solution\n    y = x\n    return 2 * y\n    # end\n\n\n# solution\nprint(1)\n# end"
)


def html(text):
    return new_output("display_data", data={"text/html": text, "text/plain": "plain"})


LINKS = "[more](more.md), ![a](b.svg), [far](https://a.org)"


def lesson():
    def slide(kind, **metadata):
        return {"slideshow": {"slide_type": kind}, **metadata}

    return new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}, "papermill": {"a": 1}},
        cells=[
            new_markdown_cell("# A lesson\n\n" + LINKS, metadata=slide("slide")),
            new_markdown_cell("Not on a slide."),
            new_code_cell(SOURCE, id="double", metadata=slide("fragment", tags=["exercise"]),
                          outputs=[new_output("stream", text="told")], execution_count=3),
            new_code_cell("look()", metadata=slide("slide", tags=["look", "remove-input"]),
                          outputs=[html("<details>seen</details>")]),
            new_code_cell("1 < 2", metadata=slide("fragment"), outputs=[new_output("stream", text="a < b")]),
        ],
    )  # fmt: skip


def test_a_blank_takes_the_place_of_each_solution():
    assert stub(SOURCE) == "def double(x):\n    ...\n\n\n..."
    assert solution(SOURCE) == "def double(x):\n    y = x\n    return 2 * y\n\n\nprint(1)"
    assert stub("a = 1  # solution\n# end") == "a = 1  # solution\n# end"


def test_a_learner_gets_no_solution_and_only_what_unfolds():
    notebook = lesson()
    learners = for_learners(notebook)
    assert learners.cells[2].source == stub(SOURCE)
    assert [len(cell.get("outputs", [])) for cell in learners.cells] == [0, 0, 0, 1, 0]
    assert learners.cells[2].execution_count is None
    assert list(learners.metadata) == ["kernelspec"]
    assert learners.cells[0].source == "# A lesson\n\nmore, ![a](b.svg), [far](https://a.org)"
    assert notebook.cells[2].source == SOURCE and len(notebook.cells[2].outputs) == 1  # a copy


def test_a_page_shows_the_blank_before_the_solution():
    blank, solved = on_page(lesson().cells[2])
    assert (blank.source, solved.source) == (stub(SOURCE), solution(SOURCE))
    assert blank.outputs == [] and len(solved.outputs) == 1
    assert "hide-input" in solved.metadata.tags and "hide-input" not in blank.metadata.tags
    assert solved.metadata.mystnb.code_prompt_show == "Show a solution"
    staged = cleaned(lesson())
    nbformat.validate(staged)
    assert [cell.id for cell in staged.cells if "exercise" in cell.metadata.get("tags", [])] == [
        "double-blank",
        "double",
    ]


def test_what_is_downloaded_has_blanks_and_is_else_the_file_itself(tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text(nbformat.writes(lesson()))
    assert "return 2 * y" in path.read_text() and "return 2 * y" not in for_download(path, path)
    plain = nbformat.writes(new_notebook(cells=[new_code_cell("1")]), indent=7)
    path.write_text(plain)
    assert for_download(path, tmp_path / "none") == plain


def test_what_is_downloaded_unfolds_as_on_the_page(tmp_path):
    source, rendered = tmp_path / "source.ipynb", tmp_path / "rendered.ipynb"
    bare, ran = lesson(), lesson()
    bare.cells[3].outputs, ran.cells[3].id = [], bare.cells[3].id
    source.write_text(nbformat.writes(bare))
    nbformat.write(cleaned(ran), rendered)  # with cells that the source does not have
    cells = nbformat.reads(for_download(source, rendered), as_version=4).cells
    assert [len(cell.get("outputs", [])) for cell in cells] == [0, 0, 0, 1, 0]
    assert cells[3].outputs[0].data["text/html"] == "<details>seen</details>"


def test_what_only_the_book_needs_goes_to_no_learner():
    notebook = lesson()
    notebook.cells.append(new_code_cell("quotable()", metadata={"tags": ["remove-cell"]}))
    assert "quotable" not in nbformat.writes(for_learners(notebook))


# What Colab gives a notebook: its own module, and nothing of the book. Packages are not installed here.
COLAB = """
import os, subprocess, sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
run, asked = subprocess.run, []
def runs(command, **how):
    if "git" in command:
        return run(command, **how)
    asked.append(command)
    if len(asked) == 1:
        raise subprocess.CalledProcessError(1, command)
subprocess.run = runs
code = sys.stdin.read()
try:
    exec(code)
except subprocess.CalledProcessError:
    exec(code)
import bert_compression
print(os.path.relpath(bert_compression.__file__, sys.argv[1]), [command[-1] for command in asked])
exec(code)
print(os.path.relpath(os.getcwd(), sys.argv[1]), len(asked))
"""


def bootstrap_of(tmp_path, origin):
    path = tmp_path / "n.ipynb"
    path.write_text(nbformat.writes(lesson()))
    title, cell, *_ = nbformat.reads(for_download(path, path, origin), as_version=4).cells
    assert title.cell_type == "markdown" and cell.id == "bootstrap"
    return cell.source


def test_on_colab_the_first_cell_fetches_the_book_once_though_its_packages_fail_at_first(tmp_path):
    origin, folder = tmp_path / "origin", tmp_path / "content"
    (origin / "lib" / "bert_compression").mkdir(parents=True)
    (origin / "lib" / "bert_compression" / "__init__.py").write_text("")
    folder.mkdir()
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.org"]
        subprocess.run(["git", *who, *command], cwd=origin, check=True)
    told = subprocess.run(
        [sys.executable, "-I", "-S", "-c", COLAB, str(folder)],
        input=bootstrap_of(tmp_path, origin.as_uri()),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    packages = ["./the_book[attacks,data,kernels]"] * 2
    assert told == [f"the_book/lib/bert_compression/__init__.py {packages}", "the_book 2"]


def test_elsewhere_the_first_cell_does_nothing(tmp_path):
    command = [sys.executable, "-I", "-S", "-c", bootstrap_of(tmp_path, "https://nowhere.invalid/book")]
    folder = tmp_path / "empty"
    folder.mkdir()
    subprocess.run(command, cwd=folder, check=True)
    assert list(folder.iterdir()) == []


def test_slides_show_blanks_and_outputs_and_fetch_nothing():
    page = slides(lesson())
    assert page.count("<section ") == 2
    assert "<title>A lesson</title>" in page and "Not on a slide" not in page
    assert "return 2 * y" not in page and "told" not in page
    assert "<details>seen</details>" in page and "look()" not in page
    assert "1 &lt; 2" in page and "a &lt; b" in page
    assert ">more<" not in page and "more, " in page  # of a link within the book the words stay
    fetched = re.findall(r'(?:src|href)="([^"]*)"|url\(|@import', page)
    assert [place for place in fetched if place not in ("b.svg", "https://a.org")] == []


def test_the_book_has_the_slides_of_its_workshop():
    assert decks({"notebooks/workshop/lesson": lesson(), "notebooks/ledger": lesson()}) == {
        "_static/lesson_slides.html": slides(lesson())
    }


@pytest.fixture
def course(clone):
    """A clone with a workshop of one lesson."""
    path = clone / "notebooks" / "workshop" / "lesson.ipynb"
    path.parent.mkdir()
    path.write_text(nbformat.writes(lesson()).replace("look()", "print(6 * 7)"))
    return clone


def test_a_course_is_written_from_executed_notebooks(course, tmp_path):
    written = hand_out(tmp_path / "course")
    assert [path.name for path in written] == ["lesson.ipynb", "lesson_slides.html"]
    notebook = nbformat.read(written[0], as_version=4)
    assert notebook.cells[2].source == stub(SOURCE)
    assert notebook.cells[3].outputs[0].text == "42\n"
    assert "42" in written[1].read_text()


def test_somebodys_work_is_never_overwritten(course, tmp_path, monkeypatch):
    (tmp_path / "course").mkdir()
    mine = tmp_path / "course" / "lesson.ipynb"
    mine.write_text("my work")
    monkeypatch.setattr(handout, "execute", lambda *_: pytest.fail("it runs first"))
    with pytest.raises(BadInput) as refused:
        hand_out(tmp_path / "course")
    assert str(refused.value) == f"{mine} is there, and may hold somebody's work: name another folder"
    assert mine.read_text() == "my work"


def test_outside_a_clone_there_is_no_workshop(clone, tmp_path):
    with pytest.raises(BadInput, match=r"^the workshop's notebooks are in a clone .* is none$"):
        hand_out(tmp_path / "course")
