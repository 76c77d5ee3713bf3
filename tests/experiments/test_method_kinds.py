"""The kinds of jobs that make and question the models of Tables 1 and 2, on a few built-in pairs."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import tiny_profile
import torch
from workshop import Workshop

from bert_compression.attacks import attack, load_resources
from bert_compression.compression import keep_layers, layer_states, layerwise_loss, load_model, patience_loss
from bert_compression.errors import Failure
from bert_compression.experiments import Grid, Job, in_order, steps
from bert_compression.experiments.kinds import KINDS, Work
from bert_compression.experiments.kinds.train import _teacher_logits
from bert_compression.experiments.records import encode as encode_each
from bert_compression.inference import predict_logits
from bert_compression.models import load_tokenizer
from bert_compression.papers.loyalty import recipes
from bert_compression.smoke import builtin
from bert_compression.tasks import Examples, FolderSource, encode, get_task

MNLI = get_task("mnli")
SIZES = {"train": 200, "validation_matched": 40, "validation_mismatched": 20}
PROFILE = replace(
    tiny_profile.shrunk("smoke"),
    train_size={"mnli": 200},
    attacked=20,
    epochs=4,
    kd_epochs=4,  # 28 steps: 20 in which modules are drawn, 8 of the successors alone
)
TASK_AGNOSTIC = {"epochs": 24, "batch_size": 32, "learning_rate": 1e-3, "warmup": 0.1}


def write_pairs(folder, shift: int = 0) -> FolderSource:
    """A few built-in pairs as a data folder, all training labels `shift` classes on."""
    (folder / "glue" / "mnli").mkdir(parents=True)
    for split, size in SIZES.items():
        pairs = builtin.generate("mnli", split, seed=1).head(size)
        if split == "train":
            pairs = pairs.assign(label=(pairs["label"] + shift) % 3)
        pairs.to_parquet(folder / "glue" / "mnli" / f"{split}.parquet")
    return FolderSource(folder)


class House(Workshop):
    """With the models in those folders, too."""

    def __init__(self, folder, **others):
        super().__init__(write_pairs(folder / "data", **others), folder / "store")

    def model(self, name: str, seed: int = 0):
        return load_model(self.place(model_of(grid(seed), name)))

    def batch(self, split: str = "train") -> dict[str, torch.Tensor]:
        """Inputs and labels of forty pairs."""
        job = steps.predict(grid(), model_of(grid(), "teacher"), split, 40)
        examples = self.resolver.examples(job)
        encoded = encode(examples.texts, load_tokenizer("builtin-bert"), 128)
        return encoded.batch(range(40))


def grid(seed: int = 0) -> Grid:
    return Grid(PROFILE, MNLI, seed)


def pkd_last(g: Grid) -> Job:
    told = {"alpha": 0.7, "beta": 500.0, "temperature": 10.0, "strategy": "last"}
    return steps.pkd(g, steps.truncate(g, recipes.teacher(g), 0.5), recipes.teacher(g), **told)


ON_THE_WAY = {
    "teacher | truncate": lambda g: steps.truncate(g, recipes.teacher(g), 0.5),
    "teacher | truncate | pkd_last": pkd_last,
    "distilbert_checkpoint": lambda g: recipes._checkpoint(g, "distilbert"),
    "tinybert_checkpoint": lambda g: recipes._checkpoint(g, "tinybert"),
}


def model_of(g: Grid, name: str) -> Job:
    return ON_THE_WAY[name](g) if name in ON_THE_WAY else tiny_profile.model_of(g, name)


@pytest.fixture(scope="module", autouse=True)
def sizes():
    """Small ones."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        small = replace(recipes.SIZES["smoke"], importance=64, calibration=64, task_agnostic=TASK_AGNOSTIC)
        monkeypatch.setitem(recipes.SIZES, "smoke", small)
        yield


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> House:
    return House(tmp_path_factory.mktemp("house"))


def differing(first, second) -> set[str]:
    """Names of the parameters in which two models of the same shape differ."""
    theirs = second.state_dict()
    assert first.state_dict().keys() == theirs.keys()
    return {name for name, value in first.state_dict().items() if not torch.equal(value, theirs[name])}


