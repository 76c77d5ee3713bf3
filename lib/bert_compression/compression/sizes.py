"""How large is a BERT of few bits: as Wu et al. 2022 count it, and as a file that holds it.

Both from a config alone, without a model. Book: notebooks/xtc/what_the_bits_weigh.
"""

import math
from typing import TYPE_CHECKING

from bert_compression.checks import checked, in_range
from bert_compression.errors import BadInput, shown

if TYPE_CHECKING:
    from transformers import PretrainedConfig

MIB = 2**20
MOST = 10**9  # of each number of a shape: far beyond any model, and its products are still numbers
SHAPE = (
    "hidden_size",
    "num_hidden_layers",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
    "type_vocab_size",
    "num_labels",
)


@checked
def counted_size_mib(config: "PretrainedConfig", weight_bits: int = 32, low_rank: int = 0) -> float:
    """How large is a BERT of that shape as Wu et al. 2022 count it, in MiB (their "MB")?

    Counted are weight matrices alone: word, position and segment embeddings, the pooler, and six a layer,
    each weight with `weight_bits`; no bias, LayerNorm or classifier, and no scale. Position embeddings and
    pooler count as quantized, although they are not. Matrices of `low_rank` r count with 16 bits a number,
    which fits the printed sizes, although the text says full precision. What a file takes tells
    `stored_parts`.

    Raises BadInput for the config of another model, one whose shape no model has, bits that are not 1, 2, 8
    or 32, and a rank below 0 or above the width.
    """
    _check(config, weight_bits, low_rank)
    size, layers = config.hidden_size, config.num_hidden_layers
    rows = config.vocab_size + config.max_position_embeddings + config.type_vocab_size
    weights = rows * size + size * size + layers * _layer_weights(config)
    return (weights * weight_bits + layers * _added(config, low_rank) * 16) / 8 / MIB


@checked
def stored_parts(config: "PretrainedConfig", weight_bits: int = 32, low_rank: int = 0) -> dict[str, int]:
    """Of how many bytes does each part of the file consist that `save_packed` writes for a model whose
    encoder has so many bits (`quantize` with the parts "encoder"), and all of its heads? Without its head of
    names, some kilobytes, and without the four bytes that each weight of exactly zero takes next to one bit.

    Raises BadInput as `counted_size_mib` does.
    """
    _check(config, weight_bits, low_rank)
    size, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    words = config.vocab_size * size
    quantized = weight_bits < 32
    other_rows = config.max_position_embeddings + config.type_vocab_size
    norms = 2 * size * (1 + 2 * layers)
    biases = layers * (5 * size + inner)
    head = size * size + size + config.num_labels * (size + 1)
    return {
        "word embeddings": math.ceil(words * weight_bits / 8),
        "matrices of the layers": layers * _bytes_of_layer(config, weight_bits),
        "scales": 4 * (config.vocab_size + 6 * layers) * quantized,
        "low rank": 4 * layers * _added(config, low_rank),
        "other embeddings": 4 * other_rows * size,
        "biases and LayerNorm": 4 * (norms + biases),
        "pooler and classifier": 4 * head,
    }


def _bytes_of_layer(config: "PretrainedConfig", bits: int) -> int:
    size, inner = config.hidden_size, config.intermediate_size
    return 4 * math.ceil(size * size * bits / 8) + 2 * math.ceil(size * inner * bits / 8)


def _layer_weights(config: "PretrainedConfig") -> int:
    """Of the six matrices of a layer."""
    return 4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate_size


def _added(config: "PretrainedConfig", rank: int) -> int:
    """Numbers that a layer has more with something of that rank added to each of its six matrices."""
    return rank * (4 * 2 * config.hidden_size + 2 * (config.hidden_size + config.intermediate_size))


def _check(config: "PretrainedConfig", weight_bits: int, low_rank: int) -> None:
    if getattr(config, "model_type", None) != "bert":
        raise BadInput(f"the sizes are those of a BERT, and {type(config).__name__} is no config of one")
    for name in SHAPE:
        told = getattr(config, name, None)
        if not isinstance(told, int) or isinstance(told, bool) or not 1 <= told <= MOST:
            raise BadInput(f"{name} of a BERT is a whole number from 1 to {MOST:,}, not {shown(told)}")
    if weight_bits not in (1, 2, 8, 32):
        raise BadInput(f"weights count with 1, 2, 8 or 32 bits, not {weight_bits}")
    in_range(low_rank, "low_rank", 0, config.hidden_size)
