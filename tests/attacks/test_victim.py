"""Our wrapper against TextAttack's own: the same attack, fewer and smaller forward passes."""

import pytest
import torch
from tiny import PAIRS, TASK, batch_dependent, labelled, sentences

from bert_compression.attacks import victim as victim_module
from bert_compression.attacks.environment import import_textattack
from bert_compression.attacks.run import attack_text
from bert_compression.attacks.textfooler import textfooler
from bert_compression.attacks.victim import Victim


def results(wrapper, examples, resources, task=TASK):
    attacker = textfooler(wrapper, resources, task.columns, task.attacked)
    pairs = zip(examples.texts, examples.labels, strict=True)
    return [attack_text(attacker, texts, label, task, 64) for texts, label in pairs]


def stock(model, tokenizer):
    return import_textattack().models.wrappers.HuggingFaceModelWrapper(model, tokenizer)


def test_outcomes_texts_and_queries_are_those_of_textattacks_own_wrapper(model, tokenizer, examples, builtin):
    ours = results(Victim(model, tokenizer, 64), examples, builtin)
    assert ours == results(stock(model, tokenizer), examples, builtin)
    assert {one.outcome for one in ours} == {0, 1, 2}  # else the comparison would say little
    assert len(ours) >= 20


def test_another_model_gives_another_result(model, other_model, tokenizer, examples, builtin):
    assert results(Victim(model, tokenizer, 64), examples, builtin) != results(
        Victim(other_model, tokenizer, 64), examples, builtin
    )


def test_pairs_are_read_as_textattacks_own_wrapper_reads_them(model, tokenizer, builtin):
    texts = list(zip(sentences(20, seed=1), sentences(20, seed=2), strict=True))
    pairs = labelled(model, tokenizer, texts)
    ours = results(Victim(model, tokenizer, 64), pairs, builtin, PAIRS)
    assert ours == results(stock(model, tokenizer), pairs, builtin, PAIRS)
    swapped = labelled(model, tokenizer, [pair[::-1] for pair in texts])
    assert ours != results(Victim(model, tokenizer, 64), swapped, builtin, PAIRS)


def test_one_at_a_time_finds_the_same_for_a_model_that_does_not_mind(model, tokenizer, examples, builtin):
    alone = Victim(model, tokenizer, 64, one_at_a_time=True)
    assert results(alone, examples, builtin) == results(Victim(model, tokenizer, 64), examples, builtin)
    assert alone.forwards == alone.texts_seen


def test_answers_are_the_models_in_the_order_of_the_texts(model, tokenizer):
    texts = sentences(50, seed=3)
    texts[7] = texts[3]
    victim = Victim(model, tokenizer, 64, batch_size=8)
    one_by_one = torch.stack([victim.alone(text) for text in texts])
    torch.testing.assert_close(victim(texts), one_by_one, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(victim(texts[::-1]), one_by_one, atol=1e-2)


def test_no_query_is_put_to_the_model_twice(model, tokenizer):
    victim = Victim(model, tokenizer, 64)
    first = victim(["the film was good .", "the film was bad .", "the film was good ."])
    assert victim.texts_seen == 2
    again = victim(["the film was bad .", "THE FILM WAS GOOD ."])  # the tokenizer takes small letters
    assert victim.texts_seen == 2
    assert torch.equal(again, first[[1, 0]])
    victim(["the film was fine ."])
    assert victim.texts_seen == 3


def test_batches_are_padded_to_their_longest_text_and_not_further(model, tokenizer, monkeypatch):
    widths = []
    monkeypatch.setattr(model, "forward", _recorded(model.forward, widths))
    Victim(model, tokenizer, 64, batch_size=2)(["good", "the film was good .", "bad", "the film was bad ."])
    assert widths == [(2, 7), (2, 3)]


def _recorded(forward, widths):
    def wrapped(**inputs):
        widths.append(tuple(inputs["input_ids"].shape))
        return forward(**inputs)

    return wrapped


def test_texts_are_cut_to_the_length_that_was_asked_for(model, tokenizer):
    long = "the film was good , " * 30
    victim = Victim(model, tokenizer, 12)
    assert torch.equal(victim([long]), victim([long + "and bad"]))
    assert not torch.equal(victim([long]), victim(["bad " + long]))


def test_what_is_remembered_is_bounded(model, tokenizer, monkeypatch):
    monkeypatch.setattr(victim_module, "REMEMBERED", 3)
    victim = Victim(model, tokenizer, 64)
    logits = victim(sentences(10, seed=4))
    assert logits.shape == (10, 2)
    assert len(victim._answers) == 3


@pytest.mark.parametrize("one_at_a_time", [True, False])
def test_one_at_a_time_keeps_a_batch_from_changing_an_answer(model, tokenizer, monkeypatch, one_at_a_time):
    monkeypatch.setattr(model, "forward", batch_dependent(model.forward))
    texts = sentences(10, seed=5)
    victim = Victim(model, tokenizer, 64, one_at_a_time)
    alone = torch.stack([victim.alone(text) for text in texts])
    assert torch.allclose(victim(texts), alone) == one_at_a_time
