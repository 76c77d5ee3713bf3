"""The training loop: reproducible, on schedule, with each row at its example, and loud when it fails."""

import copy
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import BertForQuestionAnswering

from bert_compression.compression import Distillation, Replacing, quantize, replace_modules
from bert_compression.errors import BadInput, Failure
from bert_compression.inference import predict_logits
from bert_compression.tasks.batching import Encoded
from bert_compression.training import CrossEntropy, Evaluate, SpanCrossEntropy, TrainingSettings, train


@pytest.fixture(scope="module")
def texts() -> Encoded:
    """Forty-eight texts; the label is that of nearly all their tokens: small numbers 0, large ones 1."""
    random = np.random.default_rng(0)
    ids = [
        [1, *random.integers(3, 50, length), *random.integers(50, 97, 1)]
        if label == 0
        else [1, *random.integers(50, 97, length), *random.integers(3, 50, 1)]
        for label, length in zip(LABELS, random.integers(3, 12, 48), strict=True)
    ]
    ids = [[int(token) for token in row] for row in ids]
    return Encoded(ids, [[0] * len(row) for row in ids], truncated=0, pad_id=0)


LABELS = [i % 2 for i in range(48)]
SETTINGS = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3}


def settings(**changes) -> TrainingSettings:
    return TrainingSettings(**{**SETTINGS, **changes})


def equal(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    theirs = second.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in first.state_dict().items())


@pytest.fixture
def steps(monkeypatch):
    """What the optimizer was given at each step: its learning rate and the norm of all gradients."""
    seen = []

    class Watched(torch.optim.AdamW):
        def step(self, closure=None):
            (rate,) = {group["lr"] for group in self.param_groups}
            gradients = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
            seen.append((rate, torch.stack([g.norm() for g in gradients]).norm().item()))
            return super().step(closure)

    monkeypatch.setattr(torch.optim, "AdamW", Watched)
    return seen


class Losses:
    """An objective whose values are given, and whose gradient is zero."""

    needs = ()

    def __init__(self, values):
        self.values = iter(values)

    def __call__(self, student, batch):
        return next(self.values) + 0 * sum(p.sum() for p in student.parameters())


# Learning


def test_the_loss_falls_on_separable_texts_and_new_answers_are_right(tiny_bert, texts):
    model = tiny_bert(num_hidden_layers=1)
    before = np.mean(predict_logits(model, texts).argmax(1) == LABELS)
    result = train(model, texts, LABELS, CrossEntropy(), settings(epochs=8, learning_rate=1e-2))
    after = np.mean(predict_logits(model, texts).argmax(1) == LABELS)
    assert result.steps == 8 * 6 == len(result.losses)
    assert result.final_loss == pytest.approx(np.mean(result.losses[-4:]), rel=1e-12)
    assert result.final_loss < 0.2 < 0.6 < np.mean(result.losses[:6])
    assert before < 0.8 and after > 0.9


def test_the_model_comes_back_in_evaluation_mode_without_gradients(tiny_bert, texts):
    model, before = tiny_bert(), tiny_bert()
    train(model, texts, LABELS, CrossEntropy(), settings(epochs=1))
    assert not any(module.training for module in model.modules())
    assert all(p.grad is None and p.device.type == "cpu" for p in model.parameters())
    assert not equal(model, before)


def test_dropout_is_on_while_training(tiny_bert, texts):
    without, with_dropout = (
        train(tiny_bert(hidden_dropout_prob=p), texts, LABELS, CrossEntropy(), settings(epochs=1)).losses[0]
        for p in (0.0, 0.5)
    )
    assert without != pytest.approx(with_dropout, abs=1e-3)


