"""Running from the bits: ONNX Runtime's products against torch's with the rounded weights."""

import pytest
import torch
from torch import nn

from bert_compression.compression import BitLinear
from bert_compression.compression.grids import weight_grid
from bert_compression.compression.rounded_layers import QuantizedLinear
from bert_compression.errors import BadInput


def layer(inputs=128, outputs=96, bits=1, per_row=False, bias=True, seed=0):
    torch.manual_seed(seed)
    plain = nn.Linear(inputs, outputs, bias)
    return QuantizedLinear.from_linear(plain, weight_grid(bits, per_row), "per_token", 0.0, 8, False).eval()


def exact(of, x):
    with torch.no_grad():
        return nn.functional.linear(x, of.rounded_weight(), of.bias)


@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize(("inputs", "outputs"), [(64, 32), (128, 96), (192, 5)])
@pytest.mark.parametrize("bias", [True, False])
def test_with_inputs_in_fp32_the_product_is_the_same(bits, inputs, outputs, bias):
    of = layer(inputs, outputs, bits, bias=bias)
    x = torch.randn(7, inputs, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(BitLinear(of)(x), exact(of, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bits", [1, 2])
def test_with_inputs_of_8_bits_it_is_near(bits):
    of, x = layer(768, 256, bits), torch.randn(16, 768, generator=torch.Generator().manual_seed(1))
    apart = (BitLinear(of, accuracy_level=4)(x) - exact(of, x)).norm() / exact(of, x).norm()
    assert 1e-4 < apart < 0.02


def test_two_bits_a_weight_and_a_scale_a_block_are_held():
    of = layer(768, 256, 2)
    weights, blocks = 768 * 256, 256 * 12
    assert BitLinear(of).stored_bytes == weights // 4 + 4 * blocks + 256 * 3 + 4 * 256


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"bits": 8}, "these kernels take weights of 1 or 2 bits with one scale a matrix"),
        ({"per_row": True}, "these kernels take weights of 1 or 2 bits with one scale a matrix"),
        ({"inputs": 100}, "an input of 100 cannot be split into blocks of 64"),
    ],
)
def test_layers_that_these_kernels_do_not_take_are_refused(told, message):
    with pytest.raises(BadInput, match=f"^{message}$"):
        BitLinear(layer(**told))
    with pytest.raises(BadInput, match=r"^accuracy_level is 0 or 4, not 2$"):
        BitLinear(layer(), 2)
    more, *broken = (layer() for _ in range(5))
    more.add_low_rank(1, 0.02)
    with pytest.raises(BadInput, match=r"^these kernels have no place for the matrices of low rank"):
        BitLinear(more)
    with torch.no_grad():
        broken[0].weight[0, 0] = torch.nan
        broken[1].bias[0] = torch.inf
    broken[2].bias = nn.Parameter(broken[2].bias.detach().half())
    broken[3].bias = nn.Parameter(broken[3].bias.detach().double())
    for of in (*broken, layer().to(torch.bfloat16), layer().double()):
        with pytest.raises(BadInput, match=r"^these kernels take finite numbers in float32, and the (we|bi)"):
            BitLinear(of)


def test_what_does_not_fit_a_layer_is_refused():
    of, x = BitLinear(layer()), torch.randn(3, 128)
    for wrong in (x[0], x[None], x[:, :64], x.double(), x.bfloat16(), x.tolist(), None):
        with pytest.raises(
            BadInput, match=r"^(this layer takes float32 of the shape \(rows, 128\)|x must be)"
        ):
            of(wrong)
    assert torch.equal(of(x.requires_grad_()), of(x.detach()))


def test_without_the_extra_it_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    with pytest.raises(BadInput, match=r"install it with pip install 'bert-compression\[kernels\]'$"):
        BitLinear(layer())


def test_a_layer_that_runs_from_its_bits_has_the_threads_it_is_given():
    assert BitLinear(layer(), threads=2)._session.get_session_options().intra_op_num_threads == 2
