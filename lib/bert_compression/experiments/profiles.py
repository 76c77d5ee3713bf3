"""How large everything is. The papers' grids say what is measured; a profile says on how much."""

from dataclasses import dataclass, field, replace

from bert_compression.errors import BadInput
from bert_compression.models import BUILTIN, MINILM
from bert_compression.tasks.catalogue import TASKS


@dataclass(frozen=True)
class Profile:
    """Sizes and settings that hold for all methods of a run. `None` for a size means all there is.

    `training` holds our own learning rate, batch size and warm-up where the paper's would not fit the model
    (smoke, small); empty means the paper's own, method by method. `task_training` says what is otherwise for
    a task. `curriculum` does the same for BERT-of-Theseus: its k counts steps, so that k and the epochs
    belong together. `checkpoints` names encoders on the hub that were distilled before any task; where there
    are none, they are made here, as `pretraining` says. `combined_seeds` is how many seeds the combinations
    of methods get.

    `ladder` names the encoders of Rai et al. 2024 from the largest to the smallest: on the hub, or as shares
    of the encoder's layers, which then learn from it on text alone as `ladder_pretraining` says (with nothing
    said, they are its lower layers). Long texts are read up to `long_length` tokens, questions through
    windows of `window` tokens which overlap by `stride`. `outside` are the sets of questions that no model
    has been trained for, and of each set up to `represented` examples have their vectors looked at.
    `attacked_reviews` are attacked; the masked language model that guesses words for that is the encoder's
    own, or is trained as `masked_lm` says.
    """

    name: str
    encoder: str
    builtin_data: bool
    seeds: tuple[int, ...]
    combined_seeds: int
    train_size: dict[str, int | None]  # by task
    attacked: int | None
    resources: str
    max_length: int
    epochs: int
    small_set_epochs: int  # of tasks with a few thousand training examples
    kd_epochs: int
    threads: int | None  # of a process; None for all cores, or its share of them
    workers: int | None  # processes that jobs are handed to; None for one a core
    precision: str  # "auto": bf16 autocast where the hardware multiplies it; "fp32"
    training: dict[str, float]
    curriculum: dict[str, float]
    checkpoints: dict[str, str]
    pretraining: dict[str, float | str]
    ema_decay: float
    importance_size: int
    calibration_size: int
    ladder: dict[str, str | float]
    ladder_pretraining: dict[str, int | float | str]
    long_length: int
    window: int
    stride: int
    outside: tuple[str, ...]
    represented: int
    attacked_reviews: int
    masked_lm: dict[str, int | float | str]
    task_training: dict[str, dict[str, float]] = field(default_factory=dict)
    worker_gib: int = 2  # memory that each process should find free


# The models of Rai et al. 2024, from the largest to the smallest.
LADDER = ("large", "base", "distil", "medium", "mini", "tiny")


