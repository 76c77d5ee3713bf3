"""Committed records: appended job by job, never lost, each checked, stale when a kind's version has moved
on."""

import json
import subprocess
import sys
from dataclasses import replace
from threading import Thread
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_profile
from filelock import FileLock

from bert_compression import cli, smoke
from bert_compression.errors import BadInput
from bert_compression.experiments import PROFILES, Results, Store, profiles
from bert_compression.experiments.kinds import KINDS
from bert_compression.experiments.records import encode, per_example, sealed
from bert_compression.experiments.results import LOCK, MeasuredOtherwise, _same_numbers
from bert_compression.smoke import builtin

TABLE = ["--table", "table_3", "--paper", "loyalty", "--profile", "small"]


@pytest.fixture
def committed(toys, house):
    """The file of a whole table's committed records at profile small, in which everything is a toy."""
    assert cli.main(["run", *TABLE, "--quiet"]) == 0
    return house / "results" / "small" / "loyalty.jsonl"


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(path, records):
    path.write_text("".join(json.dumps(record, sort_keys=True) + "\n" for record in records))


def named(records):
    return {f"{r['kind']} of {r['method']}" for r in records}


def start_anew(house):
    """As in a fresh clone: the committed records are there, and no run."""
    (house / "store").rename(house / "another store")


def bump(monkeypatch, kind):
    monkeypatch.setitem(KINDS, kind, replace(KINDS[kind], version=KINDS[kind].version + 1))


def add_from(store, *records):
    Results("small").add("loyalty", records, store)


def add(*records):
    add_from(Store("nowhere"), *records)


# Publishing.


def test_a_run_commits_one_line_a_job_inputs_first_and_gold_once_a_split(committed, toys):
    records = lines(committed)
    assert len(records) == len({record["identity"] for record in records}) == len(toys.ran) == 39
    assert all("artifacts" not in record and "stale" not in record for record in records)
    seen = set()
    for record in records:
        assert set(record["inputs"].values()) <= seen
        seen.add(record["key"])
    (gold,) = lines(committed.with_name("gold.jsonl"))
    assert (gold["task"], gold["split"]) == ("sst2", "validation")
    predicted = [r for r in records if r["kind"] == "predict" and r["params"]["split"] == "validation"]
    assert {r["data"]["digest"] for r in predicted} == {gold["data"]}
    labels = builtin.load("sst2", "validation")["label"].tolist()
    assert np.array_equal(Results("small").gold[gold["data"]], labels)


def test_what_is_there_is_not_written_again(committed):
    before = committed.read_text()
    add(*reversed(lines(committed)))
    assert committed.read_text() == before
    assert cli.main(["run", *TABLE, "--quiet"]) == 0
    assert committed.read_text() == before


def test_a_later_record_of_a_job_counts_and_the_earlier_one_stays(committed):
    records = lines(committed)
    later = sealed({**records[3], "key": "f" * 64, "metrics": {"accuracy": 0.5}})
    add(later)
    assert lines(committed) == [*records, later]
    found = {record["identity"]: record for record in Results("small").records}
    assert len(found) == 39
    assert found[later["identity"]]["metrics"] == {"accuracy": 0.5}


def test_a_failed_record_stands_only_where_there_is_nothing_better(committed):
    records = lines(committed)
    failed = {**records[3], "key": "f" * 64, "status": "failed", "error": "no such thing"}
    add(sealed(failed))
    assert lines(committed) == records
    add(sealed({**failed, "identity": "of another job"}))
    assert [r["error"] for r in lines(committed) if r["status"] == "failed"] == ["no such thing"]


def test_a_record_whose_input_is_not_committed_is_refused_in_one_line(committed):
    records = lines(committed)
    orphan = next(record for record in records if record["kind"] == "attack")
    missing = {**orphan, "key": "f" * 64, "inputs": {"model": "0" * 64}}
    with pytest.raises(BadInput) as refused:
        add(sealed(missing))
    assert str(refused.value) == (
        f"the attack of {orphan['method']} cannot be published: the record of its input 'model' "
        "(000000000000) is neither committed nor published with it"
    )
    assert lines(committed) == records


