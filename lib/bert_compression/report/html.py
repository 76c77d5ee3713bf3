"""What a notebook cell shows, and the looks of every table: no network, readable aloud and without script."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape

from jinja2 import Environment, PackageLoader

RUN = "bc-run"  # the class of what this run found: the book hides it until the reader asks for it
ONE_LINE = 24  # letters: up to so many, a word or a number with its interval keeps to one line
BELOW = "bc-passport"  # of what is folded under a table or a figure


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign, and a minus that is as wide as the plus; no sign for what rounds to zero, and a
    dash for what is not there."""
    if math.isnan(value):
        return "–"
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else text[1:]


@dataclass(frozen=True)
class Shown:
    """What a notebook cell shows: HTML or Markdown where it can be drawn, plain text elsewhere."""

    text: str
    html: str | None = None
    markdown: str | None = None

    def _repr_html_(self) -> str | None:
        return self.html

    def _repr_markdown_(self) -> str | None:
        return self.markdown

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Line:
    """A small line in a cell. `symbol` is seen only, `spoken` is heard only; `kind` is a class of the
    style, where "bc-more" appears on demand; `href` is where its text leads."""

    text: str
    kind: str = ""
    symbol: str = ""
    spoken: str = ""
    href: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table; a heading where it has a `scope`. All texts are plain: the template escapes them."""

    text: str = ""
    scope: str = ""
    lines: tuple[Line, ...] = ()
    kind: str = ""
    style: str = ""  # an element around the text: strong, code
    mark: str = ""
    href: str = ""
    title: str = ""
    colspan: int = 1
    rowspan: int = 1


@dataclass(frozen=True)
class Row:
    """A line of a table; `identity` is its address on the page."""

    cells: Sequence[Cell]
    identity: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Grid:
    """A table: head, bodies of rows, the spans of its groups of columns if any. `sortable` ones are ordered
    by the book's script when a head is chosen; without it they are whole, too."""

    caption: str
    head: Sequence[Row]
    bodies: Sequence[Sequence[Row]]
    spans: Sequence[int] = field(default=())
    sortable: bool = False


@cache
def _environment() -> Environment:
    loader = PackageLoader("bert_compression.report")
    return Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)


def render(template: str, **values: object) -> str:
    """HTML from a template of this package; plain texts among the values are escaped."""
    return _environment().get_template(f"{template}.html.jinja").render(**values)


def table_html(grid: Grid, with_style: bool = True) -> str:
    """A table that scrolls by itself where the page is narrower; without its style inside `styled`."""
    table = render("table", grid=grid)
    return styled(table) if with_style else table


def styled(html: str) -> str:
    """HTML after the style of the package's tables, which a notebook does not have."""
    return render("style") + html


def folded(summary: str, *contents: str, **attributes: str) -> str:
    """HTML behind a line that unfolds it; the line, too, is HTML."""
    return tag("details", tag("summary", summary), *contents, **attributes)


def note(text: str) -> str:
    """A small paragraph under a table."""
    return tag("p", escape(text), class_="bc-legend") if text else ""


def simple_table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    groups: Sequence[tuple[str, int]] = (),
) -> Shown:
    """A plain table whose first column names the lines. `groups` are heads over several columns each, and how
    many; the first column has none."""
    below = [Cell(head, "col") for head in heads]
    head = [Row(below)]
    if groups:
        above = [Cell(heads[0], "col", rowspan=2)]
        head = [Row(above + [Cell(word, "colgroup", colspan=span) for word, span in groups]), Row(below[1:])]
    body = [Row([Cell(row[0], "row"), *map(_plain_cell, row[1:])]) for row in rows]
    plain = "\n".join("  ".join(line) for line in (heads, *rows))
    return Shown(plain, html=table_html(Grid(caption, head, [body])))


def _plain_cell(text: str) -> Cell:
    """Numbers and names stay on one line; what is a sentence need not."""
    return Cell(text, kind="bc-one-line" if len(text) <= ONE_LINE else "bc-left")


def tag(name: str, *content: str, **attributes: str | int | None) -> str:
    """An HTML element. Content is HTML already; attributes are escaped, and left out when None or empty.

    An underscore in an attribute's name stands for a hyphen, one at its end for nothing (`class_`).
    """
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value not in (None, "")
    )
    return f"<{name}{words}>{''.join(content)}</{name}>"
