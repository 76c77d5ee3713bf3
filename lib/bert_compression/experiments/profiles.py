"""How large everything is. The papers' grids say what is measured; a profile says on how much."""

from dataclasses import dataclass, replace

from bert_compression.errors import BadInput
from bert_compression.models import BUILTIN, MINILM


@dataclass(frozen=True)
class Profile:
    """Sizes and settings that hold for all methods of a run. `None` for a size means all there is.

    `training` holds our own learning rate, batch size and warm-up where the paper's would not fit the model
    (smoke, small); empty means the paper's own, method by method.
    """

    name: str
    encoder: str
    builtin_data: bool
    seeds: tuple[int, ...]
    train_size: int | None
    attacked: int | None
    resources: str
    max_length: int
    epochs: int
    kd_epochs: int
    threads: int | None  # None for what torch chooses, the number of cores
    precision: str  # "auto": bf16 autocast where the hardware multiplies it; "fp32"
    training: dict[str, float]
    ema_decay: float
    importance_size: int
    calibration_size: int


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="smoke",
            encoder=BUILTIN,
            builtin_data=True,
            seeds=(0, 1),
            train_size=1000,
            attacked=100,
            resources="builtin",
            max_length=128,
            epochs=3,
            kd_epochs=1,  # three close every gap on a language this small, and leave nothing to see
            threads=1,  # at hidden size 64 more threads only wait for each other
            precision="fp32",  # at hidden size 64 autocast costs twice the time
            training={"learning_rate": 5e-4, "batch_size": 32, "warmup": 0.1},
            ema_decay=0.99,  # Q8BERT's 0.9999 would hardly move within a hundred steps
            importance_size=500,
            calibration_size=500,
        ),
        Profile(
            name="small",
            encoder=MINILM,
            builtin_data=False,
            seeds=(0, 1, 2),
            train_size=20_000,
            attacked=400,
            resources="folder",
            max_length=128,
            epochs=2,
            kd_epochs=3,
            threads=None,
            precision="auto",
            training={"learning_rate": 1e-4, "batch_size": 32, "warmup": 0.1},
            ema_decay=0.99,
            importance_size=2000,
            calibration_size=2000,
        ),
        Profile(
            name="paper",
            encoder="bert-base-uncased",
            builtin_data=False,
            seeds=(0, 1, 2),
            train_size=None,
            attacked=None,
            resources="genuine",
            max_length=128,
            epochs=3,  # appendix A names no epochs: ours
            kd_epochs=3,
            threads=None,
            precision="auto",
            training={},
            ema_decay=0.9999,
            importance_size=2000,
            calibration_size=2000,
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
        profile = replace(profile, seeds=tuple(range(seeds)))
    if attacked is not None:
        profile = replace(profile, attacked=attacked)
    return profile