@pytest.fixture
def remeasured(committed):
    """What a store holds in which a student was trained once more: its answers, and their loyalty, are others
    than the committed ones. With it a record that is not committed, and rests on these answers."""
    records = lines(committed)
    (loyalty,) = (r for r in records if (r["kind"], r["method"], r["seed"]) == ("loyalty", "kd", 0))
    (answers,) = (r for r in records if r["key"] == loyalty["inputs"]["student"])
    flipped = {"predictions": encode(1 - per_example(answers, "predictions"))}
    held = {
        answers["key"]: sealed({**answers, "per_example": flipped, "created": "2031"}),
        loyalty["key"]: sealed({**loyalty, "metrics": {"label_loyalty": 0.25}, "created": "2032"}),
    }
    new = sealed({**loyalty, "key": "f" * 64, "identity": "not there"})
    return answers, loyalty, held, new


def holding(records):
    return SimpleNamespace(record=records.get)


def test_an_input_with_other_answers_is_written_again_with_all_that_rests_on_it(committed, remeasured):
    before = lines(committed)
    answers, loyalty, held, new = remeasured
    Results("small").add("miniature", [new], holding(held))
    assert lines(committed) == [*before, held[answers["key"]], held[loyalty["key"]]]
    assert lines(committed.with_name("miniature.jsonl")) == [new]
    found = {record["key"]: record for record in Results("small").records}
    assert found[loyalty["key"]]["metrics"] == {"label_loyalty": 0.25}
    assert not found["f" * 64]["stale"]


def test_an_input_with_the_same_answers_is_not_written_again(committed, remeasured):
    before = lines(committed)
    answers, _, _, new = remeasured
    rounded = {name: value + 1e-7 for name, value in answers["metrics"].items()}
    add_from(holding({answers["key"]: sealed({**answers, "metrics": rounded})}), new)
    assert lines(committed) == [*before, new]


@pytest.mark.parametrize("failed", [False, True])
def test_what_rests_on_other_answers_waits_until_all_of_it_is_measured_and_the_rest_does_not(
    committed, remeasured, failed
):
    before = lines(committed)
    answers, loyalty, held, new = remeasured
    short = {answers["key"]: held[answers["key"]]}
    if failed:
        short[loyalty["key"]] = {**held[loyalty["key"]], "status": "failed"}
    later = sealed({**new, "key": "e" * 64, "identity": "later", "inputs": {"of": new["key"]}})
    other = sealed({**before[0], "key": "d" * 64, "identity": "another"})
    with pytest.raises(MeasuredOtherwise) as refused:
        add_from(holding(short), new, later, other)
    assert str(refused.value) == (
        "the predict of kd, seed 0, gave other numbers here than before, and the committed loyalty of kd "
        "rests on those: measure that here as well, with --fresh"
    )
    assert lines(committed) == [*before, other]
    add_from(holding(held), new, later, other)
    assert {"f" * 64, "e" * 64} <= {record["key"] for record in lines(committed)}


@pytest.mark.parametrize("in_the_end", [True, False])
def test_a_run_goes_on_where_a_record_must_wait_and_tells_so_if_it_waits_in_the_end(
    toys, house, monkeypatch, capsys, in_the_end
):
    add_all = Results.add

    def refusing(results, paper, records, store):
        if len(list(records)) == 1 or not in_the_end:
            raise MeasuredOtherwise("not yet")
        add_all(results, paper, records, store)

    monkeypatch.setattr(Results, "add", refusing)
    assert cli.main(["run", *TABLE, "--quiet"]) == (0 if in_the_end else 2)
    assert len(toys.ran) == 39
    assert len(Results("small").records) == (39 if in_the_end else 0)
    assert capsys.readouterr().err == ("" if in_the_end else "bert-compression: not yet\n")


