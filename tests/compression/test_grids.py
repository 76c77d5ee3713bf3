"""Grids of few bits: rounding by hand and against torch's, its gradient, a second rounding, and packing."""

import math
import re

import pytest
import torch

from bert_compression.compression import (
    BinaryGrid,
    SymmetricGrid,
    TernaryGrid,
    binarize,
    fake_quantize,
    ternarize,
    weight_grid,
)
from bert_compression.errors import BadInput

GRIDS = [
    grid
    for per_row in (False, True)
    for grid in (
        BinaryGrid(per_row),
        TernaryGrid(per_row),
        *(SymmetricGrid(bits, per_row) for bits in (2, 4, 8, 16)),
    )
]


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ternarize


@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize(
    ("kind", "smallest"), [(torch.float32, 2.0**-149), (torch.float16, 2.0**-24), (torch.bfloat16, 2.0**-133)]
)
def test_the_smallest_numbers_are_above_their_threshold_too(kind, smallest, per_row):
    all_equal = torch.full((2, 3), smallest, dtype=kind)
    assert torch.equal(ternarize(all_equal, per_row), all_equal) and all_equal.all()
    one_zero = all_equal.clone().index_fill_(1, torch.tensor([1]), 0)
    assert torch.equal(ternarize(one_zero, per_row), one_zero)
    larger = torch.tensor([[1.0, 1.0, 4.0]] * 2).mul(smallest).to(kind)  # the threshold is 1.4 of these
    assert torch.equal(ternarize(larger, per_row), torch.tensor([[0.0, 0, 4 * smallest]] * 2).to(kind))


# fake_quantize


def test_a_matrix_is_rounded_to_the_grid_of_127_steps_by_hand():
    # The largest magnitude is 254, so that one step is 254 / 127 = 2.
    matrix = torch.tensor([[254.0, -253.5, 0.9], [1.1, -7.2, 100.0]])
    expected = torch.tensor([[254.0, -254.0, 0.0], [2.0, -8.0, 100.0]])
    assert torch.equal(fake_quantize(matrix), expected)


def test_two_bits_know_three_values_and_three_bits_seven():
    values = torch.tensor([-3.0, -1.6, -1.4, 0.4, 1.4, 1.6, 3.0])
    assert torch.equal(fake_quantize(values, bits=2), torch.tensor([-3.0, -3.0, 0.0, 0.0, 0.0, 3.0, 3.0]))
    assert torch.equal(fake_quantize(values, bits=3), torch.tensor([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]))


def test_zeros_and_an_empty_tensor_stay_as_they_are():
    assert torch.equal(fake_quantize(torch.zeros(3, 4)), torch.zeros(3, 4))
    assert fake_quantize(torch.empty(0, 4)).shape == (0, 4)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_a_second_application_changes_nothing_and_the_first_does(bits):
    for seed, size in enumerate([1e-6, 1e-3, 1.0, 1e3] * 5):
        values = size * torch.randn(500, generator=torch.Generator().manual_seed(seed))
        once = fake_quantize(values, bits)
        assert torch.equal(fake_quantize(once, bits), once)
        assert not torch.equal(once, values)
        assert len(once.unique()) <= 2**bits - 1


def test_the_largest_error_is_half_a_step():
    values = torch.randn(100_000, generator=torch.Generator().manual_seed(0))
    error = (fake_quantize(values) - values).abs().max()
    assert 0.999 < error / (values.abs().max() / 254) < 1 + 1e-5


def test_torchs_own_fake_quantization_rounds_alike():
    values = torch.randn(300, 400, generator=torch.Generator().manual_seed(1))
    scale = (values.abs().max() / 127).item()
    assert torch.equal(
        fake_quantize(values), torch.fake_quantize_per_tensor_affine(values, scale, 0, -127, 127)
    )
    # A grid that uses all 256 integers has another step: -128 to 127, as in DeepSpeed.
    other = torch.fake_quantize_per_tensor_affine(values, scale * 127 / 128, 0, -128, 127)
    assert not torch.allclose(fake_quantize(values), other, atol=scale / 4)


