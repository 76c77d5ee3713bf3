"""How alike the layers of models represent the same inputs: maps of linear CKA.

Drawn from records of the kind "alike". Book: notebooks/miniature/representation.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bert_compression.report.figures import picture
from bert_compression.report.likeness.curves import with_first
from bert_compression.report.shown import Shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 9.0  # of the figure, in inches


def cka_picture(sources: Mapping[str, Sequence[Mapping]], methods: Sequence[str]) -> Shown:
    """A row a source: for each other model a map of its layers, to the right, against those of the first,
    upwards; the lighter, the more alike."""
    drawn = {source: found for source, each in sources.items() if (found := _cka(each, methods))}
    words = []
    for source in sources:
        told = (
            f"{other}: last layers {100 * cka[-1, -1]:.0f}" for other, cka in drawn.get(source, {}).items()
        )
        words.append(f"Panel “{source}”: {', '.join(told) or 'nothing yet'}.")
    return picture(
        _layers(drawn, methods[0]),
        f"Linear CKA of every layer of {methods[0]} with every layer of the others, in percent. "
        + " ".join(words),
    )


def _cka(records: Iterable[Mapping], methods: Sequence[str]) -> dict[str, np.ndarray]:
    """Of each other model the mean over seeds: (layers of the first, layers of the other)."""
    found: dict[str, list] = {}
    for record in with_first(records, methods):
        if record["params"]["other"] != methods[0]:
            found.setdefault(record["params"]["other"], []).append(record["per_example"]["cka"])
    return {other: np.mean(found[other], axis=0) for other in methods if other in found}


def _layers(drawn: Mapping[str, Mapping[str, np.ndarray]], first: str) -> "Figure":
    from matplotlib.figure import Figure

    heights = [_square(found) * len(next(iter(found.values()))) + 0.9 for found in drawn.values()] or [1]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
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
        panels[0].set_ylabel(f"layer of {first}", fontsize=9)
        row.suptitle(source, x=0.01, ha="left", fontsize=10, fontweight="bold")
        scale = row.colorbar(colours, ax=panels, format="{x:.0%}")
        scale.ax.tick_params(labelsize=7)
    return figure


def _square(found: Mapping[str, np.ndarray]) -> float:
    """The side of a square in inches where the maps share the width of the figure."""
    return min(0.5, (WIDTH - 1 - 0.35 * len(found)) / sum(cka.shape[1] for cka in found.values()))
