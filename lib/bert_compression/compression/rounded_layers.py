"""Layers that compute with rounded numbers: activations, linear layers, embeddings under fake quantization.
`quantization` puts them into a model. Book: methods/quantization."""

# mypy: disable-error-code="attr-defined"
# (QuantizedWeight is mixed into modules that have the weight)

import torch
from torch import nn

from bert_compression.compression.grids import Grid, SymmetricGrid
from bert_compression.errors import BadInput

CLIP = 2.5  # of TernaryBERT's and BinaryBERT's activations


class ActivationQuantizer(nn.Module):
    """Fake-quantizes activations of shape (..., size) to `bits` bits.

    mode "ema": one range for the tensor, an exponential moving average of max|x| over the batches seen in
    training mode (the first one fills it), which stays fixed in evaluation. mode "dynamic": one range, max|x|
    of the tensor at hand, padding and batch mates included, so that an example's answer is batch-dependent.
    mode "clipped": the same for x cut off at +-2.5, where no gradient passes (TernaryBERT). mode "per_token":
    each token has the range of its own vector, as in DeepSpeed, and no batch mate matters. The grid reaches
    from -127 to 127 steps; DeepSpeed's steps are max|x| / 128.
    """

    def __init__(self, mode: str, decay: float, bits: int = 8):
        super().__init__()
        self.mode, self.decay, self.grid = mode, decay, SymmetricGrid(bits, per_row=mode == "per_token")
        self._has_range = False  # known to have one: asked once, since the answer costs a GPU a pause
        if mode == "ema":
            self.register_buffer("max_abs", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.mode != "ema":
            return self.grid.round(x.clamp(-CLIP, CLIP) if self.mode == "clipped" else x)
        if self.training:
            now = x.detach().abs().amax().to(self.max_abs.dtype)
            average = self.decay * self.max_abs + (1 - self.decay) * now
            self.max_abs.copy_(torch.where(self.max_abs > 0, average, now))
        elif not self._has_range and not self._finds_range(x):
            raise BadInput(
                f"the range of some activations is {self.max_abs.item():g}, for none was seen: train the "
                "model, or calibrate it, before it is asked"
            )
        return self.grid.round(x, self.grid.scale_for(self.max_abs, x.dtype))

    def _finds_range(self, x: torch.Tensor) -> bool:
        """Was a range seen? Zero is the range of what is always zero."""
        self._has_range = bool(self.max_abs > 0)
        return self._has_range or (not self.max_abs and not x.any())


class QuantizedWeight:
    """What quantized layers share: `self.weight` is rounded to `self.weight_grid` at each use, while training
    always anew, in inference once for each weight."""

    weight: torch.Tensor
    weight_grid: Grid

    def rounded_weight(self) -> torch.Tensor:
        """The weight that the layer computes with."""
        weight = self.weight
        if torch.is_grad_enabled() or weight.is_inference():  # of these torch counts no versions
            self._forget_rounded()
            return self.weight_grid.round(weight)
        # The version counts changes in place, but not those of a fused optimizer (see `_forget_rounded`);
        # moving, casting or exchanging the data leaves it as it is.
        state = (self.weight_grid, weight._version, weight.data_ptr(), weight.device, weight.dtype)
        if getattr(self, "_rounded_state", None) != state:
            self._rounded, self._rounded_state = self.weight_grid.round(weight), state
        return self._rounded

    def train(self, mode: bool = True) -> nn.Module:
        self._forget_rounded()
        return super().train(mode)  # type: ignore[misc]

    def _forget_rounded(self) -> None:
        """Where gradients flow, a step may follow that changes the weight behind its version's back."""
        self.__dict__.pop("_rounded_state", None)

    def __getstate__(self) -> dict:
        return {k: v for k, v in super().__getstate__().items() if not k.startswith("_rounded")}


class QuantizedLinear(QuantizedWeight, nn.Linear):
    """A linear layer whose weight and input, and with an `output_quantizer` output, are fake-quantized; the
    bias is not. In the next `late` steps of training it computes in full precision, and only watches ranges.

    Q8BERT holds the bias in 32-bit integers, which is finer than the rounding of fp32 next to these. With
    `low_rank` r the layer computes with W + U V (Wu et al. 2022, equation 2): W as it is rounded, and two
    matrices in floating point, U (r columns) on the side of the outputs and V (r rows) on that of the inputs.
    """

    @classmethod
    def from_linear(
        cls,
        linear: nn.Linear,
        weight_grid: Grid,
        mode: str,
        decay: float,
        activation_bits: int,
        outputs: bool = True,
        late: int = 0,
    ) -> "QuantizedLinear":
        layer = cls(linear.in_features, linear.out_features, linear.bias is not None)
        layer.weight, layer.bias, layer.weight_grid = linear.weight, linear.bias, weight_grid
        layer.input_quantizer = ActivationQuantizer(mode, decay, activation_bits)
        layer.output_quantizer = ActivationQuantizer(mode, decay, activation_bits) if outputs else None
        layer.late = late
        return layer.train(linear.training)

    def add_low_rank(self, rank: int, spread: float) -> None:
        """Add U V of that rank, which is zero to begin with: U is, and V is drawn with the standard deviation
        `spread` (the paper does not say how they begin; so LoRA's code has it)."""
        draws = torch.Generator().manual_seed(0)
        columns = torch.empty(rank, self.in_features).normal_(0.0, spread, generator=draws)
        self.low_rank_u = nn.Parameter(self.weight.new_zeros(self.out_features, rank))
        self.low_rank_v = nn.Parameter(columns.to(self.weight))

    def used_weight(self) -> torch.Tensor:
        """The weight that the layer computes with: as it is rounded, and what is added to it."""
        weight = self.rounded_weight()
        return weight + self.low_rank_u @ self.low_rank_v if hasattr(self, "low_rank_u") else weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rounded = self.input_quantizer(x)
        if self.training and self.late:
            self.late -= 1
            return super().forward(x)
        out = nn.functional.linear(rounded, self.rounded_weight(), self.bias)
        if hasattr(self, "low_rank_u"):
            out = out + rounded @ self.low_rank_v.T @ self.low_rank_u.T
        return self.output_quantizer(out) if self.output_quantizer else out


class QuantizedEmbedding(QuantizedWeight, nn.Embedding):
    """An embedding whose table is fake-quantized."""

    @classmethod
    def from_embedding(cls, embedding: nn.Embedding, weight_grid: Grid) -> "QuantizedEmbedding":
        table = cls(embedding.num_embeddings, embedding.embedding_dim, embedding.padding_idx)
        table.weight, table.weight_grid = embedding.weight, weight_grid
        return table.train(embedding.training)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        if self.weight_grid.per_row and torch.is_grad_enabled():
            self._forget_rounded()
            # A row's values hang on nothing but the row: only those of the batch are rounded, not 30,522.
            return self.weight_grid.round(nn.functional.embedding(ids, self.weight, self.padding_idx))
        return nn.functional.embedding(ids, self.rounded_weight(), self.padding_idx)
