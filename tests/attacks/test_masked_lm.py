"""A masked language model over the built-in BERT: what is trained, what it learns, what is kept of it."""

import re
from random import Random

import pytest
import torch
from torch.nn.functional import cross_entropy

from bert_compression.attacks.masked_lm import MaskedWords, load_masked_lm, masked_lm_over, save_masked_lm
from bert_compression.compression import mask_words
from bert_compression.errors import BadInput
from bert_compression.models import BUILTIN, load_tokenizer
from bert_compression.smoke.language import long_review
from bert_compression.tasks.batching import encode
from bert_compression.training import TrainingSettings, train

TOKENIZER = load_tokenizer(BUILTIN)
OBJECTIVE = MaskedWords(TOKENIZER.mask_token_id, tuple(TOKENIZER.all_special_ids))


def texts(count: int, seed: int = 0):
    rng = Random(seed)
    return encode([(long_review(rng)["text"],) for _ in range(count)], TOKENIZER, 128)


def trained(seed: int = 0, tuned_layers: int = 1, count: int = 256):
    model = masked_lm_over(BUILTIN, tuned_layers)
    settings = TrainingSettings(epochs=2, batch_size=16, learning_rate=3e-3, seed=seed)
    return model, train(model, texts(count), [0] * count, OBJECTIVE, settings)


@pytest.fixture(scope="module")
def head():
    return trained()


def test_the_head_compares_with_the_encoders_own_word_embeddings():
    model = masked_lm_over(BUILTIN)
    embeddings = model.bert.embeddings.word_embeddings.weight
    assert model.cls.predictions.decoder.weight is embeddings
    assert torch.equal(model.cls.predictions.transform.dense.weight, torch.eye(64))
    assert not model.training


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_the_head_and_the_topmost_layers_are_to_be_trained_and_nothing_else(layers):
    model = masked_lm_over(BUILTIN, layers)
    free = {name for name, value in model.named_parameters() if value.requires_grad}
    top = {f"bert.encoder.layer.{index}." for index in range(12 - layers, 12)}
    assert {re.sub(r"(?<=layer\.\d\d\.).*", "", n) for n in free if n.startswith("bert.")} == top
    assert {name.split(".")[2] for name in free if name.startswith("cls.")} == {"transform", "bias"}


def test_what_is_not_to_be_trained_stays_and_the_rest_does_not(head):
    before, after = masked_lm_over(BUILTIN).state_dict(), head[0].state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert "bert.encoder.layer.11.output.dense.weight" in moved
    assert "cls.predictions.transform.dense.weight" in moved and "cls.predictions.bias" in moved
    assert all(name.startswith(("bert.encoder.layer.11.", "cls.predictions.")) for name in moved)
    assert "cls.predictions.decoder.weight" not in moved


def test_the_objective_is_the_cross_entropy_of_the_chosen_words():
    """By the second route: all scores of all tokens, as transformers computes them."""
    model, batch = masked_lm_over(BUILTIN), texts(4).batch([0, 1, 2, 3])
    torch.manual_seed(5)
    ours = OBJECTIVE(model, batch)
    torch.manual_seed(5)
    special = torch.tensor(TOKENIZER.all_special_ids)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    masked, chosen = mask_words(ids, mask, TOKENIZER.mask_token_id, special, len(TOKENIZER))
    logits = model(**{**batch, "input_ids": masked}).logits
    torch.testing.assert_close(ours, cross_entropy(logits[chosen], ids[chosen]))
    assert 0.05 < chosen.sum() / mask.sum() < 0.3
    assert OBJECTIVE(model, batch) != ours  # other words are chosen


def test_where_no_word_is_chosen_the_loss_is_zero_and_no_nan():
    batch = encode([("",)], TOKENIZER, 128).batch([0])
    assert OBJECTIVE(masked_lm_over(BUILTIN), batch).item() == 0.0


def test_a_trained_head_finds_more_of_the_hidden_words_of_other_texts(head):
    model, result = head
    assert result.final_loss < 0.85 * result.losses[0]

    def found(model):
        torch.manual_seed(0)
        batch = texts(40, seed=9).batch(range(40))
        special = torch.tensor(TOKENIZER.all_special_ids)
        ids, mask = batch["input_ids"], batch["attention_mask"]
        masked, chosen = mask_words(ids, mask, TOKENIZER.mask_token_id, special, len(TOKENIZER))
        with torch.inference_mode():
            guesses = model(**{**batch, "input_ids": masked}).logits.argmax(-1)
        return (guesses == ids)[chosen].float().mean()

    assert found(model) > found(masked_lm_over(BUILTIN)) + 0.1


def test_the_seed_decides_and_nothing_else():
    weights = [trained(seed, count=32)[0].state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert any(not torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_what_is_saved_comes_back_to_the_last_bit(head, tmp_path):
    save_masked_lm(head[0], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {"config.json", "model.safetensors"}
    assert not list(tmp_path.glob("*.bin"))
    back, batch = load_masked_lm(tmp_path), texts(2).batch([0, 1])
    with torch.inference_mode():
        assert torch.equal(back(**batch).logits, head[0].eval()(**batch).logits)
    assert back.cls.predictions.decoder.weight is back.bert.embeddings.word_embeddings.weight
    assert not back.training


def test_an_encoder_without_a_head_is_no_masked_language_model():
    with pytest.raises(
        BadInput, match=r"^'builtin-bert' guesses no words \(.* is missing\): train a head over it$"
    ):
        load_masked_lm(BUILTIN)


def test_what_is_not_there_and_too_many_layers_are_refused(tmp_path, no_network):
    with pytest.raises(BadInput, match=r"^no usable encoder "):
        load_masked_lm(tmp_path)
    with pytest.raises(BadInput, match=r"^tuned_layers must lie in 0\.\.12 for 'builtin-bert', but is 13$"):
        masked_lm_over(BUILTIN, 13)
