"""Runs that take seconds: profiles of a few hundred built-in sentences and one seed; and toy kinds of jobs,
which compute nothing, so that a whole table takes a moment.

As a script it is the command line with both: python tiny_profile.py run --profile small
"""

import importlib
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from bert_compression.experiments.kinds import KINDS
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.profiles import PROFILES, Profile
from bert_compression.tasks import builtin

SENTENCES = {"train": 400, "validation": 60}
WEIGHTS = "model.safetensors"


def shrunk(name: str) -> Profile:
    """The profile of that name, on built-in sentences and as small as still teaches a teacher something."""
    return replace(
        PROFILES["smoke"],
        name=name,
        seeds=(0,),
        train_size=300,
        attacked=6,
        epochs=2,
        training={"learning_rate": 1e-3, "batch_size": 32, "warmup": 0.1},
        importance_size=64,
        calibration_size=64,
    )


def shrink(set_item: Callable) -> None:
    """Put the small sizes in their places, with `set_item(mapping, key, value)`."""
    for name in ("smoke", "small"):
        set_item(PROFILES, name, shrunk(name))
    set_item(builtin.GENERATED, "sst2", replace(builtin.GENERATED["sst2"], sizes=SENTENCES))


class Toys:
    """Takes the places of all kinds: each writes a small artifact, and what has run is noted in `ran`.

    `before[kind]` is called first, and may raise.
    """

    def __init__(self, set_attribute: Callable):
        self.ran: list[str] = []
        self.before: dict[str, Callable[[Work], None]] = {}
        for kind in KINDS:
            module = importlib.import_module(f"bert_compression.experiments.kinds.{kind}")
            set_attribute(module, "run", self._run(kind))

    def _run(self, kind: str) -> Callable[[Work], Outcome]:
        def run(work: Work) -> Outcome:
            self.before.get(kind, lambda work: None)(work)
            work.progress(1, 2)
            (work.folder / WEIGHTS).write_text(f"{kind} {work.params}")
            self.ran.append(kind)
            return Outcome({"inputs": len(work.inputs)}, {"gold": "0110"})

        return run


if __name__ == "__main__":
    from bert_compression import cli

    shrink(dict.__setitem__)
    toys = Toys(setattr)
    toys.before = {"head_prune": lambda work: time.sleep(60)}  # the place where these runs are ended
    sys.exit(cli.main(sys.argv[1:]))
