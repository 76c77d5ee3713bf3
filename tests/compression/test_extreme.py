"""Extreme compression: which parts lose bits, activations token by token, low rank, sizes, its objective."""

import copy
import json
import math
import re

import pytest
import torch
from torch.nn import functional as F
from transformers import BertConfig, BertForMaskedLM, BertModel

from bert_compression.compression import (
    RelationDistillation,
    StatesAndLogits,
    batch_dependent,
    binarize,
    counted_size_mib,
    dequantize,
    keep_layers,
    layer_states,
    layerwise_loss,
    load_packed,
    quantize,
    requantize,
    save_model,
    save_packed,
    sizes,
    stored_parts,
    ternarize,
)
from bert_compression.compression.grids import weight_grid
from bert_compression.compression.rounded_layers import (
    ActivationQuantizer,
    QuantizedEmbedding,
    QuantizedLinear,
)
from bert_compression.errors import BadInput

QUANTIZED = QuantizedLinear | QuantizedEmbedding


def extreme(model, bits=1, **told):
    return quantize(model, "per_token", weight_bits=bits, parts="encoder", **told)


def moved(model, seed=0):
    """The model as training may have left it: what is added of low rank is no longer zero."""
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if hasattr(module, "low_rank_u"):
                module.low_rank_u.normal_(0, 0.1, generator=draws)
    return model


def logits(model, inputs):
    with torch.no_grad():
        return model.eval()(**inputs).logits


# Which parts


@pytest.mark.parametrize(("bits", "function"), [(1, binarize), (2, ternarize)])
def test_six_matrices_a_layer_and_the_word_embeddings_are_quantized_and_nothing_else(
    tiny_bert, bits, function
):
    plain, model = tiny_bert(), extreme(tiny_bert(), bits)
    quantized = {n: m for n, m in model.named_modules() if isinstance(m, QUANTIZED)}
    assert len(quantized) == 6 * model.config.num_hidden_layers + 1
    assert {name.rpartition("layer.")[2][2:] for name in quantized} == {
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "intermediate.dense",
        "output.dense",
        "rt.embeddings.word_embeddings",
    }
    for name, module in quantized.items():
        exact = plain.get_submodule(name).weight
        rows = isinstance(module, QuantizedEmbedding)
        assert torch.equal(module.rounded_weight(), function(exact, per_row=rows)), name
        assert rows or module.output_quantizer is None
    assert type(model.classifier) is torch.nn.Linear and type(model.bert.pooler.dense) is torch.nn.Linear


@pytest.mark.parametrize("bits", [1, 2])
def test_an_embedding_in_training_rounds_the_rows_of_its_batch_as_the_whole_table_would_be(tiny_bert, bits):
    table = extreme(tiny_bert(), bits).bert.embeddings.word_embeddings.train()
    ids = torch.tensor([[5, 7, 5], [9, 0, 7]])
    upstream = torch.randn(2, 3, table.embedding_dim, generator=torch.Generator().manual_seed(0))
    rows = table(ids)
    (rows * upstream).sum().backward()
    gradient, table.weight.grad = table.weight.grad, None
    whole = F.embedding(ids, table.weight_grid.round(table.weight), table.padding_idx)
    (whole * upstream).sum().backward()
    assert torch.equal(rows, whole)
    assert torch.equal(gradient, table.weight.grad)


def test_only_what_goes_into_a_matrix_is_rounded(tiny_bert):
    layer = extreme(tiny_bert()).bert.encoder.layer[0].intermediate.dense.eval()
    x = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(0))
    step = x.abs().amax(dim=-1, keepdim=True) / 127
    expected = F.linear((x / step).round() * step, layer.rounded_weight(), layer.bias)
    torch.testing.assert_close(layer(x), expected)


# Activations


