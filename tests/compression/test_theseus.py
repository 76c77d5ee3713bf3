"""Replacement: how often, independently, by whom; what trains and what never changes; what comes out."""

import copy
import math
import re

import pytest
import torch
from torch.nn import functional as F

from bert_compression.compression import (
    Distillation,
    Replacing,
    kl_loss,
    load_model,
    prune_heads,
    quantize,
    replace_modules,
    replacement_rate,
    save_model,
    successor,
    truncate,
)
from bert_compression.errors import BadInput
from bert_compression.training import CrossEntropy, TrainingSettings, train

QUIET = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


@pytest.fixture
def inputs(tiny_texts):
    return tiny_texts().batch(range(6))


@pytest.fixture
def batch(inputs):
    return {**inputs, "labels": torch.arange(6) % 2}


def logits(model, inputs):
    with torch.no_grad():
        return model(**inputs).logits


def modules(theseus):
    return theseus.bert.encoder.layer


def at_rate(theseus, *rates):
    """The model in training mode, its modules replaced with these probabilities."""
    for module, rate in zip(modules(theseus), rates, strict=True):
        module.rate = rate
    return theseus.train()


# The rate


@pytest.mark.parametrize(
    ("step", "k", "b", "rate"),
    [
        (0, 2e-5, 0.5, 0.5),  # of Xu et al. 2021, appendix A
        (1, 2e-5, 0.5, 0.50002),
        (12_500, 2e-5, 0.5, 0.75),
        (24_999, 2e-5, 0.5, 0.99998),
        (25_000, 2e-5, 0.5, 1.0),  # (1 - b) / k
        (10**6, 2e-5, 0.5, 1.0),
        (500, 1e-3, 0.5, 1.0),
        (20, 0.025, 0.5, 1.0),
        (7, 0.0, 0.3, 0.3),  # constant
        (0, 0.1, 0.0, 0.0),
        (3, 0.1, 1.0, 1.0),
    ],
)
def test_the_rate_rises_in_a_straight_line_to_one(step, k, b, rate):
    assert replacement_rate(step, k, b) == pytest.approx(rate, abs=1e-12)
    assert replacement_rate(step, k, b) <= 1.0


@pytest.mark.parametrize(
    ("k", "b", "message"),
    [
        (1e-3, -0.1, "the basic replacement rate b must lie between 0 and 1, not -0.1"),
        (1e-3, 1.5, "the basic replacement rate b must lie between 0 and 1, not 1.5"),
        (1e-3, math.nan, "b must be a finite number, not nan"),
        (-1e-3, 0.5, "k, by which the replacement rate grows, must not be negative, but is -0.001"),
    ],
)
def test_a_curriculum_that_makes_no_sense_is_refused_before_training(k, b, message):
    for refused in (lambda: replacement_rate(0, k, b), lambda: Replacing(CrossEntropy(), k, b)):
        with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
            refused()


# Who computes


def test_in_evaluation_the_model_answers_like_the_successor_alone_to_the_last_bit(tiny_bert, inputs):
    theseus = replace_modules(tiny_bert(), 2)
    with torch.no_grad():  # as training would: a successor that is no layer of the predecessor any more
        for module in modules(theseus):
            module.rate = 0.0  # which evaluation does not mind
            for p in module.successor.parameters():
                p.add_(0.01)
    answer = logits(theseus.eval(), inputs)
    assert torch.equal(answer, logits(successor(theseus), inputs))
    assert not torch.allclose(answer, logits(tiny_bert(), inputs), atol=1e-2)
    assert not torch.allclose(answer, logits(truncate(tiny_bert(), 2), inputs), atol=1e-4)


def test_before_training_the_successor_is_the_predecessors_lower_half(tiny_bert, inputs):
    expected = logits(truncate(tiny_bert(), 2), inputs)
    assert torch.equal(logits(successor(replace_modules(tiny_bert(), 2)), inputs), expected)


def test_in_training_rate_zero_is_the_predecessor_and_rate_one_the_successor(tiny_bert, inputs):
    theseus = replace_modules(tiny_bert(**QUIET), 2)
    assert torch.equal(logits(at_rate(theseus, 0.0, 0.0), inputs), logits(tiny_bert(**QUIET), inputs))
    assert torch.equal(logits(at_rate(theseus, 1.0, 1.0), inputs), logits(successor(theseus), inputs))


