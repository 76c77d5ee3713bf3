"""Dasgupta et al. 2023, Cost-effective Distillation: the grid of each table and figure.

Students of three sizes learn each task with cross-entropy, from a teacher's distribution ("kl"), with the
paper's loss ("taylor") and with the squared loss of its first released code ("squares"). The paper's
teacher is not fine-tuned; so each loss is also tried with one that is.
"""

from dataclasses import replace

from bert_compression.experiments.job import Job
from bert_compression.experiments.papers.pipelines import LOSSES, SMALL_SET, STUDENTS, Grid, model_of, predict
from bert_compression.experiments.profiles import Profile
from bert_compression.tasks.catalogue import get_task

TASKS = ("qqp", "mnli", "sst2", "qnli", "mrpc", "rte", "stsb")  # in the order of Table 2
MIDDLE = "4x312"

METHODS = {
    "teacher": "pretrained | finetune",
    **{f"{loss}_{student}": f"{student} | {loss}" for student in STUDENTS for loss in LOSSES},
}
# What the paper says (section 4: Adam, learning rate 5e-5, temperature 1) and, where it is silent, its
# released code: batches of 64, 10 epochs. The code's learning rate is 2e-5. "kl" is distillation alone.
TRAINING = {"learning_rate": 5e-5, "batch_size": 64, "warmup": 0, "epochs": 10}
HYPERPARAMETERS = {
    method: {**TRAINING, "lambda": 0.0} if method.startswith("kl") else TRAINING for method in METHODS
}

# Of these the paper has rows: distillation, which it calls vanilla, and its own.
REPORTED = ("kl", "taylor_untuned")
# What shows whether the teacher matters, measured with the middle student on the small sets.
CONTROLS = ("taylor", "kl_untuned", "squares", "squares_untuned")
LAMBDAS = tuple(step / 10 for step in range(11))  # "in the range [0, 1] at a step-size of 0.1" (section 4)
SWEPT = "mrpc"
HALVINGS = 5  # of the training set of the task that is sampled
SAMPLED = "sst2"


def table_2(profile: Profile) -> list[Job]:
    """Table 2: the teacher, and students of three sizes, on seven tasks."""
    jobs = []
    for name in TASKS:
        small_set = get_task(name).rows["train"] < SMALL_SET
        for seed in profile.seeds if small_set else profile.seeds[: profile.combined_seeds]:
            grid = Grid(METHODS, HYPERPARAMETERS, profile, get_task(name), seed)
            rows = [f"{loss}_{student}" for student in STUDENTS for loss in ("ce", *REPORTED)]
            rows += [f"{loss}_{MIDDLE}" for loss in CONTROLS] if small_set else []
            jobs += [job for method in ("teacher", *rows) for job in answers(grid, method)]
    return jobs


def lambda_sweep(profile: Profile) -> list[Job]:
    """Does lambda matter? The middle student with the paper's loss, and with plain distillation in its place,
    both from the teacher that is not fine-tuned."""
    jobs = []
    for seed in profile.seeds[: profile.combined_seeds]:
        for share in LAMBDAS:
            mixed = {method: {**TRAINING, "lambda": share} for method in METHODS}
            grid = Grid(METHODS, mixed, profile, get_task(SWEPT), seed)
            for loss in ("taylor_untuned", "kl_untuned"):
                jobs += answers(grid, f"{loss}_{MIDDLE}")
    return jobs


def training_sizes(profile: Profile) -> list[Job]:
    """Does the loss help where examples are few? The middle student on ever larger parts of a training set;
    its fine-tuned teacher knows no more than the same part."""
    whole = profile.train_size[SAMPLED] or get_task(SAMPLED).rows["train"]
    jobs = []
    for halvings in reversed(range(HALVINGS)):
        part = replace(profile, train_size={**profile.train_size, SAMPLED: whole // 2**halvings})
        for seed in profile.seeds:
            grid = Grid(METHODS, HYPERPARAMETERS, part, get_task(SAMPLED), seed)
            for loss in ("ce", *REPORTED):
                jobs += answers(grid, f"{loss}_{MIDDLE}")
    return jobs


def answers(grid: Grid, method: str) -> list[Job]:
    """What a method's model answers, on all that its task is evaluated on."""
    model = model_of(grid, method)
    return [predict(grid, model, split, None) for split in grid.task.evaluated]
