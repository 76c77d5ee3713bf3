"""Layer by layer before any task: attention scores against transformers' own, and the loss by hand."""

import re
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from bert_compression.compression import (
    Distillation,
    GeneralDistillation,
    LayerStates,
    LogitLoss,
    MaskedDistillation,
    MaskedWordStudent,
    PatientDistillation,
    RelationDistillation,
    StatesAndLogits,
    keep_layers,
    layer_states,
    layerwise_loss,
)
from bert_compression.errors import BadInput


@pytest.fixture
def inputs(tiny_texts):
    """Six texts of 4 to 12 tokens, so that the shorter ones are padded."""
    return tiny_texts().batch(range(6))


@pytest.fixture
def batch(inputs):
    return {**inputs, "labels": torch.zeros(6, dtype=torch.long)}


def draw(layers: int, teacher_layers: int, seed: int = 0) -> tuple[LayerStates, LayerStates]:
    """States of a student and a teacher: two texts of three tokens, four units, two heads."""
    random = torch.Generator().manual_seed(seed)

    def states(count: int) -> LayerStates:
        hidden = tuple(torch.randn(2, 3, 4, generator=random).requires_grad_() for _ in range(count + 1))
        scores = tuple(torch.randn(2, 2, 3, 3, generator=random).requires_grad_() for _ in range(count))
        return LayerStates(hidden, scores)

    return states(layers), states(teacher_layers)


ALL = torch.ones(2, 3, dtype=torch.long)


# What a model computes on the way


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_scores_are_those_that_eager_attention_puts_through_its_softmax(tiny_bert, inputs, attention):
    eager = tiny_bert(attn_implementation="eager")
    model = tiny_bert(attn_implementation=attention)
    with torch.no_grad():
        theirs = eager(**inputs, output_attentions=True, output_hidden_states=True)
        ours = layer_states(model, inputs)
    assert model.config._attn_implementation == attention
    assert len(ours.scores) == 4 and ours.scores[0].shape == (6, 4, 12, 12)
    visible = inputs["attention_mask"].bool()[:, None, None, :]
    for scores, attentions in zip(ours.scores, theirs.attentions, strict=True):
        seen = scores.masked_fill(~visible, float("-inf")).softmax(-1)
        torch.testing.assert_close(seen, attentions, atol=1e-5, rtol=1e-4)
    real = inputs["attention_mask"].bool()
    for states, hidden in zip(ours.hidden, theirs.hidden_states, strict=True):
        torch.testing.assert_close(states[real], hidden[real], atol=1e-5, rtol=1e-4)


def test_scores_are_scaled_queries_times_keys_without_any_mask(tiny_bert, inputs):
    model = tiny_bert()
    with torch.no_grad():
        states = layer_states(model, inputs)
        attention = model.bert.encoder.layer[2].attention.self
        query, key = (part(states.hidden[2]) for part in (attention.query, attention.key))
    one_head = query[4, :, 8:16] @ key[4, :, 8:16].T / 8**0.5
    torch.testing.assert_close(states.scores[2][4, 1], one_head, atol=1e-5, rtol=1e-5)
    assert states.scores[2][5].isfinite().all()  # padding included: the mask comes later


def test_looking_leaves_no_hook_behind_even_when_the_model_fails(tiny_bert, inputs):
    model = tiny_bert()
    layer_states(model, inputs)
    with pytest.raises(IndexError):
        layer_states(model, {**inputs, "input_ids": inputs["input_ids"] + 1000})
    assert not any(module._forward_hooks for module in model.modules())


# The loss


def test_two_layers_by_hand():
    """A student of one layer and a teacher of two, in one text of two tokens and one unit."""

    def states(*hidden, scores):
        return LayerStates(
            tuple(torch.tensor(h).reshape(1, 2, 1) for h in hidden),
            tuple(torch.tensor(s).reshape(1, 1, 2, 2) for s in scores),
        )

    student = states([1.0, 2.0], [0.0, 3.0], scores=[[1.0, 0.0, 0.0, 1.0]])
    never = [9.0, 9.0]
    teacher = states([1.0, 4.0], never, [2.0, 2.0], scores=[[9.0] * 4, [1.0, 2.0, 0.0, 0.0]])
    embeddings, layer, attention = (0 + 4) / 2, (4 + 1) / 2, (0 + 4 + 0 + 1) / 4
    both = torch.ones(1, 2)
    assert layerwise_loss(student, teacher, both).item() == embeddings + layer + attention
    # The second token is padding: one state, and one score of the first token for itself.
    first = torch.tensor([[1, 0]])
    assert layerwise_loss(student, teacher, first).item() == 0 + 4 + 0


