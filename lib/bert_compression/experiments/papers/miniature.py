"""Rai et al. 2024, Compressed models are NOT miniature versions of large models: the grid of each
characteristic.

Six models, from large to tiny, learn the questions of SQuAD 2.0. What they err on, what they find alike and
what they find strange is compared, model with model and, as the paper does not, seed with seed.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, permutations
from typing import TypeVar

from bert_compression.experiments.job import Job
from bert_compression.experiments.papers import loyalty
from bert_compression.experiments.papers.pipelines import RUNGS, Grid, masked_lm, model_of, predict
from bert_compression.experiments.profiles import Profile
from bert_compression.tasks.catalogue import get_task

Seed = TypeVar("Seed")  # or what stands for one

METHODS = {name: f"{encoder} | finetune" for encoder, name in RUNGS.items()}
# The paper names none of its settings (section 4). These are those of BERT on SQuAD: batches of 32, a
# learning rate of 5e-5 and three epochs (Devlin et al. 2019, section 4.2); ours.
TRAINING = {"learning_rate": 5e-5, "batch_size": 32, "warmup": 0.1, "epochs": 3}
HYPERPARAMETERS = {method: TRAINING for method in METHODS}

ASKED, REVIEWS = "squad2", "imdb"
# How many neighbours the paper looked at is not known.
KS = (5, 10, 20, 50, 100)
PER_POINT = 50  # of these, the one whose values are kept point by point
# The k-th nearest training point: 50 in the code of deep nearest neighbours for CIFAR-10.
NEAREST = 50
OTHER_NEAREST = (5, 200)  # to see how much hangs on it
LAYERWISE = 1000  # points that layers are compared on
STRANGE = "qqp"  # pairs of questions, to models that have learnt of premises and hypotheses
# The sources disagree on the attack. BERT-ATTACK's settings are those of its published command for IMDB,
# TextBugger's those of its paper.
ATTACKS: dict[str, dict] = {
    "bert_attack": {"candidates": 48, "threshold": 0.0, "subwords": True},
    "textbugger": {"neighbours": 5, "min_similarity": 0.8},
}
OTHER_SETTINGS: tuple[dict, ...] = ({"candidates": 12}, {"threshold": 3.0}, {"subwords": False})
OTHER_SEED = "other_seed"  # of the teacher: what the records call it
SEEDS = 2  # so that two models can be held against one model with two seeds


def errors(profile: Profile) -> list[Job]:
    """Prediction errors: what each model answers to the questions of the validation set."""
    return [_answer(grid, method) for grid in grids(profile) for method in METHODS]


def representation(profile: Profile) -> list[Job]:
    """Data representation: every two models, and every model with itself at another seed."""
    all_grids = grids(profile)
    pairs = [
        ((a, one), (b, other)) for a, b in seed_pairs(all_grids) for one, other in combinations(METHODS, 2)
    ]
    pairs += [((a, method), (b, method)) for a, b in combinations(all_grids, 2) for method in METHODS]
    return [_alike(one, other, one[1]) for one, other in pairs]


def distribution(profile: Profile) -> list[Job]:
    """Data distribution: which questions of its own kind and of others does each model find strange?"""
    return [
        _outliers(grid, method, foreign, k)
        for grid in grids(profile)
        for method in METHODS
        for foreign in profile.outside
        for k in (NEAREST, *OTHER_NEAREST)
    ]


def weaknesses(profile: Profile) -> list[Job]:
    """Adversarial weakness: what two attacks on long reviews leave of each model's accuracy."""
    return [
        _weakness(replace(grid, task=get_task(REVIEWS)), method, recipe, settings, profile.attacked_reviews)
        for grid in grids(profile)
        for method in METHODS
        for recipe, settings in ATTACKS.items()
    ]


