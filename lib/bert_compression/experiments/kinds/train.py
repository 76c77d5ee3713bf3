"""Kinds that train a model: with labels, from a teacher, by replacement, on text alone."""

from functools import partial

import numpy as np
import torch
from torch.nn import Module

from bert_compression.attacks import MaskedWords, load_masked_lm, masked_lm_over, save_masked_lm
from bert_compression.compression import (
    Distillation,
    GeneralDistillation,
    LogitLoss,
    MaskedDistillation,
    MaskedWordStudent,
    Objective,
    PatientDistillation,
    RelationDistillation,
    Replacing,
    StatesAndLogits,
    keep_layers,
    replace_modules,
    save_model,
    spread_layers,
    successor,
)
from bert_compression.errors import BadInput, Failure
from bert_compression.experiments.kinds.work import Outcome, Work, kind
from bert_compression.inference import predict_logits
from bert_compression.metrics import SCORES
from bert_compression.models import load_tokenizer
from bert_compression.tasks import Examples
from bert_compression.training import CrossEntropy, Evaluate, SpanCrossEntropy, TrainingSettings, train

AT_ONCE = 128  # texts that a student in training answers at once
CURVE_POINTS = 50  # of a training curve: means over as many equal parts


def _steps(params: dict, rows: int) -> int:
    return 3 * params["epochs"] * rows


def _steps_with_teacher(params: dict, rows: int) -> int:
    return 4 * params["epochs"] * rows  # the teacher reads along


@kind(version=1, passes=_steps)
def finetune(work: Work) -> Outcome:
    """Training with gold labels: the teacher, quantization-aware training, fine-tuning after compression."""
    model = work.model()
    metrics = _train(work, model, SpanCrossEntropy() if work.task.spans else CrossEntropy())
    save_model(model, work.folder)
    return Outcome(metrics)


@kind(version=1, passes=_steps)
def distill(work: Work) -> Outcome:
    """Training with the teacher's distribution in the place of gold labels; its logits were computed once."""
    student = work.model()
    objective = Distillation(work.params["temperature"], work.params["alpha"])
    metrics = _train(work, student, objective, _teacher_logits(work))
    save_model(student, work.folder)
    return Outcome(metrics)


@kind(version=1, passes=_steps_with_teacher)
def pkd(work: Work) -> Outcome:
    """Patient distillation: the teacher's distribution, its [CLS] states, and gold labels."""
    student, params = work.model(), work.params
    objective = PatientDistillation(
        work.model("teacher"), params["temperature"], params["alpha"], params["beta"], params["strategy"]
    )
    metrics = _train(work, student, objective, _teacher_logits(work))
    save_model(student, work.folder)
    return Outcome(metrics)


@kind(version=1, passes=_steps)
def theseus(work: Work) -> Outcome:
    """Training by replacement, with gold labels or with the teacher's distribution; the student is kept."""
    predecessor, params = work.model(), work.params
    layers = round(predecessor.config.num_hidden_layers * params["keep"])
    with_teacher = "teacher_logits" in work.inputs
    inner = Distillation(params["temperature"], params["alpha"]) if with_teacher else CrossEntropy()
    model = replace_modules(predecessor, layers)
    logits = _teacher_logits(work) if with_teacher else None
    metrics = _train(work, model, Replacing(inner, params["k"], params["b"]), logits)
    save_model(successor(model), work.folder)
    alone = max(0.0, metrics["steps"] - (1 - params["b"]) / params["k"])
    return Outcome({**metrics, "layers": layers, "steps_successor_alone": round(alone)})


@kind(version=1, passes=_steps)
def taylor(work: Work) -> Outcome:
    """Training with the Taylor loss or one to compare it with; the teacher need not be fine-tuned."""
    student, objective = work.model(), LogitLoss(work.params["loss"], work.params["lambda"])
    logits = {"teacher_logits": torch.from_numpy(work.logits("teacher_logits"))} if objective.needs else {}
    metrics = _train(work, student, objective, logits)
    save_model(student, work.folder)
    parts = np.array_split(objective.curve, min(CURVE_POINTS, len(objective.curve)))
    return Outcome(metrics, {"cross_entropy": [round(float(part.mean()), 5) for part in parts]})


