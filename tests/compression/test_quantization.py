"""Quantized models: ranges of activations, rounded weights, bits and rows, and real integers."""

import copy
import re

import pytest
import torch
from torch import nn
from transformers import AutoModelForQuestionAnswering, AutoModelForSequenceClassification

from bert_compression.compression import (
    as_int8,
    batch_dependent,
    binarize,
    calibrate,
    fake_quantize,
    load_model,
    quantization_mode,
    quantize,
    save_model,
    ternarize,
)
from bert_compression.compression.rounded_layers import (
    ActivationQuantizer,
    QuantizedEmbedding,
    QuantizedLinear,
)
from bert_compression.errors import BadInput
from bert_compression.training import CrossEntropy, TrainingSettings, train

IntegerLinear = torch.ao.nn.quantized.dynamic.Linear


@pytest.fixture(scope="module")
def texts(tiny_texts):
    return tiny_texts([9] * 12)


@pytest.fixture
def make(tiny_bert, texts):
    """Makes a quantized tiny BERT, calibrated where its mode has ranges to fit; None is the fp32 one."""

    def quantized(mode: str | None, **others):
        model = quantize(tiny_bert(), mode, decay=0.9, **others) if mode else tiny_bert()
        return calibrate(model, [texts.batch(range(12))]) if mode == "ema" else model

    return quantized


def logits(model: nn.Module, texts, indices) -> torch.Tensor:
    with torch.inference_mode():
        return model(**texts.batch(list(indices))).logits


# Ranges of activations


def test_the_first_batch_fills_the_range_the_next_ones_move_it_and_evaluation_leaves_it():
    quantizer = ActivationQuantizer("ema", decay=0.9).train()
    quantizer(torch.tensor([0.5, -1.0]))
    assert quantizer.max_abs.item() == 1.0
    quantizer(torch.tensor([3.0, 2.0]))
    assert quantizer.max_abs.item() == pytest.approx(0.9 * 1.0 + 0.1 * 3.0)
    quantizer(torch.tensor([[-2.0]]))
    assert quantizer.max_abs.item() == pytest.approx(0.9 * 1.2 + 0.1 * 2.0)
    quantizer.eval()(torch.tensor([100.0]))
    assert quantizer.max_abs.item() == pytest.approx(1.28)


def test_what_lies_beyond_a_fixed_range_is_clipped_and_still_gets_its_gradient():
    quantizer = ActivationQuantizer("ema", decay=0.9).train()
    quantizer(torch.tensor([127.0]))
    values = torch.tensor([200.0, -130.0, 5.4], requires_grad=True)
    answer = quantizer.eval()(values)
    assert torch.equal(answer, torch.tensor([127.0, -127.0, 5.0]))
    (ours,) = torch.autograd.grad(answer.sum(), values)
    masked = torch.fake_quantize_per_tensor_affine(values, 1.0, 0, -127, 127)
    (theirs,) = torch.autograd.grad(masked.sum(), values)
    assert ours.tolist() == [1.0, 1.0, 1.0] and theirs.tolist() == [0.0, 0.0, 1.0]


def test_a_dynamic_range_is_that_of_the_tensor_at_hand_and_is_not_kept():
    quantizer = ActivationQuantizer("dynamic", decay=0.9).train()
    values = torch.tensor([1.0, 0.3])
    quantizer(torch.tensor([100.0]))
    assert torch.equal(quantizer(values), fake_quantize(values))
    assert not torch.equal(quantizer(values), quantizer(torch.tensor([1.0, 0.3, 50.0]))[:2])
    assert list(quantizer.state_dict()) == []


# Whole models


