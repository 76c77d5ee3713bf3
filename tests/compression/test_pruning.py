"""Head pruning: importance against numerical derivatives, and pruned models against silenced heads."""

import re

import pytest
import torch
from torch import nn

from bert_compression.compression import head_importance, least_important_heads, prune_heads, quantize
from bert_compression.errors import BadInput

HEADS, SIZE = 4, 8  # of the tiny BERT


@pytest.fixture(scope="module")
def texts(tiny_texts):
    return tiny_texts([6] * 8)


def batch(texts, indices) -> dict[str, torch.Tensor]:
    indices = list(indices)
    return {**texts.batch(indices), "labels": torch.tensor([i % 2 for i in indices])}


def scaled(model: nn.Module, layer: int, factor: torch.Tensor):
    """A hook that multiplies each head's context by `factor`, broadcast over (batch, tokens, heads)."""
    dense = model.bert.encoder.layer[layer].attention.output.dense

    def multiply(_, args):
        context = args[0].unflatten(-1, (HEADS, SIZE))
        return ((context * factor.unsqueeze(-1)).flatten(-2),)

    return dense.register_forward_pre_hook(multiply)


def silenced(model: nn.Module, heads_by_layer: dict[int, list[int]], inputs: dict) -> torch.Tensor:
    """Logits of the model with some heads' contexts set to zero."""
    hooks = []
    for layer, heads in heads_by_layer.items():
        factor = torch.ones(1, 1, HEADS)
        factor[..., heads] = 0
        hooks.append(scaled(model, layer, factor))
    with torch.inference_mode():
        answer = model(**inputs).logits
    for hook in hooks:
        hook.remove()
    return answer


# Importance


def test_importance_is_the_numerical_effect_of_each_head_at_each_token(tiny_bert, tiny_texts):
    """Second route, without a gradient: scale one head at one token by 1 +- epsilon and see the loss move."""
    model, two = tiny_bert().double(), tiny_texts([6, 4])
    epsilon = 1e-4
    effects = torch.zeros(4, HEADS, dtype=torch.float64)
    for text, length in enumerate(two.lengths):
        inputs = batch(two, [text])

        def loss(layer: int, token: int, head: int, change: float, inputs=inputs, length=length):
            factor = torch.ones(1, length, HEADS, dtype=torch.float64)
            factor[0, token, head] += change
            hook = scaled(model, layer, factor)
            with torch.inference_mode():
                value = model(**inputs).loss.item()
            hook.remove()
            return value

        for layer in range(4):
            for head in range(HEADS):
                for token in range(length):
                    rise = loss(layer, token, head, epsilon) - loss(layer, token, head, -epsilon)
                    effects[layer, head] += abs(rise / (2 * epsilon))
    expected = effects / effects.norm(dim=1, keepdim=True)
    ours = head_importance(model, [batch(two, [0, 1])])
    assert ours.dtype == torch.float32 and ours.shape == (4, HEADS)
    torch.testing.assert_close(ours, expected.float(), atol=1e-4, rtol=1e-4)


def test_each_layer_has_length_one(tiny_bert, texts):
    importance = head_importance(tiny_bert(), [batch(texts, range(8))])
    torch.testing.assert_close(importance.norm(dim=1), torch.ones(4))
    assert (importance > 0).all()


