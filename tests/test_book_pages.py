"""The book's pages, without building it: each is named, has one title, refers to what exists."""

import posixpath
import re
from pathlib import Path

import nbformat
import pytest
import yaml

PROJECT = Path(__file__).parents[1]
BOOK = PROJECT / "book"
TOC = yaml.safe_load((BOOK / "_toc.yml").read_text())
NAMED = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]


def source_of(name):
    return PROJECT / f"{name}.ipynb" if name.startswith("notebooks/") else BOOK / f"{name}.md"


def text_of(name):
    """A page's Markdown; of a notebook, that of its text cells."""
    path = source_of(name)
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def prose(text):
    """The text without code: fences of code and inline code would look like titles and citations."""
    text = re.sub(r"^(```+)(?!\{).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(``+) .*? \1", "", text, flags=re.DOTALL)


def test_the_table_of_contents_names_every_page_and_only_those():
    pages = {path.relative_to(BOOK).with_suffix("").as_posix() for path in BOOK.rglob("*.md")}
    found = (PROJECT / "notebooks").rglob("*.ipynb")
    notebooks = {path.relative_to(PROJECT).with_suffix("").as_posix() for path in found}
    assert sorted(NAMED) == sorted(pages | notebooks)


@pytest.mark.parametrize("name", NAMED)
def test_a_page_begins_with_its_only_title(name):
    text = prose(text_of(name))
    titles = re.findall(r"^# .+$", text, re.MULTILINE)
    assert len(titles) == 1
    # Only labels and front matter may stand before it.
    before = text[: text.index(titles[0])]
    assert re.fullmatch(r"(\s*\([^)\n]+\)=\s*|---\n.*?\n---\s*)*", before, flags=re.DOTALL)


@pytest.mark.parametrize("name", NAMED)
def test_what_a_page_refers_to_exists(name):
    text = prose(text_of(name))
    keys = set(re.findall(r"^@\w+\{([^,]+),", (BOOK / "references.bib").read_text(), re.MULTILINE))
    cited = {key.strip() for keys in re.findall(r"\{cite:?\w*\}`([^`]+)`", text) for key in keys.split(",")}
    assert cited - keys == set()
    # Links hold between the pages as they are staged: notebooks/ beside what is in book/.
    staged = {name + source_of(name).suffix for name in NAMED}
    links = re.findall(r"\]\(([^)#\s]+\.(?:md|ipynb))(?:#[^)]*)?\)", text)
    meant = {posixpath.normpath(posixpath.join("/", posixpath.dirname(name), link))[1:] for link in links}
    assert meant - staged == set()


def test_the_four_papers_are_in_the_references():
    bib = (BOOK / "references.bib").read_text()
    for key in ("loyalty", "xtc", "miniature", "taylor"):
        assert f"{{{key},\n" in bib


@pytest.mark.parametrize("name", NAMED)
def test_every_fence_opens(name):
    """A backtick in a fence's first line makes it plain text, silently, and all that follows code."""
    assert re.findall(r"^ *```+\{.*\}.*`.*$", text_of(name), re.MULTILINE) == []