def _staged_passes(params: dict, rows: int) -> float:
    return 4 * params["steps"] * params["batch_size"]


@kind(version=1, passes=_staged_passes)
def distill_in_stages(work: Work) -> Outcome:
    """Task-specific distillation by hidden states, attention scores and logits of a teacher, in 1, 2 or 3
    stages that share the steps. Input "evaluated" holds the examples that the student answers on the way: the
    model that is kept is its best on these, as the paper reports it. Input "texts", where there is one, holds
    the training examples, instead of the job's own."""
    params, student, teacher = work.params, work.model(), work.model("teacher")
    stages = STAGES[params["stages"]]
    if params["steps"] < len(stages):
        raise BadInput(f"{params['steps']} steps cannot be split into {len(stages)} stages")
    texts = work.read_examples("texts") if "texts" in work.inputs else work.examples
    encoded, evaluated = work.encoded(texts), Answers(work, work.read_examples("evaluated"))
    layers = params["layer_map"]
    shared = {"layer_map": layers, "embeddings": max(0, layers[0] - 1)}
    best_weights, taken, losses = None, 0, []
    for number, (states, logits) in enumerate(stages):
        # What is left is split evenly between the stages that are left.
        steps = (params["steps"] - taken) // (len(stages) - number)
        settings = TrainingSettings(
            epochs=0,
            steps=steps,
            batch_size=params["batch_size"],
            learning_rate=params["learning_rate"] * (params["first_rate"] if not logits else 1),
            warmup=params["warmup"],
            seed=params["seed"] + 1000 * number,  # or each stage would begin with the same batches
        )
        best = evaluated.best
        result = train(
            student,
            encoded,
            list(texts.labels),
            StatesAndLogits(teacher, states, logits, **shared),
            settings,
            progress=partial(_of_all, work, taken),
            evaluate=Evaluate(evaluated, params["every"], restore_best=False),
        )
        if best is None or evaluated.best > best:
            best_weights = result.best_weights
        taken += result.steps
        losses.append(result.final_loss)
    student.load_state_dict(best_weights)
    save_model(student, work.folder)
    return Outcome(
        {
            "steps": taken,
            "stages": len(stages),
            "train_examples": len(texts),
            "epochs": taken * params["batch_size"] / len(texts),
            "final_loss": losses[-1],
            **evaluated.metrics(),
        }
    )


def _of_all(work: Work, before: int, done: int, total: int) -> None:
    work.progress(before + done, work.params["steps"])


# Of each stage: does the student follow the teacher's states, and its logits?
STAGES = {
    1: ((True, True),),
    2: ((True, False), (False, True)),
    3: ((True, False), (True, True), (False, True)),
}


class Answers:
    """What a model in training answers to some examples, evaluation by evaluation; a score for `Evaluate`."""

    def __init__(self, work: Work, examples: Examples):
        self.score, self.gold = SCORES[work.params["selected_by"]], np.array(examples.labels)
        self.encoded, self.batch_size = work.encoded(examples), work.batch_size
        self.given: list[np.ndarray] = []
        self.best: float | None = None

    def __call__(self, model: Module) -> float:
        # Many at once, where nothing depends on it: Python around a batch is what a small model costs.
        at_once = 1 if self.batch_size(model) == 1 else AT_ONCE
        logits = predict_logits(model, self.encoded, at_once)
        self.given.append(logits[:, 0] if logits.shape[1] == 1 else logits.argmax(axis=1))
        score = self.score(self.gold, self.given[-1])
        self.best = score if self.best is None else max(self.best, score)
        return score

    def metrics(self) -> dict[str, float]:
        """The best score, the last one, and what choosing the best is worth on examples that were not chosen
        by: chosen on one half and counted on the other, both ways."""
        halves = [np.arange(len(self.gold)) % 2 == side for side in (0, 1)]

        def scores(chosen: np.ndarray) -> np.ndarray:
            return np.array([self.score(self.gold[chosen], each[chosen]) for each in self.given])

        whole, (one, other) = scores(np.ones(len(self.gold), dtype=bool)), map(scores, halves)
        unseen = (other[one.argmax()] - other[-1] + one[other.argmax()] - one[-1]) / 2
        return {
            "evaluations": len(self.given),
            "best_evaluation": int(whole.argmax()) + 1,
            "best_score": float(whole.max()),
            "last_score": float(whole[-1]),
            "selection_gain": float(whole.max() - whole[-1]),
            "selection_gain_unseen": float(unseen),
        }