def test_a_token_is_rounded_by_its_own_range_and_its_company_does_not_matter():
    quantizer = ActivationQuantizer("per_token", 0.0)
    tokens = torch.tensor([[[1.0, 0.3, -0.2], [100.0, 30.0, -20.0]]])
    expected = torch.tensor([127.0, 38.0, -25.0]) / 127
    torch.testing.assert_close(quantizer(tokens)[0, 0], expected)
    torch.testing.assert_close(quantizer(tokens)[0, 1], 100 * expected)
    assert torch.equal(quantizer(tokens[:, :1])[0, 0], quantizer(tokens)[0, 0])


def test_clipping_cuts_values_and_gradients_off():
    quantizer = ActivationQuantizer("clipped", 0.0)
    x = torch.tensor([-9.0, -2.4, 0.0, 1.0, 7.0], requires_grad=True)
    rounded = quantizer(x)
    step = 2.5 / 127
    expected = torch.tensor([-127.0, -122.0, 0.0, 51.0, 127.0]) * step
    torch.testing.assert_close(rounded.detach(), expected)
    rounded.sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize(("mode", "depends"), [("per_token", False), ("clipped", True)])
def test_an_answer_depends_on_its_batch_only_where_the_range_does(tiny_bert, tiny_texts, mode, depends):
    model = quantize(tiny_bert(), mode, weight_bits=2, parts="encoder")
    assert batch_dependent(model) == depends
    texts = tiny_texts()
    together = logits(model, texts.batch(range(6)))
    alone = torch.cat([logits(model, texts.batch([i])) for i in range(6)])
    assert torch.allclose(together, alone, atol=1e-5) != depends


# Low rank


@pytest.mark.parametrize("rank", [1, 8])
def test_something_of_low_rank_is_added_which_is_nothing_to_begin_with(tiny_bert, inputs, rank):
    without, model = extreme(tiny_bert()), extreme(tiny_bert(), low_rank=rank)
    assert torch.equal(logits(model, inputs), logits(without, inputs))
    moved(model)
    layer = model.bert.encoder.layer[0].output.dense
    added = layer.used_weight() - layer.rounded_weight()
    torch.testing.assert_close(added, layer.low_rank_u @ layer.low_rank_v)
    assert torch.linalg.matrix_rank(added.detach()) == rank
    x = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(1))
    rounded = layer.input_quantizer(x)
    torch.testing.assert_close(layer(x), F.linear(rounded, layer.used_weight(), layer.bias))
    assert not torch.allclose(logits(model, inputs), logits(without, inputs))


def test_all_that_is_added_learns(tiny_bert, inputs):
    model = moved(extreme(tiny_bert(), low_rank=1))
    model(**inputs).logits.sum().backward()
    added = [p for n, p in model.named_parameters() if "low_rank" in n]
    assert len(added) == 2 * 6 * model.config.num_hidden_layers
    assert all(p.grad.abs().sum() > 0 for p in added)


@pytest.mark.parametrize("rank", [-1, 33])
def test_a_rank_that_no_matrix_has_is_refused(tiny_bert, rank):
    message = r"^low_rank must lie between 1 and the width 32, not"
    plain, model = tiny_bert(), extreme(tiny_bert())
    with pytest.raises(BadInput, match=message):
        extreme(plain, low_rank=rank)
    assert not any(isinstance(module, QUANTIZED) for module in plain.modules())
    with pytest.raises(BadInput, match=message):
        requantize(model, 2, low_rank=rank)
    assert model.bert.embeddings.word_embeddings.weight_grid.bits == 1  # nothing is half done


# Other bits for the same weights, and none


def test_other_bits_take_the_weights_before_rounding(tiny_bert):
    model = requantize(extreme(tiny_bert(), 2), 1, low_rank=1)
    fresh = extreme(tiny_bert(), 1, low_rank=1)
    for (name, one), (_, other) in zip(model.named_modules(), fresh.named_modules(), strict=True):
        if isinstance(one, QUANTIZED):
            assert torch.equal(one.rounded_weight(), other.rounded_weight()), name
    assert model.config.compression == fresh.config.compression


