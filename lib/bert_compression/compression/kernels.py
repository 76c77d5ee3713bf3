"""Running from the bits: a linear layer of few bits on ONNX Runtime's kernels, which read the codes.

Fake quantization multiplies matrices in floating point; torch has no kernels for one or two bits. ONNX
Runtime's operator MatMulNBits, of its contributed operators, reads a matrix as codes of two bits with a scale
and a zero point a block. Ternary weights are the codes 0, 1 and 2 around the zero point 1, binary ones 0 and
2. Needs the extra "kernels". Book: notebooks/xtc/what_the_bits_weigh.
"""

from types import ModuleType

import numpy as np
import torch

from bert_compression.checks import checked, in_range
from bert_compression.compression.grids import BinaryGrid, TernaryGrid, packed_codes
from bert_compression.compression.rounded_layers import QuantizedLinear
from bert_compression.errors import BadInput, shown

BLOCK = 64  # weights that share a scale in the kernel's layout; all have the matrix's
LEVELS = (0, 4)  # of the operator: what is multiplied stays fp32, or is rounded to 8 bits


@checked
class BitLinear:
    """A linear layer of 1- or 2-bit weights that computes from its codes, on the processor.

    `accuracy_level` 0 multiplies in fp32, 4 rounds what comes in to 8 bits block by block. Raises BadInput
    for a layer whose weights have other bits, a scale a row or something of low rank in addition; for
    weights or a bias that are not finite numbers in float32; for an input size that no block divides, and
    where the extra is not installed.
    """

    def __init__(self, layer: QuantizedLinear, accuracy_level: int = 0, threads: int = 1):
        if accuracy_level not in LEVELS:
            raise BadInput(f"accuracy_level is 0 or 4, not {accuracy_level}")
        in_range(threads, "threads", 1, 1024)
        if layer.weight_grid not in (BinaryGrid(), TernaryGrid()):
            raise BadInput("these kernels take weights of 1 or 2 bits with one scale a matrix")
        if hasattr(layer, "low_rank_u"):
            raise BadInput("these kernels have no place for the matrices of low rank: run them beside")
        for name, each in layer.named_parameters():
            if each.dtype != torch.float32 or not each.isfinite().all():
                raise BadInput(f"these kernels take finite numbers in float32, and the {name} has others")
        if layer.in_features % BLOCK:
            raise BadInput(f"an input of {layer.in_features} cannot be split into blocks of {BLOCK}")
        self.in_features = layer.in_features
        model = _operator(layer, accuracy_level)
        self.stored_bytes = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
        self._session = _session(model, threads)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """x W^T + b for x of the shape (rows, in_features), float32. Raises BadInput for another."""
        fits = isinstance(x, torch.Tensor) and x.ndim == 2 and x.shape[1] == self.in_features
        if not fits or x.dtype != torch.float32:
            raise BadInput(
                f"this layer takes float32 of the shape (rows, {self.in_features}), not {shown(x)}"
            )
        (out,) = self._session.run(None, {"x": x.detach().cpu().numpy()})
        return torch.from_numpy(out)


def _operator(layer: QuantizedLinear, accuracy_level: int):
    onnx = installed("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    rows, columns = layer.weight.shape
    with torch.no_grad():
        scale = layer.weight_grid.scale(layer.weight)
        codes = layer.weight_grid.integers(layer.weight, scale) + 1
    blocks = columns // BLOCK
    packed = packed_codes(codes, bits=2).view(rows, blocks, BLOCK // 4).numpy()
    scales = np.full(rows * blocks, float(scale), dtype=np.float32)
    # The zero point is 1 for every block, two bits each.
    zeros = np.full(rows * -(-blocks // 4), 0b01010101, dtype=np.uint8)
    bias = np.zeros(rows, dtype=np.float32) if layer.bias is None else layer.bias.detach().numpy()
    constants = {"codes": packed, "scales": scales, "zeros": zeros, "bias": bias}
    settings = {"K": columns, "N": rows, "bits": 2, "block_size": BLOCK, "accuracy_level": accuracy_level}
    nodes = [
        helper.make_node(
            "MatMulNBits", ["x", "codes", "scales", "zeros"], ["product"], domain=DOMAIN, **settings
        ),
        helper.make_node("Add", ["product", "bias"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "bits",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["rows", columns])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["rows", rows])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


DOMAIN = "com.microsoft"


def _session(model, threads: int):
    runtime = installed("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def installed(name: str) -> ModuleType:
    """A package of the extra "kernels". Raises BadInput where it is not installed."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise BadInput(
            f"this needs {name}: install it with pip install 'bert-compression[kernels]'"
        ) from error
