"""The code that a kind of job runs through, as a digest, and the name that it goes by.

A changed line may change a number, so a record made with other code counts as older. Whether it did can be
seen: `replay` runs jobs of the store again, and notes in results/replayed.jsonl which code gave the numbers
of which earlier code. Such code goes by the name of the earlier, and the records of both are fresh.
"""

import ast
import hashlib
import json
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from bert_compression.errors import BadInput
from bert_compression.experiments.places import replays_file

PACKAGE = "bert_compression"


@cache
def code_name(kind: str) -> str:
    """What the kind's code goes by in keys and records: its digest, or that of the earliest code which a
    replay has shown to give the same numbers."""
    earlier = {(replay["kind"], replay["code"]): replay["same_as"] for replay in read_replays()}
    name = code_digest(kind)
    while (kind, name) in earlier:
        name = earlier[kind, name]
    return name


def read_replays() -> list[dict]:
    """What replays have shown: of a `kind`, that `code` gives the numbers of `same_as`."""
    path = replays_file()
    try:
        return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    except ValueError as error:
        raise BadInput(f"{path} is damaged: restore the file from version control") from error


@cache
def code_digest(kind: str) -> str:
    """sha256 over the modules that the kind runs through, without comments, docstrings, layout and types.

    These are the kind's own module and what it imports, directly or not, at module level. An import inside a
    function is not followed: the package uses it only where the imported code is covered otherwise, by the
    digest of the data that it makes or by the key of the input that it reads.
    """
    modules = _reachable(f"{PACKAGE}.experiments.kinds.{kind}")
    codes = {name: _code_of(path) for name, path in sorted(modules.items())}
    return hashlib.sha256(json.dumps(codes, sort_keys=True).encode()).hexdigest()


def _reachable(module: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _module_file(name)
        if path is None or name in found:
            continue
        found[name] = path
        for node in _imports(path.read_text()):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif node.module:
                for submodule in (f"{node.module}.{alias.name}" for alias in node.names):
                    waiting.append(submodule if _module_file(submodule) else node.module)
    return found


@cache  # by the text: kinds share most of their modules
def _imports(text: str) -> list[ast.Import | ast.ImportFrom]:
    """The imports at module level."""
    return [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]


@cache
def _module_file(name: str) -> Path | None:
    if name.split(".")[0] != PACKAGE:
        return None
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin else None


def _only_for_types(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module in ("typing", "collections.abc")
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _code_of(path: Path) -> str:
    """The module's syntax, written alike by every Python."""
    return _syntax(path.read_text())


@cache
def _syntax(text: str) -> str:
    """As `_code_of`: Python 3.12 adds type_params, 3.13 hides empty lists."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        if getattr(node, "type_params", None) == []:
            delattr(node, "type_params")
    tree.body = [node for node in tree.body if not _only_for_types(node)]
    everything = {"show_empty": True} if sys.version_info >= (3, 13) else {}
    return ast.dump(tree, **everything)
