"""Lays out what Jupyter Book reads: the pages, the executed notebooks cleaned, what is written from runs, and
the library that pages quote from."""

import ast
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from bert_compression.report.building.execution import ABOUT

OWN_CELLS = {"parameters", "injected-parameters"}
LIBRARY = Path(__file__).parents[2]
QUOTED = "_library"
REPORTED = Path("report") / "reported"


def stage(pages: Path, notebooks: Mapping[str, Path], folder: Path, snippets: Mapping[str, str]) -> None:
    """Fill `folder` anew: the book's pages, each notebook under its name, `snippets` under _generated/, and
    of the library what pages quote, under _library/."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(pages, folder)
    for name, executed in notebooks.items():
        path = folder / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(cleaned(nbformat.read(executed, as_version=4)), path)
    for name, text in snippets.items():
        path = folder / "_generated" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    stage_library(folder / QUOTED)


def stage_library(folder: Path) -> None:
    """Copy the modules of the library into `folder`, without docstrings, and the tables of the papers."""
    shutil.copytree(LIBRARY / REPORTED, folder / REPORTED, dirs_exist_ok=True)
    for source in LIBRARY.rglob("*.py"):
        path = folder / source.relative_to(LIBRARY)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(without_docstrings(source.read_text(encoding="utf-8")), encoding="utf-8")


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
    """The notebook as a reader should meet it: no parameter cells, no progress output, no tool's metadata."""
    notebook.cells = [cell for cell in notebook.cells if not OWN_CELLS & set(cell.metadata.get("tags", []))]
    for key in ("papermill", ABOUT):
        notebook.metadata.pop(key, None)
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def status_page(runs: Mapping[str, Mapping[str, Any]]) -> str:
    """The tables of about/status, from what each executed notebook says of its run."""
    lines = ["| notebook | executed (UTC) | seconds | parameters | data |", "|---|---|---|---|---|"]
    for name, run in runs.items():
        # A folder with data is one machine's own affair; the last column says that there was one.
        given = {key: value for key, value in run["parameters"].items() if key != "data"}
        values = ", ".join(f"{key} = {value}" for key, value in given.items()) or "as declared"
        when = run["executed"][:16].replace("T", " ")
        lines.append(f"| [](/{name}.ipynb) | {when} | {run['seconds']:.0f} | {values} | {run['data']} |")
    for title, key in (("Versions", "versions"), ("Machine", "hardware")):
        lines += ["", f"## {title}", "", "| what | value |", "|---|---|"]
        for what in dict.fromkeys(what for run in runs.values() for what in run[key]):
            told = dict.fromkeys(_word(run[key].get(what)) for run in runs.values())
            lines.append(f"| {what.replace('_gib', ' (GiB)')} | {', '.join(told)} |")
    return "\n".join(lines) + "\n"


def _word(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return str(value)