# Training by replacement


def test_theseus_leaves_the_teachers_embeddings_and_head_and_six_new_layers(house):
    record, student = house.record(model_of(grid(), "theseus")), house.model("theseus")
    metrics = record["metrics"]
    assert (metrics["layers"], metrics["steps"], metrics["steps_successor_alone"]) == (6, 28, 8)
    assert student.config.num_hidden_layers == len(student.bert.encoder.layer) == 6
    changed = differing(student, house.model("teacher | truncate"))
    assert changed and all(name.startswith("bert.encoder.layer.") for name in changed)
    assert {name.split(".")[3] for name in changed} == set("012345")
    assert metrics["train_examples"] == 200 and metrics["final_loss"] > 0


def test_with_kd_theseus_follows_the_teacher_and_not_the_labels(house, tmp_path):
    """The teacher's answers are an input: other labels with the same answers change nothing."""
    with_labels, with_teacher = house.model("theseus"), house.model("theseus_kd")
    assert differing(with_labels, with_teacher)
    job = model_of(grid(), "theseus_kd")
    inputs = {name: house.place(needed) for name, needed in job.inputs.items()}
    examples = house.resolver.examples(job)
    again = []
    for labels in (examples.labels, [*examples.labels[1:], examples.labels[0]]):
        folder = tmp_path / str(len(again))
        folder.mkdir()
        work = Work(
            job.params, MNLI, inputs, folder, Examples(examples.texts, tuple(labels)), None, print_not
        )
        KINDS["theseus"].run(work)
        again.append(load_model(folder))
    assert not differing(again[0], with_teacher) and not differing(*again)


def print_not(done, total):
    pass


# Patient distillation


def test_pkd_brings_the_students_states_nearer_to_its_teachers(house):
    start, student, teacher = (house.model(m) for m in ("teacher | truncate", "pkd", "teacher"))
    without = house.model("kd")
    batch = house.batch()

    def apart(model) -> float:
        ours, theirs = (m(**batch, output_hidden_states=True).hidden_states for m in (model, teacher))
        pairs = [(ours[i][:, 0], theirs[2 * i][:, 0]) for i in range(1, 6)]
        return patience_loss(*(torch.stack(states) for states in zip(*pairs, strict=True))).item()

    with torch.no_grad():
        assert apart(student) < 0.6 * min(apart(start), apart(without))
    assert student.config.num_hidden_layers == 6
    assert differing(student, house.model("teacher | truncate | pkd_last"))


# Distillation before the task


@pytest.mark.parametrize("recipe", ["tinybert", "distilbert"])
def test_pretraining_distillation_brings_a_spread_student_nearer_to_the_encoder(house, recipe):
    head = model_of(grid(), f"{recipe}_checkpoint")
    job = head.inputs["model"]
    record, student = house.record(job), load_model(house.place(job))
    teacher = load_model(house.place(job.inputs["model"]))
    assert (record["metrics"]["layers"], record["params"]["recipe"]) == (6, recipe)
    start = keep_layers(teacher, [0, 2, 4, 7, 9, 11])
    assert student.state_dict().keys() == start.state_dict().keys()  # and nothing of a masked-word head
    batch = house.batch()

    def apart(model) -> float:
        ours, theirs = (layer_states(m, batch) for m in (model, teacher))
        if recipe == "tinybert":
            return layerwise_loss(ours, theirs, batch["attention_mask"]).item()
        cosines = torch.cosine_similarity(ours.hidden[-1], theirs.hidden[-1], dim=-1)
        return (1 - cosines)[batch["attention_mask"].bool()].mean().item()

    # DistilBERT's recipe minds the words above all, and the vectors' direction only as one part of three.
    share = {"tinybert": 0.95, "distilbert": 0.995}[recipe]
    with torch.no_grad():
        assert apart(student) < share * apart(start)
    assert differing(student, start) >= {"bert.encoder.layer.0.output.dense.weight"}
    assert not any(name.startswith("classifier") for name in differing(student, start))


