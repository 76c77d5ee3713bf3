"""What a task is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A task in the hub's column names: of classification, label i of the data being `labels[i]`, or, without
    labels, of grades that lie between the two numbers `grades`."""

    name: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    hub: tuple[str, str]
    rows: dict[str, int]  # of the official splits, to plan before any data is there
    evaluated: tuple[str, ...] = ("validation",)  # the splits that models answer, the main one first
    attacked: int = 0  # index of the only column that an attack may change
    scores: tuple[str, ...] = ("accuracy",)  # GLUE's, by their names in metrics.glue, the main one first
    grades: tuple[float, float] | None = None

    @property
    def outputs(self) -> int:
        """How many logits a model gives for an example."""
        return len(self.labels) or 1