@pytest.mark.parametrize("mode", ["ema", "dynamic"])
@pytest.mark.parametrize(
    ("parts", "embeddings", "outputs"),
    [
        (None, ("word", "position"), ("query", "key")),
        ("q8bert", ("word", "position"), ("query", "key")),
        ("all", ("word", "position", "token_type"), ("",)),
        ("encoder", ("word",), ()),
    ],
)
def test_these_modules_are_fake_quantized_and_nothing_else(tiny_bert, mode, parts, embeddings, outputs):
    """Of Q8BERT's released configuration: outputs of query and key alone, and no token types."""
    plain, model = tiny_bert(), quantize(tiny_bert(), mode, parts=parts)
    tables = tuple(f"{name}_embeddings" for name in embeddings)
    for (name, before), (_, after) in zip(
        plain.named_modules(), ((n, m) for n, m in model.named_modules() if "quantizer" not in n), strict=True
    ):
        expected = type(before)
        if expected is nn.Linear and (parts != "encoder" or ".layer." in name):
            expected = QuantizedLinear
            assert (after.output_quantizer is not None) == name.endswith(outputs), name
        elif expected is nn.Embedding and name.endswith(tables):
            expected = QuantizedEmbedding
            assert after.weight_grid.per_row == (parts == "encoder")
        assert type(after) is expected, name
    bits = {"weight_bits": 8, "activation_bits": 8, "per_row": False, "low_rank": 0}
    step = {"method": "quantize", "mode": mode, "decay": 0.9999, **bits, "parts": parts or "q8bert"}
    assert model.config.compression == [step]
    assert quantization_mode(model) == mode and quantization_mode(plain) is None


@pytest.mark.parametrize("head", [AutoModelForSequenceClassification, AutoModelForQuestionAnswering])
def test_as_released_the_head_learns_in_full_precision_for_200_steps(tiny_bert, texts, head):
    torch.manual_seed(0)
    model = quantize(head.from_config(tiny_bert().config), "ema", decay=0.9)
    name = "classifier" if head is AutoModelForSequenceClassification else "qa_outputs"
    layer = model.get_submodule(name).train()
    values = torch.randn(4, 32, generator=torch.Generator().manual_seed(0))
    exact = nn.functional.linear(values, layer.weight, layer.bias)
    for step in range(203):
        out = layer(values)
        assert torch.equal(out, exact) == (step < 200)
        # In use it is rounded at any time, and this counts no step.
        assert not torch.equal(layer.eval()(values), exact) and layer.train()
    # Its range is watched from the first step on, or use would find none.
    assert layer.input_quantizer.max_abs.item() == pytest.approx(values.abs().max().item())
    others = [each for each in model.modules() if isinstance(each, QuantizedLinear) and each is not layer]
    assert others and not any(each.late for each in others)
    everything = quantize(tiny_bert(), "ema", parts="all").classifier.train()
    assert not torch.equal(
        everything(values), nn.functional.linear(values, everything.weight, everything.bias)
    )


def test_a_model_computes_with_rounded_weights_and_keeps_the_exact_ones(tiny_bert):
    plain, model = tiny_bert(), quantize(tiny_bert(), "dynamic")
    exact = plain.classifier.weight
    assert torch.equal(model.classifier.weight, exact)
    assert torch.equal(model.classifier.rounded_weight(), fake_quantize(exact))
    assert not torch.equal(model.classifier.rounded_weight(), exact)


ROUNDED = {1: binarize, 2: ternarize, 4: lambda weight: fake_quantize(weight, 4)}


@pytest.mark.parametrize("bits", ROUNDED)
def test_weights_have_the_bits_that_were_asked_for_and_activations_theirs(tiny_bert, texts, bits):
    model = quantize(tiny_bert(), "dynamic", weight_bits=bits, activation_bits=5)
    for layer in (model.classifier, model.bert.embeddings.word_embeddings):
        assert torch.equal(layer.rounded_weight(), ROUNDED[bits](layer.weight))
        assert not torch.equal(layer.rounded_weight(), fake_quantize(layer.weight))
    with torch.no_grad():
        values = torch.randn(50, generator=torch.Generator().manual_seed(0))
        assert torch.equal(model.classifier.input_quantizer(values), fake_quantize(values, 5))
        key = model.bert.encoder.layer[0].attention.self.key
        assert torch.equal(key.output_quantizer(values), fake_quantize(values, 5))
    step = model.config.compression[0]
    assert (step["weight_bits"], step["activation_bits"], step["per_row"]) == (bits, 5, False)
    assert not torch.equal(logits(model, texts, range(12)), logits(tiny_bert(), texts, range(12)))