@pytest.mark.parametrize("recipe", ["tinybert", "distilbert"])
def test_pretraining_distillation_looks_at_no_label(house, tmp_path, recipe):
    other = House(tmp_path, shift=1)
    job = model_of(grid(), f"{recipe}_checkpoint").inputs["model"]
    assert house.resolver.key(job) != other.resolver.key(job)
    assert not differing(*(load_model(each.place(job)) for each in (house, other)))


def test_each_seed_draws_its_own_head_on_an_encoder_that_was_distilled_once(house):
    first, other = (house.model("tinybert_checkpoint", seed) for seed in (1, 2))
    assert differing(first, other) == {"classifier.weight"}
    encoder = load_model(house.place(model_of(grid(), "tinybert_checkpoint").inputs["model"]))
    assert differing(first, encoder) == {"classifier.weight"}
    distilled = [r for r in house.store.records() if r["kind"] == "distill_task_agnostic"]
    assert sum(r["params"]["recipe"] == "tinybert" for r in distilled) == 1


def test_an_encoder_of_every_model_size_can_be_distilled(house):
    """Shares such as 5/6 leave layers that the teacher's are no multiple of."""
    asked = in_order(tiny_profile.jobs_of("miniature", "errors"))
    smaller = [job.params for job in asked if job.kind == "distill_task_agnostic"]
    assert len(smaller) == 5
    like = model_of(grid(), "distilbert_checkpoint").inputs["model"]
    for told in smaller:
        params = {**like.params, "size": 32, "recipe": told["recipe"], "keep": told["keep"]}
        record = house.record(Job(like.kind, params, like.inputs, like.method))
        assert record["metrics"]["layers"] == round(12 * told["keep"])


# A teacher that knows nothing


def test_a_teacher_must_be_right_more_often_than_the_commonest_label(house, tmp_path):
    labels = house.resolver.examples(model_of(grid(), "kd")).labels
    counts = np.bincount(labels)
    commonest = int(counts.argmax())
    constant = np.tile(np.eye(3, dtype=np.float32)[commonest], (200, 1))
    better = constant.copy()
    row = next(row for row, label in enumerate(labels) if label != commonest)
    better[row] = 2 * np.eye(3)[labels[row]]

    def run(kind, method, logits):
        np.savez(tmp_path / "logits.npz", logits=logits)
        job = model_of(grid(), method)
        inputs = {name: house.place(needed) for name, needed in job.inputs.items()}
        inputs["teacher_logits"] = tmp_path
        examples = house.resolver.examples(job)
        return kind(Work(job.params, MNLI, inputs, tmp_path, examples, None, print_not))

    share = counts.max() / 200
    message = (
        f"the teacher is right on {share:.1%} of the training examples, no more than always giving the "
        f"commonest label ({share:.1%}): fine-tune it before distilling"
    )
    for kind, method in (("distill", "kd"), ("pkd", "pkd"), ("theseus", "theseus_kd")):
        with pytest.raises(Failure, match=f"^{re.escape(message)}$"):
            run(KINDS[kind].run, method, constant)
    given = run(_teacher_logits, "kd", better)
    assert given.keys() == {"teacher_logits"}
    np.testing.assert_array_equal(given["teacher_logits"], better)


# One at a time and in batches


@pytest.mark.parametrize("mode", ["int8", "dynamic"])
def test_batch_dependent_models_answer_one_at_a_time_unless_batches_are_asked_for(house, mode):
    made = model_of(grid(), f"q8_ptq_{mode}")
    model = load_model(house.place(made))
    logits = {}
    for name, others in (("one at a time", {}), ("in batches", {"batched": True})):
        job = steps.predict(grid(), made, "validation_matched", None, **others)
        with np.load(house.place(job) / "logits.npz") as arrays:
            logits[name] = arrays["logits"]
    encoded = encode(house.resolver.examples(job).texts, load_tokenizer("builtin-bert"), 128)
    np.testing.assert_array_equal(logits["one at a time"], predict_logits(model, encoded, 1))
    np.testing.assert_array_equal(logits["in batches"], predict_logits(model, encoded, 32))
    assert not np.array_equal(logits["one at a time"], logits["in batches"])


