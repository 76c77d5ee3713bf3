"""Models on disk: safetensors and a config that says how the model was changed. Nothing is unpickled.

`save_model` keeps a model exactly, to go on with; `save_packed` writes what one would ship: the integers of
quantized weights in as many bits as they have. `load_model` reads either. Book: metrics/cost.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from bert_compression.checks import checked
from bert_compression.compression.pruning import prune_heads
from bert_compression.compression.quantization import integer_layers, quantize_as
from bert_compression.compression.rounded_layers import QuantizedWeight
from bert_compression.compression.theseus import TheseusModule
from bert_compression.errors import BadInput, one_line, shown

WEIGHTS, CONFIG = "model.safetensors", "config.json"
PARTS = f"{WEIGHTS}.index.json"  # where transformers has divided the weights among files
# Names of tensors in transformers' earlier versions; "" for what is no weight.
EARLIER = {
    "LayerNorm.gamma": "LayerNorm.weight",
    "LayerNorm.beta": "LayerNorm.bias",
    "embeddings.position_ids": "",
}
SEAL = "packed_sha256"  # in the config of a packed model: of its weights and of all else in the config
HEADS = ("ForSequenceClassification", "ForQuestionAnswering")  # that `load_model` reads


@checked
def save_model(model: nn.Module, folder: str | Path) -> None:
    """Write config.json and model.safetensors into `folder` (made if missing), for `load_model` to read.

    Values are kept to the last bit, except that real int8 layers are kept as what they are: integers and a
    scale. Layers that share a weight are written each with its own, and so they come back. What was in the
    folder before stays as it is where anything goes wrong. Raises BadInput for what is no model of
    transformers, and where the folder cannot be written to.
    """
    _write(_of_transformers(model), Path(folder), _exact_tensors(model))


@checked
def save_packed(model: nn.Module, folder: str | Path) -> int:
    """Write the model as one would ship it, and return the bytes of its weight file.

    Fake-quantized weights are stored as the integers of their grid with its float32 scale, and load back as
    the values that the model computes with, so that its answers are the same to the last bit. An integer
    takes one bit for 1-bit weights, two for 2-bit ones, and a byte from 3 to 8 bits. What is not quantized
    stays in float32. The config tells a digest of the weights and of itself: of bits any change makes other
    bits. Raises BadInput as `save_model` does, and for a model in another precision than float32, that has
    NaN or infinity among its numbers, or that `load_packed` could not read.
    """
    folder = Path(folder)
    others = {p.dtype for p in _of_transformers(model).parameters() if p.is_floating_point()}
    if others - {torch.float32}:
        raise BadInput(f"the model computes in {others.pop()}: call float() before it is packed")
    if not type(model).__name__.endswith(HEADS):
        raise BadInput(
            f"{type(model).__name__} cannot be read back: a packed model classifies texts or answers "
            "questions about them"
        )
    _write(_of_transformers(model), folder, _packed_tensors(model), sealed=True)
    return (folder / WEIGHTS).stat().st_size


@checked
def load_model(folder: str | Path) -> nn.Module:
    """The model that `save_model` or `save_packed` wrote, or transformers, in fp32 and evaluation mode.

    Of transformers' files, those in parts are read, too, and those with names of its earlier versions. Raises
    BadInput when a file is missing or broken, when only a pickle is there, when the tensors do not fit the
    config, or when a packed file is not what it was.
    """
    from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoModelForSequenceClassification

    folder = Path(folder)
    refuse_pickles(folder)
    try:
        # Read by hand first: for a missing file AutoConfig would ask a hub.
        told = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        tensors = _read_tensors(folder)
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        SafetensorError,
    ) as error:
        # Of a config that is JSON and no object, transformers asks for attributes that it does not have.
        raise BadInput(f"{folder} holds no readable model: {one_line(error)}") from error
    if SEAL in told and told[SEAL] != _seal(told, folder / WEIGHTS):
        raise BadInput(f"the model in {folder} has been changed since it was packed: pack it again")
    config.__dict__.pop(SEAL, None)
    steps = getattr(config, "compression", [])
    config.compression = []
    try:
        reads = str((config.architectures or [""])[0]).endswith("ForQuestionAnswering")
        head = AutoModelForQuestionAnswering if reads else AutoModelForSequenceClassification
        # In fp32 whatever the file holds, and as the config says from now on.
        config.dtype = torch.float32
        model = head.from_config(config, trust_remote_code=False).float().eval()
    except (KeyError, ValueError, TypeError, RuntimeError, ArithmeticError) as error:
        raise BadInput(f"the config in {folder} describes no model: {one_line(error)}") from error
    if reads:  # which needs no pooler, and transformers' earlier versions had one
        tensors = {name: tensor for name, tensor in tensors.items() if ".pooler." not in name}
    try:
        for step in steps:
            model = _repeat(model, step)
    except BadInput:
        raise  # it says what cannot be repeated
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            f"the config in {folder} has a damaged entry in compression: {shown(steps)}"
        ) from error
    try:
        _load_tensors(model, tensors)
    except (RuntimeError, ValueError) as error:
        raise BadInput(f"the weights in {folder} do not fit its config: {one_line(error)}") from error
    return model.eval()


@checked
def load_packed(folder: str | Path) -> nn.Module:
    """The model that `save_packed` wrote, in evaluation mode, with the answers that it had to the last bit.

    Raises BadInput as `load_model` does, and for a folder that holds no packed model.
    """
    try:
        packed = SEAL in json.loads((Path(folder) / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, RecursionError):
        packed = True  # `load_model` says what is wrong
    if not packed:
        raise BadInput(f"{folder} holds no model that save_packed wrote: read it with load_model")
    return load_model(folder)


@checked
def refuse_pickles(folder: str | Path) -> None:
    """Raises BadInput for a folder whose weights are there as a pickle only: reading one can run any code."""
    folder = Path(folder)
    try:
        pickles = [p.name for p in folder.glob("*.bin")] + [p.name for p in folder.glob("*.pt")]
    except OSError as error:  # a name longer than any folder's
        raise BadInput(f"{shown(str(folder))} holds no readable model: {error.strerror}") from error
    if pickles and not any(folder.glob("*.safetensors")):
        raise BadInput(
            f"{folder} holds its weights only as a pickle ({pickles[0]}), and unpickling can run any code: "
            "convert them to model.safetensors first"
        )


def _repeat(model: nn.Module, step: dict) -> nn.Module:
    """Change the structure of a fresh model as `step` once did."""
    if step["method"] == "prune_heads":
        return prune_heads(model, {int(layer): heads for layer, heads in step["heads"].items()})
    if step["method"] == "quantize":
        return quantize_as(model, step)
    raise BadInput(f"the model's config names an unknown compression step {shown(step['method'])}")


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(config: dict, weights: Path) -> str:
    """The sha256 of a packed model: of its weight file, and of what its config tells besides."""
    rest = {name: value for name, value in config.items() if name != SEAL}
    told = json.dumps([file_sha256(weights), rest], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


@contextmanager
def put_in_place(folder: Path) -> Iterator[Path]:
    """A folder to write files into, which replace those of `folder` when all are written: where anything goes
    wrong before, these stay as they are. Raises BadInput where the folder cannot be written to."""
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except ValueError as error:  # no system has files of such a name: it holds a zero byte, say
            raise OSError(error) from error
        with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as unfinished:
            yield Path(unfinished)
            for path in sorted(Path(unfinished).iterdir()):
                path.replace(folder / path.name)
    except OSError as error:
        raise BadInput(f"a model cannot be written to {folder}: {one_line(error)}") from error


def _write(model: nn.Module, folder: Path, tensors: dict[str, torch.Tensor], sealed: bool = False) -> None:
    """With `sealed` the config tells the digest of the weights and of itself."""
    model.config.architectures = [type(model).__name__]
    with put_in_place(folder) as unfinished:
        model.config.save_pretrained(unfinished)
        save_file(_apart(tensors), unfinished / WEIGHTS)
        if sealed:
            config = unfinished / CONFIG
            told = json.loads(config.read_text(encoding="utf-8"))
            told[SEAL] = _seal(told, unfinished / WEIGHTS)
            config.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _apart(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors on the processor, each in memory of its own."""
    apart, places = {}, set()
    for name, tensor in tensors.items():
        here = tensor.detach().cpu().contiguous()
        if here.untyped_storage().data_ptr() in places:
            here = here.clone()
        places.add(here.untyped_storage().data_ptr())
        apart[name] = here
    return apart


