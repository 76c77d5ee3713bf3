"""Xu et al. 2021, Beyond Preserved Accuracy: the grid of each table, row by row.

A method is a chain of steps, written as a pipeline: `teacher | truncate | distill`. Combinations are
composed from the same steps: `head_prune | distill | int8`. What a step does is in `pipelines`.
"""

from bert_compression.experiments.job import Job
from bert_compression.experiments.papers.pipelines import Grid, model_of, predict
from bert_compression.experiments.profiles import Profile
from bert_compression.tasks.catalogue import get_task

# The paper does not say which kind of post-training quantization it used: three candidates.
PTQ = {"int8": "int8", "static": "q8 | calibrate", "dynamic": "q8_dynamic"}

METHODS = {
    "teacher": "pretrained | finetune",
    "truncate_finetune": "teacher | truncate | finetune",
    "kd": "teacher | truncate | distill",  # Table 1 calls it Pure KD
    **{f"q8_ptq_{variant}": f"teacher | {steps}" for variant, steps in PTQ.items()},
    "q8_qat": "pretrained | q8 | finetune",  # section 4.2: QAT starts from the pretrained BERT
    "head_prune": "teacher | prune_heads",
    "distilbert": "distilbert_checkpoint | finetune",
    "tinybert": "tinybert_checkpoint | finetune",
    "pkd": "teacher | truncate | pkd_skip",
    "theseus": "teacher | replace",
    # Table 2. What is trained after quantization starts from the static variant: its ranges can be trained.
    "head_prune_finetune": "head_prune | finetune",
    "head_prune_kd": "head_prune | distill",
    "q8_ptq_finetune": "q8_ptq_static | finetune",
    "q8_ptq_kd": "q8_ptq_static | distill",
    "theseus_kd": "teacher | replace_distill",
    **{
        f"{method}_ptq_{variant}": f"{method} | {steps}"
        for method in ("head_prune_kd", "theseus_kd")
        for variant, steps in PTQ.items()
    },
}

# Appendix A, method by method. "warmup" is a number of steps; where the appendix names none, there is none.
# k and b are the curriculum of BERT-of-Theseus.
APPENDIX_A = {
    "teacher": {"learning_rate": 3e-5, "batch_size": 64, "warmup": 1000},
    "truncate_finetune": {"learning_rate": 3e-5, "batch_size": 128, "warmup": 0},
    "kd": {"learning_rate": 3e-5, "batch_size": 64, "warmup": 1000, "alpha": 1.0, "temperature": 10.0},
    "q8_qat": {"learning_rate": 2e-5, "batch_size": 128, "warmup": 0},
    "distilbert": {"learning_rate": 3e-5, "batch_size": 64, "warmup": 1000},
    "tinybert": {"learning_rate": 3e-5, "batch_size": 64, "warmup": 1000},
    "pkd": {
        **{"learning_rate": 3e-5, "batch_size": 64, "warmup": 1000},
        **{"alpha": 0.7, "beta": 500.0, "temperature": 10.0},
    },
    "theseus": {"learning_rate": 3e-5, "batch_size": 128, "warmup": 8000, "k": 2e-5, "b": 0.5},
    "head_prune_finetune": {"learning_rate": 2e-5, "batch_size": 128, "warmup": 0},
    "head_prune_kd": {"learning_rate": 2e-5, "batch_size": 128, "warmup": 0, "temperature": 10.0},
    "q8_ptq_finetune": {"learning_rate": 2e-5, "batch_size": 128, "warmup": 0},
    "q8_ptq_kd": {"learning_rate": 2e-5, "batch_size": 128, "warmup": 0, "temperature": 10.0},
    "theseus_kd": {"learning_rate": 3e-5, "batch_size": 64, "warmup": 1000, "temperature": 10.0},
}

TABLE_1 = (
    *("teacher", "truncate_finetune", "kd", "q8_ptq_int8", "q8_ptq_static", "q8_ptq_dynamic", "q8_qat"),
    *("head_prune", "distilbert", "tinybert", "pkd", "theseus"),
)
TABLE_2 = (
    *("teacher", "head_prune", "head_prune_finetune", "head_prune_kd"),
    *(f"head_prune_kd_ptq_{variant}" for variant in PTQ),
    *("q8_qat", "q8_ptq_int8", "q8_ptq_static", "q8_ptq_dynamic", "q8_ptq_finetune", "q8_ptq_kd"),
    *("pkd", "theseus", "theseus_kd"),
    *(f"theseus_kd_ptq_{variant}" for variant in PTQ),
)
TABLE_3 = ("teacher", "kd", "head_prune", "q8_qat", "q8_ptq_int8", "q8_ptq_static", "q8_ptq_dynamic")


