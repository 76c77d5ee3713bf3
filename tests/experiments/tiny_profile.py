"""Runs that take seconds: profiles of a few hundred built-in sentences and one seed; and toy kinds of jobs,
which compute nothing, so that a whole table takes a moment.

As a script it is the command line with small profiles: python tiny_profile.py run --profile small
With toys, too, when the variable TOYS is set: to nothing, or to what is to happen in jobs of a kind (EVENTS).
"""

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from bert_compression.errors import BadInput
from bert_compression.experiments.kinds import KINDS
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.profiles import PROFILES, Profile
from bert_compression.tasks import builtin
from bert_compression.tasks.catalogue import TASKS

WEIGHTS = "model.safetensors"


def shrunk(name: str) -> Profile:
    """The profile of that name, on built-in sentences and as small as still teaches a teacher something; in
    one process, unless more are asked for."""
    return replace(
        PROFILES["smoke"],
        name=name,
        seeds=(0,),
        combined_seeds=1,
        train_size=dict.fromkeys(TASKS, 300),
        attacked=6,
        epochs=2,
        workers=1,
        training={"learning_rate": 1e-3, "batch_size": 32, "warmup": 0.1},
        importance_size=64,
        calibration_size=64,
    )


def shrink(set_item: Callable, set_attribute: Callable) -> None:
    """Put the small sizes in their places, with `set_item(mapping, key, value)` and `set_attribute(module,
    name, value)`."""
    for name in ("smoke", "small"):
        set_item(PROFILES, name, shrunk(name))
    for name, task in builtin.GENERATED.items():
        splits = {split: (400 if split == "train" else 60, draw) for split, (_, draw) in task.splits.items()}
        set_item(builtin.GENERATED, name, replace(task, splits=splits))
    set_attribute(builtin, "SEED", 1)  # other texts, which are remembered apart from the usual ones


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
            (work.folder / WEIGHTS).write_text(f"{kind} {sorted(work.params.items())}")
            self.ran.append(kind)
            return Outcome({"inputs": len(work.inputs)}, {"gold": "0110"})

        return run


def _refuse(work: Work) -> None:
    raise BadInput("the labels are wrong")


def _fail(work: Work) -> None:
    raise RuntimeError("no such thing")


EVENTS = {
    "waits": lambda work: time.sleep(60),
    "fails": _fail,
    "refuses": _refuse,
    "dies": lambda work: os._exit(3),
}

if __name__ in ("__main__", "__mp_main__"):  # the second is the name in worker processes
    shrink(dict.__setitem__, setattr)
    if "TOYS" in os.environ:
        toys = Toys(setattr)
        for told in os.environ["TOYS"].split():  # "distill:fails head_prune:waits"
            kind, event = told.split(":")
            toys.before[kind] = EVENTS[event]

if __name__ == "__main__":
    from bert_compression import cli

    # A shell makes what it starts in the background deaf to Ctrl-C, tests and what they start included.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    sys.exit(cli.main(sys.argv[1:]))