def test_smoke_is_no_evidence_and_is_not_committed(toys, house):
    assert cli.main(["run", "--table", "table_3", "--quiet"]) == 0
    assert len(toys.ran) == 39
    assert not (house / "results").exists()


def test_attacks_on_another_number_of_texts_are_not_committed(committed):
    before = committed.read_text()
    assert cli.main(["run", *TABLE, "--attacked", "3", "--quiet"]) == 0
    assert committed.read_text() == before
    assert cli.main(["run", *TABLE, "--seeds", "2", "--quiet"]) == 0
    assert len(lines(committed)) == 78


def test_a_record_that_several_papers_ask_for_is_committed_with_the_first(committed, toys):
    before = len(toys.ran)
    assert cli.main(["run", "--table", "same_model", "--profile", "small", "--quiet"]) == 0
    assert cli.main(["run", "--paper", "loyalty", "--profile", "small", "--quiet"]) == 0
    papers = {path.stem: lines(path) for path in committed.parent.glob("*.jsonl") if path.stem != "gold"}
    assert papers.keys() == {"loyalty", "miniature"}
    keys = [record["key"] for records in papers.values() for record in records]
    assert len(keys) == len(set(keys)) == len(toys.ran) - before + 39
    assert len(Results("small").records) == len(keys)


def test_what_an_earlier_run_left_in_the_store_is_published_by_the_next(committed):
    committed.unlink()
    assert cli.main(["run", *TABLE, "--quiet"]) == 0
    assert len(lines(committed)) == 39


def test_results_that_cannot_be_written_are_told_in_one_line(toys, house, capsys):
    (house / "results").write_text("in the way")
    assert cli.main(["run", *TABLE, "--quiet"]) == 2
    assert capsys.readouterr().err == (
        f"bert-compression: {house / 'results'} cannot be written to (Not a directory): "
        "free some space, or make it writable\n"
    )


# Reading.


PUBLISH = """
import sys
from pathlib import Path
from bert_compression.experiments import Results, Store
from bert_compression.experiments.records import sealed
results, store = Results("small"), Store(Path("store"))
for number in range(40):
    key = f"{sys.argv[1]}{number}"
    record = {"key": key, "identity": key, "kind": "pretrained", "version": 1, "status": "ok"}
    record |= {"inputs": {}, "per_example": {}, "metrics": {"x": "y" * 9000}}
    results.add("loyalty", [sealed(record)], store)
"""


def test_two_processes_that_publish_at_once_lose_and_double_nothing(house):
    commands = [[sys.executable, "-c", PUBLISH, name] for name in ("a", "b", "b")]
    for each in [subprocess.Popen(command, cwd=house) for command in commands]:
        assert each.wait() == 0
    keys = [record["key"] for record in Results("small").records]
    assert sorted(keys) == sorted(f"{name}{number}" for name in "ab" for number in range(40))
    assert (house / "results/small/loyalty.jsonl").read_text().count("\n") == 80


def test_without_a_file_there_are_no_records(house):
    assert Results("small").records == []
    assert Results("small").gold == {}


@pytest.mark.parametrize("line", ["{", "3", '["key"]', '{"key": "1"}', "", b"\xff"])
def test_a_line_that_is_no_record_is_named(committed, line, capsys):
    content = committed.read_bytes().splitlines()
    content[4] = line if isinstance(line, bytes) else line.encode()
    committed.write_bytes(b"\n".join(content) + b"\n")
    with pytest.raises(BadInput) as refused:
        Results("small")
    assert str(refused.value) == (
        f"{committed}, line 5 is no record, or one that has been changed: "
        "restore the file from version control"
    )
    assert cli.main(["plan", *TABLE]) == 2
    assert capsys.readouterr().err == f"bert-compression: {refused.value}\n"


def test_a_line_that_another_process_is_writing_is_waited_for(committed):
    """The whole line is there when its lock is free."""
    whole = committed.read_bytes()
    expected = Results("small").records
    with FileLock(committed.parent / LOCK, thread_local=False):
        committed.write_bytes(whole[:-40])
        found = []
        reader = Thread(target=lambda: found.append(Results("small").records))
        reader.start()
        reader.join(0.3)
        committed.write_bytes(whole)
    reader.join()
    assert found == [expected]


