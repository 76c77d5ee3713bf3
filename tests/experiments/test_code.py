"""The digest of a kind's code: what counts as code, and what a kind runs through; the name it goes by."""

import ast

import pytest

from bert_compression.errors import BadInput
from bert_compression.experiments import code as code_module
from bert_compression.experiments.code import _code_of, _reachable, code_digest, code_name
from bert_compression.experiments.kinds import KINDS

SOURCE = '''"""A module."""

LIMIT = 3

class Model:
    """A class."""

    def size(self, scale=1):
        """How large?"""
        return LIMIT * scale
'''


def test_comments_docstrings_layout_and_types_are_no_code_and_all_else_is(tmp_path):
    def code(text):
        path = tmp_path / "module.py"
        path.write_text(text)
        return _code_of(path)

    for old, new in (
        ('"""A module."""', '"""Another docstring."""'),
        ('"""A module."""\n', ""),
        ('"""How large?"""', ""),
        ('"""A class."""', '"""A class.\n\n    Longer."""'),
        ("LIMIT = 3", "LIMIT = 3  # because\n\n\n# and so on"),
        ("LIMIT * scale", "(\n            LIMIT\n            * scale\n        )"),
        ("size(self, scale=1)", "size(self, scale: int = 1) -> int"),
        ("LIMIT = 3", "from collections.abc import Iterable\nfrom typing import TYPE_CHECKING\n\nLIMIT = 3"),
        ("LIMIT = 3", "if TYPE_CHECKING:\n    from torch import Tensor\n\nLIMIT = 3"),
    ):
        assert SOURCE.replace(old, new) != SOURCE
        assert code(SOURCE.replace(old, new)) == code(SOURCE), new
    for old, new in (
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 3", 'LIMIT = "3"'),
        ("scale=1", "scale=2"),
        ("LIMIT * scale", "scale * LIMIT"),
        ("size", "length"),
        ("LIMIT = 3", "from itertools import chain\n\nLIMIT = 3"),
        ("LIMIT = 3", "if LIMITED:\n    import torch\n\nLIMIT = 3"),
    ):
        assert code(SOURCE.replace(old, new)) != code(SOURCE), new


def test_every_python_sees_the_same_code(tmp_path):
    """Python 3.12 has a further field and 3.13 hides empty ones: records would look outdated elsewhere."""
    path = tmp_path / "module.py"
    path.write_text('def f():\n    """Doc."""\nclass C: x = f"{1}"\n')
    assert _code_of(path) == (
        "Module(body=[FunctionDef(name='f', args=arguments(posonlyargs=[], args=[], kwonlyargs=[], "
        "kw_defaults=[], defaults=[]), body=[Pass()], decorator_list=[]), ClassDef(name='C', bases=[], "
        "keywords=[], body=[Assign(targets=[Name(id='x', ctx=Store())], value=JoinedStr(values=["
        "FormattedValue(value=Constant(value=1), conversion=-1)]))], decorator_list=[])], type_ignores=[])"
    )


def test_a_code_digest_follows_module_level_imports_only(tmp_path, monkeypatch):
    package = tmp_path / "toyhouse"
    package.mkdir()
    for name, text in {
        "__init__": "NAME = 1",
        "door": "import os\nfrom toyhouse import hall, NAME\nimport toyhouse.stairs\n\n"
        "def go_down():\n    from toyhouse import cellar",
        "hall": "from toyhouse.lamp import Lamp",
        "lamp": "class Lamp: pass",
        "stairs": "import toyhouse.door",
        "cellar": "",
        "attic": "",
    }.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(code_module, "PACKAGE", "toyhouse")
    found = _reachable("toyhouse.door")
    assert sorted(found) == ["toyhouse", *(f"toyhouse.{name}" for name in ("door", "hall", "lamp", "stairs"))]
    assert found["toyhouse.hall"] == package / "hall.py"


def test_a_kind_runs_through_what_it_needs_and_no_more():
    def modules(kind):
        start = f"bert_compression.experiments.kinds.{kind}"
        return {name.removeprefix("bert_compression.") for name in _reachable(start)}

    assert {"compression.distillation", "training", "tasks.batching", "errors"} <= modules("distill")
    assert {"attacks.run", "attacks.victim", "metrics.robustness"} <= modules("attack")
    assert {"metrics.loyalty"} <= modules("loyalty")
    assert not {"compression.distillation", "attacks.run", "metrics.loyalty"} & modules("finetune")
    assert not {"training", "attacks.run"} & modules("loyalty")
    # Covered otherwise: generated data by their digest, what surrounds a job by being no part of it.
    for kind in KINDS:
        assert not {"tasks.builtin", "experiments.engine", "experiments.store", "cli"} & modules(kind), kind
        assert all(not name.startswith(("report", "experiments.papers")) for name in modules(kind)), kind


def test_the_code_digests_of_the_kinds_differ():
    digests = {kind: code_digest(kind) for kind in KINDS}
    assert len(set(digests.values())) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_imports_within_the_package_are_absolute_where_a_digest_follows_them(kind):
    for path in _reachable(f"bert_compression.experiments.kinds.{kind}").values():
        imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        assert [node.module for node in imports if node.level] == [], path


@pytest.fixture
def replays(tmp_path, monkeypatch):
    """Writes what replays have shown: pairs of a kind's code and the earlier code whose numbers it gives."""
    path = tmp_path / "replayed.jsonl"
    monkeypatch.setattr(code_module, "replays_file", lambda: path)
    monkeypatch.setattr(code_module, "code_digest", lambda kind: "third")
    code_name.cache_clear()

    def write(text):
        path.write_text(text)
        code_name.cache_clear()

    yield write
    code_name.cache_clear()


def test_code_goes_by_the_name_of_the_earliest_that_gave_its_numbers(replays):
    assert code_name("predict") == "third"
    replays(
        '{"kind": "predict", "code": "third", "same_as": "second"}\n'
        '{"kind": "predict", "code": "second", "same_as": "first"}\n'
        '{"kind": "attack", "code": "second", "same_as": "first"}\n'
    )
    assert code_name("predict") == "first"
    assert code_name("attack") == code_name("cost") == "third"


def test_a_damaged_list_of_replays_is_told(replays):
    replays('{"kind": "predict", "code"')
    with pytest.raises(BadInput, match=r"replayed\.jsonl is damaged: restore the file"):
        code_name("predict")
