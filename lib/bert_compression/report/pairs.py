"""Which pairs of methods differ beyond chance? Every pair of a table, with correction for asking so often, as
a sentence, a matrix and a list."""

from dataclasses import asdict, dataclass, replace
from html import escape
from itertools import combinations
from typing import TYPE_CHECKING

from bert_compression.errors import Failure
from bert_compression.metrics import holm, min_f_prime
from bert_compression.report.figures import picture
from bert_compression.report.html import Cell, Grid, Line, Row, Shown, folded, note, signed, table_html
from bert_compression.report.passport import rests_on
from bert_compression.report.per_text import outcomes
from bert_compression.report.records import STALE, Source
from bert_compression.report.tables import Column, Table
from bert_compression.report.verdicts import p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVEL = 0.05  # of significance, after correction
TEST = "min F′ test over seeds and texts, with Holm’s correction over the {} pairs"
HEADS = ("Pair", "Difference, points", "p", "p corrected", "Seeds", "Texts", "")
# Light enough for black figures; told apart with any colour vision, and the sign says the same.
HIGHER, LOWER, EQUAL = "#9cc9ec", "#f8bf8f", "white"
WIDTH = 7.0  # inches


@dataclass(frozen=True)
class Pair:
    """Two methods of a table in one column: the first minus the second, in percentage points, with the p
    value of min F′ and the same corrected by Holm's method for all pairs of the table in that column."""

    first: str
    second: str
    difference: float
    p_value: float
    corrected: float
    seeds: int
    texts: int
    stale: bool = False

    @property
    def differs(self) -> bool:
        return self.corrected < LEVEL


@dataclass(frozen=True)
class Pairs:
    """All pairs of a table's methods that have been measured, in one column."""

    table: Table
    column: Column
    pairs: tuple[Pair, ...]
    source: Source

    @property
    def methods(self) -> list[str]:
        """The methods that occur, in the table's order."""
        seen = {method for pair in self.pairs for method in (pair.first, pair.second)}
        return [row.method for row in self.table.rows if row.method in seen]

    @property
    def most_seeds(self) -> int:
        return max((pair.seeds for pair in self.pairs), default=0)

    def of(self, first: str, second: str) -> Pair | None:
        """That pair in that order, or None where it has not been measured."""
        for pair in self.pairs:
            if (pair.first, pair.second) == (first, second):
                return pair
            if (pair.second, pair.first) == (first, second):
                return replace(pair, first=first, second=second, difference=-pair.difference)
        return None


def compare_pairs(source: Source, table: Table, column: str) -> Pairs:
    """Every pair of methods on the texts and seeds that both have, tested by min F′ (`metrics.min_f_prime`).

    `column` is one that is a mean over texts: accuracy, label and probability loyalty, after-attack
    accuracy. Left out are pairs without common records, and methods whose value follows from a definition,
    such as the loyalty of the teacher to itself. Raises BadInput for any other column.
    """
    values = outcomes(source, table)
    noise = values.noise([column])
    methods = [row.method for row in table.rows if column not in row.given]
    pairs = []
    for second, first in combinations(methods, 2):
        try:
            both = values.paired([column], [first], [second])
        except Failure:
            continue
        test = min_f_prime(both.first, both.second, noise and noise.of_difference())
        difference = 100 * float((both.first - both.second).mean())
        stale = any(record.get("stale", False) for record in both.records)
        texts, seeds = both.first.shape
        pairs.append(Pair(first, second, difference, test.p_value, test.p_value, seeds, texts, stale))
    if pairs:
        corrected = holm([pair.p_value for pair in pairs]).tolist()
        pairs = [replace(pair, corrected=p) for pair, p in zip(pairs, corrected, strict=True)]
    return Pairs(table, table.column(column), tuple(pairs), source)


def pairs_in_words(compared: Pairs) -> Shown:
    """How many pairs differ, and which, where these are few: a sentence."""
    asked = compared.column.label.lower()
    if not compared.pairs:
        text = f"No pair has been compared in {asked} yet."
        return Shown(text, markdown=text)
    differing = [pair for pair in compared.pairs if pair.differs]
    names = [f"{a} and {b}" for a, b in (_labels(compared, pair) for pair in differing)]
    few = f": {'; '.join(names)}" if 0 < len(names) <= 6 else ""
    share = f"{len(differing)} of {len(compared.pairs)} pairs differ"
    text = f"In {asked}, {share} beyond chance, at the level of {LEVEL:.0%} after Holm’s correction{few}."
    text = text.replace("%", "\u00a0%")
    return Shown(text, markdown=text)


