"""What the workshop works on: committed answers of real models, and small models to compute with.

The small models are jobs of the profile `smoke`, kept in the store like any other: what is there is read,
what is not takes seconds. Book: workshop/teach.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn

from bert_compression.compression import load_model, model_inputs
from bert_compression.errors import Failure
from bert_compression.experiments import Grid, Job, Session, get_profile, per_example, steps
from bert_compression.experiments.kinds.work import LOGITS
from bert_compression.inference import predict_logits, softmax
from bert_compression.models import load_tokenizer
from bert_compression.papers import committed, loyalty
from bert_compression.papers.loyalty import recipes
from bert_compression.tasks import Encoded, Examples, encode, get_task
from bert_compression.timing import threads
from bert_compression.training import TrainingSettings, train

if TYPE_CHECKING:
    from bert_compression.attacks import AttackResult

PROFILE, TASK, SEED = get_profile("smoke"), get_task("sst2"), 0
SHOWN = ("teacher", "kd", "head_prune", "q8_qat", "q8_ptq_int8")  # rows of Table 3
SEARCHED = "q8_ptq_int8"  # whose search in batches is looked at


def teacher() -> nn.Module:
    """The small teacher: the built-in BERT, fine-tuned on generated sentences."""
    return load_model(_made(_teacher()))


def distil(loss: Callable | None = None) -> nn.Module:
    """A student with half of its layers that has learnt from the teacher's distribution.

    `loss(student_logits, teacher_logits, temperature)` is what it learns by. Without a loss comes the student
    that has been trained before, by `kl_loss` with the same settings.
    """
    job = _student()
    if loss is None:
        return load_model(_made(job))
    params = job.params
    student = load_model(_made(job.inputs["model"]))
    with np.load(_made(job.inputs["teacher_logits"]) / LOGITS, allow_pickle=False) as arrays:
        logits = torch.from_numpy(arrays["logits"])
    settings = TrainingSettings(
        epochs=params["epochs"],
        batch_size=params["batch_size"],
        learning_rate=params["learning_rate"],
        warmup=params["warmup"],
        seed=params["seed"],
    )
    examples, encoded = _sentences(job)
    with threads(PROFILE.threads):
        objective = _Loss(loss, params["temperature"])
        train(student, encoded, list(examples.labels), objective, settings, {"teacher_logits": logits})
    return student


def probabilities(model: nn.Module) -> np.ndarray:
    """What a small model answers to each of the generated sentences: probabilities (sentences, classes)."""
    with threads(PROFILE.threads):
        return softmax(predict_logits(model, _evaluated()[1]))


def rounded(model: nn.Module, function: Callable[[torch.Tensor], torch.Tensor]) -> nn.Module:
    """A copy of a model with `function` of each weight matrix of its linear layers in the matrix's place."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear):
                module.weight.copy_(function(module.weight.detach()))
    return model


def attacked(model: nn.Module, texts: int = 10) -> tuple[list[str], "AttackResult"]:
    """TextFooler on the first generated sentences: these, and what became of them."""
    from bert_compression.attacks import attack, load_resources

    whole = _evaluated()[0]
    examples = Examples(whole.texts[:texts], whole.labels[:texts])
    resources = load_resources(PROFILE.resources, None)
    with threads(PROFILE.threads):
        result = attack(
            model,
            load_tokenizer(PROFILE.encoder),
            examples,
            resources,
            task=TASK,
            max_length=PROFILE.max_length,
        )
    return [text for (text,) in examples.texts], result


class RealModels(NamedTuple):
    """What real models said, from committed records of one seed; labels and outcomes are numbers."""

    gold: np.ndarray  # labels of the sentences of SST-2, (texts,)
    answers: dict[str, np.ndarray]  # of teacher and students, each (texts,)
    outcomes: dict[str, np.ndarray]  # of an attack on each, (attacked texts,)
    as_found: np.ndarray  # of an attack on real int8, as its search in batches ended
    judged: np.ndarray  # the verdicts of that attack, on the single texts


class SmallModels(NamedTuple):
    """A teacher and a student to compute with, and the gold labels of the sentences, (sentences,)."""

    labels: np.ndarray
    teacher: nn.Module
    student: nn.Module


@cache
def real_models() -> RealModels:
    """The answers of real models on SST-2. Raises Failure where the records are not there."""
    source, table = committed(), loyalty.TABLE_3
    labels = {method: table.row(method).label for method in SHOWN}
    answered = {method: _first(source.done(table, method, "accuracy")) for method in SHOWN}
    attacks = {method: _first(source.done(table, method, "after_attack_accuracy")) for method in SHOWN}
    searched = _first(source.done(loyalty.SEARCH_SST2, SEARCHED, "released"))
    return RealModels(
        gold=source.gold[answered["teacher"]["data"]["digest"]].astype(int),
        answers={labels[method]: _values(record, "predictions") for method, record in answered.items()},
        outcomes={labels[method]: _values(record, "outcomes") for method, record in attacks.items()},
        as_found=_values(searched, "as_found"),
        judged=_values(searched, "outcomes"),
    )


def small_models() -> SmallModels:
    """The small models, made in seconds where the store does not have them. Raises Failure if that fails."""
    return SmallModels(np.array(_evaluated()[0].labels), teacher(), distil())


def _values(record: Mapping, name: str) -> np.ndarray:
    return per_example(record, name).astype(int)  # of small unsigned numbers, differences would wrap


def _first(records: Sequence[Mapping]) -> Mapping:
    """The record of the first seed."""
    found = [record for record in records if record["seed"] == SEED]
    if not found:
        raise Failure("the committed records are missing: start the notebook in a clone of the project")
    return found[0]


class _Loss:
    """A learner's loss as an objective of the training loop."""

    needs = ("teacher_logits",)

    def __init__(self, loss: Callable, temperature: float):
        self.loss, self.temperature = loss, temperature

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.loss(
            student(**model_inputs(student, batch)).logits, batch["teacher_logits"], self.temperature
        )


@cache
def _grid() -> Grid:
    return Grid(PROFILE, TASK, SEED)


def _teacher() -> Job:
    return recipes.teacher(_grid())


def _student() -> Job:
    return recipes.kd(_grid())


@cache
def _session() -> Session:
    """The jobs of both models, done."""
    session = Session({"loyalty": [_teacher(), _student()]}, PROFILE, workers=1)
    failed = [record for record in session.run(quiet=True) if record["status"] != "ok"]
    if failed:
        raise Failure(f"the small {failed[0]['method']} could not be made: {failed[0]['error']}")
    return session


def _made(job: Job) -> Path:
    """The folder of what a job has left, run first where it has not been."""
    session = _session()
    return session.store.artifacts(session.resolver.key(job))


def _sentences(job: Job) -> tuple[Examples, Encoded]:
    """The examples that a job reads, as they are and as tokens."""
    examples = _session().resolver.examples(job)
    return examples, encode(examples.texts, load_tokenizer(PROFILE.encoder), PROFILE.max_length)


@cache
def _evaluated() -> tuple[Examples, Encoded]:
    """The sentences that the small models are asked about."""
    return _sentences(steps.predict(_grid(), _teacher()))