@pytest.mark.parametrize("bits", [1, 2, 8])
def test_per_row_each_row_of_a_matrix_is_rounded_alone(tiny_bert, bits):
    model = quantize(tiny_bert(), "ema", weight_bits=bits, per_row=True)
    for layer in (model.classifier, model.bert.embeddings.word_embeddings):
        rounded = {**ROUNDED, 8: fake_quantize}[bits]
        by_hand = torch.stack([rounded(row) for row in layer.weight])
        assert torch.equal(layer.rounded_weight(), by_hand)
        assert not torch.equal(by_hand, rounded(layer.weight))


def test_fewer_bits_answer_less_like_fp32(tiny_bert, texts):
    exact = logits(tiny_bert(), texts, range(12))

    def error(**bits) -> float:
        model = quantize(tiny_bert(), "dynamic", **bits)
        return (logits(model, texts, range(12)) - exact).abs().mean().item()

    errors = [error(weight_bits=bits, activation_bits=16) for bits in (16, 8, 6, 4, 2)]
    assert errors == sorted(errors) and errors[0] < 1e-3
    assert error(weight_bits=16, activation_bits=4) > error(weight_bits=16, activation_bits=8) > errors[0]


@pytest.mark.parametrize("mode", ["ema", "dynamic", "int8"])
def test_eight_bits_answer_nearly_like_fp32_but_not_quite(make, texts, mode):
    exact, rounded = logits(make(None), texts, range(12)), logits(make(mode), texts, range(12))
    difference = (exact - rounded).abs().max() / exact.std()
    assert 1e-4 < difference < 0.25


@pytest.mark.parametrize("mode", [None, "ema", "dynamic", "int8"])
def test_only_ranges_of_a_whole_batch_let_an_answer_depend_on_its_company(make, texts, mode):
    """Texts of one length, so that company means batch mates and not padding.

    In fp32 the same sums are added in another order, no more. With fixed ranges that can push a number over
    the edge between two steps, so that one step of the grid is allowed that the answers would have; here it
    is seldom used. With the ranges of the batch the answers move by several steps.
    """
    model = make(mode)
    together = logits(model, texts, range(12))
    alone = torch.cat([logits(model, texts, [i]) for i in range(12)])
    difference = (together - alone).abs().max().item()
    step = make("ema", parts="all").classifier.output_quantizer.max_abs.item() / 127
    if mode in ("dynamic", "int8"):
        assert batch_dependent(model) and difference > 4 * step
    else:
        assert not batch_dependent(model)
        assert difference < (1.01 * step if mode == "ema" else 1e-5)
        assert torch.equal(together.argmax(1), alone.argmax(1))


def test_padding_changes_an_answer_with_dynamic_ranges_and_not_with_fixed_ones(make, tiny_texts):
    mixed = tiny_texts([9, 30])
    padded = {name: rows[:1] for name, rows in mixed.batch([0, 1]).items()}  # one text, 21 pads, no company
    change = {}
    for mode in (None, "ema", "dynamic"):
        model = make(mode, parts="all")
        with torch.inference_mode():
            change[mode] = (model(**padded).logits - logits(model, mixed, [0])).abs().max().item()
    step = make("ema", parts="all").classifier.output_quantizer.max_abs.item() / 127
    assert change[None] < 1e-5
    assert change["ema"] < 1.01 * step < change["dynamic"]