def test_a_last_line_that_nobody_ends_is_named(committed):
    committed.write_bytes(committed.read_bytes()[:-40])
    with pytest.raises(BadInput, match="is no record, or one that has been changed"):
        Results("small")


@pytest.mark.parametrize("what", ["metrics", "per_example", "seconds", "seed"])
def test_a_flipped_byte_of_a_record_is_noticed(committed, what):
    records = lines(committed)
    place = next(i for i, record in enumerate(records) if record["per_example"])
    changed = {"metrics": {"inputs": 7}, "per_example": {"predictions": "0111"}, "seconds": 9.0, "seed": 1}
    records[place][what] = changed[what]
    write(committed, records)
    with pytest.raises(BadInput, match=rf"line {place + 1} is no record, or one that has been changed"):
        Results("small")


def test_damaged_gold_labels_are_named(committed):
    gold = committed.with_name("gold.jsonl")
    gold.write_text("{}\n")
    with pytest.raises(BadInput) as refused:
        assert Results("small").gold
    assert str(refused.value) == f"{gold}, line 1 is damaged: restore the file from version control"


def test_damaged_gold_labels_of_the_store_reach_no_committed_file_and_are_made_anew(committed, house):
    store = Store(house / "store")
    (kept,) = (house / "store" / "gold").glob("*.json")
    gold, whole = committed.with_name("gold.jsonl"), json.loads(kept.read_bytes())
    records = [store.record(record["key"]) for record in lines(committed)]
    predicted = next(r for r in records if r["data"] and r["data"]["digest"] == whole["data"])
    for damaged in ('{"data": "x", "lab', json.dumps(whole | {"data": "other"}), json.dumps({"data": 1})):
        kept.write_text(damaged)
        gold.unlink(missing_ok=True)
        committed.unlink(missing_ok=True)
        with pytest.raises(BadInput, match="the store has no gold labels of the examples"):
            add_from(store, *records)
        assert not gold.exists() and not committed.exists() and not kept.exists()
        assert store.gold() == {}
    assert not store.sound(predicted["key"])  # so that it runs again, and keeps them again
    assert "labels that its predictions are compared with" in store.notices[-1]


def test_results_of_an_earlier_layout_are_refused_in_one_line(house, capsys):
    earlier = house / "results" / "small" / "records.jsonl"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("{}\n")
    assert cli.main(["plan", *TABLE]) == 2
    assert capsys.readouterr().err == (
        f"bert-compression: {earlier} is of an earlier layout, which this version does not read: delete it; "
        "the committed records are in results/small/<paper>.jsonl\n"
    )


def test_committed_records_answer_in_a_fresh_clone_without_any_run(committed, toys, house):
    start_anew(house)
    before = len(toys.ran)
    records = tiny_profile.run("small")
    assert len(toys.ran) == before
    assert len(records) == 39 and not any(record["stale"] for record in records)
    assert not (house / "store").exists()


# Versions.


def test_records_of_an_earlier_version_are_stale_with_all_that_rests_on_them(committed, monkeypatch):
    assert not any(record["stale"] for record in Results("small").records)
    bump(monkeypatch, "distill")
    stale = [record for record in Results("small").records if record["stale"]]
    assert named(stale) == {f"{k} of kd" for k in ("distill", "predict", "attack", "cost", "loyalty")}
    bump(monkeypatch, "finetune")
    fresh = [record for record in Results("small").records if not record["stale"]]
    assert named(fresh) == {"pretrained of pretrained", "quantize of pretrained | q8"}


def test_a_record_whose_input_has_been_taken_away_is_stale(committed):
    write(committed, [record for record in lines(committed) if record["kind"] != "distill"])
    stale = [record for record in Results("small").records if record["stale"]]
    assert named(stale) == {f"{k} of kd" for k in ("predict", "attack", "cost", "loyalty")}