def test_the_gradient_is_that_of_the_identity_and_not_that_of_rounding():
    values = torch.randn(6, 5, generator=torch.Generator().manual_seed(2), requires_grad=True)
    weights = torch.randn(6, 5, generator=torch.Generator().manual_seed(3))
    (ours,) = torch.autograd.grad((fake_quantize(values) * weights).sum(), values)
    step = values.detach().abs().max() / 127
    (rounded,) = torch.autograd.grad(((values / step).round() * step * weights).sum(), values)
    assert torch.equal(ours, weights)
    assert torch.equal(rounded, torch.zeros_like(weights))


@pytest.mark.parametrize("bits", [1, 17])
def test_bits_that_this_grid_cannot_have_are_refused(bits):
    message = f"bits must lie between 2 and 16, not {bits}; for one bit use binarize"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        fake_quantize(torch.ones(2), bits)


# binarize and ternarize


def test_a_matrix_is_binarized_by_hand():
    matrix = torch.tensor([[1.0, -3.0, 2.0], [-4.0, 8.0, -6.0]])
    assert torch.equal(binarize(matrix), torch.tensor([[4.0, -4.0, 4.0], [-4.0, 4.0, -4.0]]))
    by_row = torch.tensor([[2.0, -2.0, 2.0], [-6.0, 6.0, -6.0]])
    assert torch.equal(binarize(matrix, per_row=True), by_row)


def test_a_matrix_is_ternarized_by_hand():
    # The mean size is 2 and the threshold 1.4, above which are 3, 5 and 4; of the rows 1 and 3, 0.7 and 2.1.
    matrix = torch.tensor([[1.0, -0.5, 0.5, -2.0], [3.0, -5.0, 0.0, 4.0]])
    expected = torch.tensor([[0.0, 0.0, 0.0, -3.5], [3.5, -3.5, 0.0, 3.5]])
    assert torch.equal(ternarize(matrix), expected)
    by_row = torch.tensor([[1.5, 0.0, 0.0, -1.5], [4.0, -4.0, 0.0, 4.0]])
    assert torch.equal(ternarize(matrix, per_row=True), by_row)


def test_what_lies_on_the_threshold_becomes_zero():
    # The mean size is 10 and the threshold 7.
    assert torch.equal(ternarize(torch.tensor([7.0, -13.0, 10.0])), torch.tensor([0.0, -11.5, 11.5]))
    assert torch.equal(ternarize(torch.tensor([7.5, -12.5, 10.0])), torch.tensor([10.0, -10.0, 10.0]))


def test_a_weight_of_exactly_zero_has_no_sign_and_stays_zero():
    assert torch.equal(binarize(torch.tensor([3.0, 0.0, -3.0])), torch.tensor([2.0, 0.0, -2.0]))


@pytest.mark.parametrize("function", [binarize, ternarize])
@pytest.mark.parametrize("per_row", [False, True])
def test_zeros_rows_of_zeros_and_an_empty_tensor_stay_as_they_are(function, per_row):
    assert torch.equal(function(torch.zeros(3, 4), per_row), torch.zeros(3, 4))
    assert function(torch.empty(0, 4), per_row).shape == (0, 4)
    matrix = draw(3, 4)
    matrix[1] = 0
    assert torch.equal(function(matrix, per_row)[1], torch.zeros(4))
    assert (function(matrix, per_row)[0] != 0).any()


@pytest.mark.parametrize("function", [binarize, ternarize])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_is_refused_and_in_a_layer_not_hidden(function, bad):
    with pytest.raises(BadInput, match=r"^weight must be a tensor of finite numbers, not tensor\(\["):
        function(torch.tensor([1.0, bad, -2.0]))
    grid = BinaryGrid if function is binarize else TernaryGrid
    assert not grid().round(torch.tensor([1.0, bad, -2.0])).isfinite().any()
    assert grid(per_row=True).round(torch.tensor([[1.0, bad], [1.0, -2.0]]))[1].isfinite().all()


def test_binary_and_ternary_weights_are_those_nearest_to_the_exact_ones():
    """Second route: for these signs and this support no other scale is nearer (Li et al. 2016, eq. 3)."""
    weight = draw(200, 30)
    for rounded in (binarize(weight), ternarize(weight)):
        error = (rounded - weight).square().sum()
        for factor in (0.98, 1.02):
            assert (factor * rounded - weight).square().sum() > error
    assert 0.3 < (ternarize(weight) == 0).float().mean() < 0.55  # of a normal distribution 42 % lie below
    assert (ternarize(weight) - weight).square().sum() < (binarize(weight) - weight).square().sum()


