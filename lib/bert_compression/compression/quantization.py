"""Models with fewer bits a number: fake quantization (Q8BERT's and coarser), and torch's real int8.

Three things go by the name of quantization and are kept apart here. *Fake quantization* rounds weights and
activations to a grid (`grids`) and goes on computing in floating point: it shows what quantization does to
the answers, trains through (quantization-aware training), and is neither smaller nor faster. *Stored bytes*
shrink when the integers are written out (`storage.save_packed`). *Latency* shrinks only where integer
kernels compute (mode "int8").

Source: Zafrir et al. 2019, Q8BERT, section 2; their released code and configuration for the granularity and
for what is rounded. Book: methods/quantization.
"""

import copy
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from bert_compression.checks import checked, has, in_range
from bert_compression.compression.grids import SymmetricGrid, weight_grid
from bert_compression.compression.rounded_layers import (
    ActivationQuantizer,
    QuantizedEmbedding,
    QuantizedLinear,
    QuantizedWeight,
)
from bert_compression.errors import BadInput, shown

MODES = ("ema", "dynamic", "clipped", "per_token", "int8")
FEW_BITS = (1, 2, 8)  # of extreme compression's weights
# Modes in which one range is taken over a whole batch.
BATCH_DEPENDENT = ("dynamic", "clipped", "int8")


@dataclass(frozen=True)
class Parts:
    """Which modules fake quantization changes, each by how its name ends ("" for any).

    `linear`: weight and input of these layers are rounded. `outputs`: what comes out of these, too.
    `embeddings`: these tables are, with one scale a row if `embedding_rows`. `late`: a layer computes in full
    precision in so many steps of its training, and is rounded from then on.
    """

    linear: tuple[str, ...]
    outputs: tuple[str, ...]
    embeddings: tuple[str, ...]
    embedding_rows: bool = False
    late: Mapping[str, int] = field(default_factory=dict)


ANY = ("",)
HEADS = ("classifier", "qa_outputs")
PARTS = {
    # Q8BERT as released: nlp-architect, procedures/transformers/config/bert-base-uncased.json. It requantizes
    # outputs of query and key alone, has mode "none" for token types, and starts the head at step 200.
    "q8bert": Parts(
        linear=ANY,
        outputs=("attention.self.query", "attention.self.key"),
        embeddings=("word_embeddings", "position_embeddings"),
        late=dict.fromkeys(HEADS, 200),
    ),
    # What the classes of that code do where no configuration says otherwise.
    "all": Parts(linear=ANY, outputs=ANY, embeddings=ANY),
    # Extreme compression (Wu et al. 2022, captions of figures 5 and 6; DeepSpeed's configuration): of each
    # layer six matrices. DeepSpeed: "for embedding, we always use token-wise quantization".
    "encoder": Parts(
        linear=(
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
            "attention.output.dense",
            "intermediate.dense",
            "output.dense",
        ),
        outputs=(),
        embeddings=("word_embeddings",),
        embedding_rows=True,
    ),
}