def test_importance_does_not_mind_how_examples_fall_into_batches_but_which_they_are(tiny_bert, texts):
    model = tiny_bert()
    whole = head_importance(model, [batch(texts, range(8))])
    single = head_importance(model, [batch(texts, [i]) for i in reversed(range(8))])
    uneven = head_importance(model, [batch(texts, [0, 5, 2]), batch(texts, [7, 1, 3, 4, 6])])
    torch.testing.assert_close(single, whole, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(uneven, whole, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(head_importance(model, [batch(texts, range(4))]), whole, atol=1e-3)


def test_padding_adds_nothing(tiny_bert, tiny_texts):
    model, mixed = tiny_bert(), tiny_texts([12, 5, 8])
    padded = head_importance(model, [batch(mixed, range(3))])
    apart = head_importance(model, [batch(mixed, [i]) for i in range(3)])
    torch.testing.assert_close(padded, apart, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("useless", ["that nobody hears", "that has nothing to say"])
def test_a_useless_head_is_ranked_last_and_pruned_first(tiny_bert, texts, useless):
    model = tiny_bert()
    attention, head = model.bert.encoder.layer[2].attention, slice(SIZE, 2 * SIZE)
    with torch.no_grad():
        if useless == "that nobody hears":
            attention.output.dense.weight[:, head] = 0
        else:
            attention.self.value.weight[head] = 0
            attention.self.value.bias[head] = 0
    importance = head_importance(model, [batch(texts, range(8))])
    assert importance[2, 1] == 0
    assert (importance.flatten() > 0).sum() == 4 * HEADS - 1
    assert least_important_heads(importance, 1 / 16) == {2: [1]}
    before = silenced(model, {}, texts.batch(range(8)))
    torch.testing.assert_close(silenced(prune_heads(model, {2: [1]}), {}, texts.batch(range(8))), before)
    assert least_important_heads(head_importance(tiny_bert(), [batch(texts, range(8))]), 1 / 16) != {2: [1]}


def test_scoring_leaves_the_model_as_it_was(tiny_bert, texts):
    model, untouched = tiny_bert().train(), tiny_bert()
    with torch.no_grad():  # a caller that has switched gradients off is no hindrance
        importance = head_importance(model, [batch(texts, range(8))])
    assert torch.equal(importance, head_importance(untouched, [batch(texts, range(8))]))  # without dropout
    assert model.training and not untouched.training
    assert all(p.grad is None for p in model.parameters())
    for ours, theirs in zip(model.parameters(), untouched.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert not any(module._forward_pre_hooks for module in model.modules())


# Choice


@pytest.mark.parametrize(("layers", "pruned"), [(12, 65), (6, 32)])
def test_45_percent_of_bert_bases_heads_are_65_and_of_its_half_32(layers, pruned):
    importance = torch.rand(layers, 12, generator=torch.Generator().manual_seed(0))
    chosen = least_important_heads(importance, 0.45)
    assert sum(map(len, chosen.values())) == pruned


def test_the_lowest_go_first():
    importance = torch.tensor([[0.9, 0.1, 0.4], [0.2, 0.8, 0.3]])
    assert least_important_heads(importance, 1 / 6) == {0: [1]}
    assert least_important_heads(importance, 0.5) == {0: [1], 1: [0, 2]}
    assert least_important_heads(importance, 0) == {}
    generous = torch.rand(12, 12, generator=torch.Generator().manual_seed(1))
    chosen = least_important_heads(generous, 0.45)
    lowest = [generous[layer, head] for layer, heads in chosen.items() for head in heads]
    assert max(lowest) == generous.flatten().sort().values[64]


def test_every_layer_keeps_its_best_head():
    importance = torch.tensor([[0.01, 0.02, 0.03], [0.7, 0.8, 0.9]])
    assert least_important_heads(importance, 0.5) == {0: [0, 1], 1: [0]}
    assert least_important_heads(importance, 0.99) == {0: [0, 1], 1: [0, 1]}


@pytest.mark.parametrize("share", [-0.1, 1, 45])
def test_a_share_that_is_no_share_is_refused(share):
    message = f"the share of heads to prune must lie in [0, 1), not {share!r}"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        least_important_heads(torch.ones(2, 2), share)


# Cutting


@pytest.mark.parametrize("heads", [{0: [2]}, {1: [0, 1, 3], 3: [2]}, {0: [3], 1: [1], 2: [0, 2], 3: [1]}])
def test_a_pruned_model_answers_like_one_with_those_heads_silenced(tiny_bert, tiny_texts, heads):
    inputs = tiny_texts().batch(range(6))
    expected = silenced(tiny_bert(), heads, inputs)
    with torch.inference_mode():
        answer = prune_heads(tiny_bert(), heads)(**inputs).logits
    torch.testing.assert_close(answer, expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(answer, silenced(tiny_bert(), {}, inputs), atol=1e-2)
    others = {layer: [(head + 1) % HEADS for head in chosen] for layer, chosen in heads.items()}
    assert not torch.allclose(answer, silenced(tiny_bert(), others, inputs), atol=1e-2)


def test_a_second_pruning_counts_the_heads_that_are_left(tiny_bert, tiny_texts):
    inputs = tiny_texts().batch(range(6))
    model = prune_heads(prune_heads(tiny_bert(), {1: [0]}), {1: [0]})
    with torch.inference_mode():
        answer = model(**inputs).logits
    torch.testing.assert_close(answer, silenced(tiny_bert(), {1: [0, 1]}, inputs), atol=1e-5, rtol=1e-5)
    assert [step["heads"] for step in model.config.compression] == [{"1": [0]}, {"1": [0]}]


def test_pruning_nothing_changes_no_answer(tiny_bert, tiny_texts):
    inputs = tiny_texts().batch(range(6))
    with torch.inference_mode():
        answer = prune_heads(tiny_bert(), {})(**inputs).logits
    assert torch.equal(answer, silenced(tiny_bert(), {}, inputs))


def test_a_pruned_layer_is_really_smaller_and_the_others_are_not(tiny_bert):
    plain, model = tiny_bert(), prune_heads(tiny_bert(), {2: [0, 3]})
    attention = model.bert.encoder.layer[2].attention
    for matrix in (attention.self.query, attention.self.key, attention.self.value):
        assert matrix.weight.shape == (2 * SIZE, 32) and matrix.bias.shape == (2 * SIZE,)
    assert attention.output.dense.weight.shape == (32, 2 * SIZE)
    assert model.bert.encoder.layer[1].attention.self.query.weight.shape == (32, 32)
    saved = 2 * (3 * (SIZE * 32 + SIZE) + 32 * SIZE)  # two heads' rows of q, k, v and columns of the output
    assert plain.num_parameters() - model.num_parameters() == saved


def test_a_pruned_model_trains(tiny_bert, texts):
    model = prune_heads(tiny_bert(), {0: [1], 3: [0, 2]}).train()
    model(**batch(texts, range(8))).loss.backward()
    assert model.bert.encoder.layer[3].attention.self.value.weight.grad.abs().sum() > 0


# What is refused


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ({4: [0]}, "there is no layer 4: the model has layers 0 to 3"),
        ({-1: [0]}, "there is no layer -1: the model has layers 0 to 3"),
        ({1: [4]}, "layer 1 has heads 0 to 3, not all of [4], each named once"),
        ({1: [2, 2]}, "layer 1 has heads 0 to 3, not all of [2, 2], each named once"),
        ({0: [0, 1, 2, 3]}, "layer 0 would lose all of its 4 heads: keep at least one"),
    ],
)
def test_heads_that_cannot_be_cut_are_refused_before_any_is(tiny_bert, heads, message):
    model = tiny_bert()
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        prune_heads(model, {2: [0], **heads})
    assert model.num_parameters() == tiny_bert().num_parameters()


@pytest.mark.parametrize("mode", ["ema", "dynamic", "int8"])
def test_a_quantized_model_is_refused(tiny_bert, mode):
    message = "heads are cut out of plain linear layers: prune before quantizing"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        prune_heads(quantize(tiny_bert(), mode), {0: [1]})


def test_importance_without_batches_is_refused(tiny_bert):
    with pytest.raises(BadInput, match=r"^head importance needs at least one batch$"):
        head_importance(tiny_bert(), [])


@pytest.mark.parametrize(
    ("change", "labels", "message"),
    [
        (
            lambda m: quantize(m, "int8"),
            torch.zeros(8).long(),
            "int8 layers pass no gradient: score the heads before quantizing",
        ),
        (
            lambda m: m.requires_grad_(False),
            torch.zeros(8).long(),
            "head importance needs gradients, and the model is frozen: call requires_grad_() first",
        ),
        (
            lambda m: m,
            torch.rand(8),
            "head importance is for classes: this model or its labels are those of a regression task",
        ),
        (
            lambda m: m,
            None,
            "head importance needs labels in every batch: the loss is the cross-entropy with them",
        ),
    ],
    ids=["int8", "frozen", "regression", "no labels"],
)
def test_importance_that_cannot_be_had_is_refused(tiny_bert, texts, change, labels, message):
    given = texts.batch(range(8)) | ({} if labels is None else {"labels": labels})
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        head_importance(change(tiny_bert()), [given])


def test_importance_for_a_model_of_a_regression_task_is_refused(tiny_bert, texts):
    with pytest.raises(BadInput, match=r"^head importance is for classes: "):
        head_importance(tiny_bert(num_labels=1), [{**texts.batch(range(8)), "labels": torch.rand(8)}])


def test_importance_of_a_model_with_a_frozen_head_can_be_had(tiny_bert, texts):
    model = tiny_bert()
    model.classifier.requires_grad_(False)
    expected = head_importance(tiny_bert(), [batch(texts, range(8))])
    assert torch.equal(head_importance(model, [batch(texts, range(8))]), expected)


def test_heads_of_no_known_importance_are_not_chosen():
    for bad in (torch.nan, torch.inf):
        with pytest.raises(BadInput, match=r"^importance must be a tensor of finite numbers, not "):
            least_important_heads(torch.tensor([[0.5, 0.2], [bad, 0.1]]), 0.5)
    with pytest.raises(BadInput, match=r"^importance must have the shape \(layers, heads\), not \(3,\)$"):
        least_important_heads(torch.ones(3), 0.5)


def test_a_model_that_is_no_number_has_no_important_heads(tiny_bert, texts):
    model = tiny_bert()
    model.bert.encoder.layer[1].output.dense.weight.data[0, 0] = torch.nan
    with pytest.raises(BadInput, match=r"^the model's logits or gradients are not finite"):
        head_importance(model, [batch(texts, range(8))])


def test_importance_of_an_unevenly_pruned_model_is_refused(tiny_bert, texts):
    message = "the layers have different numbers of heads ([4, 3, 4, 4]): score the heads before pruning"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        head_importance(prune_heads(tiny_bert(), {1: [0]}), [batch(texts, range(8))])


def test_a_model_without_berts_layers_is_refused():
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    model = DistilBertForSequenceClassification(DistilBertConfig(vocab_size=10, dim=8, n_layers=1, n_heads=2))
    message = "DistilBertForSequenceClassification has no BERT encoder layers to work on"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        prune_heads(model, {0: [0]})