def test_calibration_moves_the_ranges_alone_and_ends_in_evaluation_mode(tiny_bert, texts):
    model = quantize(tiny_bert(), "ema", decay=0.5).train()
    before = copy.deepcopy(model.state_dict())
    calibrate(model, [texts.batch([0, 1]), texts.batch([2, 3])])
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if name.endswith(".max_abs")} and moved
    assert not any(module.training for module in model.modules())
    again = calibrate(quantize(tiny_bert(), "ema", decay=0.5), [texts.batch([2, 3]), texts.batch([0, 1])])
    assert not torch.equal(logits(model, texts, range(12)), logits(again, texts, range(12)))


def test_calibration_with_one_batch_finds_the_largest_activation(tiny_bert, texts):
    batch, seen = texts.batch([0, 1, 2]), []
    model = quantize(tiny_bert(), "ema")
    calibrate(model, [batch])
    handle = model.classifier.register_forward_pre_hook(lambda _, args: seen.append(args[0].abs().max()))
    with torch.no_grad():
        model(**batch)
    handle.remove()
    # The second pass meets rounded activations where the first met exact ones; no further apart than that.
    assert model.classifier.input_quantizer.max_abs.item() == pytest.approx(seen[0].item(), rel=0.02)


def test_training_moves_the_exact_weights_by_less_than_a_step_and_the_answers_follow(make, texts):
    model = make("ema").train()
    weight = model.bert.encoder.layer[0].intermediate.dense.weight
    before, answer = weight.detach().clone(), logits(model.eval(), texts, range(12))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    model.train()(**texts.batch(range(12)), labels=torch.arange(12) % 2).loss.backward()
    optimizer.step()
    moved = (weight - before).abs().max().item()
    assert 0 < moved < before.abs().max().item() / 127
    assert not torch.equal(weight, fake_quantize(weight))
    fresh = copy.deepcopy(model.eval())
    assert not torch.equal(logits(model, texts, range(12)), answer)
    assert torch.equal(logits(model, texts, range(12)), logits(fresh, texts, range(12)))


def test_every_weight_of_a_quantized_model_gets_a_gradient(make, texts):
    model = make("ema").train()
    model(**texts.batch(range(12)), labels=torch.arange(12) % 2).loss.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # Softmax takes no notice of a number added to all scores: a key's bias has no effect.
    assert [name for name in without if not name.endswith("key.bias")] == []


# The rounded weights that inference keeps


CHANGES = {
    "in place": lambda layer: layer.weight.mul_(1.5),
    "one value in place": lambda layer: layer.weight[0, 0].add_(3.0),
    "by copying": lambda layer: layer.weight.copy_(torch.ones_like(layer.weight).cumsum(1)),
    "other data": lambda layer: setattr(layer.weight, "data", layer.weight.data * 1.5),
    "another parameter": lambda layer: setattr(layer, "weight", nn.Parameter(layer.weight * 1.5)),
    "another type": lambda layer: layer.double(),
    "loading": lambda layer: layer.load_state_dict(
        {name: 1.5 * value for name, value in layer.state_dict().items()}
    ),
    "in place behind autograd's back": lambda layer: layer.weight.data.mul_(1.5),
}
UNSEEN = pytest.mark.xfail(
    strict=True,
    reason="the version of a parameter does not count changes through .data, so that rounded_weight() gives "
    "the weight as it was before",
)


@pytest.mark.parametrize(
    "change",
    [pytest.param(name, marks=UNSEEN) if "behind" in name else name for name in CHANGES],
)
def test_the_kept_rounded_weight_follows_every_change_of_the_exact_one(make, change):
    layer = make("dynamic").bert.encoder.layer[1].output.dense
    with torch.no_grad():
        before = layer.rounded_weight()
        CHANGES[change](layer)
        after = layer.rounded_weight()
        assert torch.equal(after, fake_quantize(layer.weight)) and after.dtype == layer.weight.dtype
        assert not torch.equal(after, before.to(after.dtype))


