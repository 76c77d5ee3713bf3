"""Executes a notebook with papermill: parameters checked first, the result kept only when it is whole.

papermill checks neither the names nor the types of parameters, so this module does, before anything runs.
Book: about/contributing.
"""

import ast
import datetime
import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from bert_compression.errors import BadInput, Failure
from bert_compression.experiments.store import write_atomically

ABOUT = "bert_compression"  # our entry in an executed notebook's metadata
OUTPUT_SECONDS = 300  # what a cell has written may be so late on a busy machine; nbclient gives up after 4
TYPES = {"str": str, "int": int, "float": float, "bool": bool, "list": list}


@dataclass(frozen=True)
class Parameter:
    """A parameter as a notebook's tagged cell declares it: `name: type = default`, or `name = default`."""

    name: str
    type: str
    default: Any

    def accepts(self, value: Any) -> bool:
        """Has the value the declared type? An int will do for a float; a truth value is no whole number."""
        return _has_type(value, ast.parse(self.type, mode="eval").body)


def _has_type(value: Any, annotation: ast.expr) -> bool:
    match annotation:
        case ast.Constant(value=None):
            return value is None
        case ast.Name(id="float"):
            return type(value) in (int, float)
        case ast.Name(id=name) if name in TYPES:
            return type(value) is TYPES[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _has_type(value, left) or _has_type(value, right)
        case ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return isinstance(value, list) and all(_has_type(each, inner) for each in value)
    raise BadInput(
        f"a notebook's parameter has the type {ast.unparse(annotation)!r}, which cannot be checked: "
        f"use {', '.join(TYPES)}, list[...] and None"
    )


def declared_parameters(notebook: Path) -> dict[str, Parameter]:
    """The parameters in the notebook's cells tagged `parameters`, by name; none when it has no such cell."""
    cells = nbformat.read(notebook, as_version=4).cells
    source = "\n".join(cell.source for cell in cells if "parameters" in cell.metadata.get("tags", []))
    parameters = {}
    for line in ast.parse(source).body:
        match line:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
                parameters[name] = Parameter(name, ast.unparse(annotation), ast.literal_eval(value))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                default = ast.literal_eval(value)
                parameters[name] = Parameter(name, type(default).__name__, default)
            case _:
                raise BadInput(
                    f"{notebook.name} has {ast.unparse(line)!r} among its parameters: "
                    "write `name: type = default`"
                )
    return parameters


def read_values(assignments: Iterable[str]) -> dict[str, Any]:
    """`name=value` pairs from a command line; a value that is no Python literal is taken as text."""
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name.isidentifier():
            raise BadInput(f"a notebook's parameter is written name=value, not {assignment!r}")
        try:
            values[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            values[name] = text
    return values


def check_values(notebook: str, declared: Mapping[str, Parameter], values: Mapping[str, Any]) -> None:
    """Refuse a value for a parameter that the notebook does not have, or of another type than declared."""
    for name, value in values.items():
        if name not in declared:
            raise BadInput(f"{notebook} has no parameter {name!r}: it has {', '.join(declared) or 'none'}")
        if not declared[name].accepts(value):
            raise BadInput(f"{notebook} needs {name} to be of type {declared[name].type}, not {value!r}")


def execute(
    source: Path, values: Mapping[str, Any], folder: Path, live: bool = False
) -> nbformat.NotebookNode:
    """Run a notebook in `folder` with this very interpreter, and return the executed copy.

    An error in a cell becomes one line (a BadInput stays one); its traceback goes to `folder`/_build. With
    `live`, what the cells write to standard error, such as their progress, is shown as it comes.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    logging.getLogger("papermill").setLevel(logging.ERROR)
    use_own_kernel(folder / "_build" / "jupyter")
    start = time.perf_counter()
    try:
        executed = papermill.execute_notebook(
            source,
            None,
            dict(values),
            kernel_name="python3",
            language="python",
            cwd=folder,
            progress_bar=False,
            stderr_file=sys.stderr if live else None,
            iopub_timeout=OUTPUT_SECONDS,
        )
    except papermill.PapermillExecutionError as error:
        line = (str(error.evalue).strip().splitlines() or ["no message"])[0]
        if error.ename == BadInput.__name__:
            raise BadInput(line) from None
        log = folder / "_build" / "notebook.log"
        log.write_text(str(error), encoding="utf-8")
        raise Failure(
            f"{source.name} stopped in cell {error.exec_count} with {error.ename}: {line} (more in {log})"
        ) from None
    except DeadKernelError:
        raise Failure(f"{source.name} stopped because its Python died, perhaps for want of memory") from None
    executed.metadata[ABOUT] = {
        "executed": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - start, 1),
        "parameters": dict(values),
    }
    return executed


def keep(executed: nbformat.NotebookNode, path: Path, **facts: Any) -> None:
    """Write an executed notebook, with further facts about it, whole or not at all."""
    executed.metadata[ABOUT].update(facts)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, nbformat.writes(executed))


def stamp(path: Path, digest: str) -> None:
    """Write anew what an executed copy was made from, where that has changed."""
    if facts(path)["digest"] != digest:
        keep(nbformat.read(path, as_version=4), path, digest=digest)


def facts(path: Path) -> dict[str, Any]:
    """What an executed copy says of its run; empty when there is no whole copy."""
    try:
        return dict(nbformat.read(path, as_version=4).metadata.get(ABOUT, {}))
    except (OSError, ValueError):
        return {}


def use_own_kernel(folder: Path) -> None:
    """Make the kernel named `python3` this interpreter, whatever kernels the machine has installed.

    It keeps its housekeeping to itself: what a cell reports comes through the notebook.
    """
    from ipykernel.kernelspec import get_kernel_dict

    specification = get_kernel_dict(["--log-level=CRITICAL"])
    specification["env"] = {"PYTHONWARNINGS": "ignore:IProgress not found"}  # tqdm, on what no page shows
    kernel = folder / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True, exist_ok=True)
    kernel.write_text(json.dumps(specification), encoding="utf-8")
    others = os.environ.get("JUPYTER_PATH", "").split(os.pathsep)
    os.environ["JUPYTER_PATH"] = os.pathsep.join(dict.fromkeys([str(folder), *filter(None, others)]))
