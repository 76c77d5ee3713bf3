"""The box at the beginning of a page: what it makes, and what that takes."""

from dataclasses import replace

import nbformat
import pytest

from bert_compression import cli
from bert_compression.book.box import box
from bert_compression.book.execute import ABOUT
from bert_compression.book.stage import cleaned
from bert_compression.experiments import PROFILES, Results, environment
from bert_compression.papers import from_nothing, get_tables
from bert_compression.papers.loyalty import TABLE_3
from bert_compression.papers.pages import PAGES
from bert_compression.tasks import sources


def notebook(words):
    cells = [nbformat.v4.new_markdown_cell("# Title\n" + "word " * words), nbformat.v4.new_code_cell("1")]
    return nbformat.v4.new_notebook(cells=cells, metadata={ABOUT: {"seconds": 12.3}})


def test_a_box_says_what_a_page_makes_and_takes():
    told = " ".join(box("notebooks/loyalty/table_3_sst2", notebook(798)).split())
    for words in (
        "**Makes** Table 3, 7 lines of 11 measures.",
        "**Reading**: 4 min.",
        "at `paper` 3.5 h on NVIDIA A100 80GB and",
        f"at `smoke` {from_nothing(TABLE_3, profile='smoke').cost(on_gpu=False)};",
        "of it recorded, for ",
        "not measured at `paper`",
        "at `small` all-MiniLM-L6-v2, and the data of sst2",
        "at `paper` bert-base-uncased",
        "run --fresh --profile small --data FOLDER --paper loyalty --table table_3 ```",
        "bert-compression book --notebook loyalty/table_3_sst2 -p profile=small -p data=FOLDER",
    ):
        assert words in told
    assert "this machine" not in told


def test_the_commands_of_a_box_run_all_that_it_counts():
    name = "loyalty/search_and_verdict"
    commands = [
        line.split() for line in box(f"notebooks/{name}", notebook(10)).splitlines() if " run " in line
    ]
    tables = {table for command in commands for table in get_tables(command[-3], command[-1])}
    assert tables == set(PAGES[name])
    options = ["bert-compression", "run", "--fresh", "--profile", "small", "--data", "FOLDER"]
    assert all(command[:-4] == options for command in commands)


def test_the_box_of_a_page_that_measures_no_table_says_how_long_it_took(monkeypatch):
    monkeypatch.setattr("bert_compression.book.box.processor", lambda: "a processor")
    told = box("notebooks/ledger", notebook(998))
    assert "**Reading**: 5 min. **Running**: 12 s on a processor." in told and "**Downloads**: none" in told


def test_a_workshop_says_itself_what_it_takes():
    assert box("notebooks/workshop/loyalty_in_half_a_day", notebook(10)) == ""


def test_a_price_is_that_of_everything_on_either_machine():
    asked = from_nothing(TABLE_3, profile="small")
    assert asked.plan.to_run == asked.plan.all_jobs()
    there, gpu = (str(asked.cost(on_gpu)) for on_gpu in (False, True))
    assert there.split()[0] != "0" and there.endswith(asked.results.records[-1]["hardware"]["processor"])
    assert gpu.endswith(" on the processor") and str(asked.cost()) == there


def test_what_is_committed_takes_what_it_took_where_it_ran(toys, house, monkeypatch):
    """The official splits may be larger than those that were read, and this machine faster or slower."""
    tables = get_tables("loyalty")

    def price(on_gpu):
        with monkeypatch.context() as real_data:  # which nobody looks at
            real_data.setitem(PROFILES, "small", replace(PROFILES["small"], builtin_data=False))
            return from_nothing(*tables, profile="small").cost(on_gpu)

    before = price(on_gpu=True).gpu_hours["distill_task_agnostic"]
    assert before > 1 / 60  # on 392,702 pairs
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(environment, "processor", lambda: "another processor")
        assert cli.main(["run", "--paper", "loyalty", "--profile", "small", "--quiet"]) == 0
    (house / "store").rename(house / "another store")
    records = Results("small").records
    assert price(on_gpu=False).seconds == pytest.approx(sum(record["seconds"] for record in records))
    assert str(price(on_gpu=False)).endswith(" on another processor")
    assert price(on_gpu=True).gpu_hours["distill_task_agnostic"] < before / 100  # on 400


def test_a_price_is_that_of_jobs_in_the_precision_that_is_committed(monkeypatch):
    asked = []
    for bf16 in (True, False):
        monkeypatch.setattr("bert_compression.experiments.profiles.has_bf16", lambda found=bf16: found)
        session = from_nothing(TABLE_3, profile="small")
        asked.append({job.identity for job in session.plan.to_run})
    assert asked[0] == asked[1]
    assert len(asked[0] & {record["identity"] for record in session.results.records}) > len(asked[0]) / 2


def test_a_price_fetches_no_data(monkeypatch):
    """Or whoever builds the book where there is a network would wait for all sets of all papers."""
    monkeypatch.delenv(sources.FOLDER_VARIABLE, raising=False)
    asked = []
    monkeypatch.setattr(sources.HubSource, "load", lambda source, *split: asked.append(split))
    assert "h on NVIDIA A100" in box("notebooks/loyalty/table_3_sst2", notebook(10))
    assert asked == []


def test_the_box_stands_below_the_title_and_only_where_there_is_one():
    executed = notebook(3)
    executed.metadata[ABOUT] = {"box": "the box"}
    assert [cell.source[:7] for cell in cleaned(executed).cells] == ["# Title", "the box", "1"]
    executed.metadata[ABOUT] = {"box": ""}
    assert len(cleaned(notebook(3)).cells) == 2
