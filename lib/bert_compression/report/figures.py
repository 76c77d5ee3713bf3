"""The figure of a table's page, drawn from records only, and the words for those who cannot see it."""

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

import pandas as pd

from bert_compression.report.claims import EVIDENCE
from bert_compression.report.layouts import Layout
from bert_compression.report.point_names import Point, write_names
from bert_compression.report.reported import reported_value
from bert_compression.report.shown import Shown
from bert_compression.report.tables import GIVEN, MEASURED, measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

X, Y, NAMED = "label_loyalty", "after_attack_accuracy", "accuracy"
MARKERS = "osD^vPX<>*phd8H"
NAMES = 16  # more than so many names find no room, and shapes must tell the reported points


def loyalty_figure(sources: Mapping[str, Sequence[Mapping]], layout: Layout) -> "Figure":
    """Do the models that answer like their teacher also withstand an attack?

    One panel a source: label loyalty to the right, after-attack accuracy upwards. A filled point a method,
    named with its accuracy, with bars of one standard deviation over seeds; a hollow point of the same
    shape for the reported value, but not beside generated English, which is not comparable; it is named, too,
    where there is room. Shapes and names tell the methods apart, colour only helps.
    """
    from matplotlib.figure import Figure

    height = 4.2 + 0.15 * max(0, len(layout.rows) - 7)
    figure = Figure(figsize=(7, height * len(sources)), layout="constrained")
    looks = _looks(layout)
    panels = []
    axes_of = zip(figure.subplots(len(sources), squeeze=False)[:, 0], sources.items(), strict=True)
    for axes, (title, records) in axes_of:
        ours = measured_points(measured(records, layout), layout)
        theirs = reported_points(layout) if comparable(records) else {}
        for line, point in theirs.items():
            axes.plot(point.x, point.y, looks[line][0], mfc="none", mec="0.45", ms=7)
        for method, point in ours.items():
            marker, colour = looks[layout.row(method).reported]
            bars = {"xerr": point.x_spread, "yerr": point.y_spread, "capsize": 2}
            axes.errorbar(point.x, point.y, **bars, fmt=marker, color=colour, ms=8, mec="black")
        _dress(axes, title)
        panels.append((axes, list(ours.values()), list(theirs.values())))
    figure.draw_without_rendering()  # the layout must stand before anything is measured in pixels
    for axes, ours_here, theirs_here in panels:
        write_names(axes, ours_here, theirs_here, len(ours_here) + len(theirs_here) <= NAMES)
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
            spreads = (0.0 if math.isnan(cell.spread) else cell.spread for cell in (x, y))
            points[row.method] = Point(x.value, y.value, f"{row.short_label} ({accuracy.text})", *spreads)
    return points


def reported_points(layout: Layout) -> dict[str, Point]:
    """The paper's lines, by their names."""
    points: dict[str, Point] = {}
    for row in layout.rows:
        x, y, accuracy = (reported_value(layout, row, layout.measure(name)) for name in (X, Y, NAMED))
        points[row.reported] = Point(x, y, f"{row.reported}, reported ({accuracy:.1f})")
    return points


def _looks(layout: Layout) -> dict[str, tuple]:
    """Marker and colour of each line of the paper, which the methods that face it share."""
    import seaborn

    lines = list(dict.fromkeys(row.reported for row in layout.rows))
    looks = zip(MARKERS, seaborn.color_palette("colorblind", len(MARKERS)), strict=True)
    return dict(zip(lines, looks, strict=False))


def _dress(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel("label loyalty (%): answers like its teacher →")
    axes.set_ylabel("after-attack accuracy (%): withstands →")
    axes.margins(0.2)
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= 100], minor=False)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def alternative_text(records: Sequence[Mapping], layout: Layout) -> str:
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


def loyalty_picture(sources: Mapping[str, Sequence[Mapping]], layout: Layout) -> Shown:
    """The figure with its alternative text, panel by panel."""
    words = " ".join(f"Panel “{title}”: {alternative_text(each, layout)}" for title, each in sources.items())
    return picture(loyalty_figure(sources, layout), words)
