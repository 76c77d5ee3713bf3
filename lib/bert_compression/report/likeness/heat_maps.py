"""A matrix of models drawn: how far every two of them agree, beside chance and beside another seed."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from bert_compression.report.figures import picture
from bert_compression.report.likeness.matrices import Matrix
from bert_compression.report.shown import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE = 0.95  # of a square, in inches
LINE = 0.25  # from one line in a square to the next, in sides


def heat_map(matrices: Mapping[str, Matrix], title: str) -> Shown:
    """A panel a source that has anything: the value of every two models in percent, below it its 95 %
    interval over examples where there is one, and in brackets what chance would give where that is not 0;
    framed on the diagonal the agreement of one model's two seeds."""
    figure = _figure(
        {source: matrix for source, matrix in matrices.items() if np.isfinite(matrix.values).any()}
    )
    words = " ".join(f"Panel “{source}”: {in_words(matrix)}" for source, matrix in matrices.items())
    return picture(figure, f"Heat map of {title}, every two models against each other. {words}")


def in_words(matrix: Matrix) -> str:
    """The numbers of the lower half, model by model, and of the diagonal, with their intervals."""
    lines = []
    for row, name in enumerate(matrix.names):
        told = _told(matrix, [(row, column) for column in range(row)])
        if told:
            lines.append(f"{name} with " + ", ".join(told))
    if seeds := _told(matrix, [(place, place) for place in range(len(matrix.names))]):
        lines.append("one model with two seeds: " + ", ".join(seeds))
    return "; ".join(lines) + "." if lines else "nothing yet."


def _told(matrix: Matrix, cells: Iterable[tuple[int, int]]) -> list[str]:
    """The measured cells of a row, or of the diagonal, by the name of their column."""
    told = []
    for cell in cells:
        if np.isfinite(matrix.values[cell]):
            interval = _interval(matrix, cell, 0)
            bounds = f" ({interval})" if interval else ""
            told.append(f"{matrix.names[cell[1]]} {_percent(matrix.values[cell], 0)}{bounds}")
    return told


def _interval(matrix: Matrix, cell: tuple[int, int], digits: int) -> str:
    bounds = matrix.low[cell], matrix.high[cell]
    return " to ".join(_percent(bound, digits) for bound in bounds if np.isfinite(bound))


def _percent(share: float, digits: int) -> str:
    return f"{100 * share:.{digits}f}".replace("-", "−")


def _figure(matrices: Mapping[str, Matrix]) -> "Figure":
    from matplotlib.figure import Figure

    sizes = [len(matrix.names) for matrix in matrices.values()] or [1]
    figure = Figure(figsize=(1.2 + SIDE * max(sizes), 0.8 + SIDE * sum(sizes)), layout="constrained")
    panels = figure.subplots(max(1, len(matrices)), squeeze=False)[:, 0]
    for axes, (source, matrix) in zip(panels, matrices.items(), strict=False):
        _panel(axes, source, matrix)
    return figure


def _panel(axes: "Axes", source: str, matrix: Matrix) -> None:
    from matplotlib.patches import Rectangle

    darkest = np.nanmax(matrix.values)
    axes.imshow(matrix.values, cmap="Blues", vmin=0, vmax=max(darkest, 0.01))
    for row, column in np.ndindex(matrix.values.shape):
        value, chance = float(matrix.values[row, column]), float(matrix.chance[row, column])
        if not np.isfinite(value):
            continue
        same = row == column
        colour = "white" if value > 0.6 * darkest else "black"
        below = "two seeds" if same else f"({_percent(chance, 1)})" if chance > 0 else ""
        lines = ((10, _percent(value, 1)), (6.5, _interval(matrix, (row, column), 1)), (7, below))
        written = [(size, text) for size, text in lines if text]
        for place, (size, text) in enumerate(written):
            height = row + LINE * (place - (len(written) - 1) / 2)
            axes.text(column, height, text, ha="center", va="center", size=size, color=colour)
        if same:
            axes.add_patch(
                Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, fill=False, lw=1.5, ec="#c05a00")
            )
    axes.set_title(source, loc="left", fontweight="bold")
    axes.set_xticks(range(len(matrix.names)), matrix.names)
    axes.set_yticks(range(len(matrix.names)), matrix.names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
