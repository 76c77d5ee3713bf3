"""Models with fewer bits a number: fake quantization (Q8BERT's and coarser), and torch's real int8.

Three things go by the name of quantization and are kept apart here. *Fake quantization* rounds weights and
activations to a grid (`grids`) and goes on computing in floating point: it shows what quantization does to
the answers, trains through (quantization-aware training), and is neither smaller nor faster. *Stored bytes*
shrink when the integers are written out (`storage.save_packed`). *Latency* shrinks only where integer
kernels compute (mode "int8").

Source: Zafrir et al. 2019, Q8BERT, section 2; their released code for the granularity. Book:
methods/quantization.
"""

# mypy: disable-error-code="attr-defined"
# (QuantizedWeight is mixed into modules that have the weight)

import copy
import warnings
from collections.abc import Iterable, Iterator

import torch
from torch import nn

from bert_compression.compression.grids import Grid, SymmetricGrid, weight_grid
from bert_compression.errors import BadInput

MODES = ("ema", "dynamic", "int8")


class ActivationQuantizer(nn.Module):
    """Fake-quantizes activations of shape (..., size) to `bits` bits, with one range for the whole tensor.

    mode "ema": the range is an exponential moving average of max|x| over the batches seen in training mode
    (the first one fills it), and stays fixed in evaluation. mode "dynamic": the range is max|x| of the tensor
    at hand, padding and batch mates included, so that an example's answer is batch-dependent.
    """

    def __init__(self, mode: str, decay: float, bits: int = 8):
        super().__init__()
        self.mode, self.decay, self.grid = mode, decay, SymmetricGrid(bits)
        if mode == "ema":
            self.register_buffer("max_abs", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.mode == "dynamic":
            return self.grid.round(x)
        if self.training:
            now = x.detach().abs().amax().to(self.max_abs.dtype)
            average = self.decay * self.max_abs + (1 - self.decay) * now
            self.max_abs.copy_(torch.where(self.max_abs > 0, average, now))
        return self.grid.round(x, self.grid.scale_for(self.max_abs, x.dtype))


class QuantizedWeight:
    """What quantized layers share: `self.weight` is rounded to `self.weight_grid` at each use, while training
    always anew, in inference once for each weight."""

    weight_grid: Grid

    def rounded_weight(self) -> torch.Tensor:
        """The weight that the layer computes with."""
        if torch.is_grad_enabled():
            return self.weight_grid.round(self.weight)
        weight = self.weight
        # The version counts changes in place, but not those of a fused optimizer (see `train`); moving,
        # casting or exchanging the data leaves it as it is.
        state = (weight._version, weight.data_ptr(), weight.device, weight.dtype)
        if getattr(self, "_rounded_state", None) != state:
            self._rounded, self._rounded_state = self.weight_grid.round(weight), state
        return self._rounded

    def train(self, mode: bool = True) -> nn.Module:
        """Forgets what was rounded: training changes the weight behind its version's back."""
        self.__dict__.pop("_rounded_state", None)
        return super().train(mode)  # type: ignore[misc]

    def __getstate__(self) -> dict:
        return {k: v for k, v in super().__getstate__().items() if not k.startswith("_rounded")}


class QuantizedLinear(QuantizedWeight, nn.Linear):
    """A linear layer whose weight, input and output are fake-quantized; the bias is not.

    Q8BERT holds the bias in 32-bit integers, which is finer than the rounding of fp32 next to these.
    """

    @classmethod
    def from_linear(
        cls, linear: nn.Linear, weight_grid: Grid, mode: str, decay: float, activation_bits: int
    ) -> "QuantizedLinear":
        layer = cls(linear.in_features, linear.out_features, linear.bias is not None)
        layer.weight, layer.bias, layer.weight_grid = linear.weight, linear.bias, weight_grid
        layer.input_quantizer = ActivationQuantizer(mode, decay, activation_bits)
        layer.output_quantizer = ActivationQuantizer(mode, decay, activation_bits)
        return layer.train(linear.training)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = nn.functional.linear(self.input_quantizer(x), self.rounded_weight(), self.bias)
        return self.output_quantizer(out)


class QuantizedEmbedding(QuantizedWeight, nn.Embedding):
    """An embedding whose table is fake-quantized."""

    @classmethod
    def from_embedding(cls, embedding: nn.Embedding, weight_grid: Grid) -> "QuantizedEmbedding":
        table = cls(embedding.num_embeddings, embedding.embedding_dim, embedding.padding_idx)
        table.weight, table.weight_grid = embedding.weight, weight_grid
        return table.train(embedding.training)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return nn.functional.embedding(ids, self.rounded_weight(), self.padding_idx)


def quantize(
    model: nn.Module,
    mode: str,
    decay: float = 0.9999,
    weight_bits: int = 8,
    activation_bits: int = 8,
    per_row: bool = False,
) -> nn.Module:
    """Quantize every linear layer of a transformers model (and, in fake modes, every embedding).

    mode: "ema" (fake, static ranges: follow with training or `calibrate`), "dynamic" (fake, ranges of the
    tensor at hand), "int8" (torch's own dynamic quantization: real integer kernels, linear layers only, on
    the CPU). Softmax, LayerNorm and GELU stay in floating point. `decay` is that of the moving average:
    0.9999 in Q8BERT's code, too slow for runs of a few hundred steps.

    Weights get the grid of `weight_grid(weight_bits, per_row)`: one scale a matrix, or one a row. Inputs and
    outputs of linear layers have `activation_bits`, 2 to 16, and one range a tensor.

    Changes the model, notes what was done in `model.config.compression`, and returns it. Raises BadInput
    for an unknown mode, bits that no grid has, bits or rows that int8 kernels do not have, or a model that is
    quantized already.
    """
    if mode not in MODES:
        raise BadInput(f"unknown quantization mode {mode!r}: choose one of {', '.join(MODES)}")
    if quantization_mode(model):
        raise BadInput(f"the model is quantized already (mode {quantization_mode(model)})")
    grid = weight_grid(weight_bits, per_row)
    SymmetricGrid(activation_bits)  # refuses bits before the model is changed
    if mode == "int8" and (weight_bits, activation_bits, per_row) != (8, 8, False):
        raise BadInput(
            "int8 kernels have 8 bits for weights and activations and one scale a matrix: "
            "leave weight_bits, activation_bits and per_row as they are, or choose a fake mode"
        )
    step = {
        "method": "quantize",
        "mode": mode,
        "decay": decay,
        "weight_bits": weight_bits,
        "activation_bits": activation_bits,
        "per_row": per_row,
    }
    done = [*getattr(model.config, "compression", []), step]
    if mode == "int8":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch announces that this API will move; the lock pins it
            model = torch.ao.quantization.quantize_dynamic(model.eval(), {nn.Linear}, dtype=torch.qint8)
    else:
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                if type(child) is nn.Linear:
                    layer = QuantizedLinear.from_linear(child, grid, mode, decay, activation_bits)
                    setattr(parent, name, layer)
                elif type(child) is nn.Embedding:
                    setattr(parent, name, QuantizedEmbedding.from_embedding(child, grid))
    model.config.compression = done
    return model


def calibrate(model: nn.Module, batches: Iterable[dict[str, torch.Tensor]]) -> nn.Module:
    """Let an "ema" model see batches, so that its activation ranges fit them; weights stay as they are.

    `batches` yields keyword arguments of the model's forward. The model comes back in evaluation mode.
    Raises BadInput when there is no batch: without a range nothing can be rounded sensibly.
    """
    quantizers = [m for m in model.modules() if isinstance(m, ActivationQuantizer)]
    model.eval()  # dropout off, so that the ranges are those of inference
    for quantizer in quantizers:
        quantizer.train()
    seen = 0
    with torch.no_grad():
        for batch in batches:
            model(**batch)
            seen += 1
    if not seen:
        raise BadInput("calibration needs at least one batch")
    return model.eval()


def as_int8(model: nn.Module) -> nn.Module:
    """What a quantized model becomes on a processor: a copy with torch's int8 kernels, to time it.

    Fake quantization only adds work; this is the form in which its weights would run. An "int8" model comes
    back as it is. The copy is for timing: its activation ranges are those of torch's dynamic quantization.
    """
    if quantization_mode(model) == "int8":
        return model
    plain = copy.deepcopy(model)
    with torch.no_grad():
        for parent in list(plain.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, QuantizedLinear):
                    linear = nn.Linear(child.in_features, child.out_features, child.bias is not None)
                    linear.weight, linear.bias = nn.Parameter(child.rounded_weight()), child.bias
                    setattr(parent, name, linear)
                elif isinstance(child, QuantizedEmbedding):
                    table = nn.Parameter(child.rounded_weight())
                    setattr(parent, name, nn.Embedding.from_pretrained(table, padding_idx=child.padding_idx))
    plain.config.compression = [step for step in plain.config.compression if step["method"] != "quantize"]
    return quantize(plain, "int8")


def quantization_mode(model: nn.Module) -> str | None:
    """ "ema", "dynamic" or "int8" for a model that `quantize` has changed, else None."""
    steps = getattr(model.config, "compression", [])
    return next((step["mode"] for step in steps if step["method"] == "quantize"), None)


def batch_dependent(model: nn.Module) -> bool:
    """Does the model's answer to a text depend on the batch that the text is in? True for ranges of the
    tensor at hand ("dynamic", "int8"): give such a model one text at a time."""
    return quantization_mode(model) in ("dynamic", "int8")


def integer_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(name, module) of each linear layer with real int8 kernels."""
    integer_linear = torch.ao.nn.quantized.dynamic.Linear
    return ((name, module) for name, module in model.named_modules() if isinstance(module, integer_linear))
