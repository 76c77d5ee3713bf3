"""The figure of a page, drawn from records only, and the words for those who cannot see it."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

import pandas as pd

from bert_compression.report.claims import EVIDENCE
from bert_compression.report.layouts import LOYALTY_TABLE_3, Layout
from bert_compression.report.shown import Shown
from bert_compression.report.tables import GIVEN, MEASURED, cell_text, measured, reported_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

X, Y, NAMED = "label_loyalty", "after_attack_accuracy", "accuracy"
MARKERS = ("o", "s", "D", "^", "v", "P", "X")


@dataclass(frozen=True)
class Point:
    """A place in the figure, in percent, with its name; spreads are 0 where there is none to show."""

    x: float
    y: float
    name: str
    x_spread: float = 0.0
    y_spread: float = 0.0


def loyalty_figure(sources: Mapping[str, Sequence[Mapping]], layout: Layout = LOYALTY_TABLE_3) -> "Figure":
    """Do the models that answer like their teacher also withstand an attack?

    One panel a source: label loyalty to the right, after-attack accuracy upwards. A filled point a method,
    named with its accuracy, with bars of one standard deviation over seeds; a hollow point of the same
    shape for the reported value, but not beside generated English, which is not comparable. Shapes and
    names tell the methods apart, colour only helps.
    """
    import seaborn
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2 * len(sources)), layout="constrained")
    colours = seaborn.color_palette("colorblind", len(MARKERS))
    shapes = dict(zip((row.method for row in layout.rows), zip(MARKERS, colours, strict=True), strict=False))
    panels = []
    axes_of = zip(figure.subplots(len(sources), squeeze=False)[:, 0], sources.items(), strict=True)
    for axes, (title, records) in axes_of:
        ours = measured_points(measured(records, layout), layout)
        theirs = reported_points(layout) if comparable(records) else {}
        for method, point in theirs.items():
            axes.plot(point.x, point.y, shapes[method][0], mfc="none", mec="0.45", ms=7)
        for method, point in ours.items():
            marker, colour = shapes[method]
            bars = {"xerr": point.x_spread, "yerr": point.y_spread, "capsize": 2}
            axes.errorbar(point.x, point.y, **bars, fmt=marker, color=colour, ms=8, mec="black")
        _dress(axes, title)
        panels.append((axes, list(ours.values()), list(theirs.values())))
    figure.draw_without_rendering()  # the layout must stand before anything is measured in pixels
    for axes, ours_here, theirs_here in panels:
        _write_names(axes, ours_here, theirs_here)
    return figure


def comparable(records: Sequence[Mapping]) -> bool:
    """May the reported values stand beside these records? Not where they were measured on generated text."""
    return all(record["profile"] in EVIDENCE for record in records)


def measured_points(table: pd.DataFrame, layout: Layout) -> dict[str, Point]:
    """The methods that have both measures, by method."""
    points = {}
    for row in layout.rows:
        x, y, accuracy = (table.loc[(row.method, name)] for name in (X, Y, NAMED))
        if x.status in (MEASURED, GIVEN) and y.status == MEASURED:
            name = f"{row.label} ({cell_text(accuracy, layout.measure(NAMED))})"
            spreads = (0.0 if math.isnan(cell.spread) else cell.spread for cell in (x, y))
            points[row.method] = Point(x.value, y.value, name, *spreads)
    return points


def reported_points(layout: Layout) -> dict[str, Point]:
    """The paper's rows, each under the first of the methods that face it."""
    points: dict[str, Point] = {}
    seen: set[str] = set()
    for row in layout.rows:
        x, y, accuracy = (reported_value(layout, row, layout.measure(name)) for name in (X, Y, NAMED))
        if row.reported not in seen:
            points[row.method] = Point(x, y, f"{row.reported}, reported ({accuracy:.1f})")
        seen.add(row.reported)
    return points


