"""What names a job: the same question gives the same key, any other question another."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pandas as pd

from bert_compression.experiments import job as job_module
from bert_compression.experiments.job import Job, Resolver
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


KEYS_OF_A_COPY = """
import json, sys
from pathlib import Path
import bert_compression
from bert_compression.experiments.code import code_digest, code_name
from bert_compression.experiments.job import Resolver
from bert_compression.experiments.papers import table_jobs
from bert_compression.experiments.plan import in_order
from bert_compression.experiments.profiles import get_profile
from bert_compression.tasks.sources import open_source

lib = Path(sys.argv[1]) / "bert_compression"
assert Path(bert_compression.__file__).parent == lib, bert_compression.__file__

def keys():
    code_digest.cache_clear()
    code_name.cache_clear()
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
