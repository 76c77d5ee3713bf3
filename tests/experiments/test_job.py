"""What names a job: the same question gives the same key, any other question another."""

import ast
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from bert_compression.experiments import job as job_module
from bert_compression.experiments.job import Job, Resolver, _code_of, _reachable, code_digest
from bert_compression.experiments.kinds import KINDS
from bert_compression.experiments.papers import table_jobs
from bert_compression.experiments.plan import in_order
from bert_compression.experiments.profiles import PROFILES
from bert_compression.tasks.sources import FolderSource

PARAMS = {"task": "sst2", "seed": 0, "encoder": "builtin-bert", "split": "train", "size": None, "mode": "ema"}


def test_an_identity_says_what_was_asked_and_nothing_else():
    model = Job("pretrained", {"seed": 0}, {}, "pretrained")
    job = Job("quantize", PARAMS, {"model": model}, "q8")
    shuffled = dict(reversed(PARAMS.items()))
    assert list(shuffled) != list(PARAMS)
    same = [
        Job("quantize", shuffled, {"model": model}, "q8"),
        Job("quantize", PARAMS, {"model": Job("pretrained", {"seed": 0}, {}, "pretrained")}, "another label"),
    ]
    others = [
        Job("calibrate", PARAMS, {"model": model}, "q8"),
        Job("quantize", {**PARAMS, "mode": "int8"}, {"model": model}, "q8"),
        Job("quantize", {**PARAMS, "seed": 1}, {"model": model}, "q8"),
        Job("quantize", {**PARAMS, "seed": "0"}, {"model": model}, "q8"),
        Job("quantize", PARAMS, {"model": Job("pretrained", {"seed": 1})}, "q8"),
        Job("quantize", PARAMS, {"teacher": model}, "q8"),
        Job("quantize", PARAMS, {}, "q8"),
    ]
    assert {one.identity for one in same} == {job.identity}
    assert len({one.identity for one in [job, *others]}) == 1 + len(others)


def write_folder(folder, train, validation):
    for split, sentences in (("train", train), ("validation", validation)):
        path = folder / "glue" / "sst2" / f"{split}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"sentence": sentences, "label": [i % 2 for i in range(len(sentences))]}).to_parquet(
            path
        )
    return folder


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def test_a_key_changes_with_the_data_of_the_job_or_of_what_it_needs_and_only_then(tmp_path):
    sizes = {
        "train_size": {"sst2": None},
        "attacked": None,
        "importance_size": None,
        "calibration_size": None,
    }
    jobs = in_order(table_jobs("loyalty", "table_3", replace(PROFILES["smoke"], seeds=(0,), **sizes)))

    def keys(name, train, validation):
        resolver = Resolver(FolderSource(write_folder(tmp_path / name, train, validation)))
        return {f"{job}, {job.params.get('split')}": resolver.key(job) for job in jobs}

    train, validation = ["one good film", "two bad films"], ["a fine one", "a dull one"]
    before = keys("a", train, validation)
    assert len(set(before.values())) == len(before) == len(jobs)
    assert keys("elsewhere", train, validation) == before  # it is the sentences that count, not their place

    other_validation = changed(before, keys("b", train, ["a fine one", "a dull onE"]))
    assert {name for name in before if name.endswith("validation")} == other_validation
    other_training = changed(before, keys("c", ["one good film", "two bad filmS"], validation))
    without_data = {"pretrained of pretrained", "quantize of pretrained | q8"}
    assert {name for name in before if name.split(",")[0] not in without_data} == other_training


def test_a_key_changes_with_the_weights_of_the_encoder(tmp_path, monkeypatch):
    job = Job("pretrained", {"task": "sst2", "seed": 0, "encoder": "builtin-bert", "labels": 2})
    source = FolderSource(write_folder(tmp_path, ["x"], ["y"]))
    before = Resolver(source).key(job)
    assert Resolver(source).key(job) == before
    monkeypatch.setattr(job_module, "encoder_digest", lambda encoder: "other weights")
    assert Resolver(source).key(job) != before


