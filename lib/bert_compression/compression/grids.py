"""Numbers of few bits: integers times a scale, in floating point to compute with, packed to store.

A grid is one way to quantize a tensor. It alone knows its bits, the range of its integers, its scale, how a
number is rounded to it, and how the integers are stored and read back. `SymmetricGrid` serves weights and
activations; `BinaryGrid` and `TernaryGrid` are the 1-bit and 2-bit weights of extreme compression.
`fake_quantize`, `ternarize` and `binarize` are the three as functions. Book: methods/quantization.

Every grid rounds with a straight-through gradient: backwards, nothing has been rounded. Zero stays zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from bert_compression.checks import checked
from bert_compression.errors import BadInput

MOST_BITS = 16


class Grid:
    """What all grids share. A grid supplies its `bits`, its `scale` and its `integers`.

    With `per_row`, each vector along the last axis has a scale of its own: a row of a linear layer's matrix
    (the weights of one output) or of an embedding's (one token). Otherwise the tensor has one scale.
    """

    bits: int
    per_row: bool

    @property
    def largest(self) -> int:
        """The largest of the integers, which reach as far below zero: 127 for 8 bits, 1 for 1 and 2 bits."""
        return max(1, 2 ** (self.bits - 1) - 1)

    @property
    def dtype(self) -> torch.dtype:
        """The type in which integers of 3 bits or more are stored, one each."""
        return torch.int8 if self.bits <= 8 else torch.int16

    def scale(self, x: torch.Tensor) -> torch.Tensor:
        """The scale that fits x, in the type of x: of shape () or, `per_row`, (..., 1)."""
        raise NotImplementedError

    def integers(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """The integers for x at this scale, in the type and shape of x."""
        raise NotImplementedError

    def round(self, x: torch.Tensor, scale: torch.Tensor | None = None) -> torch.Tensor:
        """The values of the grid for x: `integers` times `scale`, by default the scale that fits x.

        Same shape and type back. The gradient passes straight through, also where a given scale clips.
        """
        return _StraightThrough.apply(x, self, self.scale(x.detach()) if scale is None else scale)

    @torch.no_grad()
    def pack(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The integers as they are stored, and their float32 scale, for `unpack` to read back. Of 1 and 2
        bits, a byte of the file holds eight or four integers: see `_bytes`."""
        _check_finite(x)
        scale = self.scale(x)
        return self._bytes(self.integers(x, scale)), scale.float()

    def unpack(self, stored: torch.Tensor, scale: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
        """Float32 weights of that shape, which `round` takes to the values that were packed, to the last bit;
        nearly always they are these values. Raises BadInput for integers or a scale of another grid or
        shape."""
        shape = tuple(shape)
        expected = (*shape[:-1], 1) if self.per_row else ()
        if tuple(scale.shape) != expected:
            raise BadInput(f"the scale has the shape {tuple(scale.shape)}, not {expected}")
        if scale.dtype != torch.float32 or not ((scale >= 0) & scale.isfinite()).all():
            raise BadInput("a scale is a finite float32 number, and not below zero")
        return self._from_bytes(stored, shape).float() * scale

    def _bytes(self, integers: torch.Tensor) -> torch.Tensor:
        return integers.to(self.dtype)

    def _from_bytes(self, stored: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        if stored.dtype != self.dtype or ((stored > self.largest) | (stored < -self.largest)).any():
            raise BadInput(f"these are no {self.dtype} integers from -{self.largest} to {self.largest}")
        if tuple(stored.shape) != shape:
            raise BadInput(f"the integers have the shape {tuple(stored.shape)}, not {shape}")
        return stored

    def _each(self, x: torch.Tensor) -> dict:
        """Over what one scale is computed, as arguments of torch's reductions."""
        return {"dim": -1, "keepdim": True} if self.per_row else {"dim": tuple(range(x.ndim))}


def _check_finite(x: torch.Tensor) -> None:
    if not x.isfinite().all():
        raise BadInput("some weights are NaN or infinite, and no integers can stand for them")


class _StraightThrough(torch.autograd.Function):
    """Rounds to the grid forwards; backwards the gradient is untouched (Bengio et al. 2013)."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, grid: Grid, scale: torch.Tensor) -> torch.Tensor:
        return grid.integers(x, scale).mul_(scale)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        return gradient, None, None


@checked
@dataclass(frozen=True)
class SymmetricGrid(Grid):
    """The integers from -Q to Q, Q = 2^(bits-1) - 1, with the scale max|x| / Q: the grid of Q8BERT (Zafrir et
    al. 2019, section 2). Raises BadInput for bits outside 2 to 16."""

    bits: int
    per_row: bool = False

    def __post_init__(self):
        if not 2 <= self.bits <= MOST_BITS:
            raise BadInput(
                f"bits must lie between 2 and {MOST_BITS}, not {self.bits}; for one bit use binarize"
            )

    def scale(self, x: torch.Tensor) -> torch.Tensor:
        # torch finds no maximum in an empty tensor.
        largest = x.abs().amax(**self._each(x)) if x.numel() else x.new_zeros(())
        return self.scale_for(largest, x.dtype)

    def scale_for(self, max_abs: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """The scale of a range from -max_abs to max_abs; 1 for a range of zero, where any scale does."""
        scale = max_abs.to(torch.float32) / self.largest
        return torch.where(scale > 0, scale, torch.ones_like(scale)).to(dtype)

    def integers(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return x.div(scale).round_().clamp_(-self.largest, self.largest)


@checked
@dataclass(frozen=True)
class BinaryGrid(Grid):
    """The signs -1 and 1 with the scale mean|w|; see `binarize`."""

    per_row: bool = False
    bits: int = field(default=1, init=False)

    def scale(self, x: torch.Tensor) -> torch.Tensor:
        # In float64, so that the mean of equal numbers is this number: a second rounding changes nothing.
        return x.abs().mean(**self._each(x), dtype=torch.float64).to(x.dtype)

    def integers(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return x.sign()

    @torch.no_grad()
    def pack(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As other grids. A weight of exactly zero has no sign: after the bits come the places of such
        weights, counted through the tensor, in four bytes each. Of 85 million weights some are zero. Where
        the scale is zero, too, nothing is added. Raises BadInput where most weights of a scale are zero."""
        _check_finite(x)
        scale = self.scale(x)
        zero = (x == 0) & (scale > 0)
        if (zero.sum(**self._each(x)) * 2 > (x.shape[-1] if self.per_row else x.numel())).any():
            raise BadInput("more than half of the weights that share a scale are zero: take 2 bits for them")
        places = zero.flatten().nonzero().flatten().to(torch.int32)
        return torch.cat([packed_codes(x > 0, bits=1), places.view(torch.uint8)]), scale.float()

    def _from_bytes(self, stored: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        count = math.prod(shape)
        after = stored.numel() - -(-count // 8)
        if stored.ndim != 1 or after <= 0 or after % 4:
            return _unpacked(stored, shape, bits=1).float() * 2 - 1
        signs = _unpacked(stored[:-after], shape, bits=1).float() * 2 - 1
        places = stored[-after:].clone().view(torch.int32).long()
        if (places < 0).any() or (places >= count).any() or (places.diff() <= 0).any():
            raise BadInput(f"the places of zeros do not rise from 0 to {count - 1}")
        signs.view(-1)[places] = 0
        # Their mean size is to be the scale again: as many others are twice as large.
        groups = signs.view(-1, shape[-1] if self.per_row else count)
        there = groups != 0
        doubled = there & (there.cumsum(dim=1) <= (~there).sum(dim=1, keepdim=True))
        return torch.where(doubled, 2 * groups, groups).view(shape)


@checked
@dataclass(frozen=True)
class TernaryGrid(Grid):
    """-1, 0 and 1 with the mean of the sizes above the threshold 0.7 mean|w| for a scale; see `ternarize`."""

    per_row: bool = False
    bits: int = field(default=2, init=False)

    def scale(self, x: torch.Tensor) -> torch.Tensor:
        sizes = x.abs()
        above = sizes > self._threshold(x)
        count = above.sum(**self._each(x))
        total = torch.where(above, sizes, 0).sum(**self._each(x), dtype=torch.float64)
        # Above the threshold is nothing only where all is zero, or where something is NaN: as is the mean.
        mean = sizes.mean(**self._each(x), dtype=torch.float64)
        return torch.where(count > 0, total / count.clamp(min=1), mean).to(x.dtype)

    def integers(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return x.sign() * (x.abs() > self._threshold(x))

    def _bytes(self, integers: torch.Tensor) -> torch.Tensor:
        return packed_codes(integers + 1, bits=2)

    def _from_bytes(self, stored: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        codes = _unpacked(stored, shape, bits=2)
        if (codes > 2).any():
            raise BadInput("some two bits stand for none of -1, 0 and 1")
        return codes.float() - 1

    def _threshold(self, x: torch.Tensor) -> torch.Tensor:
        threshold = 0.7 * x.abs().mean(**self._each(x), dtype=torch.float64)
        # Rounded up to the smallest number of its type, it would have no weight of this size above it.
        kind = torch.finfo(x.dtype)
        return torch.where(threshold <= kind.tiny * kind.eps, 0, threshold).to(x.dtype)


def packed_codes(codes: torch.Tensor, bits: int) -> torch.Tensor:
    """Codes of so many bits, of any shape, as (bytes,) uint8: the first code in the lowest bits of the first
    byte; what is left of the last byte is 0."""
    each = 8 // bits
    flat = codes.flatten().to(torch.uint8)
    flat = torch.cat([flat, flat.new_zeros(-len(flat) % each)]).view(-1, each)
    return (flat << (torch.arange(each, dtype=torch.uint8) * bits)).sum(dim=1, dtype=torch.uint8)


def _unpacked(stored: torch.Tensor, shape: tuple[int, ...], bits: int) -> torch.Tensor:
    """The codes of that shape. Raises BadInput for another type or number of bytes, and for a last byte whose
    rest is not 0."""
    each, count = 8 // bits, math.prod(shape)
    expected = (-(-count // each),)
    if stored.dtype != torch.uint8 or tuple(stored.shape) != expected:
        raise BadInput(
            f"{bits} bits for a weight of shape {shape} take {expected[0]} bytes, and there are "
            f"{tuple(stored.shape)} of {stored.dtype}"
        )
    codes = (stored.unsqueeze(1) >> (torch.arange(each, dtype=torch.uint8) * bits)) & (2**bits - 1)
    codes = codes.flatten()
    if codes[count:].any():
        raise BadInput("the last byte holds more than the last weights")
    return codes[:count].view(shape)


@checked
def weight_grid(bits: int, per_row: bool = False) -> Grid:
    """The grid for weights of so many bits: binary for 1, ternary for 2, symmetric for 3 to 16.

    Raises BadInput for other bits.
    """
    if not 1 <= bits <= MOST_BITS:
        raise BadInput(f"weights have 1 to {MOST_BITS} bits, not {bits}")
    if bits == 1:
        return BinaryGrid(per_row)
    return TernaryGrid(per_row) if bits == 2 else SymmetricGrid(bits, per_row)


@checked
def fake_quantize(x: torch.Tensor, bits: int = 8) -> torch.Tensor:
    """The nearest values of x that `bits` bits can hold: symmetric, one scale for the whole tensor.

    q = clamp(round(x * s), -Q, Q) / s with Q = 2^(bits-1) - 1 and s = Q / max|x|, so that for 8 bits the
    largest error is max|x| / 254. Any shape; same shape and type back. The gradient passes straight through,
    as if nothing had been rounded (Bengio et al. 2013). A tensor of zeros stays as it is, and in fp32
    a second application changes nothing. Where max|x| / Q is too small for a number with all its digits (in
    fp32 below 1e-38), errors are larger, and what is too small for any scale becomes zero.

    Raises BadInput for bits outside 2 to 16.

    >>> fake_quantize(torch.tensor([1.0, 0.4, -0.1]), bits=2)
    tensor([1., 0., -0.])
    """
    return SymmetricGrid(bits).round(_fractions(x))


@checked
def binarize(weight: torch.Tensor, per_row: bool = False) -> torch.Tensor:
    """The weights with 1 bit each: their sign times the mean of their sizes, sign(w) * mean|w|.

    The binary weights of extreme compression (Wu et al. 2022), with one scale for the tensor, or with
    `per_row` one for each vector along the last axis. Any shape; same shape and type back. The gradient
    passes straight through, unclipped, as in BinaryBERT's and DeepSpeed's code; as there, sign(0) is 0, so
    that a weight of exactly zero stays zero. A second application changes nothing where no weight is zero.

    >>> binarize(torch.tensor([[1.0, -3.0], [4.0, -8.0]]))
    tensor([[ 4., -4.],
            [ 4., -4.]])
    >>> binarize(torch.tensor([[1.0, -3.0], [4.0, -8.0]]), per_row=True)
    tensor([[ 2., -2.],
            [ 6., -6.]])
    """
    return BinaryGrid(per_row).round(_fractions(weight))


@checked
def ternarize(weight: torch.Tensor, per_row: bool = False) -> torch.Tensor:
    """The weights with 2 bits each: -a, 0 or a.

    What is larger than the threshold 0.7 * mean|w| becomes its sign times a, the mean of the sizes above the
    threshold; the rest becomes 0 (ternary weight networks, Li et al. 2016, as in TernaryBERT and Wu et al.
    2022). One scale and threshold for the tensor, or with `per_row` one of each for each vector along the
    last axis. Any shape; same shape and type back. The gradient passes straight through. TernaryBERT's code
    clamps weights to +-2.5 beforehand, BinaryBERT's and DeepSpeed's do not, and neither is it done here.

    Some weight is above the threshold unless all are zero; these stay zero. A second application changes
    nothing.

    The mean is 1.25 and the threshold 0.875; of the two that are above it, the mean is 2:

    >>> ternarize(torch.tensor([1.0, -3.0, 0.5, -0.5]))
    tensor([ 2., -2.,  0., -0.])
    """
    return TernaryGrid(per_row).round(_fractions(weight))


def _fractions(x: torch.Tensor) -> torch.Tensor:
    """Raises BadInput for whole numbers and truth values, which have no scale of their own type."""
    if not x.is_floating_point():
        raise BadInput(f"a tensor of floating-point numbers is rounded to a grid, not one of {x.dtype}")
    return x
