"""What a workshop hands out: notebooks with blanks for learners, and slides, from the executed notebook.

An exercise is a code cell with the tag `exercise` that holds its solution between the lines `# solution` and
`# end`. Cells whose metadata say so in `slideshow`, as Jupyter writes it, are on the slides.
Book: workshop/teach.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import nbformat
from jinja2 import Environment, PackageLoader

from bert_compression.book.execute import execute
from bert_compression.errors import BadInput
from bert_compression.experiments.environment import project_root
from bert_compression.experiments.store import make_folder, readable_disk_errors

# Tags: a cell with a solution, an answer to unfold, and what only the building of the book needs.
EXERCISE, LOOK, BOOKS_OWN = "exercise", "look", "remove-cell"
BLANK = "..."
SOLVED = r"^( *)# solution\n(.*?)^ *# end$"
WORKSHOP = "notebooks/workshop"
# The first cell of what Colab opens. Its own packages stay: another ipykernel would end its session.
BOOTSTRAP = """\
# On Colab: fetch this book and install what it needs, some minutes. Elsewhere this does nothing.
import importlib.util
import os
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("bert_compression") is None:
    if not os.path.isdir("the_book"):
        subprocess.run(["git", "clone", "--depth", "1", "{origin}", "the_book"], check=True)
    pip = [sys.executable, "-m", "pip", "install", "-q"]
    subprocess.run([*pip, "-e", "./the_book[attacks,data,kernels]"], check=True)
    os.chdir("the_book")
    sys.path.insert(0, os.path.abspath("lib"))"""


def stub(source: str) -> str:
    """An exercise as the learner gets it: each solution is one blank, `...`.

    >>> print(stub("def double(x):\\n    # solution\\n    return 2 * x\\n    # end"))
    def double(x):
        ...
    """
    return re.sub(SOLVED, rf"\1{BLANK}", source, flags=re.MULTILINE | re.DOTALL)


def solution(source: str) -> str:
    """The same with its solution, without the two comments that mark it."""
    return re.sub(SOLVED + r"\n?", r"\2", source, flags=re.MULTILINE | re.DOTALL).rstrip("\n")


def has_tag(cell: nbformat.NotebookNode, tag: str) -> bool:
    """Does a cell bear this tag?"""
    return tag in cell.metadata.get("tags", [])


def for_learners(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy with blanks, without outputs except for what unfolds, which needs no kernel, and without links
    to pages that are not beside it or cells that are on no page."""
    learners = nbformat.from_dict(notebook)
    learners.cells = [cell for cell in learners.cells if not has_tag(cell, BOOKS_OWN)]
    for cell in learners.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if cell.cell_type == "markdown":
            cell.source = _without_links(cell.source)
        if cell.cell_type == "code":
            cell.source = stub(cell.source) if has_tag(cell, EXERCISE) else cell.source
            cell.outputs = cell.outputs if has_tag(cell, LOOK) else []
            cell.execution_count = None
    learners.metadata = {k: v for k, v in notebook.metadata.items() if k in ("kernelspec", "language_info")}
    return learners


def for_download(source: Path, rendered: Path, origin: str = "") -> str:
    """The text of a notebook's file as the book's readers download it: without solutions, with what unfolds
    as in its `rendered` copy, and with a cell that makes it run on Colab, where the clone has an `origin` to
    fetch the book from."""
    text = source.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    exercises = any(has_tag(cell, EXERCISE) for cell in notebook.cells)
    if not (exercises or origin):
        return text
    if exercises:
        seen = {cell.id: cell for cell in nbformat.read(rendered, as_version=4).cells}
        for cell in notebook.cells:
            if has_tag(cell, LOOK):
                cell.outputs = seen[cell.id].outputs
        notebook = for_learners(notebook)
    if origin:
        cell = nbformat.v4.new_code_cell(BOOTSTRAP.format(origin=origin), id="bootstrap")
        notebook.cells.insert(1, cell)
    return nbformat.writes(notebook) + "\n"


