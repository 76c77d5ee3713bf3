"""The box at the beginning of a page: what it makes, and what that takes."""

import nbformat
import pytest

from bert_compression.book.box import box
from bert_compression.book.execute import ABOUT
from bert_compression.book.stage import cleaned
from bert_compression.papers import from_nothing
from bert_compression.papers.loyalty import TABLE_3
from bert_compression.tasks import sources


def notebook(words):
    cells = [nbformat.v4.new_markdown_cell("# Title\n" + "word " * words), nbformat.v4.new_code_cell("1")]
    return nbformat.v4.new_notebook(cells=cells)


def test_a_box_says_what_a_page_makes_and_takes():
    told = " ".join(box("notebooks/loyalty/table_3_sst2", notebook(798)).split())
    for words in (
        "**Makes** Table 3, 7 lines of 11 measures.",
        "**Reading**: 4 min.",
        "at `paper` 3.5 GPU hours and",
        "on this machine",
        "at `small` all-MiniLM-L6-v2, and the data of sst2",
        "at `paper` bert-base-uncased",
        "bert-compression book --notebook loyalty/table_3_sst2 -p profile=small -p data=FOLDER",
    ):
        assert words in told


@pytest.mark.parametrize("name", ["notebooks/ledger", "notebooks/unknown"])
def test_a_page_that_measures_nothing_has_no_box(name):
    assert box(name, notebook(10)) == ""


def test_a_price_is_that_of_everything_on_either_machine():
    asked = from_nothing(TABLE_3, profile="small")
    assert asked.plan.to_run == asked.plan.all_jobs()
    there, gpu = (str(asked.cost(on_gpu)) for on_gpu in (False, True))
    assert there.split()[0] != "0" and "on this machine" in there
    assert gpu.endswith("CPU hours") and str(asked.cost()) == there


def test_a_price_fetches_no_data(monkeypatch):
    """Or whoever builds the book where there is a network would wait for all sets of all papers."""
    monkeypatch.delenv(sources.FOLDER_VARIABLE, raising=False)
    asked = []
    monkeypatch.setattr(sources.HubSource, "load", lambda source, *split: asked.append(split))
    assert "GPU hours" in box("notebooks/loyalty/table_3_sst2", notebook(10))
    assert asked == []


def test_the_box_stands_below_the_title_and_only_where_there_is_one():
    executed = notebook(3)
    executed.metadata[ABOUT] = {"box": "the box"}
    assert [cell.source[:7] for cell in cleaned(executed).cells] == ["# Title", "the box", "1"]
    executed.metadata[ABOUT] = {"box": ""}
    assert len(cleaned(notebook(3)).cells) == 2
