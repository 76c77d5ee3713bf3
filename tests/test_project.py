"""The project as a whole: pins agree, the style holds, imports go downwards, nothing private is committed."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from papermill import inspect_notebook

PROJECT = Path(__file__).parents[1]
LIBRARY = PROJECT / "lib" / "bert_compression"


def run(*command, **environment):
    return subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, env={**os.environ, **environment}
    )


def own_files():
    """The project's own files: what git tracks or would track, or, outside a checkout, what is not built."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    if listed.returncode == 0:
        paths = [PROJECT / name for name in listed.stdout.split("\0") if name]
    else:
        built = {".venv", "_build", ".store", "__pycache__"}
        paths = [path for path in PROJECT.rglob("*") if not built & set(path.relative_to(PROJECT).parts)]
    return [path for path in paths if path.is_file()]


def lock():
    lines = (PROJECT / "requirements.lock").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_lock_pins_every_line_and_torch_first():
    assert lock()[0] == "torch==2.13.0"
    assert [line for line in lock() if not re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", line)] == []
    names = [line.split("==")[0].lower().replace("_", "-") for line in lock()]
    assert len(names) == len(set(names))
    assert [name for name in names if re.match(r"nvidia|cuda|triton", name)] == []


def test_the_lock_satisfies_every_dependency_that_the_package_declares():
    from packaging.requirements import Requirement

    pinned = {line.split("==")[0].lower().replace("_", "-"): line.split("==")[1] for line in lock()}
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = [each for group in declared["optional-dependencies"].values() for each in group]
    for requirement in map(Requirement, declared["dependencies"] + extras):
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), requirement


def test_conda_and_binder_get_the_versions_of_the_lock():
    environment = yaml.safe_load((PROJECT / "environment.yml").read_text())
    *_, python, pip, pins = environment["dependencies"]
    assert (python, pip) == ("python=3.11", "pip")
    assert pins == {"pip": lock()}


def test_the_style_holds():
    checked = run(sys.executable, "-m", "ruff", "check", "--quiet", "--output-format", "concise")
    assert checked.returncode == 0, checked.stdout


def test_imports_go_only_downwards():
    checked = run(
        sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()",
        PYTHONPATH=str(PROJECT / "lib"),
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout[checked.stdout.find("Broken contracts") :] + checked.stderr


def test_the_types_agree():
    checked = run(sys.executable, "-m", "mypy")
    assert checked.returncode == 0, checked.stdout


def public_functions(body, inside=""):
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield inside + node.name, node, bool(inside)


def lacks_types(function, is_method):
    plain = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    decorators = {ast.unparse(each) for each in function.decorator_list}
    if is_method and "staticmethod" not in decorators:
        plain = plain[1:]
    return function.returns is None or any(argument.annotation is None for argument in plain)


def test_public_functions_say_their_types():
    untyped = [
        f"{path.relative_to(PROJECT)}: {name}"
        for path in sorted(LIBRARY.rglob("*.py"))
        for name, function, is_method in public_functions(ast.parse(path.read_text()).body)
        if lacks_types(function, is_method)
    ]
    assert untyped == []


def test_no_file_names_a_folder_or_a_host_of_one_machine():
    # Written in two parts, so that this file does not find itself.
    private = re.compile(
        "|".join(["/" + "work/", "/" + "home/", "/" + "root/", "/" + "tmp/w", "file" + "://"])
    )
    found = []
    for path in own_files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        name = path.relative_to(PROJECT)
        found += [f"{name}:{number}" for number, line in enumerate(lines, 1) if private.search(line)]
    assert found == []


def test_files_read_in_one_sitting():
    # By the whole path: files of several papers have one name.
    files = {str(path.relative_to(LIBRARY)): path.read_text() for path in LIBRARY.rglob("*.py")}
    lines = {name: len(text.splitlines()) for name, text in files.items()}
    assert {name: count for name, count in lines.items() if count > 450} == {}


NOTEBOOKS = sorted((PROJECT / "notebooks").rglob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs_and_can_be_run(path):
    from bert_compression.book.execute import check_values, declared_parameters

    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    ids = [cell.get("id") for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    assert None not in ids and len(set(ids)) == len(ids)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code if cell.outputs or cell.execution_count] == []
    declared = declared_parameters(path)
    defaults = {name: ast.literal_eval(told["default"]) for name, told in inspect_notebook(path).items()}
    check_values(path.stem, declared, defaults)
    if any("sources(" in cell.source for cell in code):
        assert defaults["profile"] == "smoke"
    else:  # a page that measures no table has no size
        assert not {"profile", "seeds", "attacked"} & declared.keys()


def test_there_are_notebooks():
    assert PROJECT / "notebooks" / "loyalty" / "table_3_sst2.ipynb" in NOTEBOOKS


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
def test_make_alone_lists_every_command():
    listed = run("make", MAKEFLAGS="", MAKELEVEL="0")
    assert listed.returncode == 0
    commands = re.findall(r"^make (\S+)  +\S", listed.stdout, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert commands == phony
    readme = (PROJECT / "README.md").read_text()
    assert [command for command in commands if f"`make {command}`" not in readme] == []


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
def test_another_python_is_refused_in_one_line_before_anything_is_installed(tmp_path):
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path)
    python = tmp_path / "python3.10"
    python.write_text('#!/bin/sh\ncase "$2" in *exit*) exit 1;; *) echo 3.10.4;; esac\n')
    python.chmod(0o755)
    # As from a shell, even when these tests were started by `make test`.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "book", f"PYTHON={python}"]
    refused = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert refused.returncode == 2
    assert re.sub(r"^Makefile:\d+: ", "", refused.stderr) == (
        f"*** This book needs Python 3.11, 3.12 or 3.13 and found {python}=3.10.4. "
        "Install one of them, or name it: make book PYTHON=/path/to/python3.11.  Stop.\n"
    )
    assert refused.stdout == ""
    assert not (tmp_path / ".venv").exists()
