"""The benchmarks can be started, and say by their exit status where results differ."""

import importlib
from pathlib import Path

import pytest
from torch import nn

from bert_compression.compression import StatesAndLogits, quantize
from bert_compression.compression.rounded_layers import QuantizedLinear

PROJECT = Path(__file__).resolve().parents[1]
NAMES = sorted(path.stem for path in (PROJECT / "benchmarks").glob("*.py"))


@pytest.fixture
def few_bits(monkeypatch):
    monkeypatch.syspath_prepend(PROJECT)
    return importlib.import_module("benchmarks.few_bits")


@pytest.mark.parametrize("name", NAMES)
def test_what_a_benchmark_imports_is_there(monkeypatch, name):
    monkeypatch.syspath_prepend(PROJECT)
    importlib.import_module(f"benchmarks.{name}")


@pytest.fixture
def step(tiny_bert, tiny_texts):
    rounded = quantize(tiny_bert(seed=1), "per_token", weight_bits=1, parts="encoder")
    return StatesAndLogits(tiny_bert()), rounded.eval(), tiny_texts().batch(range(6))


def test_a_quantized_step_is_that_of_plain_layers_with_its_weights(few_bits, step):
    assert few_bits.differences_of_steps(*step) == []


def test_another_gradient_of_rounding_is_told(few_bits, step, monkeypatch):
    objective, rounded, batch = step
    plain = QuantizedLinear.rounded_weight

    def steeper(layer):
        weight = plain(layer)
        return weight + 0.05 * (weight - weight.detach())

    monkeypatch.setattr(QuantizedLinear, "rounded_weight", steeper)
    told = few_bits.differences_of_steps(objective, rounded, batch)
    assert told and all("the gradient is" in line for line in told)


def test_another_loss_is_told(few_bits, step):
    objective, rounded, batch = step

    class Coarse(nn.Module):
        def forward(self, x):
            return 1.01 * x

    for module in rounded.modules():
        if isinstance(module, QuantizedLinear):
            module.input_quantizer = Coarse()
    (loss, gradient) = few_bits.differences_of_steps(objective, rounded, batch)
    assert loss.startswith("with 8-bit activations the loss is ") and "the gradient is" in gradient


@pytest.mark.parametrize(("differences", "status"), [([], 0), (["the file has other bytes"], 1)])
def test_what_differs_is_a_failure_and_a_slow_machine_is_none(
    few_bits, monkeypatch, capsys, differences, status
):
    missed = ("a step", 2.0, 1.0, 2.0, "<= 1.25", False)
    monkeypatch.setattr(few_bits, "compare_steps", lambda: ([], missed))
    monkeypatch.setattr(few_bits, "pack_bert_base", lambda: (differences, []))
    assert few_bits.main() == status
    told = capsys.readouterr()
    assert ("<= 1.25  no" in told.out) == (not differences)
    assert told.err == "".join(f"results differ: {line}\n" for line in differences)


def test_a_file_of_other_bytes_than_its_parts_differs(few_bits):
    assert few_bits.other_bytes(1_010, 1_000) == []
    for size in (999, 1_031):
        (told,) = few_bits.other_bytes(size, 1_000)
        assert told == f"the packed file has {size:,} bytes, and its parts 1,000"
