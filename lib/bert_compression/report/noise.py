"""How much does a seed move a method of a table? Judged by all of its rows that have learnt something, since
two or three trainings of the two that are compared may agree by accident."""

from collections.abc import Callable, Mapping, Sequence

from bert_compression.metrics import SeedNoise, seed_noise
from bert_compression.report.gates import learnt_nothing
from bert_compression.report.records import Source
from bert_compression.report.tables import Derived, Row, Table

BySeed = Mapping[int, float]


def noise_of_rows(
    source: Source, table: Table, columns: Sequence[str], read: Callable[[Row], tuple[BySeed, Sequence]]
) -> list[BySeed]:
    """The rows of a table by which the noise of these columns is judged, each as its value at every seed.

    `read` gives a row's values by seed and the records behind them. Rows that are made of others do not
    count, nor those whose value is given, nor models that have learnt nothing.
    """
    found = []
    for row in table.rows:
        if not isinstance(row, Derived) and not set(row.given) & set(columns):
            values, records = read(row)
            if values and not learnt_nothing(source, records):
                found.append(values)
    return found


def pooled(rows: Sequence[BySeed]) -> SeedNoise | None:
    """What is left of these values after what moves a whole row, or all rows of a seed; None without any.
    A row may lack seeds that others have. One model under several names is one."""
    distinct = [dict(each) for each in dict.fromkeys(tuple(sorted(row.items())) for row in rows)]
    if not distinct:
        return None
    seeds = sorted({seed for row in distinct for seed in row})
    measured = [[seed in row for seed in seeds] for row in distinct]
    means = [[row.get(seed, 0.0) for seed in seeds] for row in distinct]
    return seed_noise(means, measured)