@pytest.mark.parametrize(
    ("layers", "teacher_layers", "layer_map"),
    [
        (5, 12, None),  # TinyBERT's mapping, rounded: layers 2, 5, 7, 10 and 12
        (2, 3, None),
        (2, 4, [0, 3]),
        (2, 4, [3, 1]),
    ],
)
def test_a_layer_map_says_which_layer_stands_for_which(layers, teacher_layers, layer_map):
    """Second route: torch's mean squared error, pair by pair."""
    student, teacher = draw(layers, teacher_layers)
    followed = layer_map or {5: [1, 4, 6, 9, 11], 2: [1, 2]}[layers]
    expected = F.mse_loss(student.hidden[0], teacher.hidden[0])
    for ours, theirs in enumerate(followed):
        expected = expected + F.mse_loss(student.hidden[ours + 1], teacher.hidden[theirs + 1])
        expected = expected + F.mse_loss(student.scores[ours], teacher.scores[theirs])
    loss = layerwise_loss(student, teacher, ALL, layer_map)
    torch.testing.assert_close(loss, expected)
    other = layerwise_loss(student, teacher, ALL, list(range(layers)))
    assert not torch.allclose(loss, other, rtol=1e-3)


def test_the_uniform_map_is_what_one_gets_without_a_map():
    student, teacher = draw(2, 4)
    assert torch.equal(layerwise_loss(student, teacher, ALL, [1, 3]), layerwise_loss(student, teacher, ALL))


@pytest.mark.parametrize(("layers", "teacher_layers"), [(2, 2), (2, 4), (2, 6), (1, 3)])
def test_a_layer_stands_for_the_last_of_its_share_and_embeddings_for_embeddings(layers, teacher_layers):
    """Second route: torch's mean squared error, pair by pair, with TinyBERT's g(m) = m N / M from 0."""
    student, teacher = draw(layers, teacher_layers)
    share = teacher_layers // layers
    expected = sum(F.mse_loss(student.hidden[m], teacher.hidden[m * share]) for m in range(layers + 1))
    expected += sum(
        F.mse_loss(student.scores[m - 1], teacher.scores[m * share - 1]) for m in range(1, layers + 1)
    )
    torch.testing.assert_close(layerwise_loss(student, teacher, ALL), expected)


def test_padding_counts_for_nothing_and_text_for_something():
    student, teacher = draw(2, 2)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])

    def loss(text: int, token: int):
        hidden, scores = (
            tuple(x.detach().clone() for x in part) for part in (student.hidden, student.scores)
        )
        for states in hidden:
            states[text, token] += 100.0
        for values in scores:
            values[text, :, token, :] += 100.0
            values[text, :, :, token] += 100.0
        return layerwise_loss(LayerStates(hidden, scores), teacher, mask)

    plain = layerwise_loss(student, teacher, mask)
    torch.testing.assert_close(loss(0, 2), plain)
    assert loss(0, 1) > plain + 100 and loss(1, 2) > plain + 100


def test_a_text_without_its_padding_has_the_same_loss():
    padded = draw(2, 2)
    cut = (
        LayerStates(tuple(h[:, :2] for h in one.hidden), tuple(s[:, :, :2, :2] for s in one.scores))
        for one in padded
    )
    mask = torch.tensor([[1, 1, 0], [1, 1, 0]])
    torch.testing.assert_close(layerwise_loss(*padded, mask), layerwise_loss(*cut, mask[:, :2]))
    assert layerwise_loss(*padded, ALL).item() != pytest.approx(
        layerwise_loss(*padded, mask).item(), rel=1e-3
    )


def test_the_loss_is_zero_where_both_agree_and_positive_elsewhere():
    student, teacher = draw(2, 4)
    every_other = LayerStates(teacher.hidden[::2], teacher.scores[1::2])
    assert layerwise_loss(every_other, teacher, ALL).item() == 0
    assert layerwise_loss(student, teacher, ALL).item() > 1