def test_frozen_parameters_stay_and_the_others_move(tiny_bert, texts):
    model, before = tiny_bert(), dict(tiny_bert().named_parameters())
    model.bert.embeddings.requires_grad_(False)
    train(model, texts, LABELS, CrossEntropy(), settings(epochs=1))
    still = {name for name, p in model.named_parameters() if torch.equal(p, before[name])}
    # A key's bias has no gradient (softmax ignores it) and starts at zero, so that it may stay as well.
    assert {name for name in still if "key.bias" not in name} == {
        name for name in before if "embeddings" in name
    }


def test_a_short_run_in_bf16_gives_other_losses_and_weights_in_fp32(tiny_bert, texts):
    exact, coarse = tiny_bert(), tiny_bert()
    first = train(exact, texts, LABELS, CrossEntropy(), settings(epochs=1))
    second = train(coarse, texts, LABELS, CrossEntropy(), settings(epochs=1, bf16=True))
    assert second.losses != first.losses
    np.testing.assert_allclose(second.losses, first.losses, atol=0.1)
    assert {p.dtype for p in coarse.parameters()} == {torch.float32}


# Reproducibility


@pytest.mark.parametrize("dropout", [0.0, 0.1], ids=["by the order of texts", "and by dropout"])
def test_two_runs_agree_to_the_last_bit_and_another_seed_does_not(tiny_bert, texts, dropout):
    runs = {}
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        model = tiny_bert(hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
        torch.manual_seed(len(runs))  # whatever was drawn before
        runs[name] = (model, train(model, texts, LABELS, CrossEntropy(), settings(seed=seed)).losses)
    assert equal(runs["first"][0], runs["again"][0]) and runs["first"][1] == runs["again"][1]
    assert not equal(runs["first"][0], runs["other"][0]) and runs["first"][1] != runs["other"][1]


# Learning rate, weight decay, clipping


@pytest.mark.parametrize(
    ("warmup", "factors"),
    [
        (0.25, [1 / 3, 2 / 3, 1, 1, 8 / 9, 7 / 9, 6 / 9, 5 / 9, 4 / 9, 3 / 9, 2 / 9, 1 / 9]),
        (4, [1 / 4, 2 / 4, 3 / 4, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]),
        (0, [left / 12 for left in range(12, 0, -1)]),
    ],
    ids=["a quarter", "four steps", "none"],
)
def test_the_learning_rate_rises_and_falls_in_straight_lines(tiny_bert, texts, steps, warmup, factors):
    train(tiny_bert(), texts, LABELS, CrossEntropy(), settings(warmup=warmup))
    assert [rate for rate, _ in steps] == pytest.approx([1e-3 * factor for factor in factors])


def test_weight_decay_shrinks_matrices_alone(tiny_bert, texts, steps):
    """With a gradient of zero, AdamW only decays: by 1 - rate x decay at each step."""
    model = tiny_bert()
    with torch.no_grad():
        for vector in (p for p in model.parameters() if p.ndim == 1):
            vector.add_(0.5)  # biases start at zero, where a decay would not show
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train(model, texts, LABELS, Losses([1.0] * 12), settings(weight_decay=0.5))
    shrunk = math.prod(1 - rate * 0.5 for rate, _ in steps)
    assert 0.99 < shrunk < 0.999
    for name, p in model.named_parameters():
        expected = before[name] * shrunk if p.ndim > 1 else before[name]
        torch.testing.assert_close(p.detach(), expected, rtol=1e-5, atol=0, msg=name)
    assert torch.equal(model.classifier.bias, before["classifier.bias"])
    assert not torch.equal(model.classifier.weight, before["classifier.weight"])


@pytest.mark.parametrize("largest", [0.01, 1e9])
def test_gradients_are_clipped_to_their_largest_norm(tiny_bert, texts, steps, largest):
    train(tiny_bert(), texts, LABELS, CrossEntropy(), settings(epochs=1, max_gradient_norm=largest))
    norms = [norm for _, norm in steps]
    if largest == 0.01:
        assert norms == pytest.approx([0.01] * 6, rel=1e-3)
    else:
        assert min(norms) > 0.1


# Rows beside the examples


class Recording(CrossEntropy):
    """Cross-entropy that keeps which rows came with which tokens and labels."""

    needs = ("row",)

    def __init__(self):
        self.seen = []

    def __call__(self, student, batch):
        rows = batch["row"].tolist()
        lengths = batch["attention_mask"].sum(1).tolist()
        tokens = [ids[:n] for ids, n in zip(batch["input_ids"].tolist(), lengths, strict=True)]
        self.seen += zip(rows, tokens, batch["labels"].tolist(), strict=True)
        return super().__call__(student, {k: v for k, v in batch.items() if k != "row"})


def test_extra_rows_and_labels_arrive_with_their_examples(tiny_bert, texts):
    objective = Recording()
    train(tiny_bert(), texts, LABELS, objective, settings(), extras={"row": torch.arange(48)})
    assert len(objective.seen) == 96
    for row, tokens, label in objective.seen:
        assert tokens == texts.ids[row] and label == LABELS[row]
    orders = [[row for row, *_ in part] for part in (objective.seen[:48], objective.seen[48:])]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(48))
    assert orders[0] != orders[1] != list(range(48))


