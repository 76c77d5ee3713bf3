"""Pricing: hours of a GPU, by kind of job and by where it runs, with the arithmetic open to all."""

import json

import pytest
from tiny_profile import session

from bert_compression import cli
from bert_compression.errors import BadInput
from bert_compression.experiments import Job, cost, environment, get_profile
from bert_compression.experiments.cost import A100, Hours, Machine, Time, hours, wants_gpu
from bert_compression.tasks import sources


@pytest.fixture(autouse=True)
def nothing_at_hand(house, monkeypatch):
    """No GPU, no data and no hub."""

    class NoHub(sources.HubSource):
        def load(self, task, split):
            raise BadInput("no hub answers")

    monkeypatch.setattr(sources, "HubSource", NoHub)
    monkeypatch.setattr(cost, "this_gpu", lambda: None)


def printed(capsys, *arguments):
    assert cli.main(["plan", *arguments]) == 0
    return capsys.readouterr().out


def test_hours_are_added_up_by_kind_and_by_where_jobs_run():
    params = {"task": "sst2", "seed": 0, "encoder": "bert-base-uncased", "split": "validation", "size": None}
    model = Job("pretrained", params)
    int8 = Job("quantize", {**params, "mode": "int8"}, {"model": model})
    jobs = [model, int8, *(Job("predict", params, {"model": each}) for each in (model, int8))]
    jobs.append(Job("predict", {**params, "seed": 1}, {"model": model}))
    seconds = dict(zip([job.identity for job in jobs], (360.0, 720.0, 3600.0, 7200.0, 1800.0), strict=True))
    added = hours(jobs, seconds, A100, "a processor")
    assert added.gpu_hours == {"predict": 1.5}
    assert added.cpu_hours == pytest.approx({"pretrained": 0.1, "quantize": 0.2, "predict": 2.0})
    assert str(added) == "1.5 h on NVIDIA A100 80GB and 2.3 h on the processor"
    assert added.basis()[1].startswith("CPU: a processor, ")


@pytest.mark.parametrize(
    ("gpu", "cpu", "told"),
    [
        (0.01, 0.0, "under a minute on a GPU"),
        (0.2, 0.01, "12 min on a GPU"),
        (2924.2, 0.5, "2924.2 h on a GPU and 30 min on the processor"),
    ],
)
def test_hours_below_one_are_minutes(gpu, cpu, told):
    machine = Machine("a GPU", bf16=1e14, fp32=1e13, layer_seconds=1e-3)
    assert str(Hours(machine, "a processor", {"predict": gpu}, {"cost": cpu})) == told


def test_only_an_encoder_that_wants_a_gpu_is_priced_on_one():
    assert wants_gpu(get_profile("paper"))
    assert not wants_gpu(get_profile("small")) and not wants_gpu(get_profile("smoke"))
    assert isinstance(session().cost(), Time)


def test_the_assumed_gpu_follows_from_what_was_published():
    """110.5 texts of 384 tokens a second, fine-tuning BERT-large: forward and twice as much back."""
    millions, tokens = 302e6, 384
    assert A100.bf16 == pytest.approx(110.5 * 3 * 2 * millions * tokens, rel=0.01)
    assert A100.bf16 / 312e12 == pytest.approx(0.25, abs=0.005) and "25 %" in A100.assumed
    assert A100.fp32 / 19.5e12 == pytest.approx(12 * 6 * millions * tokens / 15.7e12, abs=0.02)


def test_the_paper_is_priced_in_gpu_hours_with_nothing_at_hand(capsys):
    told = printed(capsys, "--profile", "paper")
    head, *kinds, total, gpu, cpu, words = told.splitlines()
    assert head.split()[-4:] == ["GPU", "hours", "CPU", "hours"]
    rows = {line.split()[0]: line.split()[-2:] for line in kinds}
    assert float(rows["attack"][0]) > float(rows["finetune"][0]) > 1
    assert rows["finetune"][1] == rows["cost"][0] == "-" and float(rows["cost"][1]) > 0
    assert gpu.startswith("GPU: NVIDIA A100 80GB, 77 TFLOP/s in bf16, 25 % of its peak")
    assert "int8 kernels" in cpu and "0.3 s a text" in words
    data = json.loads(printed(capsys, "--profile", "paper", "--format", "json"))
    assert data["basis"] == [gpu, cpu, words]
    assert data["gpu"]["name"] == "NVIDIA A100 80GB" and data["gpu"]["bf16"] == 77e12
    for place in ("gpu", "cpu"):
        assert data[f"{place}_hours"] == pytest.approx(sum(data[f"{place}_hours_by_kind"].values()))
    jobs, (gpu, cpu) = len(data["jobs"]), [f"{data[name]:.1f} h" for name in ("gpu_hours", "cpu_hours")]
    where = f"{gpu} on NVIDIA A100 80GB and {cpu} on the processor"
    assert total == f"{jobs} jobs, {jobs} to run: about {where}"
    assert 10 < data["gpu_hours"] < 10_000
    assert rows["attack"][0] == f"{data['gpu_hours_by_kind']['attack']:.1f}"


def test_one_table_costs_less_than_the_paper_and_one_seed_less_than_three():
    def gpu_hours(table, **options):
        return sum(session("paper", table=table, **options).cost().gpu_hours.values())

    whole = gpu_hours(None)
    assert gpu_hours("table_3") < gpu_hours("table_1") < whole
    # Two controls are padded at the first seed alone.
    assert whole / 3 <= gpu_hours(None, seeds=1) == pytest.approx(whole / 3, rel=0.02)
    assert gpu_hours(None, attacked=100) < whole / 5


def test_where_there_is_a_gpu_its_own_speed_counts(monkeypatch):
    before = session("paper", table="table_1").cost()
    here = Machine(
        "another GPU", bf16=2 * A100.bf16, fp32=2 * A100.fp32, layer_seconds=A100.layer_seconds / 2
    )
    monkeypatch.setattr(cost, "this_gpu", lambda: here)
    priced = session("paper", table="table_1").cost()
    assert priced.gpu is here and priced.basis()[0] == "GPU: another GPU, as fast as measured here"
    assert priced.gpu_hours["finetune"] == pytest.approx(before.gpu_hours["finetune"] / 2, rel=0.01)
    assert priced.cpu_hours == pytest.approx(before.cpu_hours)


def test_smaller_profiles_are_priced_in_time_on_this_machine_and_workers_share_it(capsys, monkeypatch):
    monkeypatch.setattr(environment, "processor", lambda: "a processor")
    one = json.loads(printed(capsys, "--workers", "1", "--format", "json"))
    two = json.loads(printed(capsys, "--workers", "2", "--format", "json"))
    assert (one["workers"], two["workers"]) == (1, 2)
    assert one["seconds"] / 2 <= two["seconds"] + 0.1 < one["seconds"]
    assert "gpu" not in one
    assert printed(capsys, "--workers", "2").splitlines()[-1].endswith(" on a processor, in 2 processes")
    assert printed(capsys, "--workers", "1").splitlines()[-1].endswith(" on a processor")