def test_a_key_changes_with_the_word_resources_of_an_attack(tmp_path):
    folder = write_folder(tmp_path, ["x"], ["y"])
    attack = Job("attack", {**PARAMS, "split": "validation", "resources": "folder"})
    predict = Job("predict", {**PARAMS, "split": "validation"})

    def keys():
        job_module.resources_digest.cache_clear()
        resolver = Resolver(FolderSource(folder))
        return resolver.key(attack), resolver.key(predict)

    before = keys()
    assert keys() == before
    lists = folder / "sets" / "counterfitted" / "neighbours.json"
    lists.parent.mkdir(parents=True)
    lists.write_text('{"good": ["fine"]}')
    assert keys()[0] != before[0]
    assert keys()[1] == before[1]


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
    monkeypatch.setattr(job_module, "PACKAGE", "toyhouse")
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


KEYS_OF_A_COPY = """
import json, sys
from pathlib import Path
import bert_compression
from bert_compression.experiments.job import Resolver, code_digest
from bert_compression.experiments.papers import table_jobs
from bert_compression.experiments.plan import in_order
from bert_compression.experiments.profiles import get_profile
from bert_compression.tasks.sources import open_source

lib = Path(sys.argv[1]) / "bert_compression"
assert Path(bert_compression.__file__).parent == lib, bert_compression.__file__

def keys():
    code_digest.cache_clear()
    resolver = Resolver(source)
    return {f"{job}, {job.params.get('split')}": resolver.key(job) for job in jobs}

def edit(name, old, new):
    text = (lib / name).read_text()
    assert text.count(old) == 1, (name, old, text.count(old))
    (lib / name).write_text(text.replace(old, new))

source = open_source(None, builtin=True)
jobs = in_order(table_jobs("loyalty", "table_3", get_profile("smoke", seeds=1)))
found = [keys()]
for change in json.loads(sys.argv[2]):
    edit(*change)
    found.append(keys())
print(json.dumps(found))
"""


def test_changing_the_distillation_loss_recomputes_kd_and_what_follows_not_the_teacher(tmp_path):
    package = os.path.dirname(sys.modules["bert_compression"].__file__)
    shutil.copytree(package, tmp_path / "bert_compression", ignore=shutil.ignore_patterns("__pycache__"))
    docstring = ["compression/distillation.py", "How far is the student's distribution", "How near is it"]
    loss = [
        "compression/distillation.py",
        "return temperature**2 *",
        "return temperature *",
    ]
    loop = ["training.py", "max_gradient_norm: float = 1.0", "max_gradient_norm: float = 2.0"]
    done = subprocess.run(
        [sys.executable, "-c", KEYS_OF_A_COPY, str(tmp_path), json.dumps([docstring, loss, loop])],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    before, other_docstring, other_loss, other_loop = json.loads(done.stdout)
    assert other_docstring == before
    assert changed(before, other_loss) == {
        "distill of kd, seed 0, train",
        "predict of kd, seed 0, validation",
        "attack of kd, seed 0, validation",
        "cost of kd, seed 0, validation",
        "loyalty of kd, seed 0, validation",
    }
    # The loop trains the teacher too, so that nothing but the untrained models is left.
    untrained = {"pretrained of pretrained, seed 0, None", "quantize of pretrained | q8, seed 0, None"}
    assert changed(before, other_loop) == before.keys() - untrained


def test_the_code_digests_of_the_kinds_differ():
    digests = {kind: code_digest(kind) for kind in KINDS}
    assert len(set(digests.values())) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_imports_within_the_package_are_absolute_where_a_digest_follows_them(kind):
    for path in _reachable(f"bert_compression.experiments.kinds.{kind}").values():
        imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        assert [node.module for node in imports if node.level] == [], path
