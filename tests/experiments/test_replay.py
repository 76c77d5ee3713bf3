"""Jobs run again: the same numbers make later code as good as earlier code, others do not."""

import importlib
import json

import pytest

from bert_compression import cli
from bert_compression.compression.distillation import Distillation
from bert_compression.experiments import Session, code, replay
from bert_compression.experiments.kinds import KINDS
from bert_compression.experiments.kinds.base import Outcome
from bert_compression.experiments.papers import TABLES, loyalty
from bert_compression.experiments.places import replays_file
from bert_compression.experiments.store import Store


@pytest.fixture
def renewed(monkeypatch):
    """Gives kinds of jobs other code: a digest, and no other numbers unless the test sees to that."""
    really = code.code_digest

    def renew(*kinds):
        def digest(kind):
            return f"later code of {kind}" if kind in kinds else really(kind)

        for module in (code, replay):
            monkeypatch.setattr(module, "code_digest", digest)
        code.code_name.cache_clear()

    yield renew
    code.code_name.cache_clear()


def run_table():
    """How many jobs a run of Table 3 computes."""
    session = Session("loyalty", "table_3", "smoke")
    session.run(quiet=True)
    return len(session.plan.to_run)


def answer(monkeypatch, kind, outcome):
    """Have all jobs of the kind come to this."""
    module = importlib.import_module(f"bert_compression.experiments.kinds.{kind}")
    monkeypatch.setattr(module, "run", lambda work: outcome)


def test_without_a_change_there_is_nothing_to_replay(toys, renewed, house, capsys):
    renewed()
    assert run_table() == 39
    assert cli.main(["replay"]) == 0
    assert capsys.readouterr().out == "every kind of job gives the numbers of its last records\n"
    assert not replays_file().exists()


def test_equal_numbers_keep_the_records_fresh(toys, renewed, house, capsys):
    renewed()
    assert run_table() == 39
    renewed("quantize", "loyalty")
    before = len(toys.ran)
    assert cli.main(["replay"]) == 0
    # One job of a shape: four ways of quantization, one loyalty.
    assert set(toys.ran[before:]) == {"quantize", "loyalty"}
    assert len(toys.ran) - before < 10
    assert "quantize of q8_ptq_int8, sst2, smoke, 0 s: the same" in capsys.readouterr().out
    seen = [json.loads(line) for line in replays_file().read_text().splitlines()]
    assert [line["kind"] for line in seen] == ["quantize", "loyalty"]
    assert all(line["code"] == f"later code of {line['kind']}" for line in seen)
    assert "smoke: q8_ptq_int8" in seen[0]["replayed"]
    assert run_table() == 0
    assert cli.main(["replay"]) == 0
    assert len(replays_file().read_text().splitlines()) == len(seen)


def test_what_today_has_measured_already_hides_nothing_of_before(toys, renewed, house):
    renewed()
    run_table()
    renewed("quantize")
    assert run_table() > 0
    assert [line["kind"] for line in code.read_replays()] == []
    assert cli.main(["replay"]) == 0
    assert [line["kind"] for line in code.read_replays()] == ["quantize"]
    assert run_table() == 0


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome({"inputs": 1.5}, {"gold": "0110"}), "inputs, model.safetensors"),
        (Outcome({"inputs": 1, "bits": 8}, {"gold": "0111"}), "bits, gold, model.safetensors"),
    ],
)
def test_other_numbers_make_the_records_older(toys, renewed, house, monkeypatch, capsys, outcome, told):
    renewed()
    run_table()
    renewed("quantize")
    answer(monkeypatch, "quantize", outcome)
    assert cli.main(["replay"]) == 1
    out, err = capsys.readouterr()
    assert f"quantize of q8_ptq_int8, sst2, smoke, 0 s: other {told}" in out
    assert err.startswith("bert-compression: not seen to give the numbers of before: quantize;")
    assert not replays_file().exists()


def test_time_is_no_number(toys, renewed, house, monkeypatch):
    answer(monkeypatch, "cost", Outcome({"speedup_batch_1": 2.0, "stored_bytes": 10}))
    renewed()
    run_table()
    renewed("cost")
    answer(monkeypatch, "cost", Outcome({"speedup_batch_1": 2.5, "stored_bytes": 10}))
    assert cli.main(["replay"]) == 0


def test_what_the_store_has_lost_is_not_vouched_for(toys, renewed, house, capsys):
    renewed()
    run_table()
    store = Store(house / "store")
    for record in store.records():
        if record["kind"] == "predict":
            (store.artifacts(record["key"]) / "model.safetensors").unlink()
    renewed("loyalty")
    assert cli.main(["replay"]) == 1
    assert "not seen to give the numbers of before: loyalty" in capsys.readouterr().err
    assert not replays_file().exists()


def test_real_jobs_come_out_the_same_again(house, monkeypatch, renewed):
    """To the bit, artifacts included; with another loss, distillation alone does not."""

    def some(profile):
        return [job for job in loyalty.table_3(profile) if job.method == "kd" and job.kind != "cost"]

    monkeypatch.setitem(TABLES["loyalty"], "table_3", some)
    renewed()
    assert run_table() == 9
    renewed(*KINDS)
    store = Store(house / "store")

    def differing():
        chosen = replay.to_replay(store)
        results = {kind: list(replay.replay(records, store, None)) for kind, records in chosen.items()}
        assert all(results.values())
        return {kind for kind in results if any(result.differs for result in results[kind])}

    assert differing() == set()
    really = Distillation.__init__
    monkeypatch.setattr(Distillation, "__init__", lambda self, temperature, alpha: really(self, 9.0, alpha))
    assert differing() == {"distill"}