def test_only_what_is_quantized_so_gets_other_bits(tiny_bert):
    for model in (tiny_bert(), quantize(tiny_bert(), "dynamic"), extreme(tiny_bert(), low_rank=1)):
        before = copy.deepcopy(getattr(model.config, "compression", []))
        with pytest.raises(BadInput, match=r"^requantize takes a model that is quantized with parts='enc"):
            requantize(model, 1)
        assert getattr(model.config, "compression", []) == before


def test_without_its_quantizers_a_model_keeps_the_weights_that_it_computes_with(tiny_bert, inputs):
    model = moved(extreme(tiny_bert(), 2, low_rank=1))
    plain = dequantize(model)
    assert not any(isinstance(m, QUANTIZED) for m in plain.modules())
    assert plain.config.compression == []
    layer = model.bert.encoder.layer[1].attention.self.key
    assert torch.equal(plain.bert.encoder.layer[1].attention.self.key.weight, layer.used_weight())
    assert all(parameter.requires_grad for parameter in plain.parameters())
    layer.weight.requires_grad_(False)
    frozen = [name for name, parameter in dequantize(model).named_parameters() if not parameter.requires_grad]
    assert frozen == ["bert.encoder.layer.1.attention.self.key.weight"]
    # What is left of the difference is the rounding of activations.
    assert torch.allclose(logits(plain, inputs), logits(model, inputs), atol=0.05)


@pytest.mark.parametrize("told", [{"parts": "some"}, {"weight_bits": 0}, {"weight_bits": 17}])
def test_what_cannot_be_quantized_is_refused_in_one_line(tiny_bert, told):
    with pytest.raises(BadInput, match=r"^(unknown parts 'some'|weights have 1 to 16 bits)"):
        quantize(tiny_bert(), "per_token", **told)


@pytest.mark.parametrize("bits", [0, 3, 4, 7, 9, 16])
def test_extreme_compression_has_one_two_or_eight_bits(tiny_bert, inputs, bits):
    message = rf"^with parts='encoder' weights have 1, 2 or 8 bits, not {bits}$"
    plain, model = tiny_bert(), extreme(tiny_bert(), 2)
    before = logits(plain, inputs), logits(model, inputs)
    with pytest.raises(BadInput, match=message):
        extreme(plain, bits)
    with pytest.raises(BadInput, match=message):
        requantize(model, bits)
    assert torch.equal(logits(plain, inputs), before[0]) and torch.equal(logits(model, inputs), before[1])


# What was rounded once is rounded anew when it has to be


def test_a_model_that_answered_before_answers_with_its_new_bits(tiny_bert, inputs, tmp_path):
    model = extreme(tiny_bert())
    before = logits(model, inputs)
    after = logits(requantize(model, 2), inputs)
    assert not torch.equal(after, before)
    assert torch.equal(after, logits(requantize(extreme(tiny_bert()), 2), inputs))
    save_packed(model, tmp_path)
    assert torch.equal(logits(load_packed(tmp_path), inputs), after)


def test_a_step_of_a_fused_optimizer_in_evaluation_mode_is_seen(tiny_bert, inputs):
    model = extreme(tiny_bert()).eval()
    before = logits(model, inputs)
    model(**inputs, labels=torch.zeros(len(before), dtype=torch.long)).loss.backward()
    torch.optim.AdamW(model.parameters(), lr=0.05, fused=True).step()
    after = logits(model, inputs)
    assert not torch.equal(after, before)
    assert torch.equal(after, logits(copy.deepcopy(model), inputs))  # which has rounded nothing yet


def test_weights_made_for_inference_are_rounded_at_each_use(tiny_bert, inputs):
    expected = logits(extreme(tiny_bert()), inputs)
    with torch.inference_mode():
        model = extreme(tiny_bert())
        assert torch.equal(model.eval()(**inputs).logits, expected)
    assert torch.equal(logits(model, inputs), expected)