def pairs_figure(compared: Pairs) -> "Figure":
    """Which pairs of methods differ in a column, and by how much?

    A square a pair: the row's method minus the column's, in percentage points. Filled and in bold where the
    two differ at the 5 % level, blue where the row is higher and orange where it is lower; grey on white
    where they do not. "°" marks a pair with a single seed in a table that has more.
    """
    from matplotlib.figure import Figure

    methods = compared.methods
    names = [compared.table.row(method).short_label for method in methods]
    side = min(0.5, (WIDTH - 1.6) / max(1, len(methods) - 1))  # of a square, in inches
    figure = Figure(figsize=(WIDTH, 1.5 + side * max(1, len(methods) - 1)), layout="constrained")
    axes = figure.subplots()
    for row, first in enumerate(methods):
        for column, second in enumerate(methods[:row]):
            pair = compared.of(first, second)
            if pair is not None:
                _square(axes, column, row, pair, side, compared.most_seeds)
    axes.set_xlim(-0.5, max(1, len(methods) - 1) - 0.5)
    axes.set_ylim(max(1, len(methods) - 1) + 0.5, 0.5)
    axes.set_xticks(range(len(methods) - 1), names[:-1], rotation=90, fontsize=7.5)
    axes.set_yticks(range(1, len(methods)), names[1:], fontsize=7.5)
    axes.set_aspect("equal")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.text(1, 1, _key(compared), transform=axes.transAxes, ha="right", va="top", fontsize=8)
    return figure


def _square(axes: "Axes", column: int, row: int, pair: Pair, side: float, most_seeds: int) -> None:
    from matplotlib.patches import Rectangle

    fill = EQUAL if not pair.differs else HIGHER if pair.difference > 0 else LOWER
    corner = (column - 0.5, row - 0.5)
    axes.add_patch(Rectangle(corner, 1, 1, facecolor=fill, edgecolor="0.75", lw=0.5))
    short = side < 0.4 and abs(pair.difference) >= 9.95  # no room for a digit after the point
    text = signed(pair.difference, 0 if short else 1)
    text += "°" if pair.seeds == 1 < most_seeds else ""
    weight, colour = ("bold", "black") if pair.differs else ("normal", "0.35")
    axes.text(column, row, text, ha="center", va="center", size=6.5, weight=weight, color=colour)


def _key(compared: Pairs) -> str:
    """What the squares say, for the empty corner."""
    lines = [f"{compared.column.label}: row − column, points", f"filled, bold: differ (p < {LEVEL:g})"]
    lines.append("blue +: the row is higher; orange −: lower")
    if any(pair.seeds == 1 < compared.most_seeds for pair in compared.pairs):
        lines.append("°: one seed")
    return "\n".join(lines)


def pairs_picture(compared: Pairs) -> Shown:
    """The figure with its alternative text; the numbers themselves are in `pairs_list`."""
    import pandas as pd

    words = (
        f"Matrix of {len(compared.methods)} methods against each other: differences in "
        f"{compared.column.label.lower()}, filled where they are beyond chance. "
        f"{pairs_in_words(compared)} The list of pairs holds every number."
    )
    table, column, source = compared.table, compared.column.name, compared.source
    drawn = pd.DataFrame([asdict(pair) for pair in compared.pairs])
    rests = rests_on({source.name: source}, {table: [(method, column) for method in compared.methods]})
    name = f"{table.paper}_{table.name}_pairs_{column}"
    return picture(pairs_figure(compared), words, name, drawn, rests)


def pairs_list(compared: Pairs) -> Shown:
    """Every pair with its numbers, those with the smallest p first; folded where there is a browser."""
    ordered = sorted(compared.pairs, key=lambda pair: (pair.corrected, pair.p_value))
    label = compared.column.label.lower()
    caption = f"Pairs of methods, {label}: {TEST.format(len(ordered))}. Bold: the two differ."
    grid = Grid(
        caption,
        [Row([Cell(head, "col") for head in HEADS])],
        [[_line(compared, pair) for pair in ordered]],
    )
    legend = note(STALE) if any(pair.stale for pair in ordered) else ""
    html = folded(f"{len(ordered)} pairs, {escape(label)}", table_html(grid), legend)
    return Shown("\n".join(_plain(compared, pair) for pair in ordered) or "no pairs", html=html)


def _line(compared: Pairs, pair: Pair) -> Row:
    difference, *others = _numbers(pair)
    stale = (Line("stale"),) if pair.stale else ()
    return Row(
        [
            Cell(_name(compared, pair), "row", style="strong" if pair.differs else ""),
            Cell(difference, lines=stale, kind="bc-one-line"),
            *(Cell(number, kind="bc-one-line") for number in others),
            Cell("differ" if pair.differs else ""),
        ]
    )


def _plain(compared: Pairs, pair: Pair) -> str:
    difference, *others = _numbers(pair)
    stale = " (stale)" if pair.stale else ""
    verdict = "differ" if pair.differs else ""
    return "  ".join((_name(compared, pair), difference + stale, *others, verdict)).rstrip()


def _numbers(pair: Pair) -> tuple[str, ...]:
    p_values = (p_text(pair.p_value), p_text(pair.corrected))
    return signed(pair.difference), *p_values, str(pair.seeds), f"{pair.texts:,}"


def _name(compared: Pairs, pair: Pair) -> str:
    return " − ".join(_labels(compared, pair))


def _labels(compared: Pairs, pair: Pair) -> list[str]:
    return [compared.table.row(method).label for method in (pair.first, pair.second)]
