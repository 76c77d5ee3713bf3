"""Stored models that are not whole: each is refused in one line that says what is wrong."""

import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from bert_compression.compression import load_model, save_model, save_packed
from bert_compression.errors import BadInput, shown


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
        ("config.json", b'{"model_type": "horse"}', ".+"),
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
    config = json.loads((folder / "config.json").read_text())
    config.pop("packed_sha256", None)  # as if it had been written so
    (folder / "config.json").write_text(json.dumps(config))


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
    "a layer in words": [{"method": "prune_heads", "heads": {"first": [0]}}],
    "layers in a list": [{"method": "prune_heads", "heads": [[0], [1]]}],
}


@pytest.mark.parametrize("entry", DAMAGED)
def test_a_damaged_entry_of_the_compression_is_refused(makers, tmp_path, entry):
    save_model(makers["pruned, ema"](), tmp_path)
    tell(tmp_path, compression=DAMAGED[entry])
    told = f"the config in {tmp_path} has a damaged entry in compression: {shown(DAMAGED[entry])}"
    refuse(tmp_path, re.escape(told))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            {"method": "quantize", "mode": "int4", "decay": 0.9},
            "unknown quantization mode 'int4': choose one of ema, dynamic, clipped, per_token, int8",
        ),
        (
            {"method": "quantize", "mode": "ema", "decay": 0.9, "weight_bits": 40},
            "weights have 1 to 16 bits, not 40",
        ),
        (
            {"method": "quantize", "mode": "ema", "decay": 0.9, "weight_bits": "eight"},
            "weight_bits must be a whole number, not 'eight'",
        ),
        (
            {"method": "quantize", "mode": "ema"},
            "a step of quantization tells its mode and its decay, and not "
            "{'method': 'quantize', 'mode': 'ema'}",
        ),
        (
            {"method": "prune_heads", "heads": {"1": ["first"]}},
            "heads_by_layer must be a dict of whole numbers and lists of whole numbers, not {1: ['first']}",
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
        "nothing",
        "classifier",
    ],
)
def test_a_scale_without_integers_is_refused(makers, tmp_path, name):
    save_model(makers["fp32"](), tmp_path)
    rewrite(tmp_path, lambda t: t.update({f"{name}.weight_scale": torch.tensor(2.0)}))
    refuse(tmp_path, re.escape(f"the weights in {tmp_path} do not fit its config: ") + ".+")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"weight_scale": torch.ones(2, 1)}, "the scale has the shape (2, 1), not ()"),
        (
            {"weight": torch.full((2, 32), -128, dtype=torch.int8)},
            "these are no torch.int8 integers from -127 to 127",
        ),
        (
            {"weight": torch.zeros(2, 32, dtype=torch.int16)},
            "these are no torch.int8 integers from -127 to 127",
        ),
    ],
    ids=["scale", "range", "type"],
)
def test_integers_of_another_grid_than_the_configs_are_refused(makers, tmp_path, change, reason):
    save_packed(makers["ema"](), tmp_path)
    load_model(tmp_path)
    rewrite(tmp_path, lambda t: t.update({f"classifier.{name}": value for name, value in change.items()}))
    start = re.escape(f"the weights in {tmp_path} do not fit its config: ")
    refuse(tmp_path, start + re.escape(f"classifier.weight: {reason}"))


def test_integers_for_a_layer_that_is_not_quantized_are_refused(makers, tmp_path):
    save_packed(makers["ema"](), tmp_path)
    integers = load_file(tmp_path / "model.safetensors")
    save_model(makers["fp32"](), tmp_path)
    names = ("classifier.weight", "classifier.weight_scale")
    rewrite(tmp_path, lambda t: t.update({name: integers[name] for name in names}))
    start = re.escape(f"the weights in {tmp_path} do not fit its config: ")
    refuse(tmp_path, f"{start}classifier.weight holds integers, and its layer is not quantized")


def test_code_in_the_folder_is_not_run(tmp_path):
    config = {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    refuse(tmp_path, re.escape(f"{tmp_path} holds no readable model: ") + ".+")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"weight": torch.zeros(3, 32, dtype=torch.int8)},
        {"weight": torch.zeros(2, 31, dtype=torch.int8)},
        {"bias": torch.zeros(5)},
        {"weight": torch.zeros(2, 32)},
        {"weight": torch.zeros(2, 32), "weight_scale": None},
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


@pytest.mark.parametrize(
    "changes",
    [
        {"num_attention_heads": 5},
        {"hidden_size": "wide"},
        {"hidden_act": "step"},
        {"num_hidden_layers": -1},
    ],
    ids=["heads", "width", "activation", "layers"],
)
def test_a_config_that_makes_no_model_is_refused(makers, tmp_path, changes):
    save_model(makers["fp32"](), tmp_path)
    tell(tmp_path, **changes)
    refuse(tmp_path, ".+")
