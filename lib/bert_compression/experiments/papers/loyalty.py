"""Xu et al. 2021, Beyond Preserved Accuracy: the grid of each table, row by row.

A method is a chain of steps, written as a pipeline: `teacher | truncate | distill`. Combinations are
composed from the same steps: `head_prune | distill | int8`. Hyperparameters are the paper's appendix A at
profile `paper`; the smaller profiles bring their own learning rate, batch size and warm-up.
"""

from dataclasses import dataclass

from bert_compression.errors import BadInput
from bert_compression.experiments.job import Job
from bert_compression.experiments.profiles import Profile
from bert_compression.tasks.glue import Task, get_task

METHODS = {
    "teacher": "pretrained | finetune",
    "kd": "teacher | truncate | distill",
    "head_prune": "teacher | prune_heads",
    "q8_qat": "pretrained | q8 | finetune",  # section 4.2: QAT starts from the pretrained BERT
    # The paper does not say which kind of post-training quantization it used: three candidates.
    "q8_ptq_int8": "teacher | int8",
    "q8_ptq_static": "teacher | q8 | calibrate",
    "q8_ptq_dynamic": "teacher | q8_dynamic",
}
MODES = {"q8": "ema", "q8_dynamic": "dynamic", "int8": "int8"}  # of quantization, by step
STEPS = ("pretrained", "finetune", "distill", "truncate", "prune_heads", "calibrate", *MODES)

# Appendix A. "warmup" is a number of steps; where the appendix names none, there is none.
APPENDIX_A = {
    "teacher": {"learning_rate": 3e-5, "batch_size": 64, "warmup": 1000},
    "kd": {"learning_rate": 3e-5, "batch_size": 64, "warmup": 1000},
    "q8_qat": {"learning_rate": 2e-5, "batch_size": 128, "warmup": 0},
}
KD = {"alpha": 1.0, "temperature": 10.0}  # appendix A, Pure KD
KEPT_LAYERS = 0.5  # section 4.2: the first 6 of 12
PRUNED_HEADS = 0.45  # section 4.2


def table_3(profile: Profile) -> list[Job]:
    """Table 3 (appendix B): five models on SST-2, the last in three variants."""
    rows = ("teacher", "kd", "head_prune", "q8_qat", "q8_ptq_int8", "q8_ptq_static", "q8_ptq_dynamic")
    return [
        job
        for method in rows
        for seed in profile.seeds
        for job in measurements(Grid(profile, get_task("sst2"), seed), method)
    ]


@dataclass(frozen=True)
class Grid:
    """One task at one seed under one profile: what a chain of steps is built in."""

    profile: Profile
    task: Task
    seed: int

    def params(self, **others) -> dict:
        """What every job says of itself, and more."""
        return {"task": self.task.name, "seed": self.seed, "encoder": self.profile.encoder, **others}

    def data(self, split: str, size: int | None, **others) -> dict:
        """The parameters of a job that reads examples."""
        return self.params(split=split, size=size, max_length=self.profile.max_length, **others)


def measurements(grid: Grid, method: str) -> list[Job]:
    """Everything that is measured of a method's model: answers, loyalty to the teacher, robustness, cost."""
    model, teacher = model_of(grid, method), model_of(grid, "teacher")
    answers = _predict(grid, model, "validation", None)
    attack = grid.data("validation", grid.profile.attacked, resources=grid.profile.resources)
    jobs = [
        answers,
        Job("attack", attack, {"model": model}, method),
        Job("cost", grid.data("validation", None), {"model": model, "teacher": teacher}, method),
    ]
    if method != "teacher":  # which is loyal to itself by definition
        pair = {"teacher": _predict(grid, teacher, "validation", None), "student": answers}
        jobs.append(Job("loyalty", grid.data("validation", None), pair, method))
    return jobs


def model_of(grid: Grid, method: str) -> Job:
    """The job that makes a method's model: a name of METHODS, or a pipeline of names and steps."""
    job = None
    steps = _expanded(method)
    for end, name in enumerate(steps, start=1):
        if (name == "pretrained") != (end == 1):
            raise BadInput(f"{method!r} must begin with a method or with pretrained, and have no other later")
        job = _step(grid, name, job, steps[:end])
    return job


def _expanded(pipeline: str) -> list[str]:
    """The pipeline with every method's name replaced by its own steps."""
    steps = []
    for name in pipeline.split(" | "):
        if name not in (*METHODS, *STEPS):
            raise BadInput(f"unknown method {name!r}: choose one of {', '.join((*METHODS, *STEPS))}")
        steps += _expanded(METHODS[name]) if name in METHODS else [name]
    return steps


def _label(steps: list[str]) -> str:
    """The name of the method that the steps make up; of a chain without one, its longest named start and the
    rest: "teacher | truncate"."""
    for end in range(len(steps), 0, -1):
        for name, pipeline in METHODS.items():
            if _expanded(pipeline) == steps[:end]:
                return " | ".join([name, *steps[end:]])
    return " | ".join(steps)


def _step(grid: Grid, name: str, model: Job | None, steps: list[str]) -> Job:
    """The job of a step `name`, the last of `steps`, on the model that those before it made."""
    profile, method = grid.profile, _label(steps)
    train = profile.train_size
    inputs = {"model": model} if model else {}
    if name == "pretrained":
        return Job("pretrained", grid.params(labels=len(grid.task.labels)), {}, method)
    if name == "finetune":
        params = grid.data("train", train, **_training(grid, steps, profile.epochs))
        return Job("finetune", params, inputs, method)
    if name == "distill":
        logits = _predict(grid, model_of(grid, "teacher"), "train", train)
        params = grid.data("train", train, **KD, **_training(grid, steps, profile.kd_epochs))
        return Job("distill", params, {**inputs, "teacher_logits": logits}, method)
    if name == "truncate":
        return Job("truncate", grid.params(keep=KEPT_LAYERS), inputs, method)
    if name == "prune_heads":
        params = grid.data("train", profile.importance_size, share=PRUNED_HEADS)
        return Job("head_prune", params, inputs, method)
    if name == "calibrate":
        return Job("calibrate", grid.data("train", profile.calibration_size), inputs, method)
    return Job("quantize", grid.params(mode=MODES[name], decay=profile.ema_decay), inputs, method)


def _predict(grid: Grid, model: Job, split: str, size: int | None) -> Job:
    return Job("predict", grid.data(split, size), {"model": model}, model.method)


def _training(grid: Grid, steps: list[str], epochs: int) -> dict:
    """Epochs are ours throughout: appendix A names none."""
    settings = grid.profile.training or APPENDIX_A.get(_label(steps))
    if settings is None:
        raise BadInput(
            f"appendix A names no hyperparameters for {_label(steps)!r} at profile {grid.profile.name}"
        )
    # Eight bits of significand cannot hold the 8-bit grid exactly, so quantized models train in fp32.
    precision = "fp32" if MODES.keys() & steps else grid.profile.precision
    return {**settings, "epochs": epochs, "precision": precision}