def _read_tensors(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of a model in one file or in parts, by the names that they have today."""
    if (folder / WEIGHTS).exists() or not (folder / PARTS).exists():
        tensors = load_file(folder / WEIGHTS)
    else:
        placed = json.loads((folder / PARTS).read_text(encoding="utf-8"))["weight_map"]
        names = set(placed.values())
        if any(Path(name).name != name for name in names):
            raise ValueError(f"{PARTS} names files outside the folder")
        tensors = {}
        for name in sorted(names):
            tensors |= load_file(folder / name)
        missing = sorted(set(placed) - set(tensors))
        if missing:
            raise ValueError(
                f"the files named in {PARTS} lack {len(missing)} tensors, {missing[0]} among them"
            )
    return {_of_today(name): tensor for name, tensor in tensors.items() if _of_today(name)}


def _of_today(name: str) -> str:
    for earlier, today in EARLIER.items():
        if name.endswith(earlier):
            return name.removesuffix(earlier) + today if today else ""
    return name


def _of_transformers(model: nn.Module) -> nn.Module:
    if any(isinstance(module, TheseusModule) for module in model.modules()):
        raise BadInput("a model in training by replacement is not saved: take its successor first")
    if not hasattr(model, "save_pretrained"):
        raise BadInput(f"{type(model).__name__} is no model of transformers: it has no config to save")
    return model


def _exact_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    integers = dict(integer_layers(model))
    tensors = {
        name: value
        for name, value in model.state_dict().items()
        if isinstance(value, torch.Tensor)
        and name.rsplit("._packed_params", 1)[0] not in integers
        and name.rsplit(".", 1)[0] not in integers
    }
    for name, layer in integers.items():
        weight = layer.weight()
        tensors[f"{name}.weight"] = weight.int_repr()
        tensors[f"{name}.weight_scale"] = torch.tensor(weight.q_scale(), dtype=torch.float64)
        tensors[f"{name}.bias"] = layer.bias()
    return tensors


def _packed_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    tensors = _exact_tensors(model)
    for name, module in model.named_modules():
        if isinstance(module, QuantizedWeight):
            integers, scale = module.weight_grid.pack(module.weight)
            tensors[f"{name}.weight"], tensors[f"{name}.weight_scale"] = integers, scale
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise BadInput(f"{name} holds NaN or infinite numbers: such a model is not packed")
    return tensors


def _load_tensors(model: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Fill the model. Raises ValueError, naming the first tensor that does not fit by its name."""
    scales = {name: tensors.pop(name) for name in sorted(tensors) if name.endswith(".weight_scale")}
    expected = {name for name in _exact_tensors(model) if not name.endswith(".weight_scale")}
    if set(tensors) != expected:
        missing, unexpected = sorted(expected - set(tensors))[:3], sorted(set(tensors) - expected)[:3]
        raise ValueError(f"missing {missing}, unexpected {unexpected}")
    integers = {f"{name}_scale" for name, tensor in tensors.items() if not tensor.is_floating_point()}
    integers |= {f"{name}.weight_scale" for name, _ in integer_layers(model)}
    for name in sorted(integers - set(scales)):
        raise ValueError(f"{name.removesuffix('_scale')} holds integers without {name}")
    for name in sorted(set(scales) - integers):
        raise ValueError(f"{name} scales no integers")
    for name, layer in integer_layers(model):
        weight, scale = tensors.pop(f"{name}.weight"), float(scales.pop(f"{name}.weight_scale"))
        if weight.dtype != torch.int8 or weight.shape != layer.weight().shape:
            raise ValueError(f"{name}.weight is no int8 matrix {tuple(layer.weight().shape)}")
        layer.set_weight_bias(
            torch._make_per_tensor_quantized_tensor(weight, scale, 0), tensors.pop(f"{name}.bias")
        )
    for name, scale in scales.items():
        layer_name, weight_name = name.removesuffix(".weight_scale"), name.removesuffix("_scale")
        layer = model.get_submodule(layer_name)
        if not isinstance(layer, QuantizedWeight):
            raise ValueError(f"{weight_name} holds integers, and its layer is not quantized")
        try:
            tensors[weight_name] = layer.weight_grid.unpack(tensors[weight_name], scale, layer.weight.shape)
        except BadInput as error:
            raise ValueError(f"{weight_name}: {error}") from error
    places = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    with torch.no_grad():
        for name, tensor in sorted(tensors.items()):
            if places[name].shape != tensor.shape:
                raise ValueError(
                    f"{name} has the shape {tuple(tensor.shape)}, not {tuple(places[name].shape)}"
                )
            places[name].copy_(tensor)
