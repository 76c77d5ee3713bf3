"""Models on disk: the bytes that are written, the way back, and what is refused."""

import json
import re
import struct
from math import prod

import pytest
import torch
from safetensors.torch import load_file, save_file

from bert_compression.compression import (
    calibrate,
    fake_quantize,
    load_model,
    load_packed,
    prune_heads,
    quantize,
    save_model,
    save_packed,
    truncate,
)
from bert_compression.errors import BadInput

HEADS = {0: [1], 2: [0, 3]}


def bug(*values, reason: str):
    """A case that the library does not get right yet."""
    return pytest.param(*values, marks=pytest.mark.xfail(strict=True, reason=reason))


@pytest.fixture(scope="module")
def inputs(tiny_texts):
    return tiny_texts().batch(range(6))


@pytest.fixture(scope="module")
def makers(tiny_bert, inputs):
    """Every form that a model of ours can take."""

    def ema(model):
        return calibrate(quantize(model, "ema", decay=0.9), [inputs])

    return {
        "fp32": tiny_bert,
        "pruned": lambda: prune_heads(tiny_bert(), HEADS),
        "pruned twice": lambda: prune_heads(prune_heads(tiny_bert(), HEADS), {0: [0]}),
        "truncated": lambda: truncate(tiny_bert(), 2),
        "ema": lambda: ema(tiny_bert()),
        "dynamic": lambda: quantize(tiny_bert(), "dynamic"),
        "int8": lambda: quantize(tiny_bert(), "int8"),
        "pruned, ema": lambda: ema(prune_heads(tiny_bert(), HEADS)),
        "pruned, int8": lambda: quantize(prune_heads(tiny_bert(), HEADS), "int8"),
        "truncated, dynamic": lambda: quantize(truncate(tiny_bert(), 2), "dynamic"),
    }


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
        {"method": "quantize", "mode": "int8", "decay": 0.9999},
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
        if "embeddings" not in name:
            expected[f"{name}.bias"] = ("F32", [shape[0]])
            expected[f"{name}.input_quantizer.max_abs"] = ("F32", [])
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
    assert saved(prune_heads(tiny_bert(**wide), HEADS), save_packed, "pruned") < plain


def test_a_matrix_of_zeros_is_packed_and_comes_back_as_zeros(makers, tmp_path):
    model = makers["dynamic"]()
    with torch.no_grad():
        model.classifier.weight.zero_()
    save_packed(model, tmp_path)
    assert torch.equal(load_model(tmp_path).classifier.weight, torch.zeros(2, 32))


# What is refused


def refuse(folder, message: str) -> None:
    with pytest.raises(BadInput, match=f"^{message}$"):
        load_model(folder)


@pytest.mark.parametrize("pickle", ["pytorch_model.bin", "model.pt"])
def test_a_folder_with_a_pickle_alone_is_refused_and_with_both_the_pickle_is_left(makers, tmp_path, pickle):
    save_model(makers["fp32"](), tmp_path)
    (tmp_path / pickle).write_bytes(b"not to be opened")
    load_model(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    refuse(
        tmp_path,
        re.escape(
            f"{tmp_path} holds its weights only as a pickle ({pickle}), and unpickling can run any code: "
            "convert them to model.safetensors first"
        ),
    )


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(makers, tmp_path, missing):
    save_model(makers["fp32"](), tmp_path)
    (tmp_path / missing).unlink()
    start, name = re.escape(f"{tmp_path} holds no readable model: "), re.escape(str(tmp_path / missing))
    refuse(tmp_path, f"{start}.*No such file or directory: '?{name}'?")


def test_a_missing_folder_is_named(tmp_path):
    start = re.escape(f"{tmp_path / 'nowhere'} holds no readable model: ")
    refuse(tmp_path / "nowhere", f"{start}.*No such file or directory.*")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.safetensors", b"abc", r"Error while deserializing header: .*"),
        ("model.safetensors", b"a" * 400, r"Error while deserializing header: .*"),
        ("config.json", b"not json", r"Expecting value: line 1 column 1 \(char 0\)"),
        ("config.json", b"[]", ".+"),
        ("config.json", b'["bert"]', ".+"),
        ("config.json", b"null", ".+"),
        ("config.json", b"{}", ".+"),
        bug(
            *("config.json", b'{"model_type": "horse"}', ".+"),
            reason="the message has as many lines as that of transformers",
        ),
    ],
)
def test_a_broken_file_is_refused(makers, tmp_path, name, content, reason):
    save_model(makers["fp32"](), tmp_path)
    (tmp_path / name).write_bytes(content)
    refuse(tmp_path, f"{re.escape(f'{tmp_path} holds no readable model: ')}{reason}")


