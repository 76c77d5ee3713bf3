"""How large everything is. The papers' tables say what is measured; a profile says on how much."""

from dataclasses import dataclass, field, replace

from bert_compression.checks import checked
from bert_compression.devices import has_bf16
from bert_compression.errors import BadInput
from bert_compression.models import BUILTIN, MINILM
from bert_compression.tasks import TASKS

PRECISIONS = ("bf16", "fp32")


@dataclass(frozen=True)
class Profile:
    """Sizes that hold for all papers and methods of a run. `None` for a size means all there is.

    `training` holds our own learning rate, batch size and warm-up where those of the papers would not fit the
    model (smoke, small); empty means the paper's own, method by method. `task_training` says what is
    otherwise for a task. `few_seeds` is how many seeds expensive rows get. Long texts are read up to
    `long_length` tokens, contexts of extractive QA through windows of `window` tokens which overlap by
    `stride`.
    `precision` is that of training: "bf16" or "fp32"; "auto" becomes bf16 where the machine multiplies it,
    and what it became is part of each job.
    """

    name: str
    encoder: str
    builtin_data: bool
    seeds: tuple[int, ...]
    few_seeds: int
    train_size: dict[str, int | None]  # by task
    attacked: int | None
    resources: str
    epochs: int
    small_set_epochs: int  # of tasks with a few thousand training examples
    kd_epochs: int
    precision: str
    threads: int | None  # of a process; None for all cores, or its share of them
    workers: int | None  # processes that jobs are handed to; None for one a core
    max_length: int = 128
    long_length: int = 128
    window: int = 256
    stride: int = 64
    training: dict[str, float] = field(default_factory=dict)
    task_training: dict[str, dict[str, float]] = field(default_factory=dict)
    worker_gib: int = 2  # memory that each process should find free

    def at_precision(self, precision: str) -> "Profile":
        """The same with its precision decided, where it has been left open."""
        return replace(self, precision=precision) if self.precision == "auto" else self

    def here(self) -> "Profile":
        """The same with the precision that this machine gives it."""
        return self.at_precision("bf16" if has_bf16() else "fp32")


MOST = 10_000  # seeds or attacked texts that a plan can be asked for

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="smoke",
            encoder=BUILTIN,
            builtin_data=True,
            seeds=(0,),
            few_seeds=1,
            train_size=dict.fromkeys(TASKS, 1000) | {"rte": None, "imdb": 600},
            attacked=100,
            resources="builtin",
            epochs=3,
            small_set_epochs=3,
            kd_epochs=1,  # three close every gap on a language this small, and leave nothing to see
            precision="fp32",  # at hidden size 64 autocast costs twice the time
            threads=1,  # at hidden size 64 more threads only wait for each other
            workers=None,
            window=64,
            stride=16,
            training={"learning_rate": 5e-4, "batch_size": 32, "warmup": 0.1},
        ),
        Profile(
            name="small",
            encoder=MINILM,
            builtin_data=False,
            seeds=(0, 1, 2),
            few_seeds=1,
            train_size=dict.fromkeys(TASKS, None) | {"sst2": 20_000, "mnli": 8_000, "squad2": 8_000},
            attacked=400,
            resources="folder",
            epochs=2,
            small_set_epochs=3,
            kd_epochs=3,
            precision="auto",
            threads=1,  # sums in another order would give other bits, in one process or several
            workers=None,
            training={"learning_rate": 1e-4, "batch_size": 32, "warmup": 0.1},
            # Twice the steps at twice the rate: `training` is for sentences, and teaches spans hardly.
            task_training={"squad2": {"learning_rate": 2e-4, "batch_size": 16}},
            worker_gib=8,  # learning from windows of 256 tokens; half of it is kept by Linux's C library
        ),
        Profile(
            name="paper",
            encoder="bert-base-uncased",
            builtin_data=False,
            seeds=(0, 1, 2),
            few_seeds=3,
            train_size=dict.fromkeys(TASKS, None),
            attacked=None,
            resources="genuine",
            epochs=3,  # the loyalty paper names none: ours
            small_set_epochs=3,
            kd_epochs=3,
            precision="bf16",
            threads=None,
            workers=1,
            long_length=512,
            window=384,
            stride=128,
        ),
    )
}


@checked
def get_profile(name: str, seeds: int | None = None, attacked: int | None = None) -> Profile:
    """The profile of that name, with another number of seeds (0, 1, ...) or of attacked texts if given.

    Raises BadInput for an unknown name, and for what is no number, or one below one.
    """
    if name not in PROFILES:
        raise BadInput(f"unknown profile {name!r}: choose one of {', '.join(PROFILES)}")
    for what, number in (("seeds", seeds), ("attacked", attacked)):
        if number is not None and not 1 <= number <= MOST:
            raise BadInput(f"{what} must be from 1 to {MOST:,}, not {number}")
    profile = PROFILES[name]
    if seeds is not None:
        profile = replace(profile, seeds=tuple(range(seeds)), few_seeds=seeds)
    if attacked is not None:
        profile = replace(profile, attacked=attacked)
    return profile
