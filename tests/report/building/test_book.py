"""The book's building: parameters are checked, notebooks run only when need be, pages come out clean."""

import ast
import re
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bert_compression.errors import BadInput, Failure
from bert_compression.report.building.book import Notebook, build, planned, refresh, state
from bert_compression.report.building.execution import (
    Parameter,
    check_values,
    declared_parameters,
    execute,
    facts,
    read_values,
    stamp,
)
from bert_compression.report.building.rendering import configuration, digest_of, render
from bert_compression.report.building.staging import (
    LIBRARY,
    cleaned,
    stage,
    stage_library,
    status_page,
    without_docstrings,
)

DECLARED = 'profile: str = "smoke"\nseeds: list[int] | None = None\nrate: float = 0.5\nquick = False'


def write_notebook(path, *sources, parameters=DECLARED):
    cells = [new_markdown_cell("# A page"), new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    cells += [new_code_cell(source) for source in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata={"language_info": {"name": "python"}}), path)
    return path


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A project with one notebook, as small as can be, and the working directory in it."""
    (tmp_path / "_config.yml").write_text(
        "title: Tiny\nlaunch_buttons: {binderhub_url: https://mybinder.org}\n"
    )
    (tmp_path / "lib" / "bert_compression").mkdir(parents=True)
    (tmp_path / "lib" / "bert_compression" / "code.py").write_text("one = 1\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "_toc.yml").write_text(
        "format: jb-book\nroot: index\nparts:\n- caption: Part\n  chapters:\n  - file: notebooks/tiny\n"
    )
    (tmp_path / "book" / "index.md").write_text("# Tiny\n")
    write_notebook(tmp_path / "notebooks" / "tiny.ipynb", "import sys\nprint(sys.executable, profile, seeds)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BERT_COMPRESSION_STORE", str(tmp_path / ".store"))
    monkeypatch.setenv("JUPYTER_PATH", "")
    return tmp_path


def test_parameters_are_read_with_their_types_and_defaults(tmp_path):
    declared = declared_parameters(write_notebook(tmp_path / "n.ipynb"))
    assert list(declared.values()) == [
        Parameter("profile", "str", "smoke"),
        Parameter("seeds", "list[int] | None", None),
        Parameter("rate", "float", 0.5),
        Parameter("quick", "bool", False),
    ]


def test_a_notebook_without_a_parameters_cell_declares_none(tmp_path):
    nbformat.write(new_notebook(cells=[new_code_cell("profile = 'smoke'")]), tmp_path / "n.ipynb")
    assert declared_parameters(tmp_path / "n.ipynb") == {}


def test_code_among_the_parameters_is_refused(tmp_path):
    with pytest.raises(BadInput) as refused:
        declared_parameters(write_notebook(tmp_path / "n.ipynb", parameters="import os"))
    assert str(refused.value) == "n.ipynb has 'import os' among its parameters: write `name: type = default`"


@pytest.mark.parametrize(
    ("kind", "fitting", "unfitting"),
    [
        ("str", ["", "small"], [1, None, ["a"]]),
        ("int", [0, 3], [True, 1.0, "3"]),
        ("float", [0.5, 1], [True, "0.5"]),
        ("bool", [True], [1, "True"]),
        ("list[int] | None", [None, [], [0, 1]], [[0.5], ["0"], 0]),
        ("list", [[1, "a"]], [(1, 2)]),
    ],
)
def test_a_value_is_held_against_the_declared_type(kind, fitting, unfitting):
    parameter = Parameter("p", kind, None)
    assert [parameter.accepts(value) for value in fitting] == [True] * len(fitting)
    assert [parameter.accepts(value) for value in unfitting] == [False] * len(unfitting)


def test_an_unknown_parameter_is_refused_with_the_known_ones(tmp_path):
    declared = declared_parameters(write_notebook(tmp_path / "n.ipynb"))
    check_values("notebooks/n", declared, {"seeds": [0, 1], "rate": 1})
    with pytest.raises(BadInput) as refused:
        check_values("notebooks/n", declared, {"seed": [0]})
    assert str(refused.value) == "notebooks/n has no parameter 'seed': it has profile, seeds, rate, quick"


def test_a_value_of_the_wrong_type_is_refused_with_the_expected_one(tmp_path):
    declared = declared_parameters(write_notebook(tmp_path / "n.ipynb"))
    with pytest.raises(BadInput) as refused:
        check_values("notebooks/n", declared, {"seeds": "three"})
    assert str(refused.value) == "notebooks/n needs seeds to be of type list[int] | None, not 'three'"


def test_values_from_a_command_line_are_literals_or_text():
    read = read_values(["seeds=[0, 1]", "rate=0.5", "profile=small", "note=a=b", "nothing=None"])
    assert read == {"seeds": [0, 1], "rate": 0.5, "profile": "small", "note": "a=b", "nothing": None}
    with pytest.raises(BadInput) as refused:
        read_values(["seeds"])
    assert str(refused.value) == "a notebook's parameter is written name=value, not 'seeds'"


def test_a_plan_offers_values_and_demands_parameters(clone):
    (run,) = planned(clone, {"profile": "small", "data": "/somewhere"}, None, {"seeds": [3]})
    assert run.values == {"profile": "small", "seeds": [3]}  # data is offered, and this notebook has none
    (run,) = planned(clone, {"profile": "small"}, ["tiny"], {})
    assert run.name == "notebooks/tiny"
    with pytest.raises(BadInput) as refused:
        planned(clone, {}, ["huge"], {})
    assert str(refused.value) == "unknown notebook 'huge': the book has notebooks/tiny"


def test_a_notebook_runs_with_this_interpreter_once_and_again_when_the_library_changed(clone):
    (run,) = planned(clone, {"profile": "smoke"}, None, {"seeds": [0, 1]})
    executed, said = clone / "_build" / "executed" / "notebooks" / "tiny.ipynb", []
    refresh(run, executed, None, "builtin", said.append, live=False)
    output = nbformat.read(executed, as_version=4).cells[-1].outputs[0].text
    assert output == f"{sys.executable} smoke [0, 1]\n"
    assert facts(executed)["parameters"] == {"profile": "smoke", "seeds": [0, 1]}

    before = executed.read_bytes()
    refresh(run, executed, None, "builtin", said.append, live=False)
    assert said[-1] == "notebooks/tiny: unchanged"
    assert executed.read_bytes() == before

    # What would make it run again, without running it.
    kept = facts(executed)["digest"]
    assert state(run, None) == kept
    for name in ("lib/bert_compression/code.py", "results/small/records.jsonl", ".store/ab/abc/record.json"):
        path = clone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.read_text() if path.exists() else None
        path.write_text("two = 2\n")
        assert state(run, None) != kept, name
        path.unlink() if there is None else path.write_text(there)
    assert state(Notebook(run.name, run.source, {"profile": "small"}), None) != kept
    assert state(run, None) == kept


def test_a_failing_cell_gives_one_line_and_leaves_the_earlier_copy(clone):
    executed = clone / "_build" / "executed" / "notebooks" / "tiny.ipynb"
    executed.parent.mkdir(parents=True)
    executed.write_text("the earlier copy")
    source = write_notebook(clone / "notebooks" / "tiny.ipynb", "raise ValueError('no such\\nthing')")
    with pytest.raises(Failure) as failed:
        refresh(Notebook("notebooks/tiny", source, {}), executed, None, "builtin", print, live=False)
    log = clone / "_build" / "notebook.log"
    assert str(failed.value) == f"tiny.ipynb stopped in cell 2 with ValueError: no such (more in {log})"
    assert "raise ValueError" in log.read_text()
    assert [path.name for path in executed.parent.iterdir()] == ["tiny.ipynb"]
    assert executed.read_text() == "the earlier copy"


def test_on_a_busy_machine_what_a_cell_has_written_may_come_late(clone):
    # The kernel says that a cell has been run, and only later that nothing more will come of it.
    late = """import time
