"""A small project with one notebook, in which the tests of the book work."""

import pytest
from tiny_notebooks import write_notebook


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
