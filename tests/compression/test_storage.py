"""Models on disk: the bytes that are written, and the way back."""

import json
import struct
from math import prod

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import BertForQuestionAnswering

from bert_compression.compression import (
    calibrate,
    fake_quantize,
    load_model,
    load_packed,
    prune_heads,
    quantize,
    replace_modules,
    save_model,
    save_packed,
)
from bert_compression.errors import BadInput

FORMS = ["fp32", "pruned", "pruned twice", "truncated", "ema", "dynamic", "int8"]
FORMS += ["pruned, ema", "pruned, int8", "truncated, dynamic"]


def logits(model, inputs) -> torch.Tensor:
    with torch.inference_mode():
        return model(**inputs).logits


def header(path) -> dict[str, tuple[str, list[int]]]:
    """Type and shape of each tensor, read from the file's own bytes."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    described = json.loads(content[8 : 8 + length])
    return {name: (entry["dtype"], entry["shape"]) for name, entry in described.items()}


# The way back


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("save", [save_model, save_packed])
def test_a_model_comes_back_with_the_same_answers_to_the_last_bit(makers, inputs, tmp_path, form, save):
    model = makers[form]()
    save(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    answer = logits(model, inputs)
    assert torch.equal(logits(loaded, inputs), answer)
    assert torch.equal(answer, logits(makers["fp32"](), inputs)) == (form == "fp32")
    assert getattr(loaded.config, "compression", []) == getattr(model.config, "compression", [])
    assert loaded.config.num_hidden_layers == model.config.num_hidden_layers
    assert not any(module.training for module in loaded.modules())


@pytest.mark.parametrize("form", FORMS)
def test_saving_what_was_loaded_writes_the_same_bytes(makers, tmp_path, form):
    save_model(makers[form](), tmp_path / "first")
    save_model(load_model(tmp_path / "first"), tmp_path / "second")
    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "second"))
    assert first == second


def test_save_model_keeps_the_exact_weights_and_save_packed_the_rounded_ones(makers, tmp_path):
    model = makers["ema"]()
    exact = model.classifier.weight
    save_model(model, tmp_path / "kept")
    save_packed(model, tmp_path / "packed")
    assert torch.equal(load_model(tmp_path / "kept").classifier.weight, exact)
    assert torch.equal(load_packed(tmp_path / "packed").classifier.weight, fake_quantize(exact))
    assert not torch.equal(fake_quantize(exact), exact)


BITS = [(1, 8, True), (2, 4, False), (2, 8, True), (4, 8, True), (6, 16, False), (12, 8, False)]


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("save", [save_model, save_packed])
def test_other_bits_and_scales_come_back_with_the_same_answers(tiny_bert, inputs, tmp_path, bits, save):
    names = ("weight_bits", "activation_bits", "per_row")
    model = calibrate(quantize(tiny_bert(), "ema", **dict(zip(names, bits, strict=True))), [inputs])
    save(model, tmp_path)
    loaded = load_model(tmp_path)
    assert torch.equal(logits(loaded, inputs), logits(model, inputs))
    assert loaded.classifier.weight_grid == model.classifier.weight_grid
    assert not torch.equal(logits(model, inputs), logits(quantize(tiny_bert(), "dynamic"), inputs))
    if save is save_packed:
        stored = header(tmp_path / "model.safetensors")
        few = {1: ("U8", [2 * 32 // 8]), 2: ("U8", [2 * 32 // 4])}
        assert stored["classifier.weight"] == few.get(bits[0], ("I16" if bits[0] == 12 else "I8", [2, 32]))
        assert stored["classifier.weight_scale"] == ("F32", [2, 1] if bits[2] else [])


@pytest.mark.parametrize("form", ["ema", "dynamic", "int8"])
@pytest.mark.parametrize("save", [save_model, save_packed])
def test_a_model_saved_before_bits_and_parts_were_recorded_has_eight_and_all(
    tiny_bert, inputs, tmp_path, form, save
):
    model = quantize(tiny_bert(), form, **({} if form == "int8" else {"parts": "all"}))
    if form == "ema":
        calibrate(model, [inputs])
    save(model, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (step,) = config["compression"]
    config["compression"] = [{name: step[name] for name in ("method", "mode", "decay")}]
    config.pop("packed_sha256", None)  # which came later, too
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = load_model(tmp_path)
    assert torch.equal(logits(loaded, inputs), logits(model, inputs))
    assert loaded.config.compression == [step] and step["weight_bits"] == step["activation_bits"] == 8


def test_saving_that_fails_leaves_the_model_that_was_there(makers, inputs, tmp_path):
    model, broken = makers["fp32"](), makers["truncated"]()
    save_model(model, tmp_path)
    broken.config.id2label = {0: object()}  # which no JSON holds
    for save in (save_model, save_packed):
        with pytest.raises(TypeError, match="not JSON serializable"):
            save(broken, tmp_path)
    assert torch.equal(logits(load_model(tmp_path), inputs), logits(model, inputs))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("save", [save_model, save_packed])
def test_a_layer_that_stands_twice_is_kept_and_comes_back_as_two(makers, inputs, tmp_path, save):
    model = makers["truncated"]()
    model.bert.encoder.layer[1] = model.bert.encoder.layer[0]
    save(model, tmp_path)
    loaded = load_model(tmp_path)
    assert torch.equal(logits(loaded, inputs), logits(model, inputs))
    first, second = loaded.bert.encoder.layer
    assert first is not second and not torch.equal(
        logits(makers["truncated"](), inputs), logits(model, inputs)
    )


def test_what_cannot_be_saved_is_refused(makers, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"^a model cannot be written to "):
        save_model(makers["fp32"](), tmp_path / "file")
    with pytest.raises(BadInput, match=r"^Linear is no model of transformers"):
        save_model(torch.nn.Linear(2, 2), tmp_path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_of_half_precision_computes_in_fp32(makers, inputs, tmp_path, dtype):
    model = makers["fp32"]().to(dtype)
    model.save_pretrained(tmp_path)
    loaded = load_model(tmp_path)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32} == {loaded.config.dtype}
    assert torch.equal(logits(loaded, inputs), logits(model.float(), inputs))


def test_saving_leaves_the_model_as_it_was(makers, inputs, tmp_path):
    model = makers["ema"]()
    before = logits(model, inputs)
    save_packed(model, tmp_path)
    assert torch.equal(logits(model, inputs), before)
    assert torch.equal(model.classifier.weight, makers["ema"]().classifier.weight)


def test_the_config_tells_how_the_model_was_changed(makers, tmp_path):
    save_model(makers["pruned, int8"](), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["compression"] == [
        {"method": "prune_heads", "heads": {"0": [1], "2": [0, 3]}},
        {
            "method": "quantize",
            "mode": "int8",
            "decay": 0.9999,
            "weight_bits": 8,
            "activation_bits": 8,
            "per_row": False,
        },
    ]
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_plain_transformers_opens_a_model_of_fp32(makers, inputs, tmp_path):
    from transformers import BertForSequenceClassification

    model = makers["truncated"]()
    save_model(model, tmp_path)
    theirs = BertForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.equal(logits(theirs, inputs), logits(model, inputs))


# The bytes


def test_a_packed_layer_holds_these_bytes(tiny_bert, tmp_path):
    model = quantize(tiny_bert(num_hidden_layers=1, hidden_size=4, num_attention_heads=1), "dynamic")
    with torch.no_grad():
        model.classifier.weight.copy_(torch.tensor([[254.0, -253.5, 0.9, 1.1], [-7.2, 100.0, 0.0, -1.0]]))
        model.classifier.bias.copy_(torch.tensor([0.25, -3.0]))
    size = save_packed(model, tmp_path)
    path = tmp_path / "model.safetensors"
    assert size == path.stat().st_size
    tensors = load_file(path)
    assert tensors["classifier.weight"].numpy().tobytes() == bytes([127, 129, 0, 1, 252, 50, 0, 0])
    assert tensors["classifier.weight_scale"].numpy().tobytes() == struct.pack("<f", 2.0)
    assert tensors["classifier.bias"].numpy().tobytes() == struct.pack("<2f", 0.25, -3.0)


def test_a_packed_model_has_these_names_types_and_shapes(tiny_bert, tmp_path):
    save_packed(quantize(tiny_bert(num_hidden_layers=1), "ema"), tmp_path)
    layer = "bert.encoder.layer.0."
    matrices = {
        "bert.embeddings.word_embeddings": (100, 32),
        "bert.embeddings.position_embeddings": (64, 32),
        "bert.embeddings.token_type_embeddings": (2, 32),
        f"{layer}attention.self.query": (32, 32),
        f"{layer}attention.self.key": (32, 32),
        f"{layer}attention.self.value": (32, 32),
        f"{layer}attention.output.dense": (32, 32),
        f"{layer}intermediate.dense": (64, 32),
        f"{layer}output.dense": (32, 64),
        "bert.pooler.dense": (32, 32),
        "classifier": (2, 32),
    }
    expected: dict[str, tuple[str, list[int]]] = {}
    for name, shape in matrices.items():
        expected[f"{name}.weight"] = ("I8", list(shape))
        expected[f"{name}.weight_scale"] = ("F32", [])
        if name.endswith("token_type_embeddings"):
            del expected[f"{name}.weight_scale"]
            expected[f"{name}.weight"] = ("F32", list(shape))
        if "embeddings" not in name:
            expected[f"{name}.bias"] = ("F32", [shape[0]])
            expected[f"{name}.input_quantizer.max_abs"] = ("F32", [])
            if name.endswith(("query", "key")):
                expected[f"{name}.output_quantizer.max_abs"] = ("F32", [])
    for norm in ("bert.embeddings", f"{layer}attention.output", f"{layer}output"):
        expected |= {f"{norm}.LayerNorm.weight": ("F32", [32]), f"{norm}.LayerNorm.bias": ("F32", [32])}
    assert header(tmp_path / "model.safetensors") == expected


def test_real_int8_layers_are_kept_as_bytes_and_a_scale_and_embeddings_in_fp32(makers, tmp_path):
    save_model(makers["int8"](), tmp_path)
    found = header(tmp_path / "model.safetensors")
    assert found["classifier.weight"] == ("I8", [2, 32])
    assert found["classifier.weight_scale"] == ("F64", [])
    assert found["classifier.bias"] == ("F32", [2])
    assert found["bert.embeddings.word_embeddings.weight"] == ("F32", [100, 32])


def test_packing_makes_a_quantized_model_four_times_smaller_and_leaves_fp32_alone(tiny_bert, tmp_path):
    def saved(model, save, name) -> int:
        save(model, tmp_path / name)
        tensors = header(tmp_path / name / "model.safetensors")
        return sum({"I8": 1, "F32": 4, "F64": 8}[dtype] * prod(shape) for dtype, shape in tensors.values())

    wide = {"hidden_size": 128, "intermediate_size": 512, "vocab_size": 1000}
    plain = saved(tiny_bert(**wide), save_model, "plain")
    assert plain == 4 * tiny_bert(**wide).num_parameters()
    assert saved(tiny_bert(**wide), save_packed, "plain packed") == plain
    for mode in ("ema", "dynamic"):
        assert saved(quantize(tiny_bert(**wide), mode), save_model, mode) >= plain
        assert saved(quantize(tiny_bert(**wide), mode), save_packed, f"{mode} packed") < 0.26 * plain
    int8 = saved(quantize(tiny_bert(**wide), "int8"), save_packed, "int8")
    assert 0.26 * plain < int8 < 0.5 * plain  # its embeddings stay in fp32
    assert saved(prune_heads(tiny_bert(**wide), {0: [1]}), save_packed, "pruned") < plain


def test_one_bit_with_weights_of_exactly_zero_answers_as_before(tiny_bert, inputs, tmp_path):
    model = quantize(tiny_bert(), "per_token", weight_bits=1, parts="encoder").eval()
    layer = model.bert.encoder.layer[0].output.dense
    with torch.no_grad():
        layer.weight[3, :5] = 0
    save_packed(model, tmp_path)
    assert torch.equal(logits(load_packed(tmp_path), inputs), logits(model, inputs))
    matrix = load_file(tmp_path / "model.safetensors")["bert.encoder.layer.0.output.dense.weight"]
    assert len(matrix) == layer.weight.numel() // 8 + 4 * 5


def test_a_matrix_of_zeros_is_packed_and_comes_back_as_zeros(makers, tmp_path):
    model = makers["dynamic"]()
    with torch.no_grad():
        model.classifier.weight.zero_()
    save_packed(model, tmp_path)
    assert torch.equal(load_model(tmp_path).classifier.weight, torch.zeros(2, 32))


# Files that transformers has written


@pytest.fixture
def pretrained(makers, tmp_path):
    """A folder of transformers' own with that model, and what a test makes of its tensors."""

    def write(change=dict, **options):
        makers["fp32"]().save_pretrained(tmp_path, **options)
        if not options:
            tensors = change(load_file(tmp_path / "model.safetensors"))
            save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
        return tmp_path

    return write