def test_static_ranges_do_not_depend_on_the_batch_and_answer_in_batches(house):
    made = model_of(grid(), "q8_ptq_static")
    job = steps.predict(grid(), made, "validation_matched", None)
    with np.load(house.place(job) / "logits.npz") as arrays:
        logits = arrays["logits"]
    encoded = encode(house.resolver.examples(job).texts, load_tokenizer("builtin-bert"), 128)
    np.testing.assert_array_equal(logits, predict_logits(load_model(house.place(made)), encoded, 32))


def attack_job(made: Job, **others) -> Job:
    params = grid().data(
        "validation_matched",
        PROFILE.attacked,
        recipe="textfooler",
        settings={},
        resources="builtin",
        **others,
    )
    return Job("attack", params, {"model": made}, made.method)


@pytest.mark.parametrize("batched", [False, True])
def test_an_attack_batched_is_one_in_batches(house, batched):
    made = model_of(grid(), "q8_ptq_int8")
    job = attack_job(made, **({"batched": True} if batched else {}))
    record = house.record(job)
    expected = attack(
        load_model(house.place(made)),
        load_tokenizer("builtin-bert"),
        house.resolver.examples(job),
        load_resources("builtin"),
        task=MNLI,
        max_length=PROFILE.max_length,
        one_at_a_time=not batched,
    )
    assert record["per_example"]["outcomes"] == "".join(map(str, expected.outcomes))
    assert record["per_example"]["queries"] == list(expected.queries)
    assert record["metrics"]["successes_lost_alone"] == expected.lost_alone
    assert record["metrics"]["successes"] == expected.outcomes.count(2) > 0
    assert json.loads((house.place(job) / "adversarial.json").read_text()) == list(expected.texts)
    if not batched:
        assert expected.lost_alone == 0


@pytest.mark.parametrize("method", ["q8_ptq_int8", "q8_ptq_static", "teacher"])
def test_an_attack_as_released_searches_in_padded_batches_and_judges_alone(house, method):
    """With padding or without: where ranges are fixed, the attack finds the same."""
    made = model_of(grid(), method)
    record = house.record(attack_job(made, protocol="released", padded=method == "q8_ptq_int8"))
    expected = attack(
        load_model(house.place(made)),
        load_tokenizer("builtin-bert"),
        house.resolver.examples(attack_job(made)),
        load_resources("builtin"),
        task=MNLI,
        max_length=PROFILE.max_length,
        padded=True,
        judge_failures=True,
    )
    assert record["per_example"]["outcomes"] == "".join(map(str, expected.outcomes))
    assert record["per_example"]["as_found"] == "".join(map(str, expected.as_found))
    metrics = record["metrics"]
    moved = metrics["successes_lost_alone"] - metrics["successes_won_alone"]
    gained = metrics["after_attack_accuracy"] - metrics["as_found_accuracy"]
    assert gained == pytest.approx(moved / len(expected.outcomes))
    assert metrics["as_found_accuracy_low"] <= metrics["as_found_accuracy"]
    assert "as_found" not in house.record(attack_job(made))["per_example"]


def test_only_the_hypothesis_is_changed(house):
    job = attack_job(model_of(grid(), "teacher"))
    record = house.record(job)
    texts = json.loads((house.place(job) / "adversarial.json").read_text())
    pairs = house.resolver.examples(job).texts
    assert record["metrics"]["attacked"] == len(texts) == len(pairs) == 20
    for (_, hypothesis), text in zip(pairs, texts, strict=True):
        assert not text or (text != hypothesis and len(text.split()) == len(hypothesis.split()))
    assert any(texts)


# Transferred adversarial texts


def transfer_job(source: Job, target: Job) -> Job:
    params = grid().data("validation_matched", PROFILE.attacked, source=source.method)
    return Job("transfer", params, {"model": target, "attack": attack_job(source)}, target.method)