@kind(version=1, passes=_steps_with_teacher)
def distill_task_agnostic(work: Work) -> Outcome:
    """Task-agnostic distillation: a smaller encoder learns on text alone what a pretrained one computes. The
    examples serve as text; their labels are not looked at."""
    teacher, params = work.model(), work.params
    present = teacher.config.num_hidden_layers
    layers = round(present * params["keep"])
    student = keep_layers(teacher, spread_layers(layers, present))
    if params["recipe"] == "tinybert":
        metrics = _train(work, student, GeneralDistillation(teacher))
    elif params["recipe"] == "minilm":
        metrics = _train(work, student, RelationDistillation(teacher, teacher.config.num_attention_heads))
    else:
        tokens = load_tokenizer(params["encoder"])
        objective = MaskedDistillation(teacher, tokens.mask_token_id, tuple(tokens.all_special_ids))
        metrics = _train(work, MaskedWordStudent(student), objective)
    save_model(student, work.folder)
    return Outcome({**metrics, "layers": layers})


# Backwards only through the upper layers.
@kind(version=1, passes=lambda params, rows: 2 * params.get("epochs", 0) * rows)
def masked_lm(work: Work) -> Outcome:
    """The masked language model that BERT-ATTACK asks: a head trained over an encoder, on the examples as
    text alone; without examples the encoder comes from the hub with its own head."""
    encoder, metrics = work.params["encoder"], {}
    if work.examples is None:
        model = load_masked_lm(encoder)
    else:
        model, tokens = masked_lm_over(encoder, work.params["tuned_layers"]), load_tokenizer(encoder)
        metrics = _train(work, model, MaskedWords(tokens.mask_token_id, tuple(tokens.all_special_ids)))
    save_masked_lm(model, work.folder)
    return Outcome(metrics)


def _train(
    work: Work, model: Module, objective: Objective, extras: dict[str, torch.Tensor] | None = None
) -> dict[str, float]:
    """Train the model in place on the job's examples, as its parameters say; the metrics for its record."""
    params = work.params
    settings = TrainingSettings(
        epochs=params["epochs"],
        batch_size=params["batch_size"],
        learning_rate=params["learning_rate"],
        warmup=params["warmup"],
        bf16=params["precision"] == "bf16",
        seed=params["seed"],
    )
    encoded = work.encoded()
    result = train(model, encoded, work.targets(encoded), objective, settings, extras, work.progress)
    return {
        "steps": result.steps,
        "epochs": settings.epochs,
        "train_examples": len(work.examples),
        "final_loss": result.final_loss,
        "bf16": int(settings.bf16),
    }


def _teacher_logits(work: Work) -> dict[str, torch.Tensor]:
    """The teacher's logits for every training example, as the training loop takes them.

    Raises Failure for a teacher that was never fine-tuned: the commonest silent failure of distillation.
    """
    logits, labels = work.logits("teacher_logits"), np.array(work.examples.labels)
    right = float((logits.argmax(axis=1) == labels).mean())
    majority = float(np.bincount(labels).max() / len(labels))
    if right <= majority:
        raise Failure(
            f"the teacher is right on {right:.1%} of the training examples, no more than always giving the "
            f"commonest label ({majority:.1%}): fine-tune it before distilling"
        )
    return {"teacher_logits": torch.from_numpy(logits)}