def test_the_gradient_reaches_the_student_and_not_the_teacher():
    student, teacher = draw(2, 4)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    layerwise_loss(student, teacher, mask).backward()
    assert all(part.grad is None for part in (*teacher.hidden, *teacher.scores))
    # 2 (ours - theirs) over five tokens of four units, and over 4 + 9 scores of two heads.
    apart = (student.hidden[1] - teacher.hidden[2]).detach() * mask.unsqueeze(-1)
    torch.testing.assert_close(student.hidden[1].grad, 2 * apart / (5 * 4))
    both = (mask.unsqueeze(-1) * mask.unsqueeze(1)).unsqueeze(1)
    apart = (student.scores[0] - teacher.scores[1]).detach() * both
    torch.testing.assert_close(student.scores[0].grad, 2 * apart / (13 * 2))


@pytest.mark.parametrize(
    ("layers", "cut", "message"),
    [
        ((4, 2), lambda s: s, "2 layers of the teacher cannot be spread over 4 of the student"),
        (
            (0, 2),
            lambda s: LayerStates(s.hidden[:1], ()),
            "2 layers of the teacher cannot be spread over 0 of the student",
        ),
        (
            (2, 2),
            lambda s: LayerStates(tuple(h[..., :2] for h in s.hidden), s.scores),
            "layer-by-layer distillation needs models of the same width and number of heads, not states "
            "of the shapes (2, 3, 2) and (2, 3, 4)",
        ),
        (
            (2, 2),
            lambda s: LayerStates(s.hidden, tuple(a[:, :1] for a in s.scores)),
            "layer-by-layer distillation needs models of the same width and number of heads, not states "
            "of the shapes (2, 1, 3, 3) and (2, 2, 3, 3)",
        ),
    ],
)
def test_models_that_do_not_match_are_refused(layers, cut, message):
    student, teacher = draw(*layers)
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        layerwise_loss(cut(student), teacher, ALL)


@pytest.mark.parametrize(
    ("part", "cut", "message"),
    [
        ("hidden", (Ellipsis, slice(2)), r"hidden states have one shape \(batch, tokens, size\), not \["),
        ("scores", (slice(None), slice(1)), r"layer-by-layer distillation needs models of the same width"),
    ],
)
def test_later_layers_are_looked_at_as_the_first_is(part, cut, message):
    student, teacher = draw(2, 2)
    states = list(getattr(student, part))
    states[-1] = states[-1][cut]
    with pytest.raises(BadInput, match=f"^{message}"):
        layerwise_loss(replace(student, **{part: tuple(states)}), teacher, ALL)


@pytest.mark.parametrize(
    ("hidden", "scores", "message"),
    [
        ([(2, 3, 4)] * 2, [(2, 2, 3, 3)] * 2, "the scores of 2 layers go with 3 hidden states, one of the"),
        ([(2, 3, 4)] * 4, [(2, 2, 3, 3)] * 2, "the scores of 2 layers go with 3 hidden states, one of the"),
        ([], [], "the scores of 0 layers go with 1 hidden states, one of the embeddings among them"),
        ([(3, 4)] * 2, [(2, 2, 3, 3)], "hidden states have one shape"),
        ([(2, 3, 4)] * 2, [(2, 2, 3, 5)], "the attention scores of 2 texts of 3 tokens have the shape"),
        ([(2, 3, 4)] * 2, [(2, 3, 3)], "the attention scores of 2 texts of 3 tokens have the shape"),
    ],
)
def test_states_that_no_model_has_are_refused(hidden, scores, message):
    with pytest.raises(BadInput, match=f"^{message}"):
        LayerStates(tuple(map(torch.zeros, hidden)), tuple(map(torch.zeros, scores)))


NO_MASKS = pytest.mark.parametrize("values", [0, 2, -1, 0.5])
NO_MASK = r"^mask must hold 1 for each token and 0 for padding, and one token at least$"


@NO_MASKS
def test_a_mask_that_tells_no_tokens_is_refused(values):
    mask = torch.full((2, 3), values)
    with pytest.raises(BadInput, match=NO_MASK):
        layerwise_loss(*draw(2, 2), mask)
    if values:  # one number that is none of both
        mask[0], mask[1, 0] = 1, 0
        with pytest.raises(BadInput, match=NO_MASK):
            layerwise_loss(*draw(2, 2), mask)
    assert layerwise_loss(*draw(2, 2), ALL.bool()) == layerwise_loss(*draw(2, 2), ALL)


# The objectives


@pytest.fixture(params=["general", "relations", "words", "stages", "last stage", "patience"])
def objective(request, tiny_bert):
    """Each objective that asks a teacher, with the student that it trains."""
    teacher, student = tiny_bert(), tiny_bert(seed=1)
    return {
        "general": lambda: (GeneralDistillation(teacher), student),
        "relations": lambda: (RelationDistillation(teacher, 4), student),
        "words": lambda: (MaskedDistillation(teacher, 4, (0, 2, 3)), MaskedWordStudent(student)),
        "stages": lambda: (StatesAndLogits(teacher), student),
        "last stage": lambda: (StatesAndLogits(teacher, states=False), student),
        "patience": lambda: (PatientDistillation(teacher), student),
    }[request.param]()


