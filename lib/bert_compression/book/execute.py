"""Executes a notebook with papermill: parameters checked first, the result kept only when it is whole.

papermill knows which parameters a notebook declares but checks neither the names nor the types of the values
that it is given, so this module does, before anything runs.
Book: about/contributing.
"""

import ast
import datetime
import hashlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat

from bert_compression.errors import BadInput, Failure, one_line, unforeseen
from bert_compression.experiments.store import write_atomically

ABOUT = "bert_compression"  # our entry in an executed notebook's metadata
# Seconds. On a busy machine a kernel may start so late, which papermill awaits for 60, and so may come what a
# cell has written, which nbclient awaits for 4.
PATIENCE = 300
TYPES = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,), "list": (list,)}
# What nbformat raises for JSON that is another thing.
UNLIKE_A_NOTEBOOK = (nbformat.ValidationError, AttributeError, TypeError, LookupError)
CHECKED = rf"(list\[)*({'|'.join(TYPES)})\]*"  # Python itself sees to the pairs of brackets


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook of the fourth format, all of whose parts are what they should be. Raises BadInput for what
    is none."""
    try:
        notebook = nbformat.reader.reads(path.read_text(encoding="utf-8"))
        nbformat.validate(notebook)
    except (OSError, ValueError, RecursionError, *UNLIKE_A_NOTEBOOK) as error:
        raise BadInput(f"{path} is no notebook: {one_line(error)}") from None
    if notebook.nbformat != 4:
        raise BadInput(f"{path} is a notebook of format {notebook.nbformat}: save it anew in format 4")
    return notebook


def declared_parameters(notebook: Path) -> dict[str, str]:
    """The types of a notebook's parameters by name, as papermill reads them in its cell tagged `parameters`.

    Raises BadInput for anything in that cell but `name: type = default`. papermill reads by a pattern, line
    by line, and silently leaves out what does not fit, so that no value would ever reach it.
    """
    papermill = _papermill()
    cells = read_notebook(notebook).cells
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    try:
        statements = ast.parse("\n".join(tagged)).body
        found = papermill.inspect_notebook(notebook)
    except (ValueError, SyntaxError, RecursionError) as error:
        raise BadInput(f"the parameters of {notebook} cannot be read: {one_line(error)}") from None
    kinds = {name: parameter["inferred_type_name"] for name, parameter in found.items()}
    for statement in statements:
        name = ast.unparse(statement.target) if isinstance(statement, ast.AnnAssign) else ""
        if not re.fullmatch(CHECKED, kinds.get(name, "")):
            raise BadInput(
                f"{notebook.name} has {ast.unparse(statement)!r} among its parameters: write "
                "`name: type = default` in one line with one equals sign; "
                f"a type is one of {', '.join(TYPES)}, or list[...] of these"
            )
    return kinds


def _papermill() -> ModuleType:
    """papermill, which leaves it to us to tell what goes wrong."""
    import papermill

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    return papermill


def accepts(kind: str, value: Any) -> bool:
    """Has the value this type, such as `int` or `list[int]`? An int will do for a float, a truth value for no
    number.

    >>> accepts("float", 1), accepts("int", True), accepts("list[int]", [0, 1])
    (True, False, True)
    """
    outer, _, inner = kind.removesuffix("]").partition("[")
    return type(value) in TYPES[outer] and (not inner or all(accepts(inner, each) for each in value))


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


def check_values(notebook: str, declared: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """Refuse a value for a parameter that the notebook does not have, or of another type than declared."""
    for name, value in values.items():
        if name not in declared:
            raise BadInput(f"{notebook} has no parameter {name!r}: it has {', '.join(declared) or 'none'}")
        if not accepts(declared[name], value):
            raise BadInput(f"{notebook} needs {name} to be of type {declared[name]}, not {value!r}")


def execute(
    source: Path, values: Mapping[str, Any], folder: Path, live: bool = False
) -> nbformat.NotebookNode:
    """Run a notebook in `folder` with this very interpreter, and return the executed copy.

    An error in a cell becomes one line (a BadInput stays one); its traceback goes to `folder`/_build. With
    `live`, what the cells write to standard error, such as their progress, is shown as it comes.
    """
    from nbclient.exceptions import DeadKernelError

    papermill = _papermill()
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
            start_timeout=PATIENCE,
            iopub_timeout=PATIENCE,
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
    except OSError:
        raise  # of the disk: whoever asked knows the folder
    except Exception as error:  # of the kernel's start, of its sockets, of its answers
        raise Failure(f"{source.name} could not be executed: {unforeseen(error)}") from error
    executed.metadata[ABOUT] = {
        "executed": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - start, 1),
        "parameters": dict(values),
    }
    return executed


def keep(executed: nbformat.NotebookNode, path: Path, **facts: Any) -> None:
    """Write an executed notebook, with further facts about it, whole or not at all."""
    executed.metadata[ABOUT].update(facts, seal=_seal(executed))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, nbformat.writes(executed))


def kept(path: Path) -> nbformat.NotebookNode | None:
    """The executed notebook that `keep` has written there; None where there is none, or it was changed."""
    try:
        copy = read_notebook(path)
    except BadInput:
        return None
    told = copy.metadata.get(ABOUT)
    return copy if isinstance(told, dict) and told.get("seal") == _seal(copy) else None


def _seal(notebook: nbformat.NotebookNode) -> str:
    """A digest of the cells."""
    return hashlib.sha256(json.dumps(notebook.cells, sort_keys=True).encode()).hexdigest()


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
