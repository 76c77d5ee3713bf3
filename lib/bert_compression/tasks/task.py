"""What a task is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A classification task in the hub's column names; label i of the data is `labels[i]`."""

    name: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    hub: tuple[str, str]
    rows: dict[str, int]  # of the official splits, to plan before any data is there
    evaluated: tuple[str, ...] = ("validation",)  # the splits that models answer, the main one first
    attacked: int = 0  # index of the only column that an attack may change
