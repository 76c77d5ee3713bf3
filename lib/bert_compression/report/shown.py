"""What a notebook cell shows, and the looks of every table: no network, readable aloud and without script."""

from dataclasses import dataclass
from html import escape


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


def scrolling_table(caption: str, *content: str, sortable: bool = False) -> str:
    """A table in its looks, which scrolls by itself where the page is narrower. `_static/sort.js` orders the
    lines of a sortable one; without it the table is whole, too."""
    looks = "bc-table bc-sortable" if sortable else "bc-table"
    table = tag("table", tag("caption", escape(caption)), *content, class_=looks)
    return STYLE + tag("div", table, class_="bc-scroll", tabindex=0, role="region", aria_label=caption)


EARLIER = "† measured with an earlier state of the library’s code"
# Blue and orange are told apart with any colour vision; arrows and signs say the same without colour.
STYLE = """<style>
.bc-scroll {overflow-x: auto}
.bc-table {border-collapse: collapse; width: 100%; font-size: .85rem; line-height: 1.3;
  font-variant-numeric: tabular-nums; color: #1a1a1a; background: #fff}
.bc-table caption {caption-side: top; text-align: left; padding: .3rem; color: #1a1a1a; background: #fff}
.bc-table th, .bc-table td {padding: .3rem .45rem; border-bottom: 1px solid #d5d5d5; text-align: right;
  vertical-align: top}
.bc-table thead th {text-align: center; vertical-align: bottom; border-bottom-color: #777}
.bc-table tbody th, .bc-table .bc-left {text-align: left}
.bc-table .bc-group th {border-bottom-color: #777; padding-top: .8rem}
.bc-table colgroup + colgroup {border-left: 1px solid #777}
.bc-table .bc-small {display: block; font-size: .75rem; font-weight: normal; white-space: nowrap; color: #444}
.bc-table .bc-one-line {white-space: nowrap}
.bc-table .bc-none {white-space: nowrap; color: #595959; font-style: italic}
.bc-table a {color: inherit; text-decoration: underline dotted}
.bc-table .bc-higher {color: #00508c; background: #e3f0fa}
.bc-table .bc-lower {color: #8a3c00; background: #fdeede}
.bc-table .bc-near {color: #333; background: #eee}
.bc-table code {font-size: .8rem; color: inherit; background: none; border: 0; padding: 0}
.bc-sortable thead button {font: inherit; color: inherit; background: none; border: 0; padding: 0;
  cursor: pointer; text-decoration: underline dotted}
.bc-sortable th[aria-sort=ascending] button::after {content: " \\25B2"}
.bc-sortable th[aria-sort=descending] button::after {content: " \\25BC"}
.bc-legend {font-size: .85rem; margin-top: .4rem}
.bc-hidden {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%)}
</style>"""
