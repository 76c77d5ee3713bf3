"""What holds for every table of every paper."""

import re
import textwrap
from pathlib import Path

import pytest

from bert_compression import papers
from bert_compression.experiments import PROFILES
from bert_compression.papers import PAPERS, committed, get_tables
from bert_compression.papers.loyalty import tables as loyalty_tables
from bert_compression.report.reported import reported
from bert_compression.report.tables import Table

TABLES = pytest.mark.parametrize("table", get_tables(), ids=lambda table: f"{table.paper}-{table.name}")


@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_runs_every_table_that_it_shows_under_a_name_of_its_own(paper):
    modules = [getattr(papers, paper)] + [papers.same_model] * (paper == "miniature")
    shown = {each for module in modules for each in vars(module).values() if isinstance(each, Table)}
    assert shown == set(PAPERS[paper])
    assert {table.paper for table in shown} == {paper}
    assert len({table.name for table in shown}) == len(shown)


def test_every_folder_of_a_paper_is_one_that_runs():
    folders = {path.parent.name for path in Path(papers.__file__).parent.glob("*/__init__.py")}
    assert folders == PAPERS.keys()


@TABLES
def test_what_the_paper_prints_is_found_by_the_names_of_its_file(table):
    """Else a cell would show a dash, as if the paper did not print it."""
    named = {column.reported for column in table.columns if column.reported}
    keys = {key for row in table.rows for key in row.reported} | {k for c in table.columns for k in c.keys}
    assert not table.reported or named | keys <= set(reported(table.paper, table.reported).columns)


@TABLES
def test_every_column_is_shown_in_one_panel_where_there_are_panels(table):
    shown = [name for panel in table.panels for name in panel.columns]
    assert not table.panels or sorted(shown) == sorted(column.name for column in table.columns)


@TABLES
def test_every_column_names_a_metric_of_its_records(table, project, monkeypatch):
    """Else its cells would read "not run" for good."""
    monkeypatch.chdir(project)
    source = committed("small")
    for column in table.columns:
        found = [each for row in table.rows for each in source.cell(table, row.method, column.name)]
        # An added metric, with a new version of its kind, is in no record yet.
        sound = [each for each in found if each["status"] == "ok" and not each["stale"]]
        named = [column.recorded in each["metrics"] for each in sound]
        assert all(named), column.name


def test_the_table_that_the_contributors_page_shows_can_be_made(project):
    """With the names that `papers/loyalty/tables.py` has."""
    page = (project / "book" / "about" / "contributing.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n( +def calibration.*?)```", page, re.DOTALL)
    names = dict(vars(loyalty_tables))
    exec(textwrap.dedent(code), names)
    assert len(names["CALIBRATION"].cells(PROFILES["smoke"])) == 6