def attack_settings(profile: Profile) -> list[Job]:
    """How much hangs on what is not known of the attack: BERT-ATTACK with other settings, on the largest and
    the smallest model, with a quarter of the reviews."""
    grid = replace(grids(profile)[0], task=get_task(REVIEWS))
    published = ATTACKS["bert_attack"]
    return [
        _weakness(grid, method, "bert_attack", {**published, **other}, profile.attacked_reviews // 4)
        for method in (next(iter(METHODS)), list(METHODS)[-1])
        for other in ({}, *OTHER_SETTINGS)
    ]


def same_model(profile: Profile) -> list[Job]:
    """Beyond the paper: which method keeps the model the same model? On MNLI, the compressed models of the
    loyalty paper's Table 1 by all measures at once, and beside them the teacher with another seed.

    Beside what that table measures: how alike teacher and student represent the pairs, which errors they
    share, which foreign pairs both find strange, and how far their probabilities can be taken at their word.
    """
    seeds = [loyalty.grid(profile, "mnli", seed) for seed in profile.seeds[:SEEDS]]
    jobs = []
    for grid in seeds:
        for method in loyalty.TABLE_1:
            jobs += [*loyalty.measurements(grid, method), _calibration(grid, method)]
            if method != "teacher":
                jobs += _sameness((grid, "teacher"), (grid, method), method)
    for one, other in permutations(seeds, 2):
        answers = {"teacher": _predicted(one, "teacher"), "student": _predicted(other, "teacher")}
        params = one.data(one.task.evaluated[0], None)
        jobs.append(Job("loyalty", params, answers, OTHER_SEED))
        jobs += _sameness((one, "teacher"), (other, "teacher"), OTHER_SEED)
    return jobs


def seed_pairs(seeds: Sequence[Seed]) -> list[tuple[Seed, Seed]]:
    """At which seeds are two models compared? At different ones, as one model is with itself: at the same
    seed they would also have the order of the batches in common. Where there is but one seed, at that."""
    return list(permutations(seeds, 2)) if len(seeds) > 1 else [(seed, seed) for seed in seeds]


def grids(profile: Profile) -> list[Grid]:
    """One a seed."""
    return [Grid(METHODS, HYPERPARAMETERS, profile, get_task(ASKED), seed) for seed in profile.seeds[:SEEDS]]


def _answer(grid: Grid, method: str) -> Job:
    model = model_of(grid, method)
    return Job("answer", grid.data(grid.task.evaluated[0], None), {"model": model}, method)


def _weakness(grid: Grid, method: str, recipe: str, settings: dict, reviews: int) -> Job:
    inputs = {"model": model_of(grid, method)}
    if recipe == "bert_attack":
        inputs["language_model"] = masked_lm(grid)
    told = {"recipe": recipe, "settings": settings, "resources": grid.profile.resources}
    return Job("weakness", grid.data(grid.task.evaluated[0], reviews, **told), inputs, method)


def _sameness(teacher: tuple[Grid, str], student: tuple[Grid, str], method: str) -> list[Job]:
    """How alike the two represent the pairs, and what errors and outliers they have in common; the records
    carry the teacher's seed."""
    grid, inputs = teacher[0], {}
    for side, model in zip("ab", (teacher, student), strict=True):
        inputs[f"answers_{side}"] = _predicted(*model)
        inputs[f"outliers_{side}"] = _outliers(*model, STRANGE, NEAREST)
    params = grid.data(grid.task.evaluated[0], None)
    return [Job("in_common", params, inputs, method), _alike(teacher, student, method)]


def _predicted(grid: Grid, method: str) -> Job:
    return predict(grid, model_of(grid, method), grid.task.evaluated[0], None)


def _calibration(grid: Grid, method: str) -> Job:
    answers = {"answers": _predicted(grid, method)}
    return Job("calibration", grid.data(grid.task.evaluated[0], None), answers, method)


def _outliers(grid: Grid, method: str, foreign: str, k: int) -> Job:
    """A model's strange inputs among those of its own task and of a foreign one."""
    main = grid.task.evaluated[0]
    inputs = {
        "training": _vectors(grid, method, grid.task.name, "train"),
        "inside": _vectors(grid, method, grid.task.name, main),
        "outside": _vectors(grid, method, foreign, get_task(foreign).evaluated[0]),
    }
    return Job("outliers", replace(grid, task=get_task(foreign)).params(k=k), inputs, method)


def _vectors(grid: Grid, method: str, task: str, split: str) -> Job:
    """The vectors of a model for the questions of a set, its own or another."""
    asked = replace(grid, task=get_task(task))
    params = asked.data(split, None, at_most=grid.profile.represented, layerwise=LAYERWISE)
    return Job("vectors", params, {"model": model_of(grid, method)}, method)


def _alike(one: tuple[Grid, str], other: tuple[Grid, str], method: str) -> Job:
    """The record carries the seed of the first, and in its parameters method and seed of the other."""
    inputs = {}
    for side, (grid, name) in zip("ab", (one, other), strict=True):
        vectors = _vectors(grid, name, grid.task.name, grid.task.evaluated[0])
        inputs[f"vectors_{side}"] = vectors
        inputs[f"neighbours_{side}"] = Job("neighbours", grid.params(k=max(KS)), {"vectors": vectors}, name)
    main = one[0].task.evaluated[0]
    params = {"ks": list(KS), "per_point": PER_POINT, "other": other[1], "other_seed": other[0].seed}
    return Job("alike", one[0].data(main, None, **params), inputs, method)
