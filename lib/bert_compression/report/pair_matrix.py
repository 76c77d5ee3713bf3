"""All pairs of methods at a glance: a matrix of differences, and which of them are beyond chance."""

from typing import TYPE_CHECKING

from bert_compression.report.figures import picture
from bert_compression.report.pairs import LEVEL, Pair, Pairs, pairs_in_words
from bert_compression.report.shown import Shown
from bert_compression.report.tables import signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Light enough for black figures; told apart with any colour vision, and the sign says the same.
HIGHER, LOWER, EQUAL = "#9cc9ec", "#f8bf8f", "white"
WIDTH = 7.0  # inches


def pairs_figure(compared: Pairs) -> "Figure":
    """Which pairs of methods differ in a measure, and by how much?

    A square a pair: the row's method minus the column's, in percentage points. Filled and in bold where the
    two differ at the 5 % level, blue where the row is higher and orange where it is lower; grey on white
    where they do not. "°" marks a pair with a single seed in a table that has more.
    """
    from matplotlib.figure import Figure

    methods = compared.methods
    names = [compared.layout.row(method).short_label for method in methods]
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
    lines = [f"{compared.measure.label}: row − column, points", f"filled, bold: differ (p < {LEVEL:g})"]
    lines.append("blue +: the row is higher; orange −: lower")
    if any(pair.seeds == 1 < compared.most_seeds for pair in compared.pairs):
        lines.append("°: one seed")
    return "\n".join(lines)


def pairs_picture(compared: Pairs) -> Shown:
    """The figure with its alternative text; the numbers themselves are in `pairs_list`."""
    words = (
        f"Matrix of {len(compared.methods)} methods against each other: differences in "
        f"{compared.measure.label.lower()}, filled where they are beyond chance. "
        f"{pairs_in_words(compared)} The list of pairs holds every number."
    )
    return picture(pairs_figure(compared), words)
