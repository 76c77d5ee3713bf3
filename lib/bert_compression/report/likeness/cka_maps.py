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

    columns = max((len(found) for found in drawn.values()), default=1)
    figure = Figure(figsize=(1.9 * columns + 0.6, 2.3 * max(1, len(drawn))), layout="constrained")
    panels = figure.subplots(max(1, len(drawn)), columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for row, (source, found) in zip(panels, drawn.items(), strict=False):
        for axes, (other, cka) in zip(row, found.items(), strict=False):
            axes.set_axis_on()
            axes.imshow(cka, vmin=0, vmax=1, cmap="viridis", origin="lower")
            for at, value in np.ndenumerate(cka):
                if cka.size <= 49:
                    colour = "black" if value > 0.5 else "white"
                    axes.text(
                        at[1], at[0], f"{100 * value:.0f}", ha="center", va="center", size=6, color=colour
                    )
            axes.set_title(f"{source}: {other}", fontsize=8)
            axes.set_xticks(range(cka.shape[1]), range(1, cka.shape[1] + 1), fontsize=6)
            axes.set_yticks(range(cka.shape[0]), range(1, cka.shape[0] + 1), fontsize=6)
        row[0].set_ylabel(f"layer of {first}", fontsize=8)
    return figure