def on_page(cell: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    """A cell as the page shows it: an exercise with its blanks first, then its solution, folded."""
    if not has_tag(cell, EXERCISE):
        yield cell
        return
    tags = cell.metadata["tags"]
    blank = nbformat.v4.new_code_cell(stub(cell.source), id=f"{cell.id}-blank", metadata={"tags": tags})
    prompts = {"code_prompt_show": "Show a solution", "code_prompt_hide": "Hide the solution"}
    cell.source = solution(cell.source)
    cell.metadata = nbformat.from_dict({"tags": [*tags, "hide-input"], "mystnb": prompts})
    yield blank
    yield cell


def slides(notebook: nbformat.NotebookNode) -> str:
    """One HTML page of the cells that are on slides, with their outputs; it fetches nothing."""
    sections: list[list[str]] = []
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "skip")
        if kind == "slide":
            sections.append([])
        if kind in ("slide", "fragment"):
            sections[-1].append(_cell_html(cell))
    pages = ["\n".join(parts) for parts in sections]
    title = re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE)[1]
    return _environment().get_template("slides.html.jinja").render(title=title, pages=pages)


def decks(executed: Mapping[str, nbformat.NotebookNode]) -> dict[str, str]:
    """Of notebooks by name, the slides of those of the workshop, by their paths in the book."""
    lessons = {name: notebook for name, notebook in executed.items() if Path(name).parent == Path(WORKSHOP)}
    return {f"_static/{_deck(name)}": slides(notebook) for name, notebook in lessons.items()}


def _deck(notebook: str) -> str:
    return f"{Path(notebook).stem}_slides.html"


def _cell_html(cell: nbformat.NotebookNode) -> str:
    if cell.cell_type == "markdown":
        return _markdown(cell.source)
    code = "" if has_tag(cell, "remove-input") or has_tag(cell, "hide-input") else stub(cell.source)
    fence = _markdown(f"```python\n{code}\n```") if code else ""
    # What a learner is to find out is not on the slides before it has been found.
    return fence if has_tag(cell, EXERCISE) else fence + "".join(map(_output_html, cell.outputs))


def _output_html(output: nbformat.NotebookNode) -> str:
    data = output.get("data", {})
    if "text/html" in data:
        return data["text/html"]
    if "text/markdown" in data:
        return _markdown(data["text/markdown"])
    text = output.get("text", "") if output.get("name") == "stdout" else data.get("text/plain", "")
    return _markdown(f"```\n{text}\n```") if text else ""


def _markdown(text: str) -> str:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").render(_without_links(text))


def _without_links(text: str) -> str:
    """Markdown in which the words stay of each link to another page of the book."""
    return re.sub(r"(?<!!)\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", text)


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("bert_compression.book", "."), trim_blocks=True)


def hand_out(folder: Path) -> list[Path]:
    """Execute the workshop's notebooks, and write of each the learners' notebook and the slides to a folder.

    Returns their paths. Raises BadInput outside a clone of the project, and for a file that is there: it may
    hold a learner's work.
    """
    project = project_root()
    sources = sorted((project / WORKSHOP).glob("*.ipynb"))
    if not sources:
        raise BadInput(f"the workshop's notebooks are in a clone of the project, and {project} is none")
    written = {source: (folder / source.name, folder / _deck(source.name)) for source in sources}
    for path in (path for pair in written.values() for path in pair):
        if path.exists():
            raise BadInput(f"{path} is there, and may hold somebody's work: name another folder")
    with readable_disk_errors(folder):
        make_folder(folder)
        for source, (notebook, page) in written.items():
            executed = execute(source, {}, project)
            nbformat.write(for_learners(executed), notebook)
            page.write_text(slides(executed), encoding="utf-8")
    return [path for pair in written.values() for path in pair]
