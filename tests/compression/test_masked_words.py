"""Masked words: which are chosen and what becomes of them, and the two parts of DistilBERT's objective."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bert_compression.compression import MaskedDistillation, MaskedWordStudent, keep_layers, mask_words
from bert_compression.training import TrainingSettings, train

CLS, SEP, PAD, MASK = 1, 2, 0, 3
SPECIAL = (PAD, CLS, SEP, MASK)
VOCABULARY = 1000


def masking(words, attention_mask, seed: int = 0, special=SPECIAL, vocabulary: int = VOCABULARY):
    torch.manual_seed(seed)
    return mask_words(words, attention_mask, MASK, torch.tensor(special), vocabulary)


def text(rows: int, length: int, padding: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids between [CLS] and [SEP], then padding; and the attention mask."""
    words = torch.randint(4, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(7))
    words[:, 0], words[:, -1] = CLS, SEP
    words = F.pad(words, (0, padding), value=PAD)
    return words, F.pad(torch.ones(rows, length, dtype=torch.long), (0, padding))


def within(count: int, of: int, share: float) -> bool:
    """Does a binomial count lie within four standard deviations of its share?"""
    return abs(count - share * of) < 4 * math.sqrt(of * share * (1 - share))


# Which words


def test_15_percent_are_chosen_of_which_80_are_masked_10_exchanged_and_10_stay():
    words, mask = text(2000, 30)
    masked, chosen = masking(words, mask)
    ordinary, picked = 2000 * 28, int(chosen.sum())
    assert within(picked, ordinary, 0.15)
    became, was = masked[chosen], words[chosen]
    hidden, same = int((became == MASK).sum()), int((became == was).sum())
    assert within(hidden, picked, 0.8)
    assert within(same, picked, 0.1 + 0.1 / VOCABULARY)  # an exchange may draw the same word
    assert within(picked - hidden - same, picked, 0.1)
    exchanged = became[(became != MASK) & (became != was)]
    assert within(int((exchanged < VOCABULARY / 2).sum()), len(exchanged), 0.5)  # by any word
    assert torch.equal(masked[~chosen], words[~chosen])


def test_special_tokens_and_padding_are_never_chosen():
    words, mask = text(500, 12, padding=6)
    masked, chosen = masking(words, mask)
    untouchable = (mask == 0) | torch.isin(words, torch.tensor(SPECIAL))
    assert untouchable.sum() == 500 * (2 + 6)
    assert chosen.any() and not chosen[untouchable].any()
    assert torch.equal(masked[untouchable], words[untouchable])
    # Without a mask and special tokens to spare, they would be.
    _, all_of_them = masking(words, torch.ones_like(mask), special=())
    assert all_of_them[:, 0].any() and all_of_them[:, -1].any()


