"""Figures as they stand on a page, drawn from records only, and the words for those who cannot see them."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from bert_compression.report.html import BELOW, Shown, folded, tag
from bert_compression.report.passport import numbers, rests_on, saved
from bert_compression.report.records import GIVEN, MEASURED, Source, comparable, measured
from bert_compression.report.reported import reported_value
from bert_compression.report.tables import Panel, Row, Table
from bert_compression.report.views import in_two_views

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

X, Y, NAMED = "label_loyalty", "after_attack_accuracy", "accuracy"
MARKERS = "osD^vPX<>*phd8H"
SUMMARY = "This figure in words and numbers, and where they come from"
NAMES = 16  # more than so many names find no room, and shapes must tell the reported points
GAP = 20  # pixels between a name and its point, from which on a line joins them


def picture(figure: "Figure", alternative: str, name: str, drawn: "pd.DataFrame", rests: str) -> Shown:
    """A figure as SVG inside HTML, so that its alternative text can come from the records, too. Below it can
    be unfolded: the text, which holds its numbers; what they rest on (`rests_on`), list items in HTML; and a
    link that saves what is drawn under that name. Where nothing is drawn, there are only the text and how to
    measure it."""
    import matplotlib

    if drawn.empty:
        told = (tag("p", escape(alternative)), tag("ul", rests))
        return Shown(alternative, html=tag("div", *told, class_=BELOW))
    file = BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "bert-compression"}):  # the same records give the same file
        figure.savefig(file, format="svg", metadata={"Date": None})
    source = "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode()
    style = "max-width: 100%; background: white"
    below = folded(SUMMARY, tag("p", escape(alternative)), tag("ul", rests, saved(name, drawn)))
    words = tag("div", below, class_=BELOW)
    return Shown(alternative, html=f'<img src="{source}" alt="{escape(alternative)}" style="{style}">{words}')


@in_two_views
def loyalty_picture(sources: Mapping[str, Source], table: Table) -> Shown:
    """Label loyalty and after-attack accuracy in one plane, with its alternative text, panel by panel."""
    words = " ".join(f"Panel “{name}”: {alternative_text(each, table)}" for name, each in sources.items())
    drawn = numbers(sources, table, Panel("plane", "", (X, Y, NAMED)))
    rests = rests_on(sources, {table: [(row.method, name) for row in table.rows for name in (X, Y, NAMED)]})
    return picture(loyalty_figure(sources, table), words, f"{table.paper}_{table.name}_plane", drawn, rests)


def by_panel(tables: "Mapping[str, pd.DataFrame]") -> "pd.DataFrame":
    """The tables of a figure's panels in one, whose first column names the panel."""
    import pandas as pd

    named = [table.assign(panel=title)[["panel", *table.columns]] for title, table in tables.items()]
    return pd.concat(named, ignore_index=True) if named else pd.DataFrame(columns=["panel"])


def loyalty_figure(sources: Mapping[str, Source], table: Table) -> "Figure":
    """Do the models that answer like their teacher also withstand an attack?

    One panel a source: label loyalty to the right, after-attack accuracy upwards. A filled point a method,
    named with its accuracy, with bars of one standard deviation over seeds; a hollow point of the same
    shape for the reported value, but not beside generated English, which is not comparable; it is named, too,
    where there is room. Shapes and names tell the methods apart, colour only helps.
    """
    from matplotlib.figure import Figure

    height = 4.2 + 0.15 * max(0, len(table.rows) - 7)
    figure = Figure(figsize=(7, height * len(sources)), layout="constrained")
    looks = _looks(table)
    panels = []
    axes_of = zip(figure.subplots(len(sources), squeeze=False)[:, 0], sources.items(), strict=True)
    for axes, (title, source) in axes_of:
        ours = measured_points(source, table)
        theirs = reported_points(table) if comparable(source) else {}
        for line, point in theirs.items():
            axes.plot(point.x, point.y, looks[line][0], mfc="none", mec="0.45", ms=7)
        for method, point in ours.items():
            marker, colour = looks[_line_of(table.row(method))]
            bars = {"xerr": point.x_spread, "yerr": point.y_spread, "capsize": 2}
            axes.errorbar(point.x, point.y, **bars, fmt=marker, color=colour, ms=8, mec="black")
        _dress(axes, title)
        panels.append((axes, list(ours.values()), list(theirs.values())))
    figure.draw_without_rendering()  # the layout must stand before anything is measured in pixels
    for axes, ours_here, theirs_here in panels:
        write_names(axes, ours_here, theirs_here, len(ours_here) + len(theirs_here) <= NAMES)
    return figure


