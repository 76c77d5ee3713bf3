"""Committed records: merged in a fixed order, never dropped, marked when the code has changed since."""

import json

import pytest

from bert_compression import cli
from bert_compression.errors import BadInput
from bert_compression.experiments import Session, committed_records, measure, publish
from bert_compression.experiments.kinds import KINDS


@pytest.fixture
def committed(toys, house):
    """The file of a whole table's committed records at profile small, in which everything is a toy."""
    assert cli.main(["run", "--table", "table_3", "--profile", "small", "--quiet"]) == 0
    return house / "results" / "small" / "records.jsonl"


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def rewrite(path, change):
    """Apply `change` to each record of the file."""
    records = lines(path)
    for record in records:
        change(record)
    path.write_text("".join(json.dumps(record, sort_keys=True) + "\n" for record in records))


def named(records):
    return {f"{r['kind']} of {r['method']}" for r in records}


def start_anew(house):
    """As in a fresh clone: the committed records are there, and no run."""
    (house / "store").rename(house / "another store")


# Publishing.


def test_a_run_commits_one_line_a_job_in_a_fixed_order(committed):
    records = lines(committed)
    assert len(records) == len({record["identity"] for record in records}) == 39
    place = [(r["task"], r["method"], r["seed"], KINDS.index(r["kind"]), r["identity"]) for r in records]
    assert place == sorted(place)
    assert all("artifacts" not in record and "earlier_code" not in record for record in records)
    before = committed.read_text()
    publish("small", list(reversed(records)))
    assert committed.read_text() == before


def test_publishing_replaces_the_same_job_and_keeps_the_others(committed):
    records = lines(committed)
    publish("small", [{**records[3], "metrics": {"accuracy": 0.5}}])
    after = lines(committed)
    assert after[3]["metrics"] == {"accuracy": 0.5}
    assert after[:3] + after[4:] == records[:3] + records[4:]


def test_a_failed_record_does_not_replace_a_good_one_but_stands_where_there_is_none(committed):
    records = lines(committed)
    failed = {**records[3], "status": "failed", "error": "no such thing"}
    publish("small", [failed])
    assert lines(committed) == records
    publish("small", [{**failed, "identity": "of another job"}])
    assert [r["error"] for r in lines(committed) if r["status"] == "failed"] == ["no such thing"]
    publish("small", [{**records[3], "identity": "of another job"}])
    assert [r for r in lines(committed) if r["status"] == "failed"] == []


def test_a_kind_that_the_library_no_longer_has_does_no_harm(committed):
    stranger = {**lines(committed)[0], "identity": "of another job", "kind": "alchemy"}
    publish("small", [stranger])
    assert len(lines(committed)) == 40
    (found,) = (r for r in committed_records("small") if r["kind"] == "alchemy")
    assert found["earlier_code"]


def test_smoke_is_no_evidence_and_is_not_committed(toys, house):
    assert cli.main(["run", "--table", "table_3", "--quiet"]) == 0
    assert len(toys.ran) == 39
    assert not (house / "results").exists()


def test_attacks_on_another_number_of_texts_are_not_committed(committed):
    before = committed.read_text()
    assert cli.main(["run", "--table", "table_3", "--profile", "small", "--attacked", "3", "--quiet"]) == 0
    assert committed.read_text() == before
    assert cli.main(["run", "--table", "table_3", "--profile", "small", "--seeds", "2", "--quiet"]) == 0
    assert len(lines(committed)) == 78


def test_results_that_cannot_be_written_are_told_in_one_line(toys, house, capsys):
    (house / "results").write_text("in the way")
    assert cli.main(["run", "--table", "table_3", "--profile", "small", "--quiet"]) == 2
    assert capsys.readouterr().err == (
        f"bert-compression: {house / 'results' / 'small'} cannot be written to (Not a directory): "
        "free some space, or make it writable\n"
    )


# Reading.


def test_without_a_file_there_are_no_records(house):
    assert committed_records("small") == []