def test_a_file_that_was_cut_short_is_refused(makers, tmp_path):
    save_model(makers["fp32"](), tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    start = re.escape(f"{tmp_path} holds no readable model: ")
    refuse(tmp_path, f"{start}Error while deserializing header: .*")


def rewrite(folder, change) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.pop("classifier.bias"), "missing ['classifier.bias'], unexpected []"),
        (lambda t: t.update(extra=torch.zeros(1)), "missing [], unexpected ['extra']"),
        (
            lambda t: t.update({"classifier.weight": torch.zeros(3, 32)}),
            "classifier.weight has the shape (3, 32), not (2, 32)",
        ),
        # Of several, the first by name, whatever the order in the file or of sets.
        (
            lambda t: [t.pop(name) for name in sorted(t, key=len) if name.endswith("key.bias")],
            "missing ['bert.encoder.layer.0.attention.self.key.bias', "
            "'bert.encoder.layer.1.attention.self.key.bias', "
            "'bert.encoder.layer.2.attention.self.key.bias'], unexpected []",
        ),
        (
            lambda t: t.update({name: torch.zeros(1) for name in "dacb"}),
            "missing [], unexpected ['a', 'b', 'c']",
        ),
        (
            lambda t: t.update({name: torch.zeros(7) for name in t if name.startswith("bert.pooler")}),
            "bert.pooler.dense.bias has the shape (7,), not (32,)",
        ),
        (
            lambda t: t.update({"classifier.weight": t["classifier.weight"].to(torch.int8)}),
            "classifier.weight holds integers without classifier.weight_scale",
        ),
    ],
)
def test_tensors_that_do_not_fit_the_config_are_refused(makers, tmp_path, change, reason):
    save_model(makers["fp32"](), tmp_path)
    load_model(tmp_path)
    rewrite(tmp_path, change)
    start = re.escape(f"the weights in {tmp_path} do not fit its config: ")
    refuse(tmp_path, f"{start}[\"']?{re.escape(reason)}[\"']?")


