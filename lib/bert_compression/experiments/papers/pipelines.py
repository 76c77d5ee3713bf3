"""Methods as chains of steps: what each step does, and which job that is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bert_compression.errors import BadInput
from bert_compression.experiments.job import Job
from bert_compression.experiments.profiles import LADDER, Profile
from bert_compression.tasks.catalogue import get_task
from bert_compression.tasks.task import Task

MODES = {"q8": "ema", "q8_dynamic": "dynamic", "int8": "int8"}  # of quantization, by step
CHECKPOINTS = {"distilbert_checkpoint": "distilbert", "tinybert_checkpoint": "tinybert"}
PATIENCE = {"pkd_skip": "skip", "pkd_last": "last"}
# The students of Dasgupta et al. 2023, and the share of the teacher's layers that stands for each where there
# is no such checkpoint; and what they learn from, where named so with a teacher that is only pretrained.
STUDENTS = {"2x128": 1 / 6, "4x312": 1 / 3, "6x768": 1 / 2}
LOSSES = {
    **{"ce": "cross_entropy", "kl": "kl", "taylor": "taylor", "squares": "squares"},
    **{"kl_untuned": "kl", "taylor_untuned": "taylor", "squares_untuned": "squares"},
}
TEXT = "imdb"  # what is learnt from before any task; labels are not looked at
# The encoders of Rai et al. 2024: what a profile has on its ladder.
RUNGS = {f"{name}_encoder": name for name in LADDER}
NO_TEACHER = ("finetune", "replace", "ce")
STEPS = (
    *("pretrained", "finetune", "distill", "truncate", "prune_heads", "calibrate", "replace"),
    *("replace_distill", *MODES, *CHECKPOINTS, *PATIENCE, *STUDENTS, *RUNGS),
    *LOSSES,
)
BEGINNINGS = ("pretrained", *CHECKPOINTS, *STUDENTS, *RUNGS)

KEPT_LAYERS = 0.5  # Xu et al. 2021, section 4.2: the first 6 of 12
PRUNED_HEADS = 0.45  # section 4.2
# Of objectives, where a paper's hyperparameters for a method say nothing else: a distillation loss in the
# place of cross-entropy, at "a fixed temperature of 10" (section 5); PKD's and BERT-of-Theseus's own.
KD = {"alpha": 1.0, "temperature": 10.0}
PKD = {"alpha": 0.7, "beta": 500.0, "temperature": 10.0}
CURRICULUM = {"k": 2e-5, "b": 0.5}
MIXTURE = {"lambda": 0.5}  # Dasgupta et al. 2023 search it; their released code has one half
SMALL_SET = 10_000  # training examples of a task that gets more epochs: "> 10K samples" are large (section 4)


@dataclass(frozen=True)
class Grid:
    """One task at one seed under one profile, for the methods of one paper: what a chain is built in.

    `methods` maps names to pipelines, `hyperparameters` names to the paper's own settings of training.
    """

    methods: Mapping[str, str]
    hyperparameters: Mapping[str, dict]
    profile: Profile
    task: Task
    seed: int

    def params(self, **others) -> dict:
        """What every job says of itself, and more."""
        return {"task": self.task.name, "seed": self.seed, "encoder": self.profile.encoder, **others}

    def data(self, split: str, size: int | None, **others) -> dict:
        """The parameters of a job that reads examples."""
        length = {"max_length": self.profile.max_length}
        if self.task.long:
            length = {"max_length": self.profile.long_length}
        if self.task.spans:
            length = {"max_length": self.profile.window, "stride": self.profile.stride}
        return self.params(split=split, size=size, **length, **others)


def model_of(grid: Grid, method: str) -> Job:
    """The job that makes a method's model: a method of the paper, or a pipeline of methods and steps."""
    job = None
    steps = _expanded(grid.methods, method)
    for end, name in enumerate(steps, start=1):
        if (name in BEGINNINGS) != (end == 1):
            raise BadInput(
                f"{method!r} must begin with a method or one of {', '.join(BEGINNINGS)}, and have none later"
            )
        job = _step(grid, name, job, steps[:end])
    return job