def test_a_rounded_weight_is_kept_in_inference_and_made_anew_in_training(make):
    layer = make("dynamic").classifier
    with torch.no_grad():
        assert layer.rounded_weight() is layer.rounded_weight()
    assert layer.rounded_weight() is not layer.rounded_weight()
    assert layer.rounded_weight().requires_grad
    with torch.no_grad():
        assert not layer.rounded_weight().requires_grad


def test_what_is_kept_is_neither_copied_nor_stored(make, texts):
    model = make("ema")
    names = set(model.state_dict())
    before = logits(model, texts, range(12))
    assert set(model.state_dict()) == names
    copied = copy.deepcopy(model)
    assert "_rounded" in vars(model.classifier) and "_rounded" not in vars(copied.classifier)
    assert torch.equal(logits(copied, texts, range(12)), before)
    with torch.no_grad():
        copied.classifier.weight.mul_(-1)
    assert not torch.equal(logits(copied, texts, range(12)), before)
    assert torch.equal(logits(model, texts, range(12)), before)


def test_answers_follow_the_optimizer_of_the_training_loop(make, texts):
    """Its steps are fused into one kernel, which has to count as a change in place, too."""
    model = make("ema")
    before = logits(model, texts, range(12))
    settings = TrainingSettings(epochs=1, batch_size=12, learning_rate=1e-3)
    train(model, texts, [0, 1] * 6, CrossEntropy(), settings)
    after = logits(model, texts, range(12))
    assert not torch.equal(after, before)
    assert torch.equal(after, logits(copy.deepcopy(model), texts, range(12)))


# Real integers


def test_int8_layers_hold_integers_of_one_byte(make):
    model, plain = make("int8"), make(None)
    layers = {name: module for name, module in model.named_modules() if isinstance(module, IntegerLinear)}
    linear = {name: module for name, module in plain.named_modules() if type(module) is nn.Linear}
    assert layers.keys() == linear.keys()
    for name, layer in layers.items():
        integers = layer.weight().int_repr()
        assert integers.dtype == torch.int8 and integers.element_size() == 1
        error = (layer.weight().dequantize() - linear[name].weight).abs().max()
        assert 0 < error <= 0.501 * layer.weight().q_scale()
    assert type(model.bert.embeddings.word_embeddings) is nn.Embedding


@pytest.mark.parametrize("mode", ["ema", "dynamic"])
def test_as_int8_is_a_copy_with_integer_kernels_for_the_rounded_weights(make, texts, mode):
    model = make(mode)
    before = logits(model, texts, range(12))
    timed = as_int8(model)
    assert isinstance(timed.classifier, IntegerLinear) and quantization_mode(timed) == "int8"
    by_hand = make(None)
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, (QuantizedLinear, QuantizedEmbedding)):
                by_hand.get_submodule(name).weight.copy_(fake_quantize(module.weight))
    assert torch.equal(logits(timed, texts, range(12)), logits(quantize(by_hand, "int8"), texts, range(12)))
    assert not torch.equal(logits(timed, texts, range(12)), logits(make("int8"), texts, range(12)))
    assert (logits(timed, texts, range(12)) - before).abs().max() < 0.25 * before.std()
    assert quantization_mode(model) == mode and isinstance(model.classifier, QuantizedLinear)
    assert torch.equal(logits(model, texts, range(12)), before)


def test_as_int8_keeps_the_other_steps_and_gives_an_int8_model_back_as_it_is(make):
    model = make("dynamic")
    pruned = {"method": "prune_heads", "heads": {}}
    model.config.compression = [pruned, *model.config.compression]
    assert [step["method"] for step in as_int8(model).config.compression] == ["prune_heads", "quantize"]
    integer = make("int8")
    assert as_int8(integer) is integer


# What is refused


def test_an_unknown_mode_is_refused(tiny_bert):
    message = "unknown quantization mode 'int4': choose one of ema, dynamic, clipped, per_token, int8"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        quantize(tiny_bert(), "int4")