def test_the_same_seed_gives_the_same_words_and_another_seed_others():
    words, mask = text(50, 12)
    first, again, other = (masking(words, mask, seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[1], other[1])


def test_the_given_words_are_left_as_they_are():
    words, mask = text(50, 12)
    before = words.clone()
    masked, _ = masking(words, mask)
    assert torch.equal(words, before) and not torch.equal(masked, before)


# The head that guesses


def test_to_begin_with_a_state_is_compared_with_the_word_embeddings_as_it_is(tiny_bert):
    model = tiny_bert()
    student, states = MaskedWordStudent(model), torch.randn(5, 32, generator=torch.Generator().manual_seed(0))
    words = model.bert.embeddings.word_embeddings.weight
    expected = F.layer_norm(F.gelu(states), (32,)) @ words.T
    torch.testing.assert_close(student.word_scores(states), expected)
    with torch.no_grad():
        student.dense.weight.add_(0.1), student.bias.add_(torch.arange(100.0))
    by_hand = F.layer_norm(F.gelu(states @ student.dense.weight.T), (32,)) @ words.T + torch.arange(100.0)
    torch.testing.assert_close(student.word_scores(states), by_hand)


def test_the_head_is_no_part_of_the_model_that_remains(tiny_bert):
    model = tiny_bert()
    student = MaskedWordStudent(model)
    assert student.model is model
    heads = {"dense.weight", "dense.bias", "norm.weight", "norm.bias", "bias"}
    assert student.state_dict().keys() - {f"model.{name}" for name in model.state_dict()} == heads
    assert student.model.state_dict().keys() == tiny_bert().state_dict().keys()


# The objective


@pytest.fixture
def given(tiny_bert, tiny_texts):
    """A teacher, a student of half its layers, and a batch of six texts of different lengths."""
    teacher = tiny_bert(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    return teacher, MaskedWordStudent(keep_layers(tiny_bert(seed=1), [0, 3])), tiny_texts().batch(range(6))


def objective(teacher: nn.Module, **weights) -> MaskedDistillation:
    return MaskedDistillation(teacher, mask_id=99, special_ids=(PAD, 98), **weights)


def parts(teacher, student, batch, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """By hand: the mean cross-entropy of the chosen words, and 1 - the mean cosine over all real tokens."""
    torch.manual_seed(seed)
    masked, chosen = mask_words(
        batch["input_ids"], batch["attention_mask"], 99, torch.tensor([PAD, 98]), vocabulary=100
    )
    ours, theirs = (
        m.bert(**{**batch, "input_ids": masked}).last_hidden_state for m in (student.model, teacher)
    )
    guesses, cosines = [], []
    for row in range(6):
        for token in range(int(batch["attention_mask"][row].sum())):
            u, v = ours[row, token], theirs[row, token]
            cosines.append(u @ v / (u.norm() * v.norm()))
            if chosen[row, token]:
                scores = student.word_scores(u).log_softmax(-1)
                guesses.append(-scores[batch["input_ids"][row, token]])
    assert guesses
    return torch.stack(guesses).mean(), 1 - torch.stack(cosines).mean()


def test_the_objective_is_its_two_parts_by_hand(given):
    teacher, student, batch = given
    words, cosine = parts(teacher, student, batch)
    for weights, expected in (
        ({}, 2 * words + cosine),
        ({"word_weight": 0.0}, cosine),
        ({"cosine_weight": 0.0}, 2 * words),
        ({"word_weight": 5.0, "cosine_weight": 3.0}, 5 * words + 3 * cosine),
    ):
        torch.manual_seed(0)
        torch.testing.assert_close(objective(teacher, **weights)(student, batch), expected)
    assert min(words, cosine) > 0.1
    assert MaskedDistillation(nn.Identity(), MASK, SPECIAL).needs == ()


def test_padding_counts_for_nothing(given):
    """No word is drawn here, so that the wider batch draws no others."""
    teacher, student, batch = given
    everything_special = MaskedDistillation(teacher, mask_id=99, special_ids=range(100))
    wider = {name: F.pad(tensor, (0, 7)) for name, tensor in batch.items()}
    loss = everything_special(student, batch)
    torch.testing.assert_close(everything_special(student, wider), loss)
    torch.manual_seed(0)
    assert objective(teacher)(student, batch) > loss + 1  # there, words are guessed


def test_the_student_and_its_head_learn_and_the_teacher_does_not(given):
    teacher, student, batch = given
    torch.manual_seed(0)
    objective(teacher.train())(student, batch).backward()
    assert not teacher.training
    assert all(p.grad is None for p in teacher.parameters())
    for trained in (student.model.bert.encoder.layer[0].output.dense, student.dense, student.norm):
        assert trained.weight.grad.abs().sum() > 0
    assert student.bias.grad.abs().sum() > 0
    assert student.model.classifier.weight.grad is None


def test_where_student_and_teacher_agree_only_the_words_are_left_to_learn(given):
    teacher, _, batch = given
    twin = MaskedWordStudent(keep_layers(teacher, range(4)))
    loss = objective(teacher, word_weight=0.0)(twin, batch)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert max(p.grad.abs().max() for p in twin.parameters() if p.grad is not None) < 1e-6
    torch.manual_seed(0)
    words, _ = parts(teacher, twin, batch)
    torch.manual_seed(0)
    torch.testing.assert_close(objective(teacher)(twin, batch), 2 * words)


def test_training_teaches_the_encoder_that_remains(given, tiny_texts):
    teacher, student, _ = given
    settings = TrainingSettings(epochs=30, batch_size=6, learning_rate=5e-3)

    def apart() -> float:
        with torch.no_grad():
            batch = tiny_texts().batch(range(6))
            ours, theirs = (m.bert(**batch).last_hidden_state for m in (student.model.eval(), teacher))
        return 1 - F.cosine_similarity(ours, theirs, dim=-1)[batch["attention_mask"].bool()].mean().item()

    before = apart()
    result = train(student, tiny_texts(), [0] * 6, objective(teacher), settings)
    assert apart() < 0.7 * before
    assert result.final_loss < 0.8 * result.losses[0]
    assert not student.model.training