def predict(grid: Grid, model: Job, split: str, size: int | None, **others) -> Job:
    """The job that asks a model for its answers."""
    return Job("predict", grid.data(split, size, **others), {"model": model}, model.method)


def _expanded(methods: Mapping[str, str], pipeline: str) -> list[str]:
    """The pipeline with every method's name replaced by its own steps."""
    steps = []
    for name in pipeline.split(" | "):
        if name not in (*methods, *STEPS):
            raise BadInput(f"unknown method {name!r}: choose one of {', '.join((*methods, *STEPS))}")
        steps += _expanded(methods, methods[name]) if name in methods else [name]
    return steps


def _label(methods: Mapping[str, str], steps: list[str]) -> str:
    """The name of the method that the steps make up; of a chain without one, its longest named start and the
    rest: "teacher | truncate"."""
    for end in range(len(steps), 0, -1):
        for name, pipeline in methods.items():
            if _expanded(methods, pipeline) == steps[:end]:
                return " | ".join([name, *steps[end:]])
    return " | ".join(steps)


def _step(grid: Grid, name: str, model: Job | None, steps: list[str]) -> Job:
    """The job of a step `name`, the last of `steps`, on the model that those before it made."""
    profile, method = grid.profile, _label(grid.methods, steps)
    inputs = {"model": model} if model else {}
    if name == "pretrained":
        return _pretrained(grid, profile.encoder, method)
    if name in CHECKPOINTS:
        return _checkpoint(grid, CHECKPOINTS[name], method)
    if name in STUDENTS:
        return _student(grid, name, method)
    if name in RUNGS:
        return _rung(grid, RUNGS[name], method)
    if name == "truncate":
        return Job("truncate", grid.params(keep=KEPT_LAYERS), inputs, method)
    if name == "prune_heads":
        params = grid.data("train", profile.importance_size, share=PRUNED_HEADS)
        return Job("head_prune", params, inputs, method)
    if name == "calibrate":
        return Job("calibrate", grid.data("train", profile.calibration_size), inputs, method)
    if name in MODES:
        return Job("quantize", grid.params(mode=MODES[name], decay=profile.ema_decay), inputs, method)
    return _trained(grid, name, inputs, steps, method)


def _trained(grid: Grid, name: str, inputs: dict[str, Job], steps: list[str], method: str) -> Job:
    """The job of a step that trains."""
    profile, size = grid.profile, grid.profile.train_size[grid.task.name]
    if name not in NO_TEACHER:
        teacher = model_of(grid, "pretrained" if name.endswith("_untuned") else "teacher")
        inputs = {**inputs, "teacher_logits": predict(grid, teacher, "train", size)}
    if name == "finetune":
        kind, params = "finetune", _settings(grid, steps, _epochs(grid))
    elif name == "distill":
        kind, params = "distill", _settings(grid, steps, profile.kd_epochs, KD)
    elif name in PATIENCE:
        inputs = {**inputs, "teacher": teacher}
        kind, params = "pkd", _settings(grid, steps, profile.kd_epochs, PKD) | {"strategy": PATIENCE[name]}
    elif name in LOSSES:
        kind, params = "taylor", _settings(grid, steps, _epochs(grid), MIXTURE) | {"loss": LOSSES[name]}
    else:
        objective = KD if name == "replace_distill" else {}
        params = _settings(grid, steps, profile.kd_epochs, {**CURRICULUM, **objective})
        kind, params = "theseus", params | profile.curriculum | {"keep": KEPT_LAYERS}
    return Job(kind, grid.data("train", size, **params), inputs, method)


def _pretrained(grid: Grid, encoder: str, method: str, seed: int | None = None) -> Job:
    params = grid.params(labels=grid.task.outputs) | {"encoder": encoder}
    return Job("pretrained", params if seed is None else params | {"seed": seed}, {}, method)


