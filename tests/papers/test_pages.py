"""Every table has its page, and every page says which tables it shows."""

import json
import re
from pathlib import Path

import pytest

from bert_compression.papers import CLAIMS, NAMES, PAPERS, pages
from bert_compression.papers.pages import PAGES, page_of

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def code_of(name):
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def test_all_papers_have_tables_claims_and_a_name():
    assert PAPERS.keys() == CLAIMS.keys() == NAMES.keys()
    asked = {claim.table for claims in CLAIMS.values() for claim in claims}
    assert asked <= {table for tables in PAPERS.values() for table in tables}


def test_every_table_has_a_page():
    shown = {table for tables in PAGES.values() for table in tables}
    assert shown == {table for tables in PAPERS.values() for table in tables}
    assert all(table in PAGES[page_of(table)] for table in shown)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_measures_the_tables_that_are_said_to_be_its_own(name):
    """The arguments of its call of `sources`, with names that the notebook gives to tables filled in."""
    code = code_of(name)
    given = dict(re.findall(r"^(TABLE) = (\w+\.\w+)$", code, flags=re.MULTILINE))
    asked = re.search(r"shown = sources\((.*?)profile=", code, flags=re.DOTALL)[1]
    found = []
    for word in filter(None, (part.strip() for part in asked.split(","))):
        star, path = word.startswith("*"), given.get(word, word).lstrip("*")
        module, attribute = path.split(".")
        value = getattr(getattr(pages, module), attribute)
        found += value if star else [value]
    assert set(found) == set(PAGES[name])


def test_a_notebook_that_shows_tables_is_a_page():
    showing = {path.relative_to(NOTEBOOKS).with_suffix("").as_posix() for path in NOTEBOOKS.rglob("*.ipynb")}
    assert {name for name in showing if "sources(" in code_of(name)} == set(PAGES)
