"""What a task is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A task in the hub's column names: of classification, label i of the data being `labels[i]`; of grades
    that lie between the two numbers `grades`; or of `spans`, where the answer is a stretch of the last column
    or nothing."""

    name: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    hub: tuple[str, ...]  # what `datasets` loads, (path, configuration); () where the hub has no such set
    rows: dict[str, int]  # of the official splits, to plan before any data is there
    evaluated: tuple[str, ...] = ("validation",)  # the splits that models answer, the main one first
    attacked: int = 0  # index of the only column that an attack may change
    scores: tuple[str, ...] = ("accuracy",)  # GLUE's, by their names in metrics.glue, the main one first
    grades: tuple[float, float] | None = None
    spans: bool = False
    long: bool = False  # texts of hundreds of words
    line_break: str = ""  # what ends a line in its texts, where that is no character
    folder: str = ""  # where its files lie below a data folder; glue/<name> unless told

    @property
    def outputs(self) -> int:
        """How many logits a model gives: for an example, or of spans for each token, to begin and to end."""
        return 2 if self.spans else len(self.labels) or 1
