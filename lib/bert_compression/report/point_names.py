"""Names beside the points of a figure, so that none covers another, a point or its bars."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

GAP = 20  # pixels between a name and its point, from which on a line joins them


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
