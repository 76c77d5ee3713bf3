"""What Jupyter Book is given to read: clean notebooks, pages, and the library that they quote."""

import ast

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bert_compression.book.stage import (
    LIBRARY,
    cleaned,
    stage,
    stage_library,
    status_page,
    with_linked_verdicts,
    without_docstrings,
)


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
    folder = tmp_path / "stage"
    stage(tmp_path / "pages", {"notebooks/n": noisy}, folder, {"_generated/status.md": "told"})
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
    modules = [source.relative_to(LIBRARY).as_posix() for source in LIBRARY.rglob("*.py")]
    stage_library(modules, tmp_path)
    for name in modules:
        tree = ast.parse((LIBRARY / name).read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                node.body = node.body[1:] or node.body  # where there is nothing else, it stays
        assert ast.dump(ast.parse((tmp_path / name).read_text())) == ast.dump(tree), name


def test_staging_lays_beside_the_pages_what_they_quote_of_the_library(tmp_path):
    (tmp_path / "pages").mkdir()
    page = (
        "```{literalinclude} /_library/compression/theseus.py\n:pyobject: replacement_rate\n```\n"
        "{download}`/_library/papers/taylor/reported/taylor_table_1.csv` and /_library/not/there.py"
    )
    (tmp_path / "pages" / "index.md").write_text(page)
    cell = new_markdown_cell("```{literalinclude} /_library/training.py\n```")
    stage(tmp_path / "pages", {"n": new_notebook(cells=[cell])}, tmp_path / "stage", {})
    library = tmp_path / "stage" / "_library"
    quoted = (library / "compression" / "theseus.py").read_text()
    assert "return min(1.0, k * step + b)\n" in quoted
    assert "linear curriculum" not in quoted  # a word of the docstring
    reported = "papers/taylor/reported/taylor_table_1.csv"
    assert (library / reported).read_bytes() == (LIBRARY / reported).read_bytes()
    files = {path.relative_to(library).as_posix() for path in library.rglob("*") if path.is_file()}
    assert files == {"compression/theseus.py", reported, "training.py"}


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


def test_a_quoted_verdict_leads_to_where_it_comes_from(tmp_path):
    book = tmp_path / "book"
    (book / "chapters").mkdir(parents=True)
    ledger, other = (
        "{glue:text}`../notebooks/ledger.ipynb::verdict_ptq_robust:s`",
        "{glue:text}`a.ipynb::x:s`",
    )
    quoted = f"It holds: {ledger}, and {other}."
    (book / "chapters" / "one.md").write_text(quoted)
    stage(book, {}, tmp_path / "stage", {})
    assert (tmp_path / "stage" / "chapters" / "one.md").read_text() == (
        f'It holds: <a class="bc-verdict" href="../notebooks/ledger.html#sentence-ptq_robust">{ledger}</a>, '
        f"and {other}."
    )
    one = "{glue:text}`../notebooks/loyalty/table_3.ipynb::verdict_ptq_int8:s`"
    place = 'href="../notebooks/loyalty/table_3.html#claim-ptq_int8"'
    assert with_linked_verdicts(one) == f'<a class="bc-verdict" {place}>{one}</a>'