def _dress(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel("label loyalty (%): answers like its teacher →")
    axes.set_ylabel("after-attack accuracy (%): withstands →")
    axes.margins(0.2)
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= 100], minor=False)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _write_names(axes: "Axes", ours: list[Point], theirs: list[Point]) -> None:
    """Each point's name, at the nearest place that no other name, point or bar takes."""
    from matplotlib.transforms import Bbox

    # A line from a name to its point must not move the frame that names are fitted into.
    axes.set_autoscale_on(False)
    pixels, back = axes.transData, axes.transData.inverted()
    taken = []
    for point in ours + theirs:
        low = (point.x - point.x_spread, point.y - point.y_spread)
        high = (point.x + point.x_spread, point.y + point.y_spread)
        taken.append(Bbox(pixels.transform([low, high])).padded(7))
    frame = axes.get_window_extent()
    for point in ours + theirs:
        text = axes.text(
            point.x, point.y, point.name, fontsize=7.5, color="black" if point in ours else "0.35"
        )
        text.set_in_layout(False)
        width, height = text.get_window_extent().size
        x, y = pixels.transform((point.x, point.y))
        boxes = [Bbox.from_bounds(x + right, y + up, width, height) for right, up in _spots(width, height)]
        box = next((box for box in boxes if _fits(box, taken, frame)), boxes[0])
        taken.append(box)
        text.set_position(tuple(back.transform(box.p0)))
        near = (min(max(x, box.x0), box.x1), min(max(y, box.y0), box.y1))
        if math.dist(near, (x, y)) > 20:
            ends = back.transform([near, (x, y)])
            axes.plot(*ends.T, color="0.6", lw=0.6, zorder=1)


def _spots(width: float, height: float) -> list[tuple[float, float]]:
    """Where a name's lower left corner may stand, seen from its point, in pixels: near places first."""
    spots = []
    for reach in range(10, 140, 12):
        right, left, middle = reach, -reach - width, -width / 2
        above, below, level = reach, -reach - height, -height / 2
        spots += [(right, level), (left, level), (middle, above), (middle, below)]
        spots += [(right, above), (right, below), (left, above), (left, below)]
    return spots


def _fits(box: "Bbox", taken: "list[Bbox]", frame: "Bbox") -> bool:
    inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    return inside and not any(box.overlaps(other) for other in taken)


def alternative_text(records: Sequence[Mapping], layout: Layout = LOYALTY_TABLE_3) -> str:
    """What a panel of the figure shows, in words and with its numbers: measured, then reported."""
    ours = measured_points(measured(records, layout), layout).values()
    theirs = reported_points(layout).values() if comparable(records) else []
    measured_ones, reported_ones = (
        "; ".join(f"{p.name}: {p.x:.1f} and {p.y:.1f}" for p in points) for points in (ours, theirs)
    )
    return (
        "Scatter plot of label loyalty, to the right, and after-attack accuracy, upwards, in percent, with "
        f"accuracy in brackets. Measured: {measured_ones or 'nothing yet'}."
        + (f" Hollow points: {reported_ones}." if reported_ones else "")
    )


def picture(figure: "Figure", alternative: str) -> Shown:
    """A figure as SVG inside HTML, so that its alternative text can come from the records, too."""
    import matplotlib

    file = BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "bert-compression"}):  # the same records give the same file
        figure.savefig(file, format="svg", metadata={"Date": None})
    source = "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode()
    style = "max-width: 100%; background: white"
    return Shown(alternative, html=f'<img src="{source}" alt="{escape(alternative)}" style="{style}">')


def loyalty_picture(sources: Mapping[str, Sequence[Mapping]], layout: Layout = LOYALTY_TABLE_3) -> Shown:
    """The figure with its alternative text, panel by panel."""
    words = " ".join(f"Panel “{title}”: {alternative_text(each, layout)}" for title, each in sources.items())
    return picture(loyalty_figure(sources, layout), words)
