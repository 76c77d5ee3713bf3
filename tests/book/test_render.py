"""The rendered site: whole, without a network, without script errors, or the earlier one stays."""

import re
import subprocess
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bert_compression.book import render as rendering
from bert_compression.book.render import configuration, digest_of, mend_pages, put_downloads, render
from bert_compression.book.stage import stage
from bert_compression.errors import Failure

# How the book draws the Markdown that cells show.
SETTINGS = yaml.safe_load((Path(__file__).parents[2] / "_config.yml").read_text())["sphinx"]["config"]
MARKDOWN = "nb_render_markdown_format"


def git(folder, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def publish(clone):
    """As after a push of the site to the branch that GitHub Pages shows."""
    git(clone, "commit", "-q", "--allow-empty", "-m", "the site")
    git(clone, "update-ref", "refs/remotes/origin/gh-pages", "HEAD")


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
    git(clone, "init", "-q")
    if origin:
        git(clone, "remote", "add", "origin", origin)
    config = yaml.safe_load(configuration(clone))
    assert config.get("repository", {}).get("url") == expected
    assert ("launch_buttons" in config) == (expected is not None)


def test_colab_has_a_button_when_there_is_a_site_that_it_can_open(clone):
    colab, binder = {"colab_url": "https://colab"}, {"binderhub_url": "https://mybinder.org"}
    (clone / "_config.yml").write_text(yaml.safe_dump({"launch_buttons": colab | binder}))
    git(clone, "init", "-q")
    git(clone, "remote", "add", "origin", "https://github.com/someone/book")
    assert yaml.safe_load(configuration(clone))["launch_buttons"] == binder
    publish(clone)
    assert yaml.safe_load(configuration(clone))["launch_buttons"] == colab | binder


def test_without_git_there_is_no_launch_button(clone, monkeypatch):
    monkeypatch.setenv("PATH", str(clone / "nowhere"))
    config = yaml.safe_load(configuration(clone))
    assert "repository" not in config and "launch_buttons" not in config


NOTHING = "pass"
ONE_PAGE = """import pathlib, sys
site = pathlib.Path(sys.argv[sys.argv.index("--path-output") + 1], "_build", "html")
site.mkdir(parents=True)
(site / "index.html").write_text("the first page")"""


@pytest.mark.parametrize(("program", "missing"), [(NOTHING, "any page"), (ONE_PAGE, "notebooks/tiny")])
def test_a_book_without_its_pages_is_a_failure_and_the_earlier_site_stays(
    clone, monkeypatch, program, missing
):
    # What a Jupyter Book of another version may do: it ends without an error.
    monkeypatch.setattr(rendering, "JUPYTER_BOOK", program)
    build_folder = clone / "_build"
    executed = nbformat.read(clone / "notebooks" / "tiny.ipynb", as_version=4)
    stage(clone / "book", {"notebooks/tiny": executed}, build_folder / "stage", {})
    (build_folder / "html").mkdir()
    (build_folder / "html" / "index.html").write_text("the good site")
    with pytest.raises(Failure) as failed:
        render(clone, build_folder, build_folder / "stage")
    log = build_folder / "book.log"
    assert str(failed.value) == f"Jupyter Book reported no error and did not write {missing}: see {log}"
    assert [path.name for path in (build_folder / "html").iterdir()] == ["index.html"]
    assert (build_folder / "html" / "index.html").read_text() == "the good site"


def test_the_themes_script_bears_a_page_without_a_list_of_contents(tmp_path):
    script = tmp_path / "_static" / "scripts" / "sphinx-book-theme.js"
    script.parent.mkdir(parents=True)
    script.write_text(
        """document.querySelector("div.bd-sidebar-secondary").classList.add("hide");other.x()"""
    )
    mend_pages(tmp_path)
    assert script.read_text() == (
        """document.querySelector("div.bd-sidebar-secondary")?.classList.add("hide");other.x()"""
    )


def test_what_a_screen_reader_stumbles_over_is_mended(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<summary aria-label="Toggle hidden content">Show</summary>'
        '<button class="btn search-button-field" title="Search" aria-label="Search" data-x="1">Go</button>'
        '<button class="other" aria-label="Search"></button>'
        '<i class="theme-switch fa" data-mode="light" title="Light"></i><i title="kept"></i>'
        '<div role="list" class="citation-list">'
        '<section class="example-content" id="proof-content"><section id="exercise-content">'
    )
    mend_pages(tmp_path)
    assert page.read_text() == (
        "<summary>Show</summary>"
        '<button class="btn search-button-field" title="Search" data-x="1">Go</button>'
        '<button class="other" aria-label="Search"></button>'
        '<i class="theme-switch fa" data-mode="light"></i><i title="kept"></i>'
        '<div class="citation-list">'
        '<section class="example-content"><section>'
    )


def test_colab_opens_what_one_downloads_from_the_published_site(tmp_path):
    page = tmp_path / "page.html"
    start = 'href="https://colab.research.google.com/github/someone/book/blob/'
    binder = 'href="https://mybinder.org/v2/gh/someone/book/main?urlpath=lab/tree/notebooks/a.ipynb"'
    page.write_text(f'<a {start}main/notebooks/a.ipynb"></a><a {binder}></a>')
    mend_pages(tmp_path)
    assert page.read_text() == (f'<a {start}gh-pages/_sources/notebooks/a.ipynb"></a><a {binder}></a>')


def test_with_an_origin_what_one_downloads_fetches_the_book_on_colab(clone):
    git(clone, "init", "-q")
    origin = "https://github.com/someone/book"
    git(clone, "remote", "add", "origin", origin)
    downloaded = clone / "_sources" / "notebooks" / "tiny.ipynb"
    downloaded.parent.mkdir(parents=True)
    downloaded.write_text("as it was rendered")
    put_downloads(clone / "_sources", clone)
    assert f'"{origin}"' in nbformat.read(downloaded, as_version=4).cells[1].source


def test_what_one_downloads_is_the_source_and_an_exercise_has_its_blank(clone):
    exercise = new_code_cell("# solution\nprint(42)\n# end", metadata={"tags": ["exercise"]})
    look = new_code_cell("unfold()", metadata={"tags": ["look"]})
    (clone / "notebooks" / "lesson.ipynb").write_text(nbformat.writes(new_notebook(cells=[exercise, look])))
    folder = clone / "_sources"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "notebooks" / "tiny.ipynb").write_text("as it was rendered")
    look.outputs = [new_output("stream", text="seen")]
    nbformat.write(new_notebook(cells=[exercise, look]), folder / "notebooks" / "lesson.ipynb")
    put_downloads(folder, clone)
    lesson, tiny = (folder / "notebooks" / f"{name}.ipynb" for name in ("lesson", "tiny"))
    blank, look = nbformat.read(lesson, as_version=4).cells
    assert blank.source == "..." and look.outputs[0].text == "seen"
    assert tiny.read_bytes() == (clone / "notebooks" / "tiny.ipynb").read_bytes()


