"""Models in every form that compression gives them."""

import pytest

from bert_compression.compression import calibrate, prune_heads, quantize, truncate

HEADS = {0: [1], 2: [0, 3]}


@pytest.fixture(scope="session")
def inputs(tiny_texts):
    return tiny_texts().batch(range(6))


@pytest.fixture(scope="session")
def makers(tiny_bert, inputs):
    """Every form that a model of ours can take."""

    def ema(model):
        return calibrate(quantize(model, "ema", decay=0.9), [inputs])

    return {
        "fp32": tiny_bert,
        "pruned": lambda: prune_heads(tiny_bert(), HEADS),
        "pruned twice": lambda: prune_heads(prune_heads(tiny_bert(), HEADS), {0: [0]}),
        "truncated": lambda: truncate(tiny_bert(), 2),
        "ema": lambda: ema(tiny_bert()),
        "dynamic": lambda: quantize(tiny_bert(), "dynamic"),
        "int8": lambda: quantize(tiny_bert(), "int8"),
        "pruned, ema": lambda: ema(prune_heads(tiny_bert(), HEADS)),
        "pruned, int8": lambda: quantize(prune_heads(tiny_bert(), HEADS), "int8"),
        "truncated, dynamic": lambda: quantize(truncate(tiny_bert(), 2), "dynamic"),
    }