@pytest.mark.parametrize(
    ("bits", "message"),
    [
        ({"weight_bits": 0}, "weights have 1 to 16 bits, not 0"),
        ({"weight_bits": 17}, "weights have 1 to 16 bits, not 17"),
        ({"activation_bits": 1}, "bits must lie between 2 and 16, not 1; for one bit use binarize"),
    ],
)
def test_bits_that_no_grid_has_are_refused_before_the_model_is_changed(tiny_bert, bits, message):
    model = tiny_bert()
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        quantize(model, "ema", **bits)
    assert type(model.classifier) is nn.Linear and quantization_mode(model) is None


@pytest.mark.parametrize(
    "change", [{"weight_bits": 4}, {"activation_bits": 16}, {"per_row": True}, {"parts": "q8bert"}]
)
def test_int8_kernels_have_their_own_bits_and_scale(tiny_bert, change):
    with pytest.raises(
        BadInput, match=r"^int8 kernels have 8 bits for weights and activations and one scale"
    ):
        quantize(tiny_bert(), "int8", **change)
    assert quantization_mode(quantize(tiny_bert(), "dynamic", **change)) == "dynamic"


@pytest.mark.parametrize("first", ["ema", "dynamic", "int8"])
def test_quantizing_twice_is_refused(tiny_bert, first):
    message = f"the model is quantized already (mode {first})"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        quantize(quantize(tiny_bert(), first), "ema")


def test_calibration_without_batches_is_refused(tiny_bert):
    with pytest.raises(BadInput, match=r"^calibration needs at least one batch$"):
        calibrate(quantize(tiny_bert(), "ema"), [])


def test_calibration_of_ranges_that_are_not_kept_is_refused(tiny_bert, texts):
    for model in (tiny_bert(), quantize(tiny_bert(), "dynamic")):
        with pytest.raises(BadInput, match=r"^only ranges of the mode 'ema' are calibrated"):
            calibrate(model, [texts.batch([0])])


def test_a_model_whose_ranges_were_never_seen_does_not_answer(tiny_bert, texts, tmp_path):
    model = quantize(tiny_bert(), "ema")
    save_model(model, tmp_path)
    for unseen in (model, load_model(tmp_path), copy.deepcopy(model)):
        with pytest.raises(BadInput, match=r"^the range of some activations is 0, for none was seen"):
            logits(unseen, texts, [0])
    calibrate(model, [texts.batch([0, 1])])
    save_model(model, tmp_path)
    assert torch.equal(logits(load_model(tmp_path), texts, [0]), logits(model, texts, [0]))


def test_a_layer_that_calibration_never_ran_does_not_answer_either(tiny_bert, texts):
    model = quantize(tiny_bert(), "ema")
    model.config.compression, steps = [], model.config.compression
    encoder = model.bert
    encoder.config.compression = steps
    calibrate(encoder, [texts.batch([0, 1])])
    encoder(**texts.batch([0]))
    with pytest.raises(BadInput, match=r"^the range of some activations is 0"):
        logits(model, texts, [0])


def test_what_is_always_zero_has_the_range_zero():
    quantizer = ActivationQuantizer("ema", decay=0.5).train()
    quantizer(torch.zeros(2, 3))
    assert torch.equal(quantizer.eval()(torch.zeros(2, 3)), torch.zeros(2, 3))
    with pytest.raises(BadInput, match=r"^the range of some activations is 0"):
        quantizer(torch.full((2, 3), 0.4))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_in_half_precision_is_not_quantized(tiny_bert, texts, dtype):
    model = tiny_bert().to(dtype)
    for mode in ("int8", "dynamic"):
        with pytest.raises(BadInput, match=rf"^the model computes in {dtype}: call float\(\)"):
            quantize(model, mode)
    assert quantization_mode(quantize(model.float(), "int8")) == "int8"
