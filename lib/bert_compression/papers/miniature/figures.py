"""The figures of the pages on error overlap, representation similarity and OOD overlap, from records only."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from bert_compression.papers.miniature.overlap import (
    CHANCE,
    LARGEST,
    SAME,
    SMALLER,
    Matrix,
    cka_maps,
)
from bert_compression.papers.miniature.tables import REPRESENTATION
from bert_compression.report.figures import by_panel, picture
from bert_compression.report.html import Shown
from bert_compression.report.passport import rests_on
from bert_compression.report.records import Source
from bert_compression.report.tables import Table
from bert_compression.report.views import in_two_views

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE = 0.95  # of a square of a heat map, in inches
LINE = 0.25  # from one line in a square to the next, in sides
MAPS_WIDTH = 9.0  # of a figure of CKA maps, in inches


@in_two_views
def heat_map(
    matrices: Mapping[str, Matrix], title: str, sources: Mapping[str, Source], table: Table
) -> Shown:
    """A panel a matrix that has anything: the value of every two models in percent, below it its 95 %
    interval over examples where there is one, and in brackets what chance would give where that is not 0;
    framed on the diagonal the agreement of one model's two seeds. `sources` hold the records of the table
    that the matrices come from."""
    figure = _figure(
        {source: matrix for source, matrix in matrices.items() if np.isfinite(matrix.values).any()}
    )
    words = " ".join(f"Panel “{source}”: {in_words(matrix)}" for source, matrix in matrices.items())
    words = f"Heat map of {title}, every two models against each other. {words}"
    drawn = by_panel({source: matrix.table for source, matrix in matrices.items()})
    return picture(figure, words, file_name(title), drawn, rests_on(sources, {table: ()}))


def file_name(title: str) -> str:
    """A title as the name of a file."""
    return re.sub(r"\W+", "_", title).strip("_").lower()


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


@in_two_views
def curves(
    tables: "Mapping[str, pd.DataFrame]",
    setting: str,
    shared: str,
    sources: Mapping[str, Source],
    table: Table,
    logarithmic: bool = False,
) -> Shown:
    """A panel a table, a line for each model but the largest: `shared` upwards, `setting` to the right.
    `sources` hold the records of the paper's `table` that they come from."""
    import seaborn
    from matplotlib.figure import Figure

    drawn = {source: table for source, table in tables.items() if len(table)}
    figure = Figure(figsize=(8, 3.6 * max(1, len(drawn))), layout="constrained")
    panels = figure.subplots(max(1, len(drawn)), squeeze=False)[:, 0]
    order = [*SMALLER, SAME, CHANCE]
    dashes = {name: "" if name in SMALLER else (4, 2) if name == SAME else (1, 1) for name in order}
    for axes, (source, lines) in zip(panels, drawn.items(), strict=False):
        there = [name for name in order if name in set(lines.other)]
        look = {"hue": "other", "style": "other", "hue_order": there, "style_order": there}
        colours = dict(zip(order, seaborn.color_palette("colorblind", len(order)), strict=True))
        seaborn.lineplot(
            lines, x="setting", y="jaccard", palette=colours, dashes=dashes, markers=False, ax=axes, **look
        )
        axes.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
        axes.set_title(source, loc="left", fontweight="bold")
        axes.set(xlabel=setting, ylabel=f"{shared} (%)", xscale="log" if logarithmic else "linear")
        ticks = sorted(set(lines.setting))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.grid(color="0.92")
        axes.spines[["top", "right"]].set_visible(False)
    words = " ".join(f"Panel “{source}”: {_curves_in_words(lines)}" for source, lines in tables.items())
    words = f"Lines: {shared} with {LARGEST}, in percent, by {setting}. {words}"
    rests = rests_on(sources, {table: ()})
    return picture(figure, words, file_name(f"{shared} by {setting}"), by_panel(tables), rests)


def _curves_in_words(table: "pd.DataFrame") -> str:
    lines = (
        f"{other}: " + ", ".join(f"{line.jaccard:.1f} at {line.setting:g}" for line in lines.itertuples())
        for other, lines in table.groupby("other")
    )
    return "; ".join(lines) + "." if len(table) else "nothing yet."


@in_two_views
def cka_picture(sources: Mapping[str, Source]) -> Shown:
    """A row a source: for each other model a map of its layers, to the right, next to those of the largest,
    upwards; the lighter, the more alike."""
    import pandas as pd

    drawn = {source: found for source, each in sources.items() if (found := cka_maps(each))}
    words = [f"Linear CKA of every layer of {LARGEST} with every layer of the others, in percent."]
    for source in sources:
        told = (
            f"{other}: last layers {100 * cka[-1, -1]:.0f}" for other, cka in drawn.get(source, {}).items()
        )
        words.append(f"Panel “{source}”: {', '.join(told) or 'nothing yet'}.")
    layers = [
        {"panel": source, "other": other, "layer": layer + 1, "other_layer": column + 1, "cka": value}
        for source, found in drawn.items()
        for other, cka in found.items()
        for (layer, column), value in np.ndenumerate(cka)
    ]
    rests = rests_on(sources, {REPRESENTATION: ()})
    return picture(_layers(drawn), " ".join(words), "cka_of_layers", pd.DataFrame(layers), rests)


def _layers(drawn: Mapping[str, Mapping[str, np.ndarray]]) -> "Figure":
    from matplotlib.figure import Figure

    heights = [_square(found) * len(next(iter(found.values()))) + 0.9 for found in drawn.values()] or [1]
    figure = Figure(figsize=(MAPS_WIDTH, sum(heights)), layout="constrained")
    rows = figure.subfigures(len(heights), height_ratios=heights, squeeze=False)[:, 0]
    for row, (source, found) in zip(rows, drawn.items(), strict=False):
        widths = [cka.shape[1] for cka in found.values()]
        panels = row.subplots(1, len(found), squeeze=False, width_ratios=widths)[0]
        for axes, (other, cka) in zip(panels, found.items(), strict=True):
            colours = axes.imshow(cka, vmin=0, vmax=1, cmap="viridis", origin="lower")
            # A map of 24 layers against 12 has no room for numbers.
            for (layer, column), value in np.ndenumerate(cka) if _square(found) >= 0.2 else ():
                colour = "black" if value > 0.5 else "white"
                axes.text(column, layer, f"{100 * value:.0f}", ha="center", va="center", size=7, color=colour)
            axes.set_xlabel(other, fontsize=9)
            axes.set_xticks(range(cka.shape[1]), range(1, cka.shape[1] + 1), fontsize=7)
            axes.set_yticks(range(cka.shape[0]), range(1, cka.shape[0] + 1), fontsize=7)
        panels[0].set_ylabel(f"layer of {LARGEST}", fontsize=9)
        row.suptitle(source, x=0.01, ha="left", fontsize=10, fontweight="bold")
        scale = row.colorbar(colours, ax=panels, format="{x:.0%}")
        scale.ax.tick_params(labelsize=7)
    return figure


def _square(found: Mapping[str, np.ndarray]) -> float:
    """The side of a square in inches where the maps share the width of the figure."""
    return min(0.5, (MAPS_WIDTH - 1 - 0.35 * len(found)) / sum(cka.shape[1] for cka in found.values()))