def test_a_student_learns_its_teachers_answers_and_not_those_of_another_order(tiny_bert, texts):
    """Without dropout, a student that starts as its teacher has nothing to learn, if rows are matched."""
    quiet = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    logits = torch.from_numpy(predict_logits(tiny_bert(**quiet), texts))
    objective, one = Distillation(temperature=2.0, alpha=1.0), settings(epochs=1, learning_rate=1e-9)
    matched = train(tiny_bert(**quiet), texts, LABELS, objective, one, {"teacher_logits": logits})
    torn = train(tiny_bert(**quiet), texts, LABELS, objective, one, {"teacher_logits": logits.flip(0)})
    assert max(map(abs, matched.losses)) < 1e-5
    assert min(torn.losses) > 1e-3


def test_progress_counts_steps_to_the_last(tiny_bert, texts):
    seen = []
    train(
        tiny_bert(), texts, LABELS, CrossEntropy(), settings(epochs=1, batch_size=20),
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(("steps", "epochs"), [(1, 0), (5, 0), (8, 0), (14, 0), (3, 2)])
def test_steps_say_how_long_to_train_whatever_the_epochs(tiny_bert, texts, steps, epochs):
    """Six batches are an epoch."""
    seen = []

    class Watched(CrossEntropy):
        def __call__(self, student, batch):
            seen.append(batch["input_ids"])
            return super().__call__(student, batch)

    result = train(tiny_bert(), texts, LABELS, Watched(), settings(epochs=epochs, steps=steps))
    assert result.steps == len(result.losses) == steps
    whole = train(tiny_bert(), texts, LABELS, CrossEntropy(), settings(epochs=3))
    assert len(seen) == steps and len(whole.losses) == 18
    firsts = min(steps, 6)  # batches do not depend on how long the training is
    assert len({each.shape for each in seen[:firsts]}) > 1 or firsts == 1


def test_as_many_steps_as_epochs_have_are_the_same_training(tiny_bert, texts):
    one, other = tiny_bert(), tiny_bert()
    train(one, texts, LABELS, CrossEntropy(), settings(epochs=2))
    train(other, texts, LABELS, CrossEntropy(), settings(epochs=0, steps=12))
    assert equal(one, other)


# What goes wrong


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            [0.6931, 0.5, math.nan],
            "the loss is nan at step 3 of 12 (the loss before: 0.5): try a smaller learning rate",
        ),
        ([math.inf], "the loss is inf at step 1 of 12 (the loss before: none): try a smaller learning rate"),
        (
            [1234567.0, -math.inf],
            "the loss is -inf at step 2 of 12 (the loss before: 1.235e+06): try a smaller learning rate",
        ),
    ],
)
def test_a_loss_that_is_no_number_stops_the_training_where_it_is(tiny_bert, texts, values, message):
    with pytest.raises(Failure, match=f"^{re.escape(message)}$"):
        train(tiny_bert(), texts, LABELS, Losses(values), settings())