def test_a_layer_in_two_places_is_quantized_in_both(tiny_bert, inputs, tmp_path):
    plain = tiny_bert()
    first, second = plain.bert.encoder.layer[0].attention.self, plain.bert.encoder.layer[1].attention.self
    first.key = second.query
    model = extreme(plain)
    assert isinstance(first.key, QuantizedLinear) and isinstance(second.query, QuantizedLinear)
    assert first.key.weight is second.query.weight
    save_packed(model, tmp_path)
    assert torch.equal(logits(load_packed(tmp_path), inputs), logits(model, inputs))


def test_what_is_added_of_low_rank_has_the_type_of_the_weight(tiny_bert, inputs):
    with torch.no_grad():
        assert extreme(tiny_bert().double(), low_rank=1)(**inputs).logits.dtype == torch.float64


# Stored


@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize("rank", [0, 1])
def test_a_packed_model_answers_the_same_to_the_last_bit(tiny_bert, inputs, tmp_path, bits, rank):
    model = moved(extreme(tiny_bert(), bits, low_rank=rank))
    size = save_packed(model, tmp_path)
    loaded = load_packed(tmp_path)
    assert torch.equal(logits(loaded, inputs), logits(model, inputs))
    header = 8 + int.from_bytes((tmp_path / "model.safetensors").read_bytes()[:8], "little")
    assert size == header + sum(stored_parts(model.config, bits, rank).values())