@pytest.mark.parametrize("line", ["{", "3", '["key"]', '{"key": "1"}', "", b"\xff"])
def test_a_line_that_is_no_record_is_named(committed, line, capsys):
    content = committed.read_bytes().splitlines()
    content[4] = line if isinstance(line, bytes) else line.encode()
    committed.write_bytes(b"\n".join(content) + b"\n")
    with pytest.raises(BadInput) as refused:
        committed_records("small")
    assert str(refused.value) == f"{committed}, line 5 is no record: restore the file from version control"
    assert cli.main(["plan", "--table", "table_3", "--profile", "small"]) == 2
    assert capsys.readouterr().err == f"bert-compression: {refused.value}\n"


def test_committed_records_answer_in_a_fresh_clone_without_any_run(committed, toys, house):
    start_anew(house)
    before = len(toys.ran)
    records = measure("loyalty", "table_3", "small", quiet=True)
    assert len(toys.ran) == before
    assert len(records) == 39 and not any(record["earlier_code"] for record in records)
    assert not (house / "store").exists()


# Earlier code.


def outdate(path, kind):
    """Make the records of a kind look measured before their code was changed."""
    rewrite(path, lambda record: record.update(code="0" * 64) if record["kind"] == kind else None)


def test_records_of_earlier_code_are_marked_with_all_that_rests_on_them(committed):
    assert not any(record["earlier_code"] for record in committed_records("small"))
    outdate(committed, "distill")
    earlier = [record for record in committed_records("small") if record["earlier_code"]]
    assert named(earlier) == {f"{k} of kd" for k in ("distill", "predict", "attack", "cost", "loyalty")}
    outdate(committed, "finetune")
    fresh = [record for record in committed_records("small") if not record["earlier_code"]]
    assert named(fresh) == {"pretrained of pretrained", "quantize of pretrained | q8"}


def test_a_record_whose_input_is_not_committed_is_marked(committed):
    records = [record for record in lines(committed) if record["kind"] != "distill"]
    committed.write_text("".join(json.dumps(record) + "\n" for record in records))
    earlier = [record for record in committed_records("small") if record["earlier_code"]]
    assert named(earlier) == {f"{k} of kd" for k in ("predict", "attack", "cost", "loyalty")}


def test_records_of_earlier_code_are_neither_dropped_nor_silently_measured_anew(
    committed, toys, house, capsys
):
    start_anew(house)
    outdate(committed, "distill")
    before = len(toys.ran)
    records = measure("loyalty", "table_3", "small", quiet=True)
    assert len(toys.ran) == before
    assert len(records) == 39
    assert named(r for r in records if r["earlier_code"]) == {
        f"{kind} of kd" for kind in ("distill", "predict", "attack", "cost", "loyalty")
    }

    assert cli.main(["plan", "--table", "table_3", "--profile", "small"]) == 0
    table, total, outdated = capsys.readouterr().out.rsplit("\n", 3)[:3]
    assert ["attack", "6", "1", "-", "-"] in [line.split() for line in table.splitlines()]
    assert total == "39 jobs, 0 to run: about 0 s on this machine"
    assert outdated.startswith("5 measured with earlier code; `run --fresh` would measure them anew: about ")

    # Anew, what is needed for it included: the store holds nothing that could be read instead.
    fresh = Session("loyalty", "table_3", "small", fresh=True)
    teacher = {"pretrained of pretrained", "finetune of teacher", "truncate of teacher | truncate"}
    assert {f"{job.kind} of {job.method}" for job in fresh.plan.to_run} == (
        teacher
        | {"predict of teacher"}
        | {f"{k} of kd" for k in ("distill", "predict", "attack", "cost", "loyalty")}
    )
    assert cli.main(["run", "--table", "table_3", "--profile", "small", "--fresh", "--quiet"]) == 0
    assert not any(record["earlier_code"] for record in committed_records("small"))
    assert cli.main(["plan", "--table", "table_3", "--profile", "small"]) == 0
    assert "earlier code;" not in capsys.readouterr().out


def test_records_of_earlier_code_do_not_answer_for_other_data(committed, toys, house, monkeypatch):
    from bert_compression.tasks import builtin

    start_anew(house)
    outdate(committed, "finetune")
    before = len(toys.ran)
    monkeypatch.setattr(builtin, "SEED", 7)  # other sentences
    measure("loyalty", "table_3", "small", quiet=True)
    assert len(toys.ran) == before + 39