def renamed(tensors: dict) -> dict:
    pairs = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for today, earlier in pairs.items():
        tensors = {name.replace(today, earlier): tensor for name, tensor in tensors.items()}
    return {**tensors, "bert.embeddings.position_ids": torch.arange(64)[None]}


def test_names_of_earlier_versions_are_those_of_today(makers, inputs, pretrained):
    loaded = load_model(pretrained(renamed))
    assert torch.equal(logits(loaded, inputs), logits(makers["fp32"](), inputs))
    assert "bert.embeddings.LayerNorm.gamma" in load_file(pretrained(renamed) / "model.safetensors")


def test_weights_in_parts_are_read_together(makers, inputs, pretrained):
    folder = pretrained(max_shard_size="40KB")
    (folder / "pytorch_model.bin").write_bytes(b"not to be opened")
    assert not (folder / "model.safetensors").exists()
    assert torch.equal(logits(load_model(folder), inputs), logits(makers["fp32"](), inputs))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda placed: {**placed, "extra": next(iter(placed.values()))}, "lack 1 tensors, extra among them"),
        (lambda placed: dict.fromkeys(placed, "../model.safetensors"), "names files outside the folder"),
        (lambda placed: dict.fromkeys(placed, "none.safetensors"), "No such file or directory"),
        (lambda placed: list(placed), ".+"),
    ],
)
def test_a_damaged_index_of_the_parts_is_refused(pretrained, change, message):
    index = pretrained(max_shard_size="40KB") / "model.safetensors.index.json"
    told = json.loads(index.read_text())
    index.write_text(json.dumps({**told, "weight_map": change(told["weight_map"])}))
    with pytest.raises(BadInput, match=f"holds no readable model: .*{message}"):
        load_model(index.parent)


