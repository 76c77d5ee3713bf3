"""What a page shows of committed records, and apart from it of the run that has just been executed.

A reader comes for reported against measured numbers, and at profile `smoke` the run is no evidence. So the
book hides what stands in the class `RUN` until the reader asks for it, on all pages at once.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from html import escape
from typing import Any, TypeVar

from bert_compression.report.html import RUN, Shown, tag
from bert_compression.report.records import THIS_RUN

T = TypeVar("T")  # a source, or what was found in it


def parted(sources: Mapping[str, T]) -> tuple[dict[str, T], dict[str, T]]:
    """What is committed, and what was just run: whose name begins with `THIS_RUN`."""
    runs = {name: source for name, source in sources.items() if name.startswith(THIS_RUN)}
    return {name: source for name, source in sources.items() if name not in runs}, runs


def foremost(sources: Mapping[str, T]) -> dict[str, T]:
    """What is committed; where there is nothing, what was just run."""
    kept, runs = parted(sources)
    return kept or runs


def of_this_run(shown: Shown) -> Shown:
    """What tells of this run alone."""
    contents = shown.html or tag("p", escape(shown.text))
    return Shown(shown.text, html=tag("div", contents, class_=RUN))


def in_two_views(draw: Callable[..., Shown]) -> Callable[..., Shown]:
    """Make a function that draws a figure or a table of what several sources hold draw this run apart.
    Of further dictionaries that hold this run each view gets its part, too."""

    @wraps(draw)
    def both(sources: Mapping[str, Any], *arguments: Any, **settings: Any) -> Shown:
        kept, runs = parted(sources)
        if not (kept and runs):
            return draw(sources, *arguments, **settings)
        first, second = (
            draw(*(_seen(each, view) for each in (sources, *arguments)), **settings) for view in (0, 1)
        )
        apart = tag("div", second.html or "", class_=RUN)
        return Shown(f"{first.text}\n{second.text}", html=(first.html or "") + apart)

    return both


def _seen(argument: Any, view: int) -> Any:
    """What a view sees of an argument: of what is told by source its part, of anything else the whole."""
    parts = parted(argument) if isinstance(argument, dict) else ({}, {})
    return parts[view] if parts[1] else argument