@pytest.mark.parametrize("name", ["input_ids", "token_type_ids", "attention_mask"])
def test_a_batch_that_lacks_something_is_refused_in_one_line(objective, batch, name):
    method, student = objective
    del batch[name]
    with pytest.raises(BadInput, match=f"^a batch must hold '{name}', and this one holds "):
        method(student, batch)
    with pytest.raises(BadInput, match=r"^a batch must hold 'input_ids', and this one holds nothing$"):
        method(student, {})


@pytest.mark.parametrize("name", ["labels", "teacher_logits"])
@pytest.mark.parametrize(
    "make",
    [
        lambda teacher: PatientDistillation(teacher),
        lambda teacher: Distillation(alpha=0.5),
        lambda teacher: LogitLoss("kl", 0.5),
    ],
)
def test_and_so_is_one_without_what_it_learns_from(make, tiny_bert, batch, name):
    batch = {**batch, "teacher_logits": torch.zeros(6, 2)}
    del batch[name]
    with pytest.raises(BadInput, match=f"^a batch must hold '{name}', and this one holds "):
        make(tiny_bert())(tiny_bert(seed=1), batch)


@NO_MASKS
@pytest.mark.parametrize("objective", ["general", "relations", "words", "stages"], indirect=True)
def test_a_mask_without_tokens_is_no_loss_of_any_objective_that_averages_over_them(objective, batch, values):
    method, student = objective
    batch["attention_mask"] = torch.full_like(batch["attention_mask"], values, dtype=torch.float32)
    with pytest.raises(BadInput, match=NO_MASK):
        method(student, batch)


def test_the_objective_is_the_loss_of_what_both_models_compute(tiny_bert, inputs, batch):
    teacher, student = tiny_bert(), keep_layers(tiny_bert(seed=1), [0, 3])
    objective = GeneralDistillation(teacher)
    expected = layerwise_loss(
        layer_states(student, inputs), layer_states(teacher, inputs), inputs["attention_mask"]
    )
    torch.testing.assert_close(objective(student, batch), expected)
    assert objective.needs == ()
    assert torch.equal(
        objective(student, batch), objective(student, {**batch, "labels": 1 - batch["labels"]})
    )


def test_the_objective_hands_its_layer_map_on(tiny_bert, inputs, batch):
    teacher, student = tiny_bert(), keep_layers(tiny_bert(seed=1), [0, 3])
    states = layer_states(student, inputs), layer_states(teacher, inputs)
    expected = layerwise_loss(*states, inputs["attention_mask"], [0, 2])
    torch.testing.assert_close(GeneralDistillation(teacher, layer_map=[0, 2])(student, batch), expected)
    assert not torch.allclose(GeneralDistillation(teacher)(student, batch), expected, rtol=1e-3)


def test_the_student_learns_in_every_layer_and_the_teacher_does_not(tiny_bert, batch):
    teacher, student = tiny_bert(hidden_dropout_prob=0.5), keep_layers(tiny_bert(seed=1), [0, 3])
    GeneralDistillation(teacher.train())(student, batch).backward()
    assert not teacher.training
    assert all(p.grad is None for p in teacher.parameters())
    silent = [name for name, p in student.named_parameters() if p.grad is None or not p.grad.any()]
    # On these no hidden state and no attention score depends.
    assert {name.rpartition(".")[0] for name in silent} == {"bert.pooler.dense", "classifier"}


def test_a_student_that_is_its_teacher_has_nothing_to_learn(tiny_bert, batch):
    student = tiny_bert(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).train()
    loss = GeneralDistillation(tiny_bert())(student, batch)
    loss.backward()
    assert loss.item() == 0
    assert not any(p.grad is not None and p.grad.any() for p in student.parameters())


def test_padding_changes_nothing(tiny_bert, batch):
    objective = GeneralDistillation(tiny_bert())
    student = keep_layers(tiny_bert(seed=1), [0, 3])
    wider = {name: F.pad(batch[name], (0, 7)) for name in ("input_ids", "token_type_ids", "attention_mask")}
    torch.testing.assert_close(objective(student, {**batch, **wider}), objective(student, batch))
