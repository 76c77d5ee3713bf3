"""What a recipe is made in: a task at a seed under a profile. And what makes a function a recipe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import TypeVar

from bert_compression.errors import BadInput
from bert_compression.experiments.job import Job
from bert_compression.experiments.profiles import Profile
from bert_compression.tasks import Task, get_task

Made = TypeVar("Made")
SMALL_SET = 10_000  # training examples of a task that gets more epochs


@dataclass(frozen=True)
class Grid:
    """One task at one seed under one profile: what a recipe is made in."""

    profile: Profile
    task: Task
    seed: int
    _made: dict = field(init=False, repr=False, compare=False, default_factory=dict)

    def at(self, task: str | None = None, seed: int | None = None) -> "Grid":
        """The same for another task or at another seed."""
        wanted = (task or self.task.name, self.seed if seed is None else seed)
        if wanted == (self.task.name, self.seed):
            return self
        return self.once(wanted, lambda: Grid(self.profile, get_task(wanted[0]), wanted[1]))

    def with_profile(self, **changes) -> "Grid":
        """The same under a profile with these changes, whose `train_size` is that of this task alone."""
        if "train_size" in changes:
            changes["train_size"] = {**self.profile.train_size, self.task.name: changes["train_size"]}
        profile = replace(self.profile, **changes)
        return self.once(("profile", repr(changes)), lambda: Grid(profile, self.task, self.seed))

    def once(self, key: tuple, make: Callable[[], Made]) -> Made:
        """What `make` gives, made once in this grid."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def sized(self, settings: Mapping[str, Made]) -> Made:
        """Of a paper's settings by profile, those of this one. Raises BadInput where it has none."""
        if self.profile.name not in settings:
            known = ", ".join(settings)
            raise BadInput(
                f"the paper has no settings for the profile {self.profile.name!r}, but for {known}"
            )
        return settings[self.profile.name]

    @property
    def main_split(self) -> str:
        return self.task.evaluated[0]

    @property
    def train_size(self) -> int | None:
        return self.profile.train_size[self.task.name]

    @property
    def label_epochs(self) -> int:
        """Epochs of training on labels: more on a task with few examples."""
        small_set = self.task.rows["train"] < SMALL_SET
        return self.profile.small_set_epochs if small_set else self.profile.epochs

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

    def training(self, default_epochs: int, precision: str, settings: Mapping) -> dict:
        """How a step trains: with a paper's `settings`, or the profile's own where it has them."""
        told = {name: value for name, value in settings.items() if value is not None}
        params = {"epochs": default_epochs, **told}
        if self.profile.training:
            params |= {**self.profile.training, "epochs": default_epochs}
        params |= self.profile.task_training.get(self.task.name, {})
        return {**params, "precision": precision}


def recipe(make: Callable[..., Job]) -> Callable[..., Job]:
    """A model with a name: that of the function, and after it those of its arguments. A grid makes it
    once."""

    @wraps(make)
    def made(g: Grid, *arguments: str) -> Job:
        name = "_".join((make.__name__, *arguments))
        return g.once((make, *arguments), lambda: make(g, *arguments).named(name))

    return made


def bound(make: Callable[..., Job], *arguments: str) -> Callable[[Grid], Job]:
    """A recipe with its arguments, as a table's row takes it."""
    return lambda g: make(g, *arguments)