def test_a_module_takes_the_place_of_its_own_layers(tiny_bert, inputs):
    """Module i of two stands for layers 2i and 2i + 1; its successor starts as layer i."""
    plain, theseus = tiny_bert(**QUIET), replace_modules(tiny_bert(**QUIET), 2)
    for rates, order in (((0.0, 1.0), (0, 1, 1)), ((1.0, 0.0), (0, 2, 3))):
        by_hand = copy.deepcopy(plain)
        by_hand.bert.encoder.layer = torch.nn.ModuleList(plain.bert.encoder.layer[i] for i in order)
        assert torch.equal(logits(at_rate(theseus, *rates), inputs), logits(by_hand, inputs))


def test_replacement_is_as_frequent_as_its_rate_and_each_module_draws_for_itself(tiny_bert, tiny_texts):
    theseus = at_rate(replace_modules(tiny_bert(**QUIET), 4), 0.3, 0.5, 0.5, 0.9)
    drawn = [0] * 4
    for index, module in enumerate(modules(theseus)):
        module.successor.register_forward_hook(lambda *_, index=index: drawn.__setitem__(index, 1))
    inputs, rows = tiny_texts([3, 3]).batch([0, 1]), []
    torch.manual_seed(0)
    for _ in range(600):
        drawn[:] = [0] * 4
        logits(theseus, inputs)
        rows.append(list(drawn))
    table = torch.tensor(rows, dtype=torch.float64)
    rates = torch.tensor([0.3, 0.5, 0.5, 0.9], dtype=torch.float64)
    # Four standard deviations of a binomial share: crossed by chance once in 16,000 draws.
    bound = 4 * (rates * (1 - rates) / len(table)).sqrt()
    assert ((table.mean(0) - rates).abs() < bound).all()
    correlations = torch.corrcoef(table.T) - torch.eye(4)
    assert correlations.abs().max() < 4 / math.sqrt(len(table))


def test_one_draw_holds_for_the_whole_batch(tiny_bert, inputs):
    theseus, answers = at_rate(replace_modules(tiny_bert(**QUIET), 2), 0.5, 0.5), []
    expected = [
        logits(at_rate(theseus, a, b), inputs) for a in (0.0, 1.0) for b in (0.0, 1.0)
    ]  # of whole batches
    at_rate(theseus, 0.5, 0.5)
    torch.manual_seed(0)
    for _ in range(40):
        answer = logits(theseus, inputs)
        (which,) = [i for i, one in enumerate(expected) if torch.equal(answer, one)]
        answers.append(which)
    assert set(answers) == {0, 1, 2, 3}


def test_the_same_seed_draws_the_same_modules(tiny_bert, tiny_texts):
    def losses(seed):
        theseus = replace_modules(tiny_bert(**QUIET), 2)
        settings = TrainingSettings(epochs=4, batch_size=3, learning_rate=1e-9, seed=seed)
        return train(theseus, tiny_texts(), [0, 1] * 3, Replacing(CrossEntropy(), 0.0, 0.5), settings).losses

    assert losses(0) == losses(0) != losses(1)


# What trains


def learn(theseus, texts, rate: float, steps: int = 8):
    settings = TrainingSettings(epochs=steps, batch_size=6, learning_rate=1e-2)
    return train(theseus, texts, [0, 1] * 3, Replacing(CrossEntropy(), 0.0, rate), settings)


@pytest.mark.parametrize("rate", [0.5, 1.0])
def test_only_successors_change(tiny_bert, tiny_texts, rate):
    theseus = replace_modules(tiny_bert(), 2)
    before = copy.deepcopy(theseus.state_dict())
    learn(theseus, tiny_texts(), rate)
    moved = {name for name, value in theseus.state_dict().items() if not torch.equal(value, before[name])}
    parts = {name for name in before if ".successor." in name}
    assert moved <= parts
    # A key's bias has no gradient, for softmax takes no notice of it.
    assert {name for name in parts - moved if "key.bias" not in name} == set()
    assert {name.split(".")[0] for name in before.keys() - moved} == {"bert", "classifier"}


def test_the_model_that_was_given_stays_as_it_was(tiny_bert, tiny_texts, inputs):
    predecessor = tiny_bert()
    learn(replace_modules(predecessor, 2), tiny_texts(), 0.5)
    assert torch.equal(logits(predecessor, inputs), logits(tiny_bert(), inputs))
    assert all(p.requires_grad for p in predecessor.parameters())
    assert len(predecessor.bert.encoder.layer) == predecessor.config.num_hidden_layers == 4


