"""What a table of a paper is: rows and columns, declared once, from which its jobs, its cells and its page
come.

A row says how a model is made, a column how it is measured; a cell is the jobs of both, one a seed, found
among records by their identity. The tables themselves are data in the folders of `papers`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from bert_compression.errors import BadInput
from bert_compression.experiments import PRECISIONS, Grid, Job, Profile
from bert_compression.tasks import get_task

# What a column measures of a row's model in a grid: a job, several (one a pair of seeds), or none.
Measure = Callable[[Grid, "Row"], Job | Iterable[Job] | None]


@dataclass(frozen=True)
class Row:
    """A line: the model that `recipe` makes, under the name `method`; None for a model of others, whose
    numbers a paper repeats and nobody measures here.

    `reported` finds the paper's line in its CSV file: values of the key columns; empty where the paper has
    none. Rows of one `group` stand together under its name; `short` names the row where room is scarce.
    `given` holds values that follow from a definition, so that no record measures them. `columns` names the
    only ones that the row is measured in; empty for all. `about` holds what figures tell rows apart by.
    `checkpoint` says that the paper takes a public checkpoint, for which a profile may have a stand-in.
    `unlike` names columns in which the paper's number is of another metric than its column, and that metric:
    it is shown, and compared with nothing.
    """

    method: str
    label: str
    recipe: Callable[[Grid], Job] | None
    reported: Mapping[str, object] = field(default_factory=dict)
    group: str = ""
    short: str = ""
    given: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    about: Mapping[str, object] = field(default_factory=dict)
    checkpoint: bool = False
    unlike: Mapping[str, str] = field(default_factory=dict)

    @property
    def short_label(self) -> str:
        return self.short or self.label

    @property
    def made_of(self) -> tuple[str, ...]:
        """The methods of the rows with a model that it shows: its own."""
        return (self.method,)


@dataclass(frozen=True)
class Derived(Row):
    """A row that is computed from the rows `of`, and has no model of its own."""

    of: tuple[str, ...] = ()

    @property
    def made_of(self) -> tuple[str, ...]:
        return self.of


@dataclass(frozen=True)
class Best(Derived):
    """Of the rows `of`, the one with the largest mean in the column `by`, over the seeds that all of them
    have; or, where `by` maps columns to columns, in each column the one that is best in the column it is
    mapped to, or else in the column itself. Where a paper selects on the set that it reports, this is its
    selection, and a page says so."""

    by: str | Mapping[str, str] = ""

    def decides(self, column: str) -> str:
        """The name of the column that decides what is shown in that one."""
        return self.by if isinstance(self.by, str) else self.by.get(column, column)


@dataclass(frozen=True)
class Difference(Derived):
    """By how much the first of two rows exceeds the second, seed by seed."""


@dataclass(frozen=True)
class Spread(Derived):
    """The standard deviation of one row over its seeds, of the population, as XTC prints it."""


@dataclass(frozen=True)
class Column:
    """A column: what is measured of each row's model, which metric of the record it shows, and how to print
    it.

    `measure` is None for what the paper alone prints. `metric` is the record's name for it where that is not
    the column's; `task` the one that is asked, where that is not the table's. `scale` turns a record's
    fraction or byte count into the printed unit. `reported` names the column of the paper's CSV file, if the
    paper prints the number; `keys` are further key columns that find its line.
    """

    name: str
    label: str
    measure: Measure | None
    metric: str = ""
    task: str = ""
    scale: float = 100.0
    digits: int = 1
    unit: str = "%"
    reported: str | None = None
    keys: Mapping[str, object] = field(default_factory=dict)

    @property
    def recorded(self) -> str:
        """The name of the metric in records."""
        return self.metric or self.name

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the columns whose records a cell rests on."""
        return (self.name,)

    @property
    def head(self) -> str:
        """The label with its unit, if it has one."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def text(self, value: float) -> str:
        return f"{value:.{self.digits}f}"


@dataclass(frozen=True)
class MeanOf(Column):
    """A derived column: the mean of the columns `of`, seed by seed, where all of them have a value."""

    of: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        return self.of


@dataclass(frozen=True)
class Increase(Column):
    """A derived column: by how much the column `of` exceeds its value in the row `over`, seed by seed; a drop
    is negative. Where `over` maps rows to rows, each row has its own, and others have no value."""

    of: str = ""
    over: str | Mapping[str, str] = ""

    def base(self, method: str) -> str | None:
        """The row that a row is compared with."""
        return self.over if isinstance(self.over, str) else self.over.get(method)


@dataclass(frozen=True)
class Panel:
    """Columns that are shown together, without the rows of those methods that nobody tries on them."""

    name: str
    caption: str
    columns: tuple[str, ...]
    without: tuple[str, ...] = ()


def all_seeds(profile: Profile, row: Row, column: Column) -> tuple[int, ...]:
    """Those of the profile, for `Table.seeds`."""
    return profile.seeds


def first_seed(profile: Profile, row: Row, column: Column) -> tuple[int, ...]:
    """One seed a cell, for `Table.seeds`."""
    return profile.seeds[:1]


def two_seeds(profile: Profile, row: Row, column: Column) -> tuple[int, ...]:
    """Two seeds a cell where the profile has several: a verdict takes no fewer."""
    return profile.seeds[:2]


@dataclass(frozen=True, eq=False)
class Table:
    """A table of a paper: its rows in the paper's order, its columns, the panels that it is shown in.

    `reported` names the CSV file in the paper's folder `reported` that holds what the paper prints. `seeds`
    says which seeds a cell has under a profile; all unless told. `precision` is that of its models where the
    profile leaves it open. `kin` names for a column one of another table, with more rows, that seeds move
    alike: how much they do is judged by the rows of both.
    """

    paper: str
    name: str
    title: str
    task: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    panels: tuple[Panel, ...] = ()
    reported: str = ""
    seeds: Callable[[Profile, Row, Column], tuple[int, ...]] = all_seeds
    precision: str = ""
    kin: Mapping[str, tuple["Table", str]] = field(default_factory=dict)

    def __post_init__(self):
        """Raises BadInput for a name that stands twice, and for one that is used and not there."""
        get_task(self.task)
        for things, attribute in ((self.rows, "method"), (self.columns, "name"), (self.panels, "name")):
            names = [getattr(thing, attribute) for thing in things]
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise BadInput(f"{self.title} has two of the name {twice[0]!r}")
        for row in (row for row in self.rows if isinstance(row, Derived)):
            self._derived(row.method, row.of, self.row)
            if isinstance(row, Best):
                for name in [row.by] if isinstance(row.by, str) else [*row.by, *row.by.values()]:
                    self.column(name)
        for column in self.columns:
            if isinstance(column, MeanOf):
                self._derived(column.name, column.of, self.column)
            if isinstance(column, Increase):
                self._derived(column.name, (column.of,), self.column)
                for name in [column.over] if isinstance(column.over, str) else column.over.values():
                    self.row(name)
        for name in (name for panel in self.panels for name in panel.columns):
            self.column(name)
        for name in (name for panel in self.panels for name in panel.without):
            self.row(name)
        for name in (name for row in self.rows for name in (*row.columns, *row.given)):
            self.column(name)
        for name, (other, column) in self.kin.items():
            self.column(name)
            other.column(column)

    def _derived(self, name: str, of: tuple[str, ...], find: Callable) -> None:
        """Is there what a row or column is derived from, and is that not the same, nor derived likewise?"""
        if not of:
            raise BadInput(f"{name!r} in {self.title} is derived from nothing")
        for each in of:
            if isinstance(find(each), Derived | Increase) or each == name:
                raise BadInput(f"{name!r} in {self.title} is derived from {each!r}, which is derived itself")

    def row(self, method: str) -> Row:
        return _named(self.rows, "method", method, self.title)

    def column(self, name: str) -> Column:
        return _named(self.columns, "name", name, self.title)

    def panel(self, name: str) -> Panel:
        return _named(self.panels, "name", name, self.title)

    def rows_of(self, panel: Panel) -> list[Row]:
        return [row for row in self.rows if row.method not in panel.without]

    def facing(self, row: Row) -> list[Row]:
        """The rows that stand next to the same line of the paper as this one, itself included."""
        return [r for r in self.rows if r.reported == row.reported] if row.reported else [row]

    def cells(self, profile: Profile) -> dict[tuple[str, str], list[Job]]:
        """The jobs of each cell, by method and column, one a seed, or one a pair of seeds. Profiles whose
        precision is "auto" have none: see `Profile.at_precision`."""
        if profile.precision not in PRECISIONS:
            raise BadInput(f"the precision {profile.precision!r} of {profile.name} must be decided first")
        grids: dict[tuple[str, int], Grid] = {}
        made: dict[tuple, list[Job]] = {}
        cells: dict[tuple[str, str], list[Job]] = {}
        for row in self.rows:
            for column in self.columns:
                cell = cells[row.method, column.name] = []
                if not row.recipe or not column.measure or (row.columns and column.name not in row.columns):
                    continue
                task = column.task or self.task
                for seed in self.seeds(profile, row, column):
                    grid = grids.setdefault((task, seed), Grid(profile, get_task(task), seed))
                    asked = (row.method, column.measure, task, seed)  # columns that show one record share it
                    if asked not in made:
                        made[asked] = _listed(column.measure(grid, row))
                    cell += made[asked]
        return cells

    def jobs(self, profile: Profile) -> list[Job]:
        """All jobs of the table, each once, seed by seed, so that a run that is cut short leaves whole
        seeds."""
        found = {job.identity: job for cell in self.cells(profile).values() for job in cell}
        order = {seed: place for place, seed in enumerate(profile.seeds)}
        return sorted(found.values(), key=lambda job: order.get(job.seed, len(order)))

    def decided(self, profile: Profile, there: Iterable[str]) -> Profile:
        """The profile with its precision decided: the table's own; else that in which most of its jobs are
        among the identities `there`, so that a table is not measured half in one; else this machine's."""
        if profile.precision in PRECISIONS:
            return profile
        if self.precision:
            return profile.at_precision(self.precision)
        known = set(there)
        candidates = [profile.at_precision(precision) for precision in PRECISIONS]
        counts = [sum(job.identity in known for job in self.jobs(each)) for each in candidates]
        return candidates[counts.index(max(counts))] if any(counts) else profile.here()


def _listed(measured: Job | Iterable[Job] | None) -> list[Job]:
    if measured is None:
        return []
    return [measured] if isinstance(measured, Job) else list(measured)


def _named(things: tuple, attribute: str, name: str, title: str):
    for thing in things:
        if getattr(thing, attribute) == name:
            return thing
    known = ", ".join(getattr(thing, attribute) for thing in things)
    raise BadInput(f"{title} has no {name!r}: choose one of {known}")