def _shares(*shares: float) -> dict[str, str | float]:
    return dict(zip(LADDER, shares, strict=True))


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="smoke",
            encoder=BUILTIN,
            builtin_data=True,
            seeds=(0,),
            combined_seeds=1,
            train_size=dict.fromkeys(TASKS, 1000) | {"rte": None, "imdb": 600},
            attacked=100,
            resources="builtin",
            max_length=128,
            epochs=3,
            small_set_epochs=3,
            kd_epochs=1,  # three close every gap on a language this small, and leave nothing to see
            threads=1,  # at hidden size 64 more threads only wait for each other
            workers=None,
            precision="fp32",  # at hidden size 64 autocast costs twice the time
            training={"learning_rate": 5e-4, "batch_size": 32, "warmup": 0.1},
            curriculum={"k": 0.025},  # all modules are replaced after 20 of the 32 steps
            checkpoints={},
            pretraining={
                **{"epochs": 1, "batch_size": 32, "learning_rate": 5e-4, "warmup": 0.1},
                "precision": "fp32",
            },
            ema_decay=0.99,  # Q8BERT's 0.9999 would hardly move within a hundred steps
            importance_size=500,
            calibration_size=500,
            ladder=_shares(1, 10 / 12, 8 / 12, 6 / 12, 4 / 12, 2 / 12),
            ladder_pretraining={},
            long_length=128,
            window=64,
            stride=16,
            outside=("films",),
            represented=300,
            attacked_reviews=16,
            masked_lm={
                **{"epochs": 2, "batch_size": 32, "learning_rate": 1e-3, "warmup": 0.1},
                **{"precision": "fp32", "tuned_layers": 2},
            },
        ),
        Profile(
            name="small",
            encoder=MINILM,
            builtin_data=False,
            seeds=(0, 1, 2),
            combined_seeds=1,
            train_size=dict.fromkeys(TASKS, None) | {"sst2": 20_000, "mnli": 8_000, "squad2": 8_000},
            attacked=400,
            resources="folder",
            max_length=128,
            epochs=2,
            small_set_epochs=3,
            kd_epochs=3,
            threads=1,  # sums in another order would give other bits, in one process or several
            workers=None,
            precision="auto",
            training={"learning_rate": 1e-4, "batch_size": 32, "warmup": 0.1},
            curriculum={"k": 1e-3},  # all modules are replaced after 500 of MNLI's 750 steps
            checkpoints={},
            pretraining={
                **{"epochs": 3, "batch_size": 32, "learning_rate": 3e-4, "warmup": 0.1},
                "precision": "auto",
            },
            ema_decay=0.99,
            importance_size=2000,
            calibration_size=2000,
            ladder=_shares(1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6),
            ladder_pretraining={
                **{"epochs": 1, "batch_size": 32, "learning_rate": 3e-4, "warmup": 0.1},
                "precision": "auto",
            },
            long_length=128,
            window=256,
            stride=64,
            outside=("subjqa", "policyqa"),
            represented=3_000,
            attacked_reviews=200,
            masked_lm={
                **{"epochs": 2, "batch_size": 32, "learning_rate": 3e-4, "warmup": 0.1},
                **{"precision": "auto", "tuned_layers": 2},
            },
            # Twice the steps at twice the rate: `training` is for sentences, and teaches spans hardly.
            task_training={"squad2": {"learning_rate": 2e-4, "batch_size": 16}},
            worker_gib=8,  # learning from windows of 256 tokens; half of it is kept by Linux's C library
        ),
        Profile(
            name="paper",
            encoder="bert-base-uncased",
            builtin_data=False,
            seeds=(0, 1, 2),
            combined_seeds=3,
            train_size=dict.fromkeys(TASKS, None),
            attacked=None,
            resources="genuine",
            max_length=128,
            epochs=3,  # the loyalty paper names none: ours
            small_set_epochs=3,
            kd_epochs=3,
            threads=None,
            workers=1,
            precision="auto",
            training={},
            curriculum={"epochs": 10},  # k = 2e-5 replaces all modules only in the ninth of MNLI's epochs
            checkpoints={
                "distilbert": "distilbert-base-uncased",
                "tinybert": "huawei-noah/TinyBERT_General_6L_768D",
                "2x128": "google/bert_uncased_L-2_H-128_A-2",
                "4x312": "huawei-noah/TinyBERT_General_4L_312D",
                "6x768": "distilbert-base-uncased",
            },
            pretraining={},
            ema_decay=0.9999,
            importance_size=2000,
            calibration_size=2000,
            ladder={
                "large": "bert-large-uncased",
                "base": "bert-base-uncased",
                "distil": "distilbert-base-uncased",
                "medium": "google/bert_uncased_L-8_H-512_A-8",
                "mini": "google/bert_uncased_L-4_H-256_A-4",
                "tiny": "google/bert_uncased_L-2_H-128_A-2",
            },
            ladder_pretraining={},
            long_length=512,
            window=384,
            stride=128,
            outside=("newsqa",),
            represented=10_000,
            attacked_reviews=1_000,  # as many reviews as BERT-ATTACK's authors attack
            masked_lm={},
        ),
    )
}


def get_profile(name: str, seeds: int | None = None, attacked: int | None = None) -> Profile:
    """The profile of that name, with another number of seeds (0, 1, ...) or of attacked texts if given.

    Raises BadInput for an unknown name or a number below one.
    """
    if name not in PROFILES:
        raise BadInput(f"unknown profile {name!r}: choose one of {', '.join(PROFILES)}")
    for what, number in (("seeds", seeds), ("attacked", attacked)):
        if number is not None and number < 1:
            raise BadInput(f"{what} must be at least 1, not {number}")
    profile = PROFILES[name]
    if seeds is not None:
        profile = replace(profile, seeds=tuple(range(seeds)), combined_seeds=seeds)
    if attacked is not None:
        profile = replace(profile, attacked=attacked)
    return profile