def test_a_model_that_is_not_quantized_has_no_scales_in_its_file(tiny_bert, tmp_path):
    size = save_packed(tiny_bert(num_labels=3), tmp_path)
    header = 8 + int.from_bytes((tmp_path / "model.safetensors").read_bytes()[:8], "little")
    parts = stored_parts(tiny_bert(num_labels=3).config)
    assert size == header + sum(parts.values()) and parts["scales"] == parts["low rank"] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("hidden_act", "relu"), ("layer_norm_eps", 1e-2), ("num_attention_heads", 1), ("mode", "clipped")],
)
def test_a_packed_model_whose_config_was_changed_is_refused_in_one_line(tiny_bert, tmp_path, name, value):
    save_packed(extreme(tiny_bert()), tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    (config if name in config else config["compression"][0])[name] = value
    path.write_text(json.dumps(config))
    with pytest.raises(BadInput, match=rf"^the model in {re.escape(str(tmp_path))} has been changed since"):
        load_packed(tmp_path)


def test_what_cannot_be_read_back_is_not_packed(tiny_bert, tmp_path):
    for kind in (BertModel, BertForMaskedLM):
        model = kind(tiny_bert().config)
        with pytest.raises(
            BadInput, match=r"cannot be read back: a packed model classifies texts or answers"
        ):
            save_packed(extreme(model), tmp_path)
    for other in (torch.bfloat16, torch.float64):
        with pytest.raises(BadInput, match=rf"^the model computes in {other}: call float\(\) before it is"):
            save_packed(extreme(tiny_bert()).to(other), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["low_rank_u", "low_rank_v", "weight", "bias"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_part_of_a_packed_model_is_nan_or_infinite(tiny_bert, tmp_path, name, value):
    model = extreme(tiny_bert(), low_rank=1)
    with torch.no_grad():
        getattr(model.bert.encoder.layer[2].output.dense, name).view(-1)[3] = value
    with pytest.raises(BadInput, match=r"(NaN or infinite, and no|dense\.\w+ holds NaN or infinite)"):
        save_packed(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bits", [1, 2, 8])
@pytest.mark.parametrize("per_row", [False, True])
def test_a_matrix_of_zeros_stays_one(tiny_bert, inputs, tmp_path, bits, per_row):
    plain = tiny_bert()
    with torch.no_grad():
        plain.bert.encoder.layer[0].output.dense.weight.zero_()
        plain.bert.encoder.layer[1].intermediate.dense.weight[3] = 0
    model = extreme(plain, bits, per_row=per_row)
    assert not model.bert.encoder.layer[0].output.dense.rounded_weight().any()
    assert not model.bert.encoder.layer[1].intermediate.dense.rounded_weight()[3].any()
    save_packed(model, tmp_path)
    assert torch.equal(logits(load_packed(tmp_path), inputs), logits(model, inputs))


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.double(),
        lambda s: -s,
        lambda s: s * math.nan,
        lambda s: s.expand(2),
        lambda s: s.to(torch.int32),
    ],
)
@pytest.mark.parametrize("bits", [1, 2, 8])
def test_a_scale_is_a_finite_number_of_float32_and_not_below_zero(bits, change):
    grid, weight = weight_grid(bits), torch.randn(4, 6)
    stored, scale = grid.pack(weight)
    grid.unpack(stored, scale, weight.shape)
    with pytest.raises(BadInput, match=r"^(a scale is a finite float32 number|the scale has the shape)"):
        grid.unpack(stored, change(scale), weight.shape)


@pytest.mark.parametrize("change", ["a bit", "cut short", "longer"])
def test_a_packed_file_that_is_not_what_it_was_is_refused_in_one_line(tiny_bert, tmp_path, change):
    save_packed(extreme(tiny_bert()), tmp_path)
    path = tmp_path / "model.safetensors"
    content = bytearray(path.read_bytes())
    if change == "a bit":
        content[-100] ^= 1
    path.write_bytes(content[:-9] if change == "cut short" else content + b"x" * (change == "longer"))
    with pytest.raises(BadInput) as error:
        load_packed(tmp_path)
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)
    if change == "a bit":
        assert (
            str(error.value) == f"the model in {tmp_path} has been changed since it was packed: pack it again"
        )


def test_what_save_packed_did_not_write_is_no_packed_model(tiny_bert, tmp_path):
    save_model(tiny_bert(), tmp_path)
    with pytest.raises(BadInput, match=r"holds no model that save_packed wrote: read it with load_model$"):
        load_packed(tmp_path)
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(BadInput, match="holds no readable model"):
        load_packed(tmp_path)


def test_a_packed_model_that_was_loaded_is_saved_like_another(tiny_bert, tmp_path):
    save_packed(extreme(tiny_bert()), tmp_path / "packed")
    save_model(load_packed(tmp_path / "packed"), tmp_path / "kept")
    with pytest.raises(BadInput, match="holds no model that save_packed wrote"):
        load_packed(tmp_path / "kept")


# The paper's arithmetic: BERT-base and the layers that a student has.


@pytest.mark.parametrize(
    ("layers", "bits", "rank", "printed"),
    [
        (12, 32, 0, "417.2"),
        (6, 32, 0, "255.2"),
        (5, 32, 0, "228.2"),
        (4, 32, 0, "201.2"),
        (12, 1, 0, "13.0"),
        (6, 1, 0, "8.0"),
        (5, 1, 0, "7.1"),
        (4, 1, 0, "6.3"),
        (6, 1, 1, "8.1"),
        (5, 1, 1, "7.3"),
        (4, 1, 1, "6.4"),
        (12, 2, 0, "26.1"),  # the caption of C.3 prints 26.8, and x 16.0, which is 26.1
    ],
)
def test_sizes_are_those_that_the_paper_prints(layers, bits, rank, printed):
    config = BertConfig(num_hidden_layers=layers)
    assert f"{counted_size_mib(config, bits, rank):.1f}" == printed


def test_the_papers_two_bit_sizes_are_twice_the_rounded_one_bit_ones():
    printed = {6: "16.0", 5: "14.2", 4: "12.6"}
    for layers, two_bit in printed.items():
        counted = counted_size_mib(BertConfig(num_hidden_layers=layers), 1)
        assert f"{2 * round(counted, 1):.1f}" == two_bit


BITS = "weights count with 1, 2, 8 or 32 bits, not "
RANK = "low_rank must lie in 0..768, not "


@pytest.mark.parametrize("count", [counted_size_mib, stored_parts])
@pytest.mark.parametrize(
    ("bits", "rank", "message"),
    [(3, 0, BITS), (0, 0, BITS), (1, -1, RANK), (1, 769, RANK), (1, 10**7, RANK)],
)
def test_sizes_that_the_paper_does_not_count_are_refused(count, bits, rank, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        count(BertConfig(), bits, rank)


@pytest.mark.parametrize("count", [counted_size_mib, stored_parts])
@pytest.mark.parametrize("name", sizes.SHAPE[:-1])
@pytest.mark.parametrize("value", [0, -1, 10**10, "twelve", 2.5, True, None])
def test_a_shape_that_no_model_has_has_no_size(count, name, value):
    config = BertConfig()
    config.__dict__[name] = value  # not all of these would transformers take
    with pytest.raises(BadInput, match=f"^{name} of a BERT is a whole number from 1 to 1,000,000,000, not "):
        count(config, 1)
    with pytest.raises(BadInput, match=r"^num_labels of a BERT is a whole number from 1 to .*, not 0$"):
        count(BertConfig(id2label={}), 1)


# The objective


@pytest.fixture
def batch(inputs):
    return {**inputs, "labels": torch.zeros(6, dtype=torch.long)}


def other(model):
    draws = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=draws))
    return model