def test_what_fooled_a_model_fools_it_again_and_not_always_another(house):
    teacher, student = model_of(grid(), "teacher"), model_of(grid(), "pkd")
    attacked = house.record(attack_job(teacher))["metrics"]
    back = house.record(transfer_job(teacher, teacher))["metrics"]
    assert back["adversarial_texts"] == back["texts_judged"] == attacked["successes"] > 0
    assert back["transfer_rate"] == 1.0
    assert back["accuracy_on_transferred_texts"] == attacked["after_attack_accuracy"]
    other = house.record(transfer_job(teacher, student))
    assert other["metrics"]["adversarial_texts"] == attacked["successes"]
    assert (other["method"], other["params"]["source"]) == ("pkd", "teacher")
    assert 0 <= other["metrics"]["transfer_rate_low"] <= other["metrics"]["transfer_rate"]
    assert other["metrics"]["transfer_rate"] <= other["metrics"]["transfer_rate_high"] <= 1


@pytest.fixture
def judge(house, tmp_path):
    """Transfers texts to the teacher: `judge(pairs, labels, adversarial hypotheses)`."""

    def judged(pairs, labels, transferred):
        (tmp_path / "adversarial.json").write_text(json.dumps(transferred))
        inputs = {"model": house.place(model_of(grid(), "teacher")), "attack": tmp_path}
        params = grid().data("validation_matched", len(pairs), source="someone")
        work = Work(params, MNLI, inputs, tmp_path, Examples(tuple(pairs), tuple(labels)), None, print_not)
        return KINDS["transfer"].run(work)

    return judged


def answers(house, pairs):
    encoded = encode(pairs, load_tokenizer("builtin-bert"), 128)
    return predict_logits(house.model("teacher"), encoded).argmax(1).tolist()


def test_of_transferred_texts_only_those_count_whose_original_the_target_had_right(house, judge):
    """Five pairs: two carried over, one withstood, one wrong from the start, one that fooled nobody."""
    every = house.resolver.examples(attack_job(model_of(grid(), "teacher"))).texts
    same = every[0]
    (here,) = answers(house, [same])
    premise, hypothesis = same
    others = [other for _, other in every]
    moved = [a != here for a in answers(house, [(premise, other) for other in others])]
    fools = others[moved.index(True)]
    holds = next(
        other for other, is_moved in zip(others, moved, strict=True) if not is_moved and other != hypothesis
    )
    wrong = (here + 1) % 3
    outcome = judge(
        [same] * 5,
        [here, here, here, wrong, here],
        [fools, fools, holds, fools, ""],
    )
    metrics = outcome.metrics
    each = {name: encode_each(values) for name, values in outcome.per_example.items()}
    assert metrics["adversarial_texts"] == 4 and metrics["texts_judged"] == 3
    assert metrics["transfer_rate"] == pytest.approx(2 / 3)
    assert metrics["transfer_rate_low"] < 2 / 3 < metrics["transfer_rate_high"]
    assert each["right_on_original"] == "11101"
    assert each["right_on_transferred"] == f"001{int(answers(house, [(premise, fools)]) == [wrong])}1"
    assert metrics["accuracy_on_transferred_texts"] == each["right_on_transferred"].count("1") / 5


def test_a_model_that_is_wrong_from_the_start_is_no_judge(house, judge):
    pair = house.resolver.examples(attack_job(model_of(grid(), "teacher"))).texts[0]
    (here,) = answers(house, [pair])
    metrics = judge([pair] * 2, [(here + 1) % 3] * 2, ["the food was hot .", ""]).metrics
    assert (metrics["adversarial_texts"], metrics["texts_judged"]) == (1, 0)
    assert metrics["transfer_rate"] == metrics["transfer_rate_low"] == metrics["transfer_rate_high"] == 0.0


def test_where_nobody_was_fooled_there_is_nothing_to_transfer(judge):
    message = "^the attack fooled its model with no text: there is nothing to transfer$"
    with pytest.raises(Failure, match=message):
        judge([("the food was hot .", "the food was hot .")] * 2, [0, 0], ["", ""])