def test_an_encoder_without_a_head_is_no_model(pretrained):
    folder = pretrained(lambda tensors: {n: t for n, t in tensors.items() if not n.startswith("classifier")})
    with pytest.raises(BadInput, match=r"missing \['classifier.bias', 'classifier.weight'\]"):
        load_model(folder)


def test_a_qa_model_with_a_pooler_is_read_without_it_as_transformers_does(tiny_bert, inputs, tmp_path):
    config = tiny_bert().config
    reader = BertForQuestionAnswering(config).eval()
    reader.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["bert.pooler.dense.bias"] = torch.zeros(32)
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with torch.inference_mode():
        assert torch.equal(load_model(tmp_path)(**inputs).start_logits, reader(**inputs).start_logits)


@pytest.mark.parametrize("family", ["DistilBert", "Roberta"])
def test_qa_models_of_other_families_are_read_as_such(inputs, tmp_path, family):
    sizes = {"vocab_size": 100, "max_position_embeddings": 66}
    sizes |= (
        {"dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 64}
        if family == "DistilBert"
        else {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    )
    made = getattr(transformers, f"{family}ForQuestionAnswering")
    reader = made(getattr(transformers, f"{family}Config")(**sizes)).eval()
    reader.save_pretrained(tmp_path)
    asked = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        assert torch.equal(load_model(tmp_path)(**asked).end_logits, reader(**asked).end_logits)


def test_what_would_not_come_back_as_it_was_is_not_saved(makers, tmp_path):
    with pytest.raises(BadInput, match=r"^a model in training by replacement is not saved"):
        save_model(replace_modules(makers["fp32"](), 2), tmp_path)
    for bits in (1, 2, 8):
        model = quantize(makers["fp32"](), "dynamic", weight_bits=bits)
        model.classifier.weight.data[0, 0] = torch.nan
        with pytest.raises(BadInput, match=r"^some weights are NaN or infinite, and no integers"):
            save_packed(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("save", [save_model, save_packed])
@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_a_folder_of_a_name_that_no_system_has_is_refused_in_one_line(makers, tmp_path, save, name):
    with pytest.raises(BadInput, match=r"^a model cannot be written to .*(null byte|can't encode)"):
        save(makers["fp32"](), tmp_path / name)
    for load in (load_model, load_packed):
        with pytest.raises(BadInput, match=r"holds no readable model: "):
            load(tmp_path / name)


@pytest.mark.parametrize("depth", [900, 2_000, 100_000])
@pytest.mark.parametrize("load", [load_model, load_packed])
def test_a_config_nested_too_deeply_is_refused_in_one_line(makers, tmp_path, load, depth):
    save_packed(makers["fp32"](), tmp_path)
    path = tmp_path / "config.json"
    path.write_text(path.read_text().rstrip()[:-1] + ', "deep": ' + "[" * depth + "]" * depth + "}")
    with pytest.raises(BadInput, match=r"holds no readable model: maximum recursion depth exceeded"):
        load(tmp_path)