def test_a_kind_that_the_library_no_longer_has_is_stale_and_does_no_harm(committed):
    stranger = {**lines(committed)[0], "identity": "of another job", "kind": "alchemy", "key": "f" * 64}
    add(sealed(stranger))
    (found,) = (record for record in Results("small").records if record["kind"] == "alchemy")
    assert found["stale"]


def test_stale_records_are_kept_and_measured_anew(committed, toys, house, monkeypatch, capsys):
    start_anew(house)
    bump(monkeypatch, "distill")
    stale = {f"{kind} of kd" for kind in ("distill", "predict", "attack", "cost", "loyalty")}
    # What is needed for it is measured, too: the store holds nothing that could be read instead.
    teacher = {"pretrained of pretrained", "finetune of teacher", "predict of teacher"}
    to_run = {f"{job.kind} of {job.method}" for job in tiny_profile.session("small").plan.to_run}
    assert to_run == stale | teacher | {"reduce_layers of teacher | truncate"}
    assert cli.main(["run", *TABLE, "--quiet"]) == 0
    assert not any(record["stale"] for record in Results("small").records)
    assert len(lines(committed)) > 39  # the earlier ones stay


def test_committed_records_do_not_answer_for_other_data(committed, toys, house, monkeypatch):
    start_anew(house)
    before = len(toys.ran)
    monkeypatch.setattr(smoke, "VERSION", 7)  # other sentences
    tiny_profile.run("small")
    assert len(toys.ran) == before + 39


def test_with_fresh_what_is_committed_is_measured_again(committed, toys, house):
    start_anew(house)
    before = len(toys.ran)
    assert cli.main(["run", *TABLE, "--fresh", "--quiet"]) == 0
    assert len(toys.ran) == before + 39
    assert len(lines(committed)) == 39  # with the same keys, they are the same records


# Precision.


def test_a_table_goes_on_in_the_precision_of_its_committed_records(toys, house, monkeypatch):
    monkeypatch.setitem(PROFILES, "small", replace(PROFILES["small"], precision="auto"))

    def on_a_machine(bf16, **options):
        monkeypatch.setattr(profiles, "has_bf16", lambda: bf16)
        planned = tiny_profile.session("small", **options).plan
        trained = [job for job in planned.wanted[0].inputs.values() if job.kind == "finetune"]
        return trained[0].params["precision"], len(planned.to_run)

    assert on_a_machine(True) == ("bf16", 39) and on_a_machine(False) == ("fp32", 39)
    assert cli.main(["run", *TABLE, "--quiet"]) == 0
    start_anew(house)
    assert on_a_machine(True) == on_a_machine(False) == ("fp32", 0)
    assert on_a_machine(True, fresh=True) == ("fp32", 39)  # the same models once more
    # A table with nothing committed takes the machine's.
    assert on_a_machine(True, table="table_1")[0] == "bf16"


def told(**metrics):
    return {"per_example": {}, "metrics": metrics}


def test_what_is_not_defined_twice_is_the_same():
    assert _same_numbers(told(pearson=np.nan), told(pearson=np.nan))
    assert not _same_numbers(told(pearson=np.nan), told(pearson=0.5))


def test_large_numbers_may_round_otherwise_by_their_size():
    assert _same_numbers(told(queries_mean=90.0), told(queries_mean=90.005))  # one part in 18,000
    assert not _same_numbers(told(queries_mean=90.0), told(queries_mean=90.05))


def test_gold_labels_that_another_process_has_published_meanwhile_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("bert_compression.experiments.results.project_root", lambda: tmp_path)
    folder = tmp_path / "results" / "small"
    folder.mkdir(parents=True)
    found = Results("small")
    assert found.gold == {}
    told = json.dumps({"data": "d", "labels": encode(np.array([0, 1]))})
    (folder / "gold.jsonl").write_text(told + "\n")
    found.add("loyalty", [], Store("nowhere"))
    assert list(found.gold) == ["d"]