def test_a_stage_is_the_sum_of_what_it_follows(tiny_bert, inputs, batch):
    teacher, student = tiny_bert(), keep_layers(other(tiny_bert()), [0, 2])
    layer_map, one = [1, 2], {"layer_map": [1, 2], "embeddings": 0}
    both = StatesAndLogits(teacher, **one)(student, batch)
    states = StatesAndLogits(teacher, logits=False, **one)(student, batch)
    alone = StatesAndLogits(teacher, states=False)(student, batch)
    torch.testing.assert_close(both, states + alone)
    expected = layerwise_loss(
        layer_states(student, inputs), layer_states(teacher, inputs), inputs["attention_mask"], layer_map
    )
    torch.testing.assert_close(states, expected)
    # A second formula: the released code's soft cross-entropy, a mean over texts and classes, less the
    # entropy of the teacher.
    ours, theirs = logits(student, inputs), logits(teacher, inputs)
    p = theirs.softmax(-1)
    soft = (-p * ours.log_softmax(-1)).mean() + (p * p.log()).mean()
    torch.testing.assert_close(alone.detach(), soft)


def test_the_embeddings_may_stand_for_the_state_after_a_layer(tiny_bert, inputs, batch):
    teacher, student = tiny_bert(), keep_layers(other(tiny_bert()), [2])
    at = [StatesAndLogits(teacher, True, False, [2], e)(student, batch) for e in (0, 1)]
    ours, theirs = layer_states(student, inputs), layer_states(teacher, inputs)
    mask = inputs["attention_mask"].unsqueeze(-1).bool().expand_as(ours.hidden[0])

    def first(e: int) -> torch.Tensor:
        return F.mse_loss(ours.hidden[0][mask], theirs.hidden[e][mask])

    torch.testing.assert_close(at[1] - at[0], first(1) - first(0))
    with pytest.raises(BadInput, match=r"^the teacher has the hidden states 0 to 4, not 5$"):
        StatesAndLogits(teacher, True, False, [2], 5)(student, batch)


def test_a_regression_target_is_followed_by_its_squared_difference(tiny_bert, inputs, batch):
    teacher, student = tiny_bert(num_labels=1), other(tiny_bert(num_labels=1))
    loss = StatesAndLogits(teacher, states=False)(student, batch)
    torch.testing.assert_close(loss.detach(), F.mse_loss(logits(student, inputs), logits(teacher, inputs)))


def test_the_student_learns_everywhere_its_teacher_nowhere_and_agreement_costs_nothing(tiny_bert, batch):
    teacher, student = tiny_bert(), extreme(other(tiny_bert()))
    StatesAndLogits(teacher, layer_map=[0, 1, 2, 3])(student, batch).backward()
    without = [n for n, p in student.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not [n for n in without if "key.bias" not in n]  # a key's bias moves no attention
    assert all(p.grad is None for p in teacher.parameters())
    assert StatesAndLogits(teacher)(tiny_bert().eval(), batch).item() == pytest.approx(0, abs=1e-9)


def test_the_gradient_is_that_of_finite_differences(tiny_bert, batch):
    teacher, student = tiny_bert().double(), other(tiny_bert()).double()
    objective = StatesAndLogits(teacher, states=False)  # states are compared in fp32
    weight = student.classifier.weight
    objective(student, batch).backward()
    step = 1e-3
    for place in ((0, 0), (1, 7)):
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[place] += sign * step
                ends.append(objective(student, batch).item())
                weight[place] -= sign * step
        assert weight.grad[place].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=0.02)


