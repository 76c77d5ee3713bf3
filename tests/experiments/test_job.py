"""What names a job: the same question gives the same key, any other question another."""

from dataclasses import replace

import pandas as pd
import pytest

from bert_compression import smoke
from bert_compression.errors import BadInput
from bert_compression.experiments import PROFILES, Job, Resolver, in_order
from bert_compression.experiments import job as job_module
from bert_compression.experiments.kinds import KINDS
from bert_compression.papers import loyalty
from bert_compression.papers.loyalty import recipes
from bert_compression.tasks import FolderSource
from bert_compression.tasks.sources import BuiltinSource

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


def test_a_key_changes_with_the_data_of_the_job_or_of_what_it_needs_and_only_then(tmp_path, monkeypatch):
    whole = replace(recipes.SIZES["smoke"], importance=None, calibration=None)
    monkeypatch.setitem(recipes.SIZES, "smoke", whole)
    profile = replace(PROFILES["smoke"], seeds=(0,), train_size={"sst2": None}, attacked=None)
    jobs = in_order(loyalty.TABLE_3.jobs(profile))

    def keys(name, train, validation):
        resolver = Resolver(FolderSource(write_folder(tmp_path / name, train, validation)))
        return {f"{job.title}, {job.params.get('split')}": resolver.key(job) for job in jobs}

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
        job_module.resources_digest.__wrapped__.cache_clear()
        resolver = Resolver(FolderSource(folder))
        return resolver.key(attack), resolver.key(predict)

    before = keys()
    assert keys() == before
    lists = folder / "sets" / "counterfitted" / "neighbours.json"
    lists.parent.mkdir(parents=True)
    lists.write_text('{"good": ["fine"]}')
    assert keys()[0] != before[0]
    assert keys()[1] == before[1]


def test_the_built_in_tasks_are_known_by_their_version_and_not_read(monkeypatch):
    """Generating all of them takes half a minute: a plan should not."""

    def job(split="train", size=None):
        return Job("predict", {**PARAMS, "split": split, "size": size})

    def keys():
        resolver = Resolver(BuiltinSource())
        jobs = (job(), job(size=2000), job(size=50), job("validation"))
        return [resolver.key(each) for each in jobs], [resolver.data(each)[1] for each in jobs]

    with monkeypatch.context() as patched:
        patched.setattr(smoke, "load", None)  # calling it would fail
        before, rows = keys()
        assert len(set(before)) == 4
        assert rows == [2000, 2000, 50, 1000]
        patched.setattr(smoke, "VERSION", smoke.VERSION + 1)
        assert set(keys()[0]).isdisjoint(before)
    assert rows == [len(Resolver(BuiltinSource()).examples(each)) for each in (
        job(), job(size=2000), job(size=50), job("validation"))]  # fmt: skip
    with pytest.raises(BadInput, match="holds 2,000 examples, and 2,001 are asked for"):
        Resolver(BuiltinSource()).key(job(size=2001))


def test_bumping_a_kinds_version_recomputes_it_and_what_follows_not_the_teacher(tmp_path, monkeypatch):
    source = FolderSource(write_folder(tmp_path, ["one good film"] * 9999, ["a fine one"] * 999))
    jobs = in_order(loyalty.TABLE_3.jobs(replace(PROFILES["smoke"], seeds=(0,))))

    def keys():
        resolver = Resolver(source)
        return {f"{job.title}, {job.params.get('split')}": resolver.key(job) for job in jobs}

    before = keys()
    assert keys() == before
    monkeypatch.setitem(KINDS, "distill", replace(KINDS["distill"], version=KINDS["distill"].version + 1))
    assert changed(before, keys()) == {
        "distill of kd, seed 0, train",
        "predict of kd, seed 0, validation",
        "attack of kd, seed 0, validation",
        "cost of kd, seed 0, validation",
        "loyalty of kd, seed 0, validation",
    }


def test_a_split_is_read_again_for_its_digest_only_when_its_files_or_the_code_have_changed(
    tmp_path, monkeypatch
):
    folder, kept = write_folder(tmp_path / "data", ["x", "y"], ["z"]), tmp_path / "store" / "digests.json"
    job = Job("predict", {**PARAMS, "size": 1})
    reads = []
    load = FolderSource.load
    monkeypatch.setattr(FolderSource, "load", lambda *told: reads.append(told) or load(*told))

    def data():
        reads.clear()
        return Resolver(FolderSource(folder), kept).data(job), len(reads)

    (first, times), unkept = data(), Resolver(FolderSource(folder)).data(job)
    assert (first, times) == (unkept, 1) and data() == (first, 0)
    write_folder(folder, ["x", "another"], ["z"])
    assert data()[1] == 1
    write_folder(folder, ["v", "w"], ["z"])
    (second, times) = data()
    assert times == 1 and second != first and data() == (second, 0)
    monkeypatch.setattr(job_module, "_reading_code", lambda: "other code")
    assert data() == (second, 1) and data() == (second, 0)
    kept.write_text('{"cut sh')
    assert data() == (second, 1) and data() == (second, 0)