@pytest.mark.parametrize(
    ("extras", "message"),
    [
        (None, "the objective needs teacher_logits for every training example, and none were given"),
        (
            {"teachers_logits": torch.zeros(48, 2)},
            "the objective needs teacher_logits for every training example, and none were given",
        ),
        ({"teacher_logits": torch.zeros(47, 2)}, "teacher_logits: 47 rows for 48 training examples"),
    ],
)
def test_what_the_objective_needs_and_does_not_get_is_named(tiny_bert, texts, extras, message):
    model = tiny_bert()
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        train(model, texts, LABELS, Distillation(), settings(), extras)
    assert equal(model, tiny_bert())


def test_what_the_objective_does_not_need_is_refused_and_not_ignored(tiny_bert, texts):
    """A teacher whose answers nobody looks at is a distillation that is none."""
    model, answers = tiny_bert(), {"teacher_logits": torch.zeros(48, 2)}
    message = "the objective does not need teacher_logits: leave it out, or choose another objective"
    for extras in (answers, {**answers, "row": torch.arange(48)}):
        objective = CrossEntropy() if extras is answers else Recording()
        with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
            train(model, texts, LABELS, objective, settings(), extras)
    assert equal(model, tiny_bert())
    assert train(model, texts, LABELS, CrossEntropy(), settings(epochs=1), extras={}).steps == 6


@pytest.mark.parametrize("count", [0, 47, 49])
def test_more_or_fewer_labels_than_examples_are_refused(tiny_bert, texts, count):
    model = tiny_bert()
    message = f"labels: {count} rows for 48 training examples"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        train(model, texts, (LABELS * 2)[:count], CrossEntropy(), settings())
    assert equal(model, tiny_bert())


class Now(CrossEntropy):
    """Cross-entropy that reaches the model in the steps named only, as where all drawn layers are frozen."""

    def __init__(self, *steps: int):
        self.steps, self.done = steps, 0

    def __call__(self, student, batch):
        self.done += 1
        loss = super().__call__(student, batch)
        return loss if self.done in self.steps else loss.detach()


def test_a_step_without_a_gradient_teaches_nothing_and_counts(tiny_bert, texts):
    quiet = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    late, later = (
        train(tiny_bert(**quiet), texts, LABELS, Now(*steps), settings(epochs=1)) for steps in ((4, 5), (5,))
    )
    assert late.steps == later.steps == 6 == len(later.losses)
    assert late.losses[:4] == later.losses[:4] and late.losses[4:] != later.losses[4:]


UNREACHED = "the loss of no step reached a parameter of the model that may change, and nothing was learnt"


def test_training_that_reaches_nothing_is_refused_whatever_the_objective(tiny_bert, texts):
    model = tiny_bert()
    with pytest.raises(BadInput, match=f"^{UNREACHED}"):
        train(model, texts, LABELS, Now(), settings(epochs=1))
    assert equal(model, tiny_bert()) and not model.training


@pytest.mark.parametrize(
    ("unable", "message"),
    [
        (lambda model: quantize(model, "int8"), "int8 layers pass no gradient, and cannot be trained"),
        (lambda model: model.requires_grad_(False), "all parameters of the model are frozen"),
    ],
    ids=["int8", "frozen"],
)
def test_a_model_that_cannot_learn_is_refused_before_the_first_step(tiny_bert, texts, unable, message):
    def never(student, batch):
        raise AssertionError("a step was taken")

    never.needs = ()
    with pytest.raises(BadInput, match=f"^{message}"):
        train(unable(tiny_bert()), texts, LABELS, never, settings())