@checked
def quantize(
    model: nn.Module,
    mode: str,
    decay: float = 0.9999,
    weight_bits: int = 8,
    activation_bits: int = 8,
    per_row: bool = False,
    parts: str | None = None,
    low_rank: int = 0,
) -> nn.Module:
    """Quantize the linear layers of a transformers model and, in fake modes, its embeddings.

    mode: "ema" (fake, static ranges: follow with training or `calibrate`), "dynamic" (fake, ranges of the
    tensor at hand), "clipped" and "per_token" (fake; see `ActivationQuantizer`), "int8" (torch's own dynamic
    quantization: real integer kernels, linear layers only, on the CPU). Softmax, LayerNorm and GELU stay in
    floating point. `decay` is that of the moving average of "ema": 0.9999 in Q8BERT's code, too slow for runs
    of a few hundred steps.

    Weights get the grid of `weight_grid(weight_bits, per_row)`: one scale a matrix, or one a row. Activations
    have `activation_bits`, 2 to 16. A matrix of zeros stays one, with any bits: rounding takes nothing from
    it. parts, one of `PARTS`, says which modules of a fake mode: "q8bert", which
    is meant where nothing is said, is Q8BERT's released configuration (inputs of every linear layer, outputs
    of query and key alone, word and position embeddings; in training the head is rounded from step 200 on);
    "all" has every output and every embedding rounded, from the first step; "encoder" is extreme
    compression's (the six matrices of each layer and their inputs, and the word embeddings with one scale a
    row). `low_rank` is the rank of what is added to each such matrix in floating point; 0 for nothing.

    Changes the model, notes what was done in `model.config.compression`, and returns it. Raises BadInput
    for an unknown mode or part, bits that no grid has, bits other than 1, 2 or 8 with the parts "encoder",
    bits, rows or parts that int8 kernels do not have, parts of a BERT that the model lacks, a rank that no
    matrix has, one for a model whose config tells no width, a model in half precision, or one that is
    quantized already: see `requantize`.
    """
    if mode not in MODES:
        raise BadInput(f"unknown quantization mode {shown(mode)}: choose one of {', '.join(MODES)}")
    if parts is not None and parts not in PARTS:
        raise BadInput(f"unknown parts {shown(parts)}: choose one of {', '.join(PARTS)}")
    if not hasattr(model, "config"):
        raise BadInput(
            f"{type(model).__name__} is no model of transformers: it has no config to note this in"
        )
    in_range(decay, "decay", 0, 1)
    if quantization_mode(model):
        raise BadInput(f"the model is quantized already (mode {quantization_mode(model)})")
    half = {p.dtype for p in model.parameters() if p.is_floating_point() and p.dtype.itemsize < 4}
    if half:
        raise BadInput(f"the model computes in {half.pop()}: call float() before it is quantized")
    if parts == "encoder":
        _check_few(weight_bits)
    if low_rank:
        _check_rank(model, low_rank)
    grid = weight_grid(weight_bits, per_row)
    SymmetricGrid(activation_bits)  # refuses bits before the model is changed
    changed = (weight_bits, activation_bits, per_row, parts, low_rank) != (8, 8, False, None, 0)
    if mode == "int8" and changed:
        raise BadInput(
            "int8 kernels have 8 bits for weights and activations and one scale a matrix: leave weight_bits, "
            "activation_bits, per_row, parts and low_rank as they are, or choose a fake mode"
        )
    step = {
        "method": "quantize",
        "mode": mode,
        "decay": decay,
        "weight_bits": weight_bits,
        "activation_bits": activation_bits,
        "per_row": per_row,
    }
    if mode != "int8":
        parts = parts or "q8bert"
        step |= {"parts": parts, "low_rank": 0}
    done = [*getattr(model.config, "compression", []), step]
    if mode == "int8":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch announces that this API will move; the lock pins it
            model = torch.ao.quantization.quantize_dynamic(model.eval(), {nn.Linear}, dtype=torch.qint8)
    else:
        chosen = PARTS[parts]
        _check_has(model, parts)
        rows = weight_grid(weight_bits, per_row or chosen.embedding_rows)
        for name, module in list(model.named_modules(remove_duplicate=False)):
            place = (model.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2])
            if type(module) is nn.Linear and name.endswith(chosen.linear):
                outputs = name.endswith(chosen.outputs)
                late = next((steps for head, steps in chosen.late.items() if name.endswith(head)), 0)
                setattr(
                    *place,
                    QuantizedLinear.from_linear(module, grid, mode, decay, activation_bits, outputs, late),
                )
            elif type(module) is nn.Embedding and name.endswith(chosen.embeddings):
                setattr(*place, QuantizedEmbedding.from_embedding(module, rows))
    model.config.compression = done
    return _with_low_rank(model, low_rank) if low_rank else model


def _check_has(model: nn.Module, parts: str) -> None:
    """Raises BadInput for a model that lacks modules that these parts name: it is no BERT."""
    names = [name for name, _ in model.named_modules()]
    chosen = PARTS[parts]
    for ending in (*chosen.linear, *chosen.outputs, *chosen.embeddings):
        if not any(name.endswith(ending) for name in names):
            raise BadInput(
                f"parts={parts!r} are those of a BERT, and {type(model).__name__} has no {ending}: "
                "take parts='all'"
            )


@checked
def quantize_as(model: nn.Module, told: Mapping) -> nn.Module:
    """`quantize` with the arguments that `told` holds, a step of `model.config.compression` or the like. A
    fake mode without parts was told before there was a choice, and meant all of them."""
    if not {"mode", "decay"} <= set(told):
        raise BadInput(f"a step of quantization tells its mode and its decay, and not {shown(dict(told))}")
    names = ("weight_bits", "activation_bits", "per_row", "parts", "low_rank")
    others = {name: told[name] for name in names if name in told}
    if told["mode"] != "int8":
        others.setdefault("parts", "all")
    return quantize(model, told["mode"], told["decay"], **others)


@checked
def requantize(model: nn.Module, weight_bits: int, low_rank: int = 0) -> nn.Module:
    """Give the weights of a model that `quantize` has changed with the parts "encoder" other bits, or the
    same and something of low rank in addition. Its weights before rounding, which training has moved, stay,
    and so does what shares a scale: a matrix, or with `per_row` one of its rows.

    Changes the model and returns it. Raises BadInput for another model, for one with something added already,
    for bits other than 1, 2 or 8, and for a rank that no matrix has.
    """
    steps = getattr(getattr(model, "config", None), "compression", [])
    step = next((step for step in steps if step.get("parts") == "encoder"), None)
    if step is None or step["low_rank"]:
        raise BadInput("requantize takes a model that is quantized with parts='encoder' and low_rank=0")
    _check_few(weight_bits)
    if low_rank:
        _check_rank(model, low_rank)
    for module in model.modules():
        if isinstance(module, QuantizedWeight):
            # Other bits, and as many scales as before: the config goes on saying which.
            module.weight_grid = weight_grid(weight_bits, module.weight_grid.per_row)
    changed = {**step, "weight_bits": weight_bits}
    model.config.compression = [changed if each is step else each for each in steps]
    return _with_low_rank(model, low_rank) if low_rank else model


