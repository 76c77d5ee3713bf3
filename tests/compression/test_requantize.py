"""Other bits for a quantized model: what its config says is what its layers do, also on disk and back."""

from itertools import product
from types import SimpleNamespace

import pytest
import torch

from bert_compression.compression import (
    MaskedWordStudent,
    load_model,
    load_packed,
    quantize,
    requantize,
    save_model,
    save_packed,
)
from bert_compression.compression.rounded_layers import QuantizedWeight
from bert_compression.errors import BadInput


def extreme(model, bits, **told):
    return quantize(model, "per_token", weight_bits=bits, parts="encoder", **told)


def grids(model):
    return {name: m.weight_grid for name, m in model.named_modules() if isinstance(m, QuantizedWeight)}


def logits(model, inputs):
    with torch.no_grad():
        return model.eval()(**inputs).logits


@pytest.mark.parametrize(("before", "bits"), list(product((1, 2, 8), repeat=2)))
@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("rank", [0, 2])
def test_a_model_of_other_bits_is_as_if_made_so_and_comes_back_from_disk_with_its_answers(
    tiny_bert, inputs, tmp_path, before, bits, per_row, rank
):
    model = requantize(extreme(tiny_bert(), before, per_row=per_row), bits, rank)
    fresh = extreme(tiny_bert(), bits, per_row=per_row, low_rank=rank)
    assert model.config.compression == fresh.config.compression
    assert grids(model) == grids(fresh)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "low_rank_u" in name:  # zero to begin with
                parameter.fill_(0.1)
    answers = logits(model, inputs)
    save_model(model, tmp_path / "kept")
    save_packed(model, tmp_path / "packed")
    assert torch.equal(logits(load_model(tmp_path / "kept"), inputs), answers)
    assert torch.equal(logits(load_packed(tmp_path / "packed"), inputs), answers)


def test_the_scales_of_rows_make_a_difference(tiny_bert, inputs):
    one, rows = (requantize(extreme(tiny_bert(), 2, per_row=told), 1) for told in (False, True))
    assert not torch.equal(logits(one, inputs), logits(rows, inputs))


@pytest.mark.parametrize("lacks", ["hidden_size", "initializer_range"])
def test_something_of_low_rank_asks_the_config_for_a_width_before_anything_is_changed(tiny_bert, lacks):
    made, plain = extreme(tiny_bert(), 2), tiny_bert()
    for model, steps in ((made, made.config.compression), (plain, [])):
        model.config = SimpleNamespace(hidden_size=32, initializer_range=0.02, compression=steps)
        delattr(model.config, lacks)
    message = f"^the model's config must have '{lacks}', and namespace"
    with pytest.raises(BadInput, match=message):
        requantize(made, 1, 1)
    assert {grid.bits for grid in grids(made).values()} == {2}
    with pytest.raises(BadInput, match=message):
        extreme(plain, 1, low_rank=1)
    assert not grids(plain)


def test_a_model_whose_config_tells_no_width_does_not_guess_words(tiny_bert):
    model = tiny_bert()
    model.config = SimpleNamespace()
    with pytest.raises(BadInput, match=r"^BertForSequenceClassification has no word embeddings to compare"):
        MaskedWordStudent(model)
