"""Fewer bits a number: symmetric 8-bit fake quantization (Q8BERT) and torch's real int8.

Three things go by the name of quantization and are kept apart here. *Fake quantization* rounds weights and
activations to the integer grid and goes on computing in floating point: it shows what quantization does to
the answers, trains through (quantization-aware training), and is neither smaller nor faster. *Stored bytes*
shrink when the integers are written out (`storage.save_packed`). *Latency* shrinks only where integer
kernels compute (mode "int8").

Source: Zafrir et al. 2019, Q8BERT, section 2; their released code for the granularity. Book:
methods/quantization.
"""

# mypy: disable-error-code="attr-defined"
# (_QuantizedWeight is mixed into modules that have the weight)

import copy
import warnings
from collections.abc import Iterable

import torch
from torch import nn

from bert_compression.errors import BadInput

MODES = ("ema", "dynamic", "int8")


def fake_quantize(x: torch.Tensor, bits: int = 8) -> torch.Tensor:
    """The nearest values of x that `bits` bits can hold: symmetric, one scale for the whole tensor.

    q = clamp(round(x * s), -Q, Q) / s with Q = 2^(bits-1) - 1 and s = Q / max|x|, so that for 8 bits the
    largest error is max|x| / 254. Any shape; same shape and type back. The gradient passes straight through,
    as if nothing had been rounded (Bengio et al. 2013). A tensor of zeros stays as it is, and in fp32
    a second application changes nothing.

    Raises BadInput for bits outside 2 to 16.

    >>> fake_quantize(torch.tensor([1.0, 0.4, -0.1]), bits=2)
    tensor([1., 0., -0.])
    """
    if not 2 <= bits <= 16:
        raise BadInput(f"bits must lie between 2 and 16, not {bits}; for one bit use binarize")
    return _RoundStraightThrough.apply(x, x.detach().abs().amax() if x.numel() else x.new_zeros(()), bits)


class _RoundStraightThrough(torch.autograd.Function):
    """Rounds to the grid that reaches to +-max_abs; beyond is clipped; the gradient is untouched."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, max_abs: torch.Tensor, bits: int) -> torch.Tensor:
        levels = 2 ** (bits - 1) - 1
        step = max_abs.to(torch.float32) / levels
        step = torch.where(step > 0, step, torch.ones_like(step)).to(x.dtype)
        return x.div(step).round_().clamp_(-levels, levels).mul_(step)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        return gradient, None, None


class ActivationQuantizer(nn.Module):
    """Fake-quantizes activations of shape (..., size) to 8 bits, with one range for the whole tensor.

    mode "ema": the range is an exponential moving average of max|x| over the batches seen in training mode
    (the first one fills it), and stays fixed in evaluation. mode "dynamic": the range is max|x| of the tensor
    at hand, padding and batch mates included, so that an example's answer depends on its company.
    """

    def __init__(self, mode: str, decay: float):
        super().__init__()
        self.mode, self.decay = mode, decay
        if mode == "ema":
            self.register_buffer("max_abs", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.mode == "dynamic":
            return fake_quantize(x)
        if self.training:
            now = x.detach().abs().amax().to(self.max_abs.dtype)
            average = self.decay * self.max_abs + (1 - self.decay) * now
            self.max_abs.copy_(torch.where(self.max_abs > 0, average, now))
        return _RoundStraightThrough.apply(x, self.max_abs, 8)


class _QuantizedWeight:
    """Rounds `self.weight` at each use: while training always anew, in inference once for each weight."""

    def rounded_weight(self) -> torch.Tensor:
        if torch.is_grad_enabled():
            return fake_quantize(self.weight)
        weight = self.weight
        # The version counts changes in place, but not those of a fused optimizer (see `train`); moving,
        # casting or exchanging the data leaves it as it is.
        state = (weight._version, weight.data_ptr(), weight.device, weight.dtype)
        if getattr(self, "_rounded_state", None) != state:
            self._rounded, self._rounded_state = fake_quantize(weight), state
        return self._rounded

    def train(self, mode: bool = True) -> nn.Module:
        """Forgets what was rounded: training changes the weight behind its version's back."""
        self.__dict__.pop("_rounded_state", None)
        return super().train(mode)  # type: ignore[misc]

    def __getstate__(self) -> dict:
        return {k: v for k, v in super().__getstate__().items() if not k.startswith("_rounded")}


class QuantizedLinear(_QuantizedWeight, nn.Linear):
    """A linear layer whose weight, input and output are fake-quantized to 8 bits; the bias is not.

    Q8BERT holds the bias in 32-bit integers, which is finer than the rounding of fp32 beside these.
    """

    @classmethod
    def from_linear(cls, linear: nn.Linear, mode: str, decay: float) -> "QuantizedLinear":
        layer = cls(linear.in_features, linear.out_features, linear.bias is not None)
        layer.weight, layer.bias = linear.weight, linear.bias
        layer.input_quantizer = ActivationQuantizer(mode, decay)
        layer.output_quantizer = ActivationQuantizer(mode, decay)
        return layer.train(linear.training)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = nn.functional.linear(self.input_quantizer(x), self.rounded_weight(), self.bias)
        return self.output_quantizer(out)


class QuantizedEmbedding(_QuantizedWeight, nn.Embedding):
    """An embedding whose whole table is fake-quantized to 8 bits with one scale."""

    @classmethod
    def from_embedding(cls, embedding: nn.Embedding) -> "QuantizedEmbedding":
        table = cls(embedding.num_embeddings, embedding.embedding_dim, embedding.padding_idx)
        table.weight = embedding.weight
        return table.train(embedding.training)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return nn.functional.embedding(ids, self.rounded_weight(), self.padding_idx)


def quantize(model: nn.Module, mode: str, decay: float = 0.9999) -> nn.Module:
    """Quantize every linear layer of a transformers model (and, in fake modes, every embedding) to 8 bits.

    mode: "ema" (fake, static ranges: follow with training or `calibrate`), "dynamic" (fake, ranges of the
    tensor at hand), "int8" (torch's own dynamic quantization: real integer kernels, linear layers only, on
    the CPU). Softmax, LayerNorm and GELU stay in floating point. `decay` is that of the moving average:
    0.9999 in Q8BERT's code, too slow for runs of a few hundred steps.

    Changes the model, notes what was done in `model.config.compression`, and returns it. Raises BadInput
    for an unknown mode or a model that is quantized already.
    """
    if mode not in MODES:
        raise BadInput(f"unknown quantization mode {mode!r}: choose one of {', '.join(MODES)}")
    if quantization_mode(model):
        raise BadInput(f"the model is quantized already (mode {quantization_mode(model)})")
    done = [*getattr(model.config, "compression", []), {"method": "quantize", "mode": mode, "decay": decay}]
    if mode == "int8":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch announces that this API will move; the lock pins it
            model = torch.ao.quantization.quantize_dynamic(model.eval(), {nn.Linear}, dtype=torch.qint8)
    else:
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                if type(child) is nn.Linear:
                    setattr(parent, name, QuantizedLinear.from_linear(child, mode, decay))
                elif type(child) is nn.Embedding:
                    setattr(parent, name, QuantizedEmbedding.from_embedding(child))
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


def answers_alone(model: nn.Module) -> bool:
    """Must each text be given alone, because the ranges of a batch would change its answer?"""
    return quantization_mode(model) in ("dynamic", "int8")
