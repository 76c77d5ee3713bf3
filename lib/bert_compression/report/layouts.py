"""Which rows and columns a table of a paper has, and where its numbers stand in records and CSV files.

What is said here holds for any paper; each paper's own tables are data in `report.papers`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bert_compression.tasks.catalogue import get_task


@dataclass(frozen=True)
class Measure:
    """A column: the metric of which kind of record, and how to print it.

    `kind` is empty for what the paper alone prints. `scale` turns a record's fraction or byte count into the
    printed unit. `reported` names the column of the paper's CSV file; None where the paper prints no such
    number. `metric` is what records call the measure, where that is not its name; `task` whose records they
    are, where that is not the table's; and `split` what they answer, where that is not the first split on
    which the task's models are evaluated.
    """

    name: str
    label: str
    kind: str
    scale: float = 100.0
    digits: int = 1
    unit: str = "%"
    reported: str | None = None
    metric: str = ""
    split: str = ""
    task: str = ""

    @property
    def recorded(self) -> str:
        """The name of the metric in records."""
        return self.metric or self.name

    def text(self, value: float) -> str:
        return f"{value:.{self.digits}f}"

    def reported_text(self, value: float) -> str:
        """As the papers print it: with one digit at most; a dash for what they do not print."""
        return "–" if math.isnan(value) else f"{value:.{min(self.digits, 1)}f}"


class Place(NamedTuple):
    """Where a measure stands: in the records of a kind, about a task, that answer a split."""

    kind: str
    task: str
    split: str


def place_of(record: Mapping) -> Place:
    """Of which measures can the record hold values?"""
    return Place(record["kind"], record["task"], record["params"].get("split", ""))


@dataclass(frozen=True)
class Row:
    """A line: the `method` of our records, and the paper's line that it is laid beside (see `reported`), if
    any. `quoted` rows are models of others, whose numbers the paper repeats and nobody measures here.

    Rows of one `group` stand together under its name. `short` names the row where room is scarce. `given`
    holds values that follow from a definition, so that no record measures them. Where the method has no
    records of its own, those of the method that it `stands_for` count.
    """

    method: str
    label: str
    reported: str
    group: str = ""
    short: str = ""
    quoted: bool = False
    given: Mapping[str, float] = field(default_factory=dict)
    stands_for: str = ""

    @property
    def short_label(self) -> str:
        return self.short or self.label


@dataclass(frozen=True)
class Part:
    """Columns that are shown together, without the rows of those methods that nobody tries on them."""

    name: str
    caption: str
    measures: tuple[str, ...]
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A table of a paper: its rows in the paper's order, its measures, the parts it is shown in.

    `name` is that of its reported values, `title` what a reader calls it.
    """

    name: str
    title: str
    task: str
    rows: tuple[Row, ...]
    measures: tuple[Measure, ...]
    parts: tuple[Part, ...]

    def measure(self, name: str) -> Measure:
        return next(measure for measure in self.measures if measure.name == name)

    def row(self, method: str) -> Row:
        return next(row for row in self.rows if row.method == method)

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)

    def rows_of(self, part: Part) -> list[Row]:
        return [row for row in self.rows if row.method not in part.without]

    def facing(self, row: Row) -> list[Row]:
        """The rows that stand beside the same line of the paper as this one, itself included."""
        return [row] if not row.reported else [r for r in self.rows if r.reported == row.reported]

    def place(self, measure: Measure) -> Place:
        """The records that hold a measure's values."""
        task = get_task(measure.task or self.task)
        return Place(measure.kind, task.name, measure.split or task.evaluated[0])

    @property
    def places(self) -> list[Place]:
        """Of all measures, each once."""
        return list(dict.fromkeys(self.place(measure) for measure in self.measures if measure.kind))

    @property
    def main_split(self) -> str:
        return get_task(self.task).evaluated[0]