def test_a_head_alone_can_be_trained(tiny_bert, texts):
    model = tiny_bert().requires_grad_(False)
    model.classifier.requires_grad_(True)
    train(model, texts, LABELS, CrossEntropy(), settings(epochs=1))
    assert torch.equal(model.bert.pooler.dense.weight, tiny_bert().bert.pooler.dense.weight)
    assert not torch.equal(model.classifier.weight, tiny_bert().classifier.weight)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (2, "labels lie in 0..2, and the classes of the model are 0..1"),
        (-1, "labels lie in -1..1, and the classes of the model are 0..1"),
        (math.nan, "labels hold NaN or infinite values"),
        ("good", "labels must be numbers, or pairs of them, not "),
        ([0], "labels must be numbers, or pairs of them, not "),
    ],
)
def test_a_label_that_is_none_is_refused(tiny_bert, texts, label, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        train(tiny_bert(), texts, [*LABELS[:-1], label], CrossEntropy(), settings())


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, 100], "the texts hold token ids from 0 to 100 and the model reads 0 to 99"),
        ([1] * 65, "a text has 65 tokens and the model reads 64"),
        ([], "text 47 has no token"),
    ],
)
def test_texts_that_the_model_cannot_read_are_refused(tiny_bert, texts, ids, message):
    unreadable = Encoded([*texts.ids[:-2], [0], ids], [*texts.segments[:-2], [0], [0] * len(ids)], 0, 0)
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        train(tiny_bert(), unreadable, LABELS, CrossEntropy(), settings())