kernel = get_ipython().kernel
publish = kernel._publish_status

def publish_late(status, *others, **named):
    time.sleep(6 if status == "idle" else 0)
    publish(status, *others, **named)

kernel._publish_status = publish_late
print("late")"""
    source = write_notebook(clone / "notebooks" / "tiny.ipynb", late)
    executed = execute(source, {}, clone)
    assert executed.cells[-1].outputs[0].text == "late\n"


def test_a_half_written_copy_counts_as_none(tmp_path):
    (tmp_path / "n.ipynb").write_text('{"cells": [')
    assert facts(tmp_path / "n.ipynb") == {}


def test_staging_takes_out_what_no_reader_needs(tmp_path):
    noisy = new_notebook(
        metadata={"papermill": {"duration": 1}, "bert_compression": {}, "language_info": {"name": "python"}},
        cells=[
            new_markdown_cell("# Kept", metadata={"papermill": {}}),
            new_code_cell("profile = 'smoke'", metadata={"tags": ["parameters"]}),
            new_code_cell("profile = 'small'", metadata={"tags": ["injected-parameters"]}),
            new_code_cell(
                "run()",
                metadata={"tags": ["hide-input"], "papermill": {}},
                outputs=[
                    new_output("stream", name="stderr", text="50 %"),
                    new_output("stream", name="stdout", text="result"),
                ],
            ),
        ],
    )
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.md").write_text("# Index\n")
    nbformat.write(noisy, tmp_path / "executed.ipynb")
    folder = tmp_path / "stage"
    stage(tmp_path / "pages", {"notebooks/n": tmp_path / "executed.ipynb"}, folder, {"status.md": "told"})
    staged = nbformat.read(folder / "notebooks" / "n.ipynb", as_version=4)
    assert [cell.source for cell in staged.cells] == ["# Kept", "run()"]
    assert [output.name for output in staged.cells[1].outputs] == ["stdout"]
    assert staged.cells[1].metadata == {"tags": ["hide-input"]}
    assert staged.metadata == {"language_info": {"name": "python"}}
    assert (folder / "index.md").read_text() == "# Index\n"
    assert (folder / "_generated" / "status.md").read_text() == "told"


def test_staging_leaves_nothing_of_an_earlier_build(tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "stage").mkdir()
    (tmp_path / "stage" / "gone.md").write_text("# Gone\n")
    stage(tmp_path / "pages", {}, tmp_path / "stage", {})
    assert not (tmp_path / "stage" / "gone.md").exists()


def test_what_pages_quote_has_no_docstrings_and_keeps_its_comments():
    source = '''"""A module."""

# Why one.
ONE = 1


class Thing:
    """A class

    with more to say.
    """

    # Why two.
    @property
    def two(self):
        """A method."""
        return """no docstring"""


class Told:
    """Nothing but this."""
'''
    quoted = '''# Why one.
ONE = 1


class Thing:
    # Why two.
    @property
    def two(self):
        return """no docstring"""


class Told:
    """Nothing but this."""
'''
    assert without_docstrings(source) == quoted


def test_what_pages_quote_is_the_code_that_runs(tmp_path):
    stage_library(tmp_path)
    for source in LIBRARY.rglob("*.py"):
        tree = ast.parse(source.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                node.body = node.body[1:] or node.body
        quoted = (tmp_path / source.relative_to(LIBRARY)).read_text()
        assert ast.dump(ast.parse(quoted)) == ast.dump(tree), source


def test_staging_lays_the_library_beside_the_pages(tmp_path):
    (tmp_path / "pages").mkdir()
    stage(tmp_path / "pages", {}, tmp_path / "stage", {})
    quoted = (tmp_path / "stage" / "_library" / "compression" / "theseus.py").read_text()
    assert "return min(1.0, k * step + b)\n" in quoted
    assert "linear curriculum" not in quoted  # a word of the docstring


def test_cleaning_keeps_a_clean_notebook_as_it_is():
    plain = new_notebook(cells=[new_code_cell("1 + 1", outputs=[new_output("stream", text="2")])])
    assert cleaned(plain.copy()) == plain


def test_the_status_page_tells_each_run_and_no_folder_of_this_machine():
    run = {
        "executed": "2030-01-02T03:04:05+00:00",
        "seconds": 61.6,
        "parameters": {"profile": "small", "data": "/srv/someone/data"},
        "data": "folder",
        "versions": {"python": "3.11.7"},
        "hardware": {"cores": 1, "memory_gib": 7.5, "gpu": None, "bf16": True},
    }
    page = status_page({"notebooks/a": run, "notebooks/b": {**run, "versions": {"python": "3.12.1"}}})
    assert "| [](/notebooks/a.ipynb) | 2030-01-02 03:04 | 62 | profile = small | folder |" in page
    assert "| python | 3.11.7, 3.12.1 |" in page
    assert "| cores | 1 |\n| memory (GiB) | 7.5 |\n| gpu | none |\n| bf16 | yes |" in page
    assert "/srv/someone" not in page


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://github.com/someone/book.git", "https://github.com/someone/book"),
        ("git@github.com:someone/book.git", "https://github.com/someone/book"),
        ("/srv/somewhere/book.git", None),
        (None, None),
    ],
)
def test_launch_buttons_lead_to_the_clones_own_origin(clone, origin, expected):
    import subprocess

    import yaml

    subprocess.run(["git", "init", "-q"], cwd=clone, check=True)
    if origin:
        subprocess.run(["git", "remote", "add", "origin", origin], cwd=clone, check=True)
    config = yaml.safe_load(configuration(clone))
    assert config.get("repository", {}).get("url") == expected
    assert ("launch_buttons" in config) == (expected is not None)


def test_a_site_needs_no_network_and_outlives_a_build_that_fails(clone, capfd):
    (clone / "_config.yml").write_text(
        "execute: {execute_notebooks: 'off'}\nsphinx: {config: {mathjax_path: mathjax/tex-chtml.js}}\n"
    )
    pages, build_folder = clone / "_build" / "stage", clone / "_build"
    executed = clone / "notebooks" / "tiny.ipynb"
    stage(clone / "book", {"notebooks/tiny": executed}, pages, {})
    quotation = "```{literalinclude} /_library/compression/theseus.py\n:pyobject: replacement_rate\n```\n"
    (pages / "index.md").write_text(f"# The good site\n\nA formula, $a^2$, and code:\n\n{quotation}")
    assert render(clone, build_folder, pages)
    site = build_folder / "html"
    good = (site / "index.html").read_text()
    assert "The good site" in good
    assert "return min(1.0, k * step + b)" in re.sub(r"<[^>]+>", "", good)
    fetched = [line for line in good.splitlines() if "<script" in line or "<link" in line]
    assert fetched and [line for line in fetched if "//" in line] == []
    assert (site / "_static" / "mathjax" / "tex-chtml.js").is_file()
    assert (site / "_sources" / "notebooks" / "tiny.ipynb").read_bytes() == executed.read_bytes()
    assert not render(clone, build_folder, pages)

    (pages / "index.md").write_text("# The bad site\n\n{ref}`nowhere`\n")
    with pytest.raises(Failure) as failed:
        render(clone, build_folder, pages)
    log = build_folder / "book.log"
    assert str(failed.value) == f"the pages did not render without warnings: 1 in {log}"
    assert capfd.readouterr().err == "index.md:3: WARNING: undefined label: 'nowhere'\n"
    assert (site / "index.html").read_text() == good


def test_a_digest_sees_contents_names_and_facts(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1")
    two.write_text("1")
    assert digest_of([one], "a") == digest_of([one, tmp_path / "missing"], "a")
    asked = [([one], "a"), ([two], "a"), ([one], "b"), ([one, two], "a")]
    assert len({digest_of(files, fact) for files, fact in asked}) == 4


def test_a_build_folder_that_cannot_be_written_to_is_told_in_one_line(clone):
    (clone / "_build").write_text("a file where the folder should be")
    with pytest.raises(BadInput) as refused:
        build(quiet=True)
    assert str(refused.value) == (
        f"{clone / '_build'} cannot be written to (Not a directory): free some space, or make it writable"
    )


def test_a_notebook_that_is_named_and_not_there_is_told_in_one_line(clone):
    source = clone / "notebooks" / "tiny.ipynb"
    source.unlink()
    with pytest.raises(BadInput) as refused:
        build(quiet=True)
    assert str(refused.value) == (
        f"book/_toc.yml names notebooks/tiny, and {source} is not there: write it, or take it out"
    )


def test_a_parameter_goes_to_the_notebooks_that_declare_it_and_must_be_declared_somewhere(clone):
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    nbformat.write(other, clone / "notebooks" / "plain.ipynb")
    toc = clone / "book" / "_toc.yml"
    toc.write_text(toc.read_text().replace("notebooks/tiny", "notebooks/tiny\n  - file: notebooks/plain"))
    tiny, plain = planned(clone, {"profile": "small"}, None, {"seeds": [3]})
    assert (tiny.values, plain.values) == ({"profile": "small", "seeds": [3]}, {})
    with pytest.raises(BadInput) as refused:
        planned(clone, {}, ["plain"], {"seeds": [3]})
    assert "notebooks/plain has no parameter 'seeds'" in str(refused.value)
    with pytest.raises(BadInput) as refused:
        planned(clone, {}, None, {"sedes": [3]})
    assert str(refused.value).startswith("no notebook has a parameter 'sedes': there are ")


def test_what_another_notebook_adds_to_the_store_makes_no_copy_old(clone):
    (run,) = planned(clone, {"profile": "smoke"}, None, {"seeds": [0, 1]})
    executed, said = clone / "_build" / "executed" / "notebooks" / "tiny.ipynb", []
    refresh(run, executed, None, "builtin", said.append, live=False)
    record = clone / ".store" / "ab" / "abc" / "record.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    stamp(executed, state(run, None))
    refresh(run, executed, None, "builtin", said.append, live=False)
    assert said[-1] == "notebooks/tiny: unchanged"
    assert facts(executed)["parameters"] == {"profile": "smoke", "seeds": [0, 1]}