# All grids


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_a_second_rounding_changes_nothing_and_the_first_does(grid):
    for seed in range(5):
        values = 10.0 ** (seed - 2) * draw(60, 50, seed=seed)
        once = grid.round(values)
        assert once.shape == values.shape and once.dtype == values.dtype
        assert torch.equal(grid.round(once), once) and not torch.equal(once, values)
        most = 2 if grid.bits == 1 else 2**grid.bits - 1
        assert all(len(part.unique()) <= most for part in (once if grid.per_row else [once]))


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_gradient_is_that_of_the_identity(grid):
    values, weights = draw(6, 5).requires_grad_(), draw(6, 5, seed=1)
    (ours,) = torch.autograd.grad((grid.round(values) * weights).sum(), values)
    assert torch.equal(ours, weights)


@pytest.mark.parametrize("grid", [grid for grid in GRIDS if grid.per_row], ids=str)
def test_per_row_every_vector_of_the_last_axis_is_rounded_alone(grid):
    whole = type(grid)(grid.bits) if isinstance(grid, SymmetricGrid) else type(grid)()
    values = draw(2, 3, 20)
    by_hand = torch.stack([torch.stack([whole.round(row) for row in rows]) for rows in values])
    assert torch.equal(grid.round(values), by_hand) and not torch.equal(whole.round(values), by_hand)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_what_is_packed_comes_back_as_what_is_computed_with(grid):
    values = draw(40, 30)
    stored, scale = grid.pack(values)
    assert scale.dtype == torch.float32 and scale.shape == ((40, 1) if grid.per_row else ())
    if isinstance(grid, SymmetricGrid):
        assert stored.dtype == (torch.int16 if grid.bits == 16 else torch.int8)
        assert stored.abs().max() == grid.largest == {2: 1, 4: 7, 8: 127, 16: 32767}[grid.bits]
    else:
        assert stored.dtype == torch.uint8 and len(stored) == 40 * 30 * grid.bits / 8
    assert torch.equal(grid.unpack(stored, scale, values.shape), grid.round(values))


def test_ternary_and_binary_weights_are_packed_as_these_bits():
    matrix = torch.tensor([[1.0, -0.5, 0.5, -2.0], [3.0, -5.0, 0.0, 4.0]])
    stored, scale = TernaryGrid(per_row=True).pack(matrix)
    # Codes 2 1 1 0 and 2 0 1 2, the first in the lowest two bits.
    assert stored.tolist() == [0b00_01_01_10, 0b10_01_00_10] and scale.tolist() == [[1.5], [4.0]]
    stored, scale = BinaryGrid().pack(matrix[:, :2])
    assert stored.tolist() == [0b0101] and scale.item() == 9.5 / 4  # signs + - + -, and four bits of 0


@pytest.mark.parametrize("grid", [BinaryGrid(), TernaryGrid(per_row=True)], ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 9), (2, 3, 11)])
def test_numbers_of_weights_that_fill_no_byte_come_back(grid, shape):
    values = draw(*shape)
    stored, scale = grid.pack(values)
    assert len(stored) == math.ceil(values.numel() * grid.bits / 8)
    assert torch.equal(grid.unpack(stored, scale, shape), grid.round(values))


@pytest.mark.parametrize(
    ("grid", "stored", "shape", "message"),
    [
        (BinaryGrid(), [1, 2], (3, 5, 1), None),
        (BinaryGrid(), [1], (3, 5), "1 bits for a weight of shape (3, 5) take 2 bytes"),
        (BinaryGrid(), [1, 2, 3], (3, 5), "1 bits for a weight of shape (3, 5) take 2 bytes"),
        (BinaryGrid(), [1, 128], (3, 5), "the last byte holds more than the last weights"),
        (TernaryGrid(), [3], (1, 4), "some two bits stand for none of -1, 0 and 1"),
        (TernaryGrid(), [1], (1, 5), "2 bits for a weight of shape (1, 5) take 2 bytes"),
    ],
)
def test_bits_that_are_too_few_too_many_or_mean_nothing_are_refused(grid, stored, shape, message):
    def read():
        return grid.unpack(torch.tensor(stored, dtype=torch.uint8), torch.tensor(1.0), shape)

    if message is None:
        assert read().shape == shape
    else:
        with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
            read()