def test_steps_without_a_gradient_leave_the_others_their_place_on_the_schedule(tiny_bert, texts):
    """AdamW's first step is as long as the learning rate: so long that it shows at which step it was."""
    moved = {}
    for step in (1, 4):
        model, before = tiny_bert(), tiny_bert().classifier.bias
        train(model, texts, LABELS, Now(step), settings(epochs=1, warmup=0))
        moved[step] = (model.classifier.bias - before).abs().max().item()
    assert moved == pytest.approx({1: 1e-3 * 6 / 6, 4: 1e-3 * 3 / 6}, rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs must be positive, not 0"),
        ({"steps": 0}, "steps must be positive, not 0"),
        ({"epochs": 0, "steps": -1}, "steps must be positive, not -1"),
        ({"batch_size": -8}, "batch_size must be positive, not -8"),
        ({"learning_rate": 0.0}, "learning_rate must be positive, not 0.0"),
        ({"learning_rate": math.nan}, "learning_rate must be a finite number, not nan"),
        ({"warmup": -0.1}, "warmup must not be negative, but is -0.1"),
    ],
)
def test_settings_that_cannot_train_are_refused(changes, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        settings(**changes)


def test_settings_are_equal_by_value_and_frozen():
    assert settings() == copy.copy(settings()) != settings(seed=1)
    with pytest.raises(AttributeError):
        settings().seed = 3


# Evaluation on the way


class Scores:
    """Gives these scores one after the other, and keeps the weights of the model and what mode it was in."""

    def __init__(self, *values):
        self.values, self.weights, self.modes = iter(values), [], []

    def __call__(self, model):
        self.weights.append({name: t.clone() for name, t in model.state_dict().items()})
        self.modes.append((model.training, torch.is_grad_enabled()))
        return next(self.values)


def same_weights(model, weights) -> bool:
    return all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_the_model_is_evaluated_every_few_steps_and_at_the_end_and_its_best_weights_come_back(
    tiny_bert, texts
):
    model, score = tiny_bert(), Scores(0.1, 0.7, 0.7)
    result = train(model, texts, LABELS, CrossEntropy(), settings(), evaluate=Evaluate(score, every=5))
    assert result.evaluations == [(5, 0.1), (10, 0.7), (12, 0.7)]
    assert (result.best_step, result.best_score) == (10, 0.7)  # of equal ones the first
    assert score.modes == [(False, False)] * 3
    assert same_weights(model, score.weights[1]) and not same_weights(model, score.weights[2])
    assert result.best_weights is None  # the model has them
    assert not any(module.training for module in model.modules())


def test_the_last_weights_stay_where_they_are_asked_for_and_the_best_ones_are_handed_over(tiny_bert, texts):
    plain, model, score = tiny_bert(), tiny_bert(), Scores(0.1, 0.7, 0.4)
    train(plain, texts, LABELS, CrossEntropy(), settings())
    evaluate = Evaluate(score, every=4, restore_best=False)
    result = train(model, texts, LABELS, CrossEntropy(), settings(), evaluate=evaluate)
    assert result.evaluations == [(4, 0.1), (8, 0.7), (12, 0.4)]  # the last step is not evaluated twice
    assert equal(model, plain) and same_weights(model, score.weights[2])
    assert (result.best_step, result.best_score) == (8, 0.7)
    model.load_state_dict(result.best_weights)
    assert same_weights(model, score.weights[1])


@pytest.mark.parametrize(
    ("make", "objective_of"),
    [
        (lambda bert: bert, CrossEntropy),
        (lambda bert: quantize(bert, "ema"), CrossEntropy),
        (lambda bert: replace_modules(bert, 2), lambda: Replacing(CrossEntropy(), k=0.0, b=0.5)),
    ],
    ids=["plain", "quantized", "with modules replaced at random"],
)
def test_training_goes_on_as_if_nobody_had_asked(tiny_bert, texts, make, objective_of):
    """Dropout and replaced modules are drawn from the generator that an evaluation may use, too."""

    def score(model):
        torch.rand(7)
        torch.manual_seed(5)
        model.train().eval()
        return float(predict_logits(model, texts)[0, 0])

    runs = []
    for evaluate in (None, Evaluate(score, every=1, restore_best=False)):
        model = make(tiny_bert(hidden_dropout_prob=0.3))
        objective = objective_of()
        result = train(model, texts, LABELS, objective, settings(), evaluate=evaluate)
        runs.append((model, result))
    (plain, without), (asked, with_evaluation) = runs
    assert without.losses == with_evaluation.losses and equal(plain, asked)
    assert len(with_evaluation.evaluations) == 12 and without.evaluations == []
    assert without.best_step is without.best_score is without.best_weights is None


def test_each_part_of_a_model_goes_on_in_the_mode_that_it_was_in(tiny_bert, texts):
    modes = []

    class Calm(CrossEntropy):
        def __call__(self, student, batch):
            if not modes:
                student.bert.embeddings.eval()
            modes.append((student.training, student.bert.embeddings.training))
            return super().__call__(student, batch)

    evaluate = Evaluate(lambda model: 0.0, every=1)
    train(tiny_bert(), texts, LABELS, Calm(), settings(epochs=1), evaluate=evaluate)
    assert modes == [(True, False)] * 6


def test_restored_weights_of_a_quantized_model_answer_as_they_did_when_they_were_the_best(tiny_bert, texts):
    """Its layers remember rounded weights in evaluation."""
    seen = []

    def score(model):
        seen.append(predict_logits(model, texts))
        return -abs(len(seen) - 2)

    model = quantize(tiny_bert(), "ema")
    train(model, texts, LABELS, CrossEntropy(), settings(epochs=1), evaluate=Evaluate(score, every=2))
    np.testing.assert_array_equal(predict_logits(model, texts), seen[1])
    assert not np.array_equal(seen[1], seen[2])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_a_failure(tiny_bert, texts, value):
    message = f"the evaluation at step 8 of 12 gives {value}, which is no score"
    with pytest.raises(Failure, match=f"^{re.escape(message)}$"):
        train(
            tiny_bert(), texts, LABELS, CrossEntropy(), settings(),
            evaluate=Evaluate(Scores(0.5, value), every=4),
        )  # fmt: skip


@pytest.mark.parametrize("every", [0, -1])
def test_an_evaluation_has_at_least_a_step_to_the_next(every):
    message = f"every, the steps from one evaluation to the next, must be 1 or more, not {every}"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        Evaluate(len, every)


# Spans


class Pointer(torch.nn.Module):
    """Gives these logits for beginning and for ending, whatever it is asked."""

    def __init__(self, starts, ends):
        super().__init__()
        self.starts, self.ends = (torch.nn.Parameter(torch.tensor(x)) for x in (starts, ends))

    def forward(self, **_):
        return SimpleNamespace(start_logits=self.starts, end_logits=self.ends)


def span_batch(labels, mask):
    mask = torch.tensor(mask)
    return {
        "labels": torch.tensor(labels),
        **dict.fromkeys(("input_ids", "token_type_ids"), mask),
        "attention_mask": mask,
    }


def test_the_loss_of_a_span_is_the_mean_over_its_beginning_and_its_end():
    starts, ends = [[0.0, 2.0, 1.0], [0.0, 0.0, 0.0]], [[1.0, 0.0, 3.0], [0.0, 0.0, 0.0]]
    loss = SpanCrossEntropy()(Pointer(starts, ends), span_batch([[1, 2], [0, 0]], [[1, 1, 1], [1, 1, 0]]))
    e = math.exp
    begin = -math.log(e(2) / (1 + e(2) + e(1))), -math.log(1 / 2)
    end = -math.log(e(3) / (e(1) + 1 + e(3))), -math.log(1 / 2)  # of two tokens that are there, not of three
    assert loss.item() == pytest.approx((sum(begin) / 2 + sum(end) / 2) / 2)


def test_padding_is_never_pointed_at_and_gets_no_gradient():
    model = Pointer([[0.0, 1.0, 9.0]], [[0.0, 1.0, 9.0]])
    SpanCrossEntropy()(model, span_batch([[1, 1]], [[1, 1, 0]])).backward()
    assert model.starts.grad[0, 2] == 0 and model.starts.grad[0, 0] > 0 > model.starts.grad[0, 1]


def test_a_qa_model_learns_where_a_word_stands(tiny_bert):
    """Every text holds the token 7 somewhere: it is the answer."""
    random = np.random.default_rng(0)
    ids = [[1, *random.integers(10, 99, 6).tolist()] for _ in range(64)]
    places = random.integers(1, 7, 64).tolist()
    for row, place in zip(ids, places, strict=True):
        row[place] = 7
    texts = Encoded(ids, [[0] * 7] * 64, truncated=0, pad_id=0)
    torch.manual_seed(0)
    model = BertForQuestionAnswering(tiny_bert().config)
    train(model, texts, [(p, p) for p in places], SpanCrossEntropy(), settings(epochs=12, learning_rate=3e-3))
    with torch.no_grad():
        starts = model(**texts.batch(range(64))).start_logits.argmax(dim=1).tolist()
    assert starts == places


@pytest.mark.parametrize(
    ("make", "labels", "objective", "message"),
    [
        ("classes", [(0, 1)] * 48, SpanCrossEntropy(), "BertForSequenceClassification gives no start_logits"),
        ("spans", LABELS, CrossEntropy(), "BertForQuestionAnswering gives no logits"),
        ("spans", LABELS, Distillation(), "BertForQuestionAnswering gives no logits"),
        ("classes", [(0, 1)] * 48, CrossEntropy(), "labels must be classes (batch,) or distributions (8, 2)"),
        ("classes", [0.5] * 48, Distillation(alpha=0.5), "the model answers with 2 classes an example and"),
    ],
)
def test_a_model_for_another_task_than_the_objectives_is_refused(
    tiny_bert, texts, make, labels, objective, message
):
    model = tiny_bert() if make == "classes" else BertForQuestionAnswering(tiny_bert().config)
    extras = {"teacher_logits": torch.zeros(48, 2)} if objective.needs else None
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        train(model, texts, labels, objective, settings(), extras)