def test_where_no_successor_was_ever_drawn_nothing_changes_and_training_is_refused(tiny_bert, tiny_texts):
    theseus = replace_modules(tiny_bert(), 2)
    before = copy.deepcopy(theseus.state_dict())
    with pytest.raises(BadInput, match=r"^the loss of no step reached"):
        learn(theseus, tiny_texts(), rate=0.0)
    assert all(torch.equal(value, before[name]) for name, value in theseus.state_dict().items())


def test_steps_without_a_successor_do_not_stop_the_learning_of_the_others(tiny_bert, tiny_texts):
    """At a low rate most steps draw no successor; the optimizer goes on from where it was."""
    theseus = replace_modules(tiny_bert(), 2)
    before = copy.deepcopy(theseus.state_dict())
    learn(theseus, tiny_texts(), rate=0.15, steps=24)
    after = theseus.state_dict()
    assert all(torch.isfinite(value).all() for value in after.values())
    assert any(not torch.equal(value, before[name]) for name, value in after.items())


# The objective


def test_the_objective_is_the_one_inside_and_the_rate_grows_with_its_steps(tiny_bert, batch, inputs):
    theseus = replace_modules(tiny_bert(**QUIET), 2).train()
    objective = Replacing(CrossEntropy(), k=0.5, b=0.0)
    expected = [F.cross_entropy(logits(tiny_bert(**QUIET), inputs), batch["labels"])]
    expected += [None, F.cross_entropy(logits(successor(theseus), inputs), batch["labels"])]
    rates = []
    for by_hand in expected:
        loss = objective(theseus, batch)
        rates.append([module.rate for module in modules(theseus)])
        if by_hand is not None:
            torch.testing.assert_close(loss, by_hand)
    assert rates == [[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]] and objective.step == 3
    assert objective.needs == ()


def test_the_teachers_distribution_can_stand_in_for_the_labels(tiny_bert, batch, inputs):
    theseus = replace_modules(tiny_bert(**QUIET), 2).train()
    objective = Replacing(Distillation(temperature=2.0, alpha=1.0), k=0.0, b=1.0)
    assert objective.needs == ("teacher_logits",)
    taught = {**batch, "teacher_logits": logits(tiny_bert(seed=1), inputs)}
    loss = objective(theseus, taught)
    torch.testing.assert_close(
        loss.detach(), kl_loss(logits(successor(theseus), inputs), taught["teacher_logits"], 2.0)
    )
    assert torch.equal(loss, objective(theseus, {**taught, "labels": 1 - batch["labels"]}))
    loss.backward()
    first = modules(theseus)[0]
    assert first.successor.output.dense.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in first.predecessors.parameters())
    assert theseus.classifier.weight.grad is None


# What comes out


def test_the_successor_is_a_copy_that_can_be_trained_further(tiny_bert, inputs):
    theseus = replace_modules(tiny_bert(), 2).train()
    student = successor(theseus)
    assert all(p.requires_grad for p in student.parameters())
    assert not any(module.training for module in student.modules())
    before = logits(theseus.eval(), inputs)
    with torch.no_grad():
        for p in student.parameters():
            p.add_(1)
    assert torch.equal(logits(theseus, inputs), before)


def test_the_successor_is_saved_and_comes_back(tiny_bert, inputs, tmp_path):
    student = successor(replace_modules(tiny_bert(), 2))
    save_model(student, tmp_path)
    loaded = load_model(tmp_path)
    assert loaded.config.num_hidden_layers == len(loaded.bert.encoder.layer) == 2
    assert torch.equal(logits(loaded, inputs), logits(student, inputs))
    assert not any("successor" in name for name in loaded.state_dict())
    quantize(prune_heads(loaded, {1: [0]}), "dynamic")  # as any other model


# What is refused


@pytest.mark.parametrize("layers", [0, 3, 8, -2])
def test_layers_that_cannot_be_cut_into_so_many_modules_are_refused(tiny_bert, layers):
    message = f"4 layers cannot be cut into {layers} modules of equal size"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        replace_modules(tiny_bert(), layers)


@pytest.mark.parametrize("change", [lambda m: prune_heads(m, {0: [1]}), lambda m: quantize(m, "ema")])
def test_a_changed_model_is_refused(tiny_bert, change):
    message = "replace the modules of a plain model: prune or quantize the successor afterwards"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        replace_modules(change(tiny_bert()), 2)