def table_1(profile: Profile) -> list[Job]:
    """Table 1: ten methods on MNLI, post-training quantization in three variants."""
    return _table(profile, "mnli", profile.seeds, TABLE_1)


def table_2(profile: Profile) -> list[Job]:
    """Table 2: the methods combined, on MNLI. Rows that Table 1 has, too, are measured as often as there."""
    both = [method for method in TABLE_2 if method in TABLE_1]
    others = [method for method in TABLE_2 if method not in TABLE_1]
    combined = _table(profile, "mnli", profile.seeds[: profile.combined_seeds], others)
    return _table(profile, "mnli", profile.seeds, both) + combined


def table_3(profile: Profile) -> list[Job]:
    """Table 3 (appendix B): five models on SST-2, the last in three variants."""
    return _table(profile, "sst2", profile.seeds, TABLE_3)


def quantized_robustness(profile: Profile) -> list[Job]:
    """What the paper leaves open: would a quantized model look as robust if it was fooled otherwise?

    The texts that fooled the teacher are given to each quantized model and the other way round; and those
    models whose answers depend on their batch are attacked and asked once more in batches.
    """
    jobs = []
    for seed in profile.seeds[: profile.combined_seeds]:
        mnli = grid(profile, "mnli", seed)
        teacher = model_of(mnli, "teacher")
        for variant in PTQ:
            method = f"q8_ptq_{variant}"
            model = model_of(mnli, method)
            jobs += [_transfer(mnli, "teacher", teacher, model), _transfer(mnli, method, model, teacher)]
            if variant != "static":  # static ranges do not depend on the batch
                jobs.append(Job("attack", _attack_params(mnli, in_company=True), {"model": model}, method))
                jobs.append(predict(mnli, model, mnli.task.evaluated[0], None, in_company=True))
    return jobs


def grid(profile: Profile, task: str, seed: int) -> Grid:
    """The paper's methods with its hyperparameters, on a task at a seed."""
    return Grid(METHODS, APPENDIX_A, profile, get_task(task), seed)


def _table(profile: Profile, task: str, seeds: tuple[int, ...], methods) -> list[Job]:
    """Seed by seed, so that a run that is cut short leaves whole seeds."""
    grids = [grid(profile, task, seed) for seed in seeds]
    return [job for each in grids for method in methods for job in measurements(each, method)]


def measurements(grid: Grid, method: str) -> list[Job]:
    """Everything that is measured of a method's model: answers, loyalty to the teacher, robustness, cost."""
    model, teacher = model_of(grid, method), model_of(grid, "teacher")
    main = grid.task.evaluated[0]
    answers = {split: predict(grid, model, split, None) for split in grid.task.evaluated}
    jobs = [
        *answers.values(),
        Job("attack", _attack_params(grid), {"model": model}, method),
        Job("cost", grid.data(main, None), {"model": model, "teacher": teacher}, method),
    ]
    if method != "teacher":  # which is loyal to itself by definition
        pair = {"teacher": predict(grid, teacher, main, None), "student": answers[main]}
        jobs.append(Job("loyalty", grid.data(main, None), pair, method))
    return jobs


def _attack_params(grid: Grid, **others) -> dict:
    main = grid.task.evaluated[0]
    return grid.data(main, grid.profile.attacked, resources=grid.profile.resources, **others)


def _transfer(grid: Grid, maker: str, made_for: Job, judged: Job) -> Job:
    """The texts that fooled one model, given to another. The record carries the method of the judged model,
    and in its parameters that of the one that the texts were made for."""
    attack = Job("attack", _attack_params(grid), {"model": made_for}, maker)
    params = grid.data(grid.task.evaluated[0], grid.profile.attacked, made_for=maker)
    return Job("transfer", params, {"model": judged, "attack": attack}, judged.method)