def _student(grid: Grid, name: str, method: str) -> Job:
    """A pretrained student: the profile's from the hub, or the lower layers of its encoder."""
    if name in grid.profile.checkpoints:
        return _pretrained(grid, grid.profile.checkpoints[name], method)
    whole = _pretrained(grid, grid.profile.encoder, "pretrained")
    return Job("truncate", grid.params(keep=STUDENTS[name]), {"model": whole}, method)


def _rung(grid: Grid, name: str, method: str) -> Job:
    """An encoder of the ladder: the profile's from the hub, or a share of its encoder's layers, distilled on
    text alone where the profile says how."""
    rung, profile = grid.profile.ladder[name], grid.profile
    if isinstance(rung, str):
        return _pretrained(grid, rung, method)
    whole = _pretrained(grid, profile.encoder, "pretrained")
    if rung == 1:
        return whole
    if not profile.ladder_pretraining:
        return Job("truncate", grid.params(keep=rung), {"model": whole}, method)
    text = replace(grid, task=get_task(TEXT))
    size = profile.train_size[TEXT]
    # DistilBERT's recipe: TinyBERT's follows layer by layer, and 6 layers cannot be spread over 5.
    params = text.data("train", size, recipe="distilbert", keep=rung, **profile.ladder_pretraining)
    teacher = _pretrained(text, profile.encoder, "pretrained", seed=0)
    encoder = Job("pretrain_distill", {**params, "seed": 0}, {"model": teacher}, f"{name} before any task")
    return Job("new_head", grid.params(), {"model": encoder}, method)


def masked_lm(grid: Grid) -> Job:
    """The job of the masked language model over the profile's encoder; one for all seeds."""
    text = replace(grid, task=get_task(TEXT), seed=0)
    if not grid.profile.masked_lm:
        return Job("masked_lm", text.params(), {}, "masked_lm")
    params = text.data("train", grid.profile.train_size[TEXT], **grid.profile.masked_lm)
    return Job("masked_lm", params, {}, "masked_lm")


def _checkpoint(grid: Grid, recipe: str, method: str) -> Job:
    """A smaller encoder that was distilled before any task: the profile's from the hub, or one made here.

    Like a checkpoint from the hub, the one made here is the same for every seed of the fine-tuning, which
    draws only its own head.
    """
    profile = grid.profile
    if recipe in profile.checkpoints:
        return _pretrained(grid, profile.checkpoints[recipe], method)
    params = grid.data("train", None, recipe=recipe, keep=KEPT_LAYERS, **profile.pretraining)
    teacher = _pretrained(grid, profile.encoder, "pretrained", seed=0)
    encoder = Job("pretrain_distill", {**params, "seed": 0}, {"model": teacher}, method)
    return Job("new_head", grid.params(), {"model": encoder}, method)


def _settings(grid: Grid, steps: list[str], epochs: int, objective: dict | None = None) -> dict:
    """How the last of the steps trains: with the paper's hyperparameters of the method, but the profile's own
    learning rate, batch size, warm-up and epochs where it has them, for all tasks or for this one, and its
    epochs where the paper names none."""
    method = _label(grid.methods, steps)
    named = grid.hyperparameters.get(method)
    profile = grid.profile
    if named is None and not profile.training:
        raise BadInput(f"the paper names no hyperparameters for {method!r} at profile {profile.name}")
    # Eight bits of significand cannot hold the 8-bit grid exactly, so quantized models train in fp32.
    precision = "fp32" if MODES.keys() & steps else profile.precision
    own = {**profile.training, "epochs": epochs} if profile.training else {}
    own |= profile.task_training.get(grid.task.name, {})
    return {"epochs": epochs, **(objective or {}), **(named or {}), **own, "precision": precision}


def _epochs(grid: Grid) -> int:
    """Of training on labels."""
    small_set = grid.task.rows["train"] < SMALL_SET
    return grid.profile.small_set_epochs if small_set else grid.profile.epochs