def test_a_stage_that_follows_nothing_is_refused(tiny_bert):
    with pytest.raises(BadInput, match=r"^a stage follows the teacher's states, its logits, or both, not"):
        StatesAndLogits(tiny_bert(), states=False, logits=False)


# MiniLM's relations


def test_relations_are_those_of_the_last_layer_by_hand(tiny_bert, tiny_texts):
    teacher, student = tiny_bert().eval(), other(tiny_bert()).eval()
    inputs = tiny_texts().batch([0])  # one text has no padding
    batch = {**inputs, "labels": torch.zeros(1, dtype=torch.long)}
    heads = 4
    loss = RelationDistillation(teacher, heads)(student, batch)

    def relations(model):
        states = model.bert(**inputs, output_hidden_states=True).hidden_states[-2]
        attention = model.bert.encoder.layer[-1].attention.self
        for part in (attention.query, attention.key, attention.value):
            x = part(states)[0].view(-1, heads, 32 // heads).transpose(0, 1)
            yield (x @ x.transpose(1, 2) / math.sqrt(32 / heads)).softmax(-1)

    expected = 0.0
    for mine, its in zip(relations(student), relations(teacher), strict=True):
        expected += (its * (its.log() - mine.log())).sum(-1).mean() / 3
    torch.testing.assert_close(loss, expected)
    assert RelationDistillation(teacher, heads)(teacher, batch).item() == pytest.approx(0, abs=1e-7)


def test_padding_changes_no_relation(tiny_bert, tiny_texts):
    teacher, student = tiny_bert().eval(), other(tiny_bert()).eval()
    texts = tiny_texts()
    objective = RelationDistillation(teacher, 4)

    def loss(indices, padding=0):
        inputs = {n: F.pad(t, (0, padding)) for n, t in texts.batch(indices).items()}
        return objective(student, {**inputs, "labels": torch.zeros(len(indices), dtype=torch.long)})

    torch.testing.assert_close(loss([0], padding=5), loss([0]))


def test_layers_that_are_named_twice_or_missing_are_refused(tiny_bert, batch):
    teacher = tiny_bert()
    for layer_map, message in (
        ([0, 0, 1, 2], "names no layer of the teacher twice"),
        ([0, 1, 2, 4], "not all of"),
    ):
        with pytest.raises(BadInput, match=re.escape(message)):
            StatesAndLogits(teacher, layer_map=layer_map)(tiny_bert(), batch)


def test_relations_are_those_of_the_students_last_layer_and_of_the_named_one_of_the_teacher(
    tiny_bert, tiny_texts
):
    teacher, student, heads = tiny_bert().eval(), other(tiny_bert()).eval(), 4
    inputs = tiny_texts().batch([0])

    def relations(model, at):
        x = model.bert(**inputs, output_hidden_states=True).hidden_states[:-1][at]
        attention = model.bert.encoder.layer[at].attention.self
        for part in (attention.query, attention.key, attention.value):
            y = part(x)[0].view(-1, heads, 32 // heads).transpose(0, 1)
            yield (y @ y.transpose(1, 2) / math.sqrt(32 / heads)).softmax(-1)

    expected = sum(
        (theirs * (theirs.log() - mine.log())).sum(-1).mean() / 3
        for mine, theirs in zip(relations(student, -1), relations(teacher, 1), strict=True)
    )
    batch = {**inputs, "labels": torch.zeros(1, dtype=torch.long)}
    torch.testing.assert_close(RelationDistillation(teacher, heads, layer=1)(student, batch), expected)
