"""All measures of the compressed models at once, a panel each: who is still the same model?

Drawn from the same cells as the table beside it. Book: notebooks/miniature/same_model.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from bert_compression.report.figures import picture
from bert_compression.report.layouts import Layout, Measure
from bert_compression.report.shown import Shown
from bert_compression.report.tables import GIVEN, MEASURED, measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4
OTHER_SEED = "other_seed"
LOOKS = (("o", "#00508c"), ("D", "#c05a00"))  # of a source each: told apart without colour


def ranks(table: pd.DataFrame, measures: Sequence[str]) -> pd.Series:
    """By method, from the most alike to the least: the mean of its ranks among the compressed models over
    those of the measures that all of them have; 1 is the highest value. Empty where there is none."""
    there = table[(table.status == MEASURED) & table.measure.isin(measures)]
    compressed = there[~there.method.isin(("teacher", OTHER_SEED))].reset_index(drop=True)
    values = compressed.pivot(index="method", columns="measure", values="value").dropna(axis="columns")
    return values.rank(ascending=False).mean(axis="columns").sort_values(kind="stable")


def sameness_picture(sources: Mapping[str, Sequence[Mapping]], layout: Layout, alike: Sequence[str]) -> Shown:
    """A panel a measure, a line a model, ordered by how alike it is to the teacher, by the first source that
    says so; a point a source, a cross where chance would be, and upright lines for the teacher, which is held
    against itself with another seed: a model to the left of it differs more than a second training does."""
    from matplotlib.figure import Figure

    tables = {source: measured(records, layout) for source, records in sources.items()}
    tables = {source: table for source, table in tables.items() if (table.status == MEASURED).any()}
    order = _order(tables, layout, alike)
    rows = -(-len(layout.measures) // COLUMNS)
    size = (11, rows * (1.2 + 0.2 * len(order)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, COLUMNS, sharey=True, squeeze=False).flat
    for axes, measure in zip(panels, layout.measures, strict=False):
        for (marker, colour), (source, table) in zip(LOOKS, tables.items(), strict=False):
            _points(axes, table, measure, order, marker, colour, source)
        axes.set_title(f"{measure.label} ({measure.unit})", fontsize=9)
        axes.set_yticks(range(len(order)), [layout.row(method).short_label for method in order], fontsize=8)
        axes.tick_params(axis="x", labelsize=8)
        axes.grid(color="0.92")
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].invert_yaxis()
    for axes in figure.axes[len(layout.measures) :]:
        axes.set_axis_off()
    handles = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.axes[-1].legend(handles.values(), handles.keys(), loc="center", frameon=False)
    words = " ".join(f"“{source}”: {_in_words(table, layout, alike)}" for source, table in tables.items())
    return picture(figure, f"Compressed models by all measures, a panel each. {words or 'Nothing yet.'}")


def _order(tables: Mapping[str, pd.DataFrame], layout: Layout, alike: Sequence[str]) -> list[str]:
    """The compressed models, the most alike first; in the table's order where nothing says which."""
    ranked = (list(ranks(table, alike).index) for table in tables.values())
    compressed = [row.method for row in layout.rows if row.method not in ("teacher", OTHER_SEED)]
    return next(filter(None, ranked), compressed)


def _points(
    axes: "Axes",
    table: pd.DataFrame,
    measure: Measure,
    order: list[str],
    marker: str,
    colour: str,
    source: str,
) -> None:
    cells = table[(table.measure == measure.name) & (table.status == MEASURED)].set_index("method")
    there = [method for method in order if method in cells.index]
    found, places = cells.loc[there], [order.index(method) for method in there]
    bars = [(found.value - found.low).clip(lower=0), (found.high - found.value).clip(lower=0)]
    inside = colour if marker == "o" else "white"
    look: dict[str, Any] = {"fmt": marker, "color": colour, "mfc": inside, "ms": 5}
    axes.errorbar(found.value, places, xerr=[bar.fillna(0) for bar in bars], **look, label=source)
    axes.plot(found.chance, places, "x", color=colour, ms=4, label=f"chance, {source}")
    if OTHER_SEED in cells.index:
        line: dict[str, Any] = {"color": colour, "ls": "--" if marker == "o" else ":", "lw": 1.2}
        axes.axvline(cells.loc[OTHER_SEED, "value"], **line, label=f"the teacher, {source}")


def _in_words(table: pd.DataFrame, layout: Layout, alike: Sequence[str]) -> str:
    """The measures of likeness in numbers, model by model, the most alike first."""
    told = []
    for method in (*(row.method for row in layout.rows[:2]), *ranks(table, alike).index):
        cells = table.loc[method]
        shown = cells[cells.status.isin((MEASURED, GIVEN))]
        values = ", ".join(f"{layout.measure(c.measure).label.lower()} {c.text}" for c in shown.itertuples())
        told.append(f"{layout.row(method).label}: {values or 'nothing yet'}")
    return "; ".join(told) + "."
