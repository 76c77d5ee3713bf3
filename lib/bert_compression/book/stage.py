"""Lays out what Jupyter Book reads: the pages, the executed notebooks cleaned, what is written from runs, and
the library that pages quote from."""

import ast
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import yaml
from jinja2 import Environment, StrictUndefined

from bert_compression.book.execute import ABOUT
from bert_compression.book.handout import on_page
from bert_compression.errors import BadInput, Failure, one_line, shown

OWN_CELLS = {"parameters", "injected-parameters"}
LIBRARY = Path(__file__).parents[1]
QUOTED = r"/_library/([\w/]+\.(?:py|csv))"  # how a page names a file of the library
# A verdict that a page quotes leads to where it comes from: an entry of the ledger, or a line of a table of
# claims.
VERDICT = re.compile(r"\{glue:text\}`(?P<page>[\w./]+)\.ipynb::verdict_(?P<claim>[\w.-]+):s`")
STATUS = Path(__file__).with_name("status.md.jinja")


def pages(folder: Path) -> list[str]:
    """Every page that the folder's _toc.yml names, in reading order. Raises BadInput for another file."""
    toc = read_settings(folder / "_toc.yml")
    try:
        found = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    except (TypeError, LookupError):
        found = [None]
    if not all(isinstance(name, str) for name in found):
        raise BadInput(
            f"{folder / '_toc.yml'} must name a `root`, and `parts`, each with `chapters`, each with a `file`"
        )
    return found


def read_settings(path: Path) -> dict[str, Any]:
    """What a YAML file says, by name. Raises BadInput for one that cannot be read, or says anything else."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise BadInput(
            f"{path}{line} cannot be read: {getattr(error, 'problem', '') or one_line(error)}"
        ) from None
    if not isinstance(found, dict):
        raise BadInput(f"{path} must hold names with values, and holds {shown(found)}")
    return found


def stage(
    book: Path, notebooks: Mapping[str, nbformat.NotebookNode], folder: Path, written: Mapping[str, str]
) -> None:
    """Fill `folder` anew: the book's pages, each executed notebook, cleaned, under its name, what is
    `written` from runs under its path, and of the library the files that pages quote, under _library/."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        shutil.copytree(book, folder)
    except shutil.Error as error:  # a list of what went wrong
        source, _, why = error.args[0][0]
        raise Failure(f"{source} cannot be copied into {folder}: {why}") from None
    for page in folder.rglob("*.md"):
        try:
            text = page.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            source = book / page.relative_to(folder)
            raise BadInput(f"{source} is no text in UTF-8: save it anew ({one_line(error)})") from None
        page.write_text(with_linked_verdicts(text), encoding="utf-8")
    for name, executed in notebooks.items():
        path = folder / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(cleaned(executed), path)
    for name, text in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    staged = (*folder.rglob("*.md"), *folder.rglob("*.ipynb"))
    quoted = {name for page in staged for name in re.findall(QUOTED, page.read_text(encoding="utf-8"))}
    stage_library(quoted, folder / "_library")


def with_linked_verdicts(text: str) -> str:
    """A page's text with a link around each verdict that it quotes.

    >>> with_linked_verdicts("{glue:text}`ledger.ipynb::verdict_ptq:s`")
    '<a class="bc-verdict" href="ledger.html#sentence-ptq">{glue:text}`ledger.ipynb::verdict_ptq:s`</a>'
    """

    def linked(quoted: re.Match[str]) -> str:
        what = "sentence" if quoted["page"].endswith("ledger") else "claim"
        place = f"{quoted['page']}.html#{what}-{quoted['claim']}"
        return f'<a class="bc-verdict" href="{place}">{quoted[0]}</a>'

    return VERDICT.sub(linked, text)


def stage_library(names: Iterable[str], folder: Path) -> None:
    """Copy these files of the library into `folder`, modules without docstrings. Of one that is not there,
    the rendering tells the page and the line."""
    for name in names:
        source, path = LIBRARY / name, folder / name
        if source.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            text = source.read_text(encoding="utf-8")
            path.write_text(without_docstrings(text) if source.suffix == ".py" else text, encoding="utf-8")


def without_docstrings(source: str) -> str:
    """The code of a module as a page quotes it: what a function does, the page says itself."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) or len(node.body) < 2:
            continue
        if ast.get_docstring(node) is not None:
            start, end = node.body[0].lineno - 1, node.body[0].end_lineno
            while not lines[end].strip():
                end += 1
            lines[start:end] = [""] * (end - start)
    return "".join(lines)


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook as a reader should meet it: its box below the title, no parameter cells, no progress
    output, no tool's metadata; exercises before their solutions."""
    told = notebook.metadata.get(ABOUT, {}).get("box")
    kept = [cell for cell in notebook.cells if not OWN_CELLS & set(cell.metadata.get("tags", []))]
    notebook.cells = [shown for cell in kept for shown in on_page(cell)]
    for key in ("papermill", ABOUT):
        notebook.metadata.pop(key, None)
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    if told:
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(told, id="box"))
    return notebook


def status_page(runs: Mapping[str, Mapping[str, Any]]) -> str:
    """The tables of about/status, from what each executed notebook says of its run."""
    environment = Environment(trim_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined)
    template = environment.from_string(STATUS.read_text(encoding="utf-8"))
    # What the runs say of the versions and the machine: one value, where all say the same.
    told = {
        part: {
            what: ", ".join(dict.fromkeys(_word(run[part].get(what)) for run in runs.values()))
            for what in dict.fromkeys(what for run in runs.values() for what in run[part])
        }
        for part in ("versions", "hardware")
    }
    return template.render(runs=runs, **told)


def _word(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return str(value)
