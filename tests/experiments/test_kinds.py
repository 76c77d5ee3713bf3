"""What real jobs leave: records that say all, numbers that hold together and come out the same again."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import tiny_profile

from bert_compression.compare import compare, floor
from bert_compression.experiments import PROFILES, per_example
from bert_compression.experiments.records import is_sound
from bert_compression.experiments.store import Store
from bert_compression.papers import PAPERS, loyalty
from bert_compression.papers.loyalty import tables

FIELDS = {
    "key", "identity", "kind", "profile", "task", "method", "seed", "params", "inputs", "version", "data",
    "metrics", "per_example", "seconds", "peak_memory_mib", "versions", "hardware", "commit", "created",
    "status", "error", "artifacts", "digest",
}  # fmt: skip
LOYALTY = {"label_loyalty", "label_loyalty_low", "label_loyalty_high", "probability_loyalty"}
METRICS = {
    "predict": {"accuracy", "accuracy_low", "accuracy_high", "truncated_texts"},
    "loyalty": LOYALTY | {"probability_loyalty_base2", "accuracy_difference", "accuracy_difference_p"},
    "attack": {
        "after_attack_accuracy", "after_attack_accuracy_low", "after_attack_accuracy_high", "clean_accuracy",
        "after_attack_accuracy_class_0", "after_attack_accuracy_class_1", "queries_mean", "attacked",
        "successes", "successes_lost_alone", "words_changed_mean",
    },
    "cost": {
        "speedup_batch_1", "speedup_batch_32", "milliseconds_batch_1", "milliseconds_batch_32",
        "stored_bytes", "teacher_stored_bytes", "parameters",
    },
    "finetune": {"steps", "epochs", "final_loss", "train_examples"},
    "distill": {"steps", "epochs", "final_loss", "train_examples"},
}  # fmt: skip
COMPARED = ("label_loyalty", "probability_loyalty", "probability_loyalty_base2", "accuracy_difference")


run = tiny_profile.run


def test_a_record_says_all_that_is_to_be_known_of_a_job(table):
    assert len(table) == 39
    keys = {record["key"] for record in table}
    for record in table:
        assert record.keys() == FIELDS
        assert (record["status"], record["error"]) == ("ok", None)
        assert (record["profile"], record["task"], record["seed"]) == ("smoke", "sst2", 0)
        assert record["metrics"].keys() >= METRICS.get(record["kind"], set()), record["kind"]
        assert set(record["inputs"].values()) <= keys
        assert record["seconds"] >= 0 and record["peak_memory_mib"] > 50
        assert {"python", "torch", "transformers"} <= record["versions"].keys()
        assert {"processor", "cores", "gpu", "bf16"} <= record["hardware"].keys()
        if "split" in record["params"]:
            assert record["data"].keys() == {"source", "digest", "rows"}
            assert record["data"]["source"] == "builtin"
        else:
            assert record["data"] is None
    assert json.loads(json.dumps(table)) == table
    assert all(is_sound(record) for record in table)


def test_a_record_keeps_each_example_where_a_number_rests_on_it(table, measured_table):
    by_kind = {(r["kind"], r["method"]): r for r in table if r["params"].get("split") != "train"}
    for (kind, method), record in by_kind.items():
        each, metrics = record["per_example"], record["metrics"]
        if kind == "predict":
            gold = measured_table.gold[record["data"]["digest"]]
            assert len(gold) == 60
            right = int((per_example(record, "predictions") == gold).sum())
            assert right / 60 == metrics["accuracy"], method
            assert metrics["accuracy_low"] <= metrics["accuracy"] <= metrics["accuracy_high"]
        elif kind == "attack":
            assert each["outcomes"].count("1") / 6 == metrics["after_attack_accuracy"]
            assert each["outcomes"].count("2") == metrics["successes"]
            assert len(each["queries"]) == metrics["attacked"] == 6
            assert record["params"]["resources"] == "builtin"
        elif kind == "loyalty":
            values = each["probability_loyalty"]
            # Each is kept with three decimals.
            assert sum(values) / 60 == pytest.approx(metrics["probability_loyalty"], abs=5e-4)
            answers = by_kind["predict", method]["per_example"]["predictions"]
            teacher = by_kind["predict", "teacher"]["per_example"]["predictions"]
            same = sum(a == b for a, b in zip(answers, teacher, strict=True))
            assert same / 60 == metrics["label_loyalty"]
    assert ("loyalty", "teacher") not in by_kind
    stored = {m: by_kind["cost", m]["metrics"]["stored_bytes"] for m in ("teacher", "q8_ptq_int8")}
    assert 2 * stored["q8_ptq_int8"] < stored["teacher"]


def test_compare_gives_each_compressed_model_the_numbers_of_the_table(house, table, measured, monkeypatch):
    monkeypatch.setattr(floor, "ROUNDS", {1: 2})
    store = Store(measured / "store")
    by_key = {record["key"]: record for record in table}

    def folder(predictions):
        """The model whose predictions these are."""
        return store.artifacts(by_key[predictions]["inputs"]["model"])

    rows = [record for record in table if record["kind"] == "loyalty"]
    methods = {record["method"] for record in rows}
    assert len(rows) == len(methods) == 6
    for record in rows:
        sides = (folder(record["inputs"][side]) for side in ("teacher", "student"))
        length = by_key[record["inputs"]["teacher"]]["params"]["max_length"]
        found = compare(*sides, "builtin-sst2", tokenizer="builtin-bert", max_length=length)
        for name in COMPARED:
            expected = pytest.approx(record["metrics"][name], rel=1e-9)
            assert found.measures[name].value == expected, (record["method"], name)
        expected = [record["metrics"][f"probability_loyalty_{end}"] for end in ("low", "high")]
        assert found.measures["probability_loyalty"].bootstrap == pytest.approx(tuple(expected), rel=1e-9)
        expected = tuple(record["metrics"][f"label_loyalty_{end}"] for end in ("low", "high"))
        assert found.measures["label_loyalty"].bootstrap == expected
        assert found.measures["mcnemar_p"].value == record["metrics"]["accuracy_difference_p"]


def only(monkeypatch, *methods, kinds=("predict", "loyalty", "attack")):
    """Ask for these measurements of these methods alone."""
    measures = {"predict": tables.answers, "loyalty": tables.loyalty, "attack": tables.textfooler}
    wanted = [measures[kind] for kind in kinds]
    some = replace(
        loyalty.TABLE_3,
        rows=tuple(replace(row, given={}) for row in loyalty.TABLE_3.rows if row.method in methods),
        columns=tuple(column for column in loyalty.TABLE_3.columns if column.measure in wanted),
        panels=(),
    )
    monkeypatch.setitem(PAPERS, "loyalty", (some,))


def comparable(records):
    """What must not differ between two runs."""
    return {r["identity"]: (r["key"], r["metrics"], r["per_example"]) for r in records}


def test_a_fresh_run_gives_the_same_numbers_and_another_seed_gives_others(house, table, monkeypatch, capfd):
    only(monkeypatch, "teacher", "kd", "q8_qat", "q8_ptq_int8")
    again = run()
    assert len(again) >= 11
    assert capfd.readouterr() == ("", "")  # quiet, whatever the libraries underneath would like to say
    once = comparable(table)
    for identity, found in comparable(again).items():
        assert found == once[identity]

    only(monkeypatch, "teacher", kinds=("predict",))
    (other,) = (r for r in run(seeds=2) if (r["kind"], r["seed"]) == ("finetune", 1))
    (one,) = (r for r in again if (r["kind"], r["method"]) == ("finetune", "teacher"))
    assert other["params"] == {**one["params"], "seed": 1}
    assert other["metrics"]["final_loss"] != one["metrics"]["final_loss"]


def test_a_text_of_ten_thousand_words_is_cut_and_counted(house, monkeypatch):
    only(monkeypatch, "teacher")
    data = house / "data" / "glue" / "sst2"
    data.mkdir(parents=True)
    sentences = ["a good film", "a bad film"] * 32
    for split in ("train", "validation"):
        if split == "validation":
            sentences = ["good " * 10_000, *sentences[1:8]]
        labels = [1, 0] * (len(sentences) // 2)
        pd.DataFrame({"sentence": sentences, "label": labels}).to_parquet(data / f"{split}.parquet")
    sizes = {"builtin_data": False, "train_size": {"sst2": None}, "epochs": 1, "attacked": 8}
    monkeypatch.setitem(PROFILES, "small", replace(PROFILES["small"], **sizes))
    records = run("small", data=house / "data")
    predict, attack = ([r for r in records if r["kind"] == kind][-1] for kind in ("predict", "attack"))
    assert predict["metrics"]["truncated_texts"] == 1
    assert predict["metrics"]["examples"] == attack["metrics"]["attacked"] == 8
    assert predict["data"]["source"] == "folder"