def measured_points(source: Source, table: Table) -> dict[str, "Point"]:
    """The methods that have both measures, by method."""
    points, cells = {}, measured(source, table)
    for row in table.rows:
        x, y, accuracy = (cells.loc[(row.method, name)] for name in (X, Y, NAMED))
        if x.status in (MEASURED, GIVEN) and y.status == MEASURED:
            spreads = (0.0 if math.isnan(cell.spread) else cell.spread for cell in (x, y))
            points[row.method] = Point(x.value, y.value, f"{row.short_label} ({accuracy.text})", *spreads)
    return points


def reported_points(table: Table) -> dict[str, "Point"]:
    """The paper's lines, by their names."""
    points: dict[str, Point] = {}
    for row in (row for row in table.rows if row.reported):
        x, y, accuracy = (reported_value(table, row, table.column(name)) for name in (X, Y, NAMED))
        line = _line_of(row)
        points[line] = Point(x, y, f"{line}, reported ({accuracy:.1f})")
    return points


def _line_of(row: Row) -> str:
    """The paper's name of its line: one that builds on another is named with it, "Head Prune +KD". A row
    that the paper does not have is a line of its own."""
    names = [str(row.reported[key]) for key in ("base_method", "method") if key in row.reported]
    return " ".join(names) or row.label


def _looks(table: Table) -> dict[str, tuple]:
    """Marker and colour of each line of the paper, which the methods that face it share."""
    import seaborn

    lines = list(dict.fromkeys(_line_of(row) for row in table.rows))
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


def alternative_text(source: Source, table: Table) -> str:
    """What a panel of the figure shows, in words and with its numbers: measured, then reported."""
    ours = measured_points(source, table).values()
    theirs = reported_points(table).values() if comparable(source) else []
    measured_ones, reported_ones = (
        "; ".join(f"{p.name}: {p.x:.1f} and {p.y:.1f}" for p in points) for points in (ours, theirs)
    )
    return (
        "Scatter plot of label loyalty, to the right, and after-attack accuracy, upwards, in percent, with "
        f"accuracy in brackets. Measured: {measured_ones or 'nothing yet'}."
        + (f" Hollow points: {reported_ones}." if reported_ones else "")
    )


# Names beside the points of a figure, so that none covers another, a point or its bars.


@dataclass(frozen=True)
class Point:
    """A place in the figure, in percent, with its name; spreads are 0 where there is none to show."""

    x: float
    y: float
    name: str
    x_spread: float = 0.0
    y_spread: float = 0.0


def write_names(axes: "Axes", ours: Sequence[Point], theirs: Sequence[Point], name_theirs: bool) -> None:
    """Each point's name at the nearest place that nothing else takes: first of ours, then, if they are to be
    named, of theirs in grey.

    The layout of the figure must stand, since places are measured in pixels.
    """
    from matplotlib.transforms import Bbox

    # A line from a name to its point must not move the frame that names are fitted into.
    axes.set_autoscale_on(False)
    pixels = axes.transData
    taken = []
    for point in (*ours, *theirs):
        low = (point.x - point.x_spread, point.y - point.y_spread)
        high = (point.x + point.x_spread, point.y + point.y_spread)
        taken.append(Bbox(pixels.transform([low, high])).padded(7))
    colours = [(point, "black") for point in ours] + [(point, "0.35") for point in theirs if name_theirs]
    for point, colour in colours:
        taken.append(_write(axes, point, colour, taken).padded(2))


def _write(axes: "Axes", point: Point, colour: str, taken: "list[Bbox]") -> "Bbox":
    """Write a name; the box that it takes."""
    from matplotlib.transforms import Bbox

    text = axes.text(point.x, point.y, point.name, fontsize=7.5, color=colour)
    text.set_in_layout(False)
    width, height = text.get_window_extent().size
    x, y = axes.transData.transform((point.x, point.y))
    frame = axes.get_window_extent()
    boxes = [Bbox.from_bounds(x + right, y + up, width, height) for right, up in _spots(width, height)]
    box = next((box for box in boxes if _fits(box, taken, frame)), boxes[0])
    back = axes.transData.inverted()
    text.set_position(tuple(back.transform(box.p0)))
    near = (min(max(x, box.x0), box.x1), min(max(y, box.y0), box.y1))
    if math.dist(near, (x, y)) > GAP:
        axes.plot(*back.transform([near, (x, y)]).T, color="0.6", lw=0.6, zorder=1)
    return box


def _spots(width: float, height: float) -> list[tuple[float, float]]:
    """Where a name's lower left corner may stand, seen from its point, in pixels: near places first."""
    spots = []
    for reach in range(10, 280, 9):
        right, left, middle = reach, -reach - width, -width / 2
        above, below, level = reach, -reach - height, -height / 2
        spots += [(right, level), (left, level), (middle, above), (middle, below)]
        spots += [(right, above), (right, below), (left, above), (left, below)]
        spots += [(10, above), (10, below), (-10 - width, above), (-10 - width, below)]
    return spots


def _fits(box: "Bbox", taken: "list[Bbox]", frame: "Bbox") -> bool:
    inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    return inside and not any(box.overlaps(other) for other in taken)
