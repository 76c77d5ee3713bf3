"""A job: what is to be computed, named by a digest, so that the same thing is never computed twice.

*Identity* says what was asked: kind, parameters, and the identities of the input jobs. The *key* adds what
the answer rests on besides: the code that the kind runs through and the data that it reads. A record is
fresh when its key is the one that the job has today.
"""

import ast
import hashlib
import json
import sys
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path

from bert_compression.attacks.resources import resources_digest
from bert_compression.models import encoder_digest
from bert_compression.tasks.glue import get_task
from bert_compression.tasks.sources import Examples, Source, load_examples

PACKAGE = "bert_compression"


@dataclass(frozen=True, eq=False)
class Job:
    """One unit of work. `kind` names a module of experiments/kinds; `params` are plain values; `inputs` are
    the jobs whose results it reads; `method` labels it in records and tables and is no part of its name."""

    kind: str
    params: dict
    inputs: dict[str, "Job"] = field(default_factory=dict)
    method: str = ""

    @cached_property
    def identity(self) -> str:
        inputs = {name: job.identity for name, job in self.inputs.items()}
        return digest({"kind": self.kind, "params": self.params, "inputs": inputs})

    @property
    def seed(self) -> int:
        return self.params["seed"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.method}, seed {self.seed}"


class Resolver:
    """Gives jobs their keys, for one data source; reads each split once."""

    def __init__(self, source: Source):
        self.source = source
        self._examples: dict[tuple, Examples] = {}
        self._keys: dict[str, str] = {}

    def examples(self, job: Job) -> Examples | None:
        """The examples that the job reads, or None for a job that reads none."""
        if "split" not in job.params:
            return None
        wanted = (job.params["task"], job.params["split"], job.params["size"])
        if wanted not in self._examples:
            name, split, size = wanted
            self._examples[wanted] = load_examples(self.source, get_task(name), split, size)
        return self._examples[wanted]

    def key(self, job: Job) -> str:
        """The job's key. Raises BadInput when its data cannot be had."""
        if job.identity not in self._keys:
            examples, task = self.examples(job), get_task(job.params["task"])
            self._keys[job.identity] = digest(
                {
                    "identity": job.identity,
                    "code": code_digest(job.kind),
                    "data": examples.digest if examples else None,
                    "task": [task.columns, task.labels, task.attacked],
                    "resources": self._resources(job),
                    "encoder": encoder_digest(job.params["encoder"]),
                    "inputs": {name: self.key(needed) for name, needed in job.inputs.items()},
                }
            )
        return self._keys[job.identity]

    def _resources(self, job: Job) -> str | None:
        """The digest of the files that an attack's word resources are read from."""
        if "resources" not in job.params:
            return None
        return resources_digest(job.params["resources"], getattr(self.source, "folder", None))


def digest(value: object) -> str:
    """sha256 of the value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@cache
def code_digest(kind: str) -> str:
    """sha256 over the modules that the kind runs through, without comments, docstrings, layout and types.

    These are the kind's own module and what it imports, directly or not, at module level. An import inside a
    function is not followed: the package uses it only where the imported code is covered otherwise, by the
    digest of the data that it makes or by the key of the input that it reads.
    """
    modules = _reachable(f"{PACKAGE}.experiments.kinds.{kind}")
    return digest({name: _code_of(path) for name, path in sorted(modules.items())})


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