def tell(folder, **changes) -> None:
    """Write something else into a model's config."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def test_a_config_that_names_another_change_than_the_weights_have_is_refused(makers, tmp_path):
    save_model(makers["fp32"](), tmp_path)
    tell(tmp_path, compression=[{"method": "prune_heads", "heads": {"1": [0]}}])
    start = re.escape(f"the weights in {tmp_path} do not fit its config: ")
    # Of all that a cut head makes smaller, the first by name.
    first = "bert.encoder.layer.1.attention.output.dense.weight"
    refuse(tmp_path, start + re.escape(f"{first} has the shape (32, 32), not (32, 24)"))


def test_an_unknown_step_is_refused(makers, tmp_path):
    save_model(makers["fp32"](), tmp_path)
    tell(tmp_path, compression=[{"method": "melt"}])
    refuse(tmp_path, "the model's config names an unknown compression step 'melt'")


@pytest.mark.parametrize("save", [save_model, save_packed])
@pytest.mark.parametrize("form", ["ema", "int8", "pruned, int8"])
def test_integers_without_their_scale_are_refused(makers, tmp_path, form, save):
    save(makers[form](), tmp_path)
    if (form, save) == ("ema", save_model):  # whose exact weights need none
        assert "classifier.weight_scale" not in load_file(tmp_path / "model.safetensors")
        return
    load_model(tmp_path)
    layer = "bert.encoder.layer.1.intermediate.dense"
    rewrite(tmp_path, lambda t: (t.pop(f"{layer}.weight_scale"), t.pop("classifier.weight_scale")))
    start = re.escape(f"the weights in {tmp_path} do not fit its config: ")
    refuse(tmp_path, start + re.escape(f"{layer}.weight holds integers without {layer}.weight_scale"))


DAMAGED = {
    "no list": "quantize",
    "an object": {"method": "quantize"},
    "a number": 7,
    "nothing": None,
    "a step that is no object": ["quantize"],
    "a step without a method": [{"mode": "ema", "decay": 0.9}],
    "a step without its settings": [{"method": "quantize", "mode": "ema"}],
    "heads that are no lists": [{"method": "prune_heads", "heads": {"1": 0}}],
    "heads in words": [{"method": "prune_heads", "heads": {"1": ["first"]}}],
    "a layer in words": [{"method": "prune_heads", "heads": {"first": [0]}}],
    "layers in a list": [{"method": "prune_heads", "heads": [[0], [1]]}],
}


@pytest.mark.parametrize("entry", DAMAGED)
def test_a_damaged_entry_of_the_compression_is_refused(makers, tmp_path, entry):
    save_model(makers["pruned, ema"](), tmp_path)
    tell(tmp_path, compression=DAMAGED[entry])
    shown = re.escape(f"the config in {tmp_path} has a damaged entry in compression: {DAMAGED[entry]!r}")
    refuse(tmp_path, shown)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            {"method": "quantize", "mode": "int4", "decay": 0.9},
            "unknown quantization mode 'int4': choose one of ema, dynamic, int8",
        ),
        (
            {"method": "prune_heads", "heads": {"9": [0]}},
            "there is no layer 9: the model has layers 0 to 3",
        ),
    ],
)
def test_a_step_that_cannot_be_repeated_is_refused_as_when_it_is_asked_for(makers, tmp_path, step, message):
    save_model(makers["fp32"](), tmp_path)
    tell(tmp_path, compression=[step])
    refuse(tmp_path, re.escape(message))


@pytest.mark.parametrize(
    "name",
    [
        bug("nothing", reason="a scale of no weight ends in a KeyError"),
        bug("classifier", reason="weights that are no integers are multiplied by a scale, if there is one"),
    ],
)
def test_a_scale_without_integers_is_refused(makers, tmp_path, name):
    save_model(makers["fp32"](), tmp_path)
    rewrite(tmp_path, lambda t: t.update({f"{name}.weight_scale": torch.tensor(2.0)}))
    refuse(tmp_path, re.escape(f"the weights in {tmp_path} do not fit its config: ") + ".+")


@pytest.mark.parametrize(
    "changes",
    [
        {"weight": torch.zeros(3, 32, dtype=torch.int8)},
        bug(
            {"weight": torch.zeros(2, 31, dtype=torch.int8)},
            reason="the shape of a real int8 matrix is not checked: the model fails at its first text",
        ),
        {"bias": torch.zeros(5)},
        {"weight": torch.zeros(2, 32)},
        bug(
            {"weight": torch.zeros(2, 32), "weight_scale": None},
            reason="a matrix of no integers without a scale ends in a KeyError",
        ),
    ],
    ids=["rows", "columns", "bias", "no integers", "neither integers nor a scale"],
)
def test_integers_that_do_not_fit_their_layer_are_refused(makers, tmp_path, changes):
    save_model(makers["int8"](), tmp_path)

    def change(tensors):
        tensors |= {f"classifier.{name}": value for name, value in changes.items()}
        for name in [name for name, value in tensors.items() if value is None]:
            del tensors[name]

    rewrite(tmp_path, change)
    refuse(tmp_path, re.escape(f"the weights in {tmp_path} do not fit its config: ") + ".+")


UNCAUGHT = "what from_config raises is not caught: a traceback"


@pytest.mark.parametrize(
    "changes",
    [
        bug({"num_attention_heads": 5}, reason=UNCAUGHT),
        bug({"hidden_size": "wide"}, reason=UNCAUGHT),
        bug({"hidden_act": "step"}, reason=UNCAUGHT),
        {"num_hidden_layers": -1},
    ],
    ids=["heads", "width", "activation", "layers"],
)
def test_a_config_that_makes_no_model_is_refused(makers, tmp_path, changes):
    save_model(makers["fp32"](), tmp_path)
    tell(tmp_path, **changes)
    refuse(tmp_path, ".+")