def test_a_site_needs_no_network_and_outlives_a_build_that_fails(clone, capfd):
    (clone / "_config.yml").write_text(
        "execute: {execute_notebooks: 'off'}\n"
        f"sphinx: {{config: {{mathjax_path: mathjax/tex-chtml.js, {MARKDOWN}: {SETTINGS[MARKDOWN]}}}}}\n"
        "launch_buttons: {colab_url: https://colab.research.google.com}\n"
    )
    git(clone, "init", "-q")
    origin = "https://github.com/someone/book"
    git(clone, "remote", "add", "origin", origin)
    publish(clone)
    pages, build_folder = clone / "_build" / "stage", clone / "_build"
    table = new_output("display_data", data={"text/markdown": "| a | b |\n|---|---|\n| 1 | 2 |"})
    cells = [new_markdown_cell("# A page"), new_code_cell("show()", outputs=[table])]
    told = {"language_info": {"name": "python"}}
    executed = new_notebook(cells=cells, metadata=told)
    quotation = "```{literalinclude} /_library/compression/theseus.py\n:pyobject: replacement_rate\n```\n"
    index = f"# The good site\n\nA formula, $a^2$, and code:\n\n{quotation}"
    (clone / "book" / "index.md").write_text(index)
    stage(clone / "book", {"notebooks/tiny": executed}, pages, {})
    assert render(clone, build_folder, pages)
    site = build_folder / "html"
    good = (site / "index.html").read_text()
    with zipfile.ZipFile(build_folder / "book.zip") as archive:
        assert archive.read("index.html").decode() == good
    assert "The good site" in good
    assert "return min(1.0, k * step + b)" in re.sub(r"<[^>]+>", "", good)
    fetched = [line for line in good.splitlines() if "<script" in line or "<link" in line]
    assert fetched and [line for line in fetched if "//" in line] == []
    assert "THEBE_JS_URL" not in good
    theme = (site / "_static" / "scripts" / "sphinx-book-theme.js").read_text()
    assert 'bd-sidebar-secondary")' in theme and 'bd-sidebar-secondary").' not in theme
    assert (site / "_static" / "mathjax" / "tex-chtml.js").is_file()
    colab = "https://colab.research.google.com/github/someone/book/blob/gh-pages/"
    assert f'"{colab}_sources/notebooks/tiny.ipynb"' in (site / "notebooks" / "tiny.html").read_text()
    assert "<td><p>2</p></td>" in (site / "notebooks" / "tiny.html").read_text()
    assert origin in (site / "_sources" / "notebooks" / "tiny.ipynb").read_text()
    assert not render(clone, build_folder, pages)

    (pages / "index.md").write_text("# The bad site\n\n{ref}`nowhere`\n")
    with pytest.raises(Failure) as failed:
        render(clone, build_folder, pages)
    log = build_folder / "book.log"
    told = "index.md:3: WARNING: undefined label: 'nowhere'"
    assert str(failed.value) == f"the pages did not render: {told} (more in {log})"
    assert capfd.readouterr().err == ""

    (pages / "index.md").write_text("# The bad site\n\n{ref}`nowhere` {ref}`never`\n")
    with pytest.raises(Failure) as failed:
        render(clone, build_folder, pages)
    assert str(failed.value) == f"the pages did not render without warnings: 2 in {log}"
    assert capfd.readouterr().err.splitlines() == [told, told.replace("nowhere", "never")]
    assert (site / "index.html").read_text() == good


def test_a_digest_sees_contents_names_and_facts(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1")
    two.write_text("1")
    assert digest_of([one], "a") == digest_of([one, tmp_path / "missing"], "a")
    asked = [([one], "a"), ([two], "a"), ([one], "b"), ([one, two], "a")]
    assert len({digest_of(files, fact) for files, fact in asked}) == 4
