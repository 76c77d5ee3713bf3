"""Rai et al. 2024, Compressed models are NOT miniature versions of large models: the grid of each
characteristic.

Six models, from large to tiny, learn the questions of SQuAD 2.0. What they err on, what they find alike and
what they find strange is compared, model with model and, as the paper does not, seed with seed.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from bert_compression.experiments.job import Job
from bert_compression.experiments.papers import loyalty
from bert_compression.experiments.papers.pipelines import Grid, model_of, predict
from bert_compression.experiments.profiles import LADDER, Profile
from bert_compression.tasks.catalogue import get_task

METHODS = {f"{name}_tuned": f"{name} | finetune" for name in LADDER}
# The paper names none of its settings (section 4). These are those of BERT on SQuAD: batches of 32, a
# learning rate of 5e-5 and three epochs (Devlin et al. 2019, section 4.2); ours.
TRAINING = {"learning_rate": 5e-5, "batch_size": 32, "warmup": 0.1, "epochs": 3}
HYPERPARAMETERS = {method: TRAINING for method in METHODS}

ASKED = "squad2"
# How many neighbours the paper looked at is not known.
KS = (5, 10, 20, 50, 100)
# The k-th nearest training point: 50 in the code of deep nearest neighbours for CIFAR-10.
NEAREST = 50
LAYERWISE = 1000  # points that layers are compared on
STRANGE = "qqp"  # pairs of questions, to models that have learnt of premises and hypotheses
SEEDS = 2  # so that two models can be held against one model with two seeds


def errors(profile: Profile) -> list[Job]:
    """Prediction errors: what each model answers to the questions of the validation set."""
    return [_answer(grid, method) for grid in grids(profile) for method in METHODS]


def representation(profile: Profile) -> list[Job]:
    """Data representation: every two models of a seed, and every model with itself at another seed."""
    all_grids = grids(profile)
    pairs = [((grid, one), (grid, other)) for grid in all_grids for one, other in combinations(METHODS, 2)]
    pairs += [
        ((one, method), (other, method)) for one, other in combinations(all_grids, 2) for method in METHODS
    ]
    return [_alike(one, other) for one, other in pairs]


def distribution(profile: Profile) -> list[Job]:
    """Data distribution: which questions of its own kind and of others does each model find strange?"""
    return [
        job
        for grid in grids(profile)
        for method in METHODS
        for job in _outliers(grid, method, profile.outside)
    ]


def same_model(profile: Profile) -> list[Job]:
    """Beyond the paper: which method keeps the model the same model? On MNLI, the compressed models of the
    loyalty paper's Table 1 by all measures at once.

    Beside what that table measures: how alike teacher and student represent the pairs, which foreign pairs
    they find strange, and how far their probabilities can be taken at their word.
    """
    jobs = []
    for seed in profile.seeds[:SEEDS]:
        grid = loyalty.grid(profile, "mnli", seed)
        for method in loyalty.TABLE_1:
            jobs += [*loyalty.measurements(grid, method), *_outliers(grid, method, (STRANGE,))]
            answers = predict(grid, model_of(grid, method), grid.task.evaluated[0], None)
            params = grid.data(grid.task.evaluated[0], None)
            jobs.append(Job("calibration", params, {"answers": answers}, method))
            if method != "teacher":
                jobs.append(_alike((grid, "teacher"), (grid, method)))
    return jobs


def grids(profile: Profile) -> list[Grid]:
    """One a seed."""
    return [Grid(METHODS, HYPERPARAMETERS, profile, get_task(ASKED), seed) for seed in profile.seeds[:SEEDS]]


def _answer(grid: Grid, method: str) -> Job:
    model = model_of(grid, method)
    return Job("answer", grid.data(grid.task.evaluated[0], None), {"model": model}, method)


def _outliers(grid: Grid, method: str, tasks: Sequence[str]) -> list[Job]:
    """A model's strange inputs among those of its own task and of each of the others."""
    inputs = {
        "training": _vectors(grid, method, grid.task.name, "train"),
        "inside": _vectors(grid, method, grid.task.name, grid.task.evaluated[0]),
    }
    jobs = []
    for name in tasks:
        outside = _vectors(grid, method, name, get_task(name).evaluated[0])
        params = replace(grid, task=get_task(name)).params(k=NEAREST)
        jobs.append(Job("outliers", params, {**inputs, "outside": outside}, method))
    return jobs


def _vectors(grid: Grid, method: str, task: str, split: str) -> Job:
    """The vectors of a model for the questions of a set, its own or another."""
    asked = replace(grid, task=get_task(task))
    params = asked.data(split, None, at_most=grid.profile.represented, layerwise=LAYERWISE)
    return Job("vectors", params, {"model": model_of(grid, method)}, method)


def _alike(one: tuple[Grid, str], other: tuple[Grid, str]) -> Job:
    """The record carries the method and seed of the first, and in its parameters those of the other."""
    inputs = {}
    for side, (grid, method) in zip("ab", (one, other), strict=True):
        vectors = _vectors(grid, method, grid.task.name, grid.task.evaluated[0])
        inputs[f"vectors_{side}"] = vectors
        inputs[f"neighbours_{side}"] = Job("neighbours", grid.params(k=max(KS)), {"vectors": vectors}, method)
    params = one[0].params(ks=list(KS), other=other[1], other_seed=other[0].seed)
    return Job("alike", params, inputs, one[1])