@pytest.mark.parametrize("grid", [BinaryGrid(), BinaryGrid(per_row=True)], ids=str)
def test_one_bit_stores_zeros_as_places_after_the_bits(grid):
    matrix = draw(3, 50)
    matrix[1] = 0
    matrix[0, 7] = matrix[2, 49] = 0
    stored, scale = grid.pack(matrix)
    # A row that is zero has the scale zero where it has one of its own, and needs no places.
    zeros = [7, 149] if grid.per_row else [7, *range(50, 100), 149]
    assert len(stored) == 19 + 4 * len(zeros)
    assert stored[19:23].tolist() == [7, 0, 0, 0]
    read = grid.round(grid.unpack(stored, scale, matrix.shape))
    assert torch.equal(read, grid.round(matrix)) and (read == 0).sum() == 52
    matrix[2, :26] = 0
    matrix[0, :30] = 0
    with pytest.raises(BadInput, match=r"^more than half of the weights that share a scale are zero: take 2"):
        grid.pack(matrix)


@pytest.mark.parametrize("places", [[15, 0, 0, 0], [255, 255, 255, 255], [3, 0, 0, 0, 3, 0, 0, 0]])
def test_places_of_zeros_that_are_not_there_or_do_not_rise_are_refused(places):
    stored = torch.tensor([1, 2, *places], dtype=torch.uint8)
    with pytest.raises(BadInput, match=r"^the places of zeros do not rise from 0 to 14$"):
        BinaryGrid().unpack(stored, torch.tensor(1.0), (3, 5))


@pytest.mark.parametrize(
    ("grid", "integers", "scale", "message"),
    [
        (SymmetricGrid(4), [[8, 0]], 1.0, "these are no torch.int8 integers from -7 to 7"),
        (SymmetricGrid(2), [[-2, 0]], 1.0, "these are no torch.int8 integers from -1 to 1"),
        (SymmetricGrid(8), [[1]], 1.0, "the integers have the shape (1, 1), not (1, 2)"),
        (SymmetricGrid(8), [[-128, 0]], 1.0, "these are no torch.int8 integers from -127 to 127"),
        (SymmetricGrid(8), [[1, 0]], [[1.0]], "the scale has the shape (1, 1), not ()"),
        (SymmetricGrid(8, per_row=True), [[1, 0]], [1.0], "the scale has the shape (1,), not (1, 1)"),
    ],
)
def test_integers_and_scales_of_another_grid_are_refused(grid, integers, scale, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        grid.unpack(torch.tensor(integers, dtype=torch.int8), torch.tensor(scale), (1, 2))
    with pytest.raises(BadInput, match="integers"):
        right = torch.ones(1, 1) if grid.per_row else torch.tensor(1.0)
        grid.unpack(torch.zeros(1, 2, dtype=torch.int32), right, (1, 2))


def test_bits_choose_the_grid_of_weights():
    assert weight_grid(1) == BinaryGrid() and weight_grid(2, per_row=True) == TernaryGrid(per_row=True)
    assert weight_grid(8) == SymmetricGrid(8) != SymmetricGrid(8, per_row=True) == weight_grid(8, True)
    for bits in (0, 17):
        with pytest.raises(BadInput, match=f"^weights have 1 to 16 bits, not {bits}$"):
            weight_grid(bits)


@pytest.mark.parametrize("function", [fake_quantize, binarize, ternarize])
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_whole_numbers_have_no_scale_of_their_type(function, dtype):
    with pytest.raises(BadInput, match=rf"^a tensor of floating-point numbers .* not one of {dtype}$"):
        function(torch.ones(3, dtype=dtype))


def test_just_half_of_the_weights_may_be_zero():
    half, grid = torch.tensor([0.0, 0.0, 1.0, -1.0]), BinaryGrid()
    stored, scale = grid.pack(half)  # just half of them are zero, and no more
    assert grid.round(grid.unpack(stored, scale, (4,))).tolist() == [0.0, 0.0, 0.5, -0.5]