def _check_few(weight_bits: int) -> None:
    if weight_bits not in FEW_BITS:
        raise BadInput(f"with parts='encoder' weights have 1, 2 or 8 bits, not {weight_bits}")


def _check_rank(model: nn.Module, rank: int) -> None:
    has(model.config, "the model's config", "hidden_size", "initializer_range")
    if not 1 <= rank <= model.config.hidden_size:
        raise BadInput(f"low_rank must lie between 1 and the width {model.config.hidden_size}, not {rank}")


def _with_low_rank(model: nn.Module, rank: int) -> nn.Module:
    for module in model.modules():
        if isinstance(module, QuantizedLinear):
            module.add_low_rank(rank, model.config.initializer_range)
    model.config.compression = [
        {**step, "low_rank": rank} if step["method"] == "quantize" else step
        for step in model.config.compression
    ]
    return model


@checked
def calibrate(model: nn.Module, batches: Iterable[dict[str, torch.Tensor]]) -> nn.Module:
    """Let an "ema" model see batches, so that its activation ranges fit them; weights stay as they are.

    `batches` yields keyword arguments of the model's forward. The model comes back in evaluation mode.
    Raises BadInput for a model of another mode, and when there is no batch: without a range nothing can be
    rounded sensibly.
    """
    if quantization_mode(model) != "ema":
        raise BadInput("only ranges of the mode 'ema' are calibrated: quantize the model with it first")
    quantizers = [m for m in model.modules() if isinstance(m, ActivationQuantizer)]
    model.eval()  # dropout off, so that the ranges are those of inference
    for quantizer in quantizers:
        quantizer.train()
    seen = 0
    with torch.no_grad():
        for batch in batches:
            if not isinstance(batch, Mapping):
                raise BadInput(f"batches holds the arguments of the model's forward, not {shown(batch)}")
            model(**batch)
            seen += 1
    if not seen:
        raise BadInput("calibration needs at least one batch")
    return model.eval()


@checked
def dequantize(model: nn.Module) -> nn.Module:
    """A copy of a fake-quantized model without its quantizers: plain layers, whose weights are those that the
    model computes with. What rounding has taken stays taken; activations are no longer rounded."""
    if quantization_mode(model) in (None, "int8"):
        raise BadInput("only a model that is fake-quantized can be taken back to plain layers")
    plain = copy.deepcopy(model)
    with torch.no_grad():
        for parent in list(plain.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, QuantizedLinear):
                    linear = nn.Linear(child.in_features, child.out_features, child.bias is not None)
                    linear.weight, linear.bias = _like(child, child.used_weight()), child.bias
                    setattr(parent, name, linear)
                elif isinstance(child, QuantizedEmbedding):
                    table = nn.Embedding(
                        child.num_embeddings, child.embedding_dim, child.padding_idx, device="meta"
                    )
                    table.weight = _like(child, child.rounded_weight())
                    setattr(parent, name, table)
    plain.config.compression = [step for step in plain.config.compression if step["method"] != "quantize"]
    return plain


def _like(layer: QuantizedWeight, weight: torch.Tensor) -> nn.Parameter:
    """A weight that learns if that of the layer does."""
    return nn.Parameter(weight, requires_grad=layer.weight.requires_grad)


@checked
def as_int8(model: nn.Module) -> nn.Module:
    """What a quantized model becomes on a processor: a copy with torch's int8 kernels, to time it.

    Fake quantization only adds work; this is the form in which its weights would run. An "int8" model comes
    back as it is. The copy is for timing: its activation ranges are those of torch's dynamic quantization.
    """
    return model if quantization_mode(model) == "int8" else quantize(dequantize(model), "int8")


@checked
def quantization_mode(model: nn.Module) -> str | None:
    """One of `MODES` for a model that `quantize` has changed, else None."""
    steps = getattr(getattr(model, "config", None), "compression", [])
    return next((step["mode"] for step in steps if step["method"] == "quantize"), None)


@checked
def batch_dependent(model: nn.Module) -> bool:
    """Does the model's answer to a text depend on the batch that the text is in? True for ranges of a whole
    tensor at hand ("dynamic", "clipped", "int8"): give such a model one text at a time."""
    return quantization_mode(model) in BATCH_DEPENDENT


@checked
def integer_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(name, module) of each linear layer with real int8 kernels."""
    integer_linear = torch.ao.nn.quantized.dynamic.Linear
    return ((name, module) for name, module in model.named_modules() if isinstance(module, integer_linear))
