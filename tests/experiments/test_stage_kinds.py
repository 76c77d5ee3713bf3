"""The kinds of jobs of extreme compression: training in stages, augmentation, other bits, distances."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_profile
import torch
from workshop import Workshop

from bert_compression.compression import binarize, load_model
from bert_compression.errors import BadInput
from bert_compression.experiments import Grid, Job, steps
from bert_compression.experiments.kinds import train as train_kinds
from bert_compression.experiments.kinds.train import STAGES, Answers
from bert_compression.inference import predict_logits
from bert_compression.tasks import Examples, get_task
from bert_compression.tasks.sources import BuiltinSource

PROFILE = replace(tiny_profile.shrunk("smoke"), train_size={"rte": 64, "imdb": 32, "stsb": 48})
STAGED = {
    "steps": 6,
    "layer_map": [0, 1, 2],
    "first_rate": 2.5,
    "selected_by": "accuracy",
    "every": 2,
    "size": 48,
    "learning_rate": 1e-3,
    "batch_size": 8,
    "warmup": 0.1,
}


def grid(task="rte", seed=0):
    return Grid(PROFILE, get_task(task), seed)


def few(g):
    return steps.reduce_layers(g, steps.pretrained(g), [0, 5, 11])


def teacher(g):
    return steps.finetune(g, few(g), learning_rate=1e-3, batch_size=16, warmup=0)


def staged(g, stages=1, student=None, **told):
    student = student or steps.quantize_encoder(g, teacher(g), 1)
    return steps.distill_in_stages(g, student, teacher(g), stages=stages, **{**STAGED, **told})


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return Workshop(BuiltinSource(), tmp_path_factory.mktemp("house"))


@pytest.fixture
def trainings(monkeypatch):
    """(objective, settings) of every call of the training loop."""
    seen = []
    train = train_kinds.train

    def watched(model, examples, labels, objective, settings, *more, **others):
        seen.append((objective, settings, len(examples)))
        return train(model, examples, labels, objective, settings, *more, **others)

    monkeypatch.setattr(train_kinds, "train", watched)
    return seen


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_stages_share_the_steps_and_the_first_of_several_is_faster(tmp_path, trainings, stages):
    own = Workshop(BuiltinSource(), tmp_path)
    record = own.record(staged(grid(), stages, steps=7))
    assert record["status"] == "ok", record["error"]
    calls = trainings[1:]  # the teacher's comes first
    assert [(objective.states, objective.logits) for objective, _, _ in calls] == list(STAGES[stages])
    assert [settings.steps for _, settings, _ in calls] == {1: [7], 2: [3, 4], 3: [2, 2, 3]}[stages]
    rates = [settings.learning_rate for _, settings, _ in calls]
    assert rates == pytest.approx([2.5e-3, 1e-3, 1e-3][:stages] if stages > 1 else [1e-3])
    assert len({settings.seed for _, settings, _ in calls}) == stages
    assert record["metrics"]["steps"] == 7 and record["metrics"]["stages"] == stages
    assert record["metrics"]["evaluations"] == sum((s.steps + 1) // 2 for _, s, _ in calls)


def test_the_model_that_is_kept_is_the_best_on_what_it_was_asked(house):
    job = staged(grid(), every=1, learning_rate=5e-3)
    metrics = house.record(job)["metrics"]
    g = grid()
    answered = house.record(steps.predict(g, job))["metrics"]["accuracy"]
    assert answered == pytest.approx(metrics["best_score"])
    assert metrics["best_score"] >= metrics["last_score"] and 1 <= metrics["best_evaluation"] <= 6
    assert metrics["selection_gain"] == pytest.approx(metrics["best_score"] - metrics["last_score"])


@pytest.mark.parametrize(
    ("layer_map", "embeddings"), [([0, 1, 2], 0), ([1, 3, 5], 0), ([2, 4, 6], 1), ([9, 10, 11], 8)]
)
def test_embeddings_stand_for_the_state_two_below_that_of_the_first_layer_or_for_embeddings(
    tmp_path, trainings, layer_map, embeddings
):
    """Of hidden states, counted from that of the embeddings, layer k has the one of the number k + 1."""
    g = grid()
    whole = steps.pretrained(g)
    job = steps.distill_in_stages(
        g, few(g), whole, stages=1, **{**STAGED, "layer_map": layer_map, "steps": 1}
    )
    record = Workshop(BuiltinSource(), tmp_path).record(job)
    assert record["status"] == "ok", record["error"]
    assert trainings[-1][0].layer_map == layer_map and trainings[-1][0].embeddings == embeddings


def test_of_equal_checkpoints_the_first_is_kept(tmp_path, monkeypatch):
    """Within a stage and among stages: training longer has gained nothing."""
    kept = []

    def equal(answers, model):
        kept.append({name: each.clone() for name, each in model.state_dict().items()})
        answers.given.append(np.zeros(len(answers.gold)))
        answers.best = 0.5
        return 0.5

    monkeypatch.setattr(Answers, "__call__", equal)
    own = Workshop(BuiltinSource(), tmp_path)
    job = staged(grid(), 3, every=1, learning_rate=5e-3)
    record = own.record(job)
    assert record["status"] == "ok" and record["metrics"]["evaluations"] == len(kept) == 6
    found = load_model(own.place(job)).state_dict()
    same = [all(torch.equal(found[name], each[name]) for name in found) for each in kept]
    assert same == [True, *[False] * 5]


@pytest.mark.parametrize(("mode", "at_once"), [("per_token", train_kinds.AT_ONCE), ("clipped", 1)])
def test_a_student_whose_answers_depend_on_their_batch_is_asked_one_text_at_a_time(
    tmp_path, monkeypatch, mode, at_once
):
    asked = []

    def watched(model, encoded, batch_size):
        asked.append(batch_size)
        return predict_logits(model, encoded, batch_size)

    monkeypatch.setattr(train_kinds, "predict_logits", watched)
    g = grid()
    job = staged(g, student=steps.quantize_encoder(g, teacher(g), 1, mode=mode), evaluated=8, steps=2)
    record = Workshop(BuiltinSource(), tmp_path).record(job)
    assert record["status"] == "ok", record["error"]
    assert asked == [at_once] * record["metrics"]["evaluations"] and asked


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"stages": 4}, "stages must lie in 1..3, not 4"),
        ({"stages": 0}, "stages must lie in 1..3, not 0"),
        (
            {"layer_map": []},
            "a layer map has an entry for each of the student's layers, and this one has none",
        ),
    ],
)
def test_stages_that_there_are_not_make_no_job(told, message):
    with pytest.raises(BadInput, match=f"^{message}$"):
        staged(grid(), **told)


def test_too_few_steps_for_the_stages_are_refused(house):
    with pytest.raises(BadInput, match=r"^2 steps cannot be split into 3 stages$"):
        house.record(staged(grid(), 3, steps=2))


def test_a_regression_is_selected_by_its_correlation(house):
    g = grid("stsb")
    job = staged(g, 3, student=teacher(g), selected_by="pearson", size=32)
    record = house.record(job)
    assert record["status"] == "ok" and -1 <= record["metrics"]["best_score"] <= 1


def test_what_choosing_is_worth_is_counted_on_the_other_half():
    asked = SimpleNamespace(params={"selected_by": "accuracy"}, encoded=lambda texts: None, batch_size=None)
    answers = Answers(asked, Examples((("x",),) * 8, (0, 1, 0, 1, 0, 1, 0, 1)))
    gold = np.array([0, 1] * 4)
    # Even places are the one half, odd ones the other. The second evaluation is right on all even places.
    first, second, last = gold.copy(), np.zeros(8, dtype=int), gold.copy()
    first[[0, 1]] = 1 - first[[0, 1]]
    last[[0, 2, 1]] = 1 - last[[0, 2, 1]]
    answers.given = [first, second, last]
    told = answers.metrics()
    # even: 3/4, 4/4, 2/4; odd: 3/4, 0, 3/4; whole: 6/8, 4/8, 5/8
    assert told["best_evaluation"] == 1 and told["selection_gain"] == pytest.approx(1 / 8)
    # Chosen by even places: the second, on odd ones 0 - 3/4. By odd: the first, on even ones 3/4 - 2/4.
    assert told["selection_gain_unseen"] == pytest.approx((-3 / 4 + 1 / 4) / 2)
    assert told["evaluations"] == 3 and told["last_score"] == pytest.approx(5 / 8)


def guesser(g):
    told = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-3, "warmup": 0.1, "tuned_layers": 1}
    return steps.masked_lm(g.at(task="imdb"), 32, told)


def test_augmented_texts_are_trained_on_in_the_place_of_the_jobs_own(tmp_path, trainings):
    own = Workshop(BuiltinSource(), tmp_path)
    g = grid()
    texts = steps.augment(g, guesser(g), 12, 3)
    record = own.record(texts)
    assert record["status"] == "ok", record["error"]
    made = json.loads((own.place(texts) / "examples.json").read_text())
    originals = own.resolver.examples(texts)
    assert record["metrics"]["originals"] == 12 and record["metrics"]["examples"] == len(made["labels"])
    assert {tuple(text) for text in made["texts"]} >= set(originals.texts)
    assert 12 < len(made["labels"]) <= 12 * 7
    trainings.clear()
    job = own.record(staged(g, texts=texts))
    assert trainings[-1][2] == len(made["labels"]) == job["metrics"]["train_examples"]


def test_augmentation_without_a_masked_language_model_is_refused(house):
    g = grid()
    whole = steps.augment(g, guesser(g), 8, 2)
    with pytest.raises(BadInput, match=r"^augmentation asks a masked language model what fits a place"):
        house.record(Job("augment", whole.params, {}, "augmented"))


def test_other_bits_keep_what_training_has_moved(house):
    g = grid()
    first = staged(g, student=steps.quantize_encoder(g, teacher(g), 2))
    again = load_model(house.place(steps.requantize(g, first, 1, 1)))
    before = load_model(house.place(first))
    name = "bert.encoder.layer.1.output.dense"
    assert torch.equal(again.get_submodule(name).weight, before.get_submodule(name).weight)
    assert torch.equal(
        again.get_submodule(name).rounded_weight(), binarize(before.get_submodule(name).weight)
    )


def test_distances_are_those_of_each_matrix_and_the_histogram_holds_every_weight(house):
    g = grid()
    job = steps.weight_distances(g, steps.quantize_encoder(g, teacher(g), 1), teacher(g))
    record = house.record(job)
    start = load_model(house.place(teacher(g)))
    weight = start.bert.encoder.layer[2].attention.self.key.weight
    expected = (binarize(weight) - weight).norm().item()
    assert record["per_example"]["distances"][2][1] == pytest.approx(expected, abs=1e-3)
    # Of a model that was not trained afterwards, rounding is all.
    assert record["per_example"]["rounding"] == record["per_example"]["distances"]
    assert not np.any(record["per_example"]["training"])
    assert np.shape(record["per_example"]["distances"]) == (3, 6)
    words = start.bert.embeddings.word_embeddings.weight
    layers = start.bert.encoder.layer.modules()
    matrices = [module.weight for module in layers if isinstance(module, torch.nn.Linear)]
    assert record["metrics"]["weights"] == words.numel() + sum(m.numel() for m in matrices)
    assert sum(record["per_example"]["histogram"]) == record["metrics"]["weights"]


def test_minilms_way_makes_an_encoder_of_fewer_layers(house):
    g = grid("imdb")
    told = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-3, "warmup": 0.1}
    record = house.record(steps.distill_task_agnostic(g, "minilm", 0.25, 32, told))
    assert record["status"] == "ok" and record["metrics"]["layers"] == 3
