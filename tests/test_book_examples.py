"""What the book's pages show of Python is what Python says."""

import doctest
import importlib
import inspect
import re
from pathlib import Path
from textwrap import dedent

import pytest

BOOK = Path(__file__).parents[1] / "book"
CONSOLE = re.compile(r"^( *)```pycon\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)  # a bullet indents its own
PAGES = {
    path.relative_to(BOOK).as_posix(): blocks
    for path in sorted(BOOK.rglob("*.md"))
    if (blocks := [dedent(code) for _, code in CONSOLE.findall(path.read_text(encoding="utf-8"))])
}

LIBRARY = BOOK.parent / "lib" / "bert_compression"
WITH_EXAMPLES = [path for path in sorted(LIBRARY.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_give_what_it_says(page):
    examples = doctest.DocTestParser().get_doctest("\n".join(PAGES[page]), {}, page, page, 0)
    told = []
    result = doctest.DocTestRunner().run(examples, out=told.append)
    assert result.failed == 0, "".join(told)
    assert result.attempted > 0


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_of_a_docstring_give_what_it_says(path):
    module = importlib.import_module(".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts))
    told = []
    for examples in doctest.DocTestFinder(exclude_empty=True).find(module):
        assert doctest.DocTestRunner().run(examples, out=told.append).failed == 0, "".join(told)


def test_every_example_of_a_page_is_run():
    for path in BOOK.rglob("*.md"):
        shown = path.read_text(encoding="utf-8").count("```pycon")
        assert len(PAGES.get(path.relative_to(BOOK).as_posix(), ())) == shown, path.name


def test_a_wrong_example_would_be_found():
    examples = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", "wrong", 0)
    assert doctest.DocTestRunner().run(examples, out=lambda text: None).failed == 1


def test_every_method_and_metric_page_has_a_worked_example_a_summary_and_exercises_with_solutions():
    for path in [*BOOK.glob("methods/*.md"), *BOOK.glob("metrics/*.md")]:
        text = path.read_text(encoding="utf-8")
        assert "{prf:example}" in text and "\n## Summary\n" in text, path.name
        exercises = re.findall(r"\{exercise\}\n:label: (\S+)", text)
        assert len(exercises) >= 2, path.name
        assert re.findall(r"\{solution\} (\S+)", text) == exercises, path.name


def library_functions():
    """(page, dotted name, parameters as the page writes them) of every function that a page names."""
    for path in sorted(BOOK.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        for name, given in re.findall(r"^`(bert_compression[\w.]+)\((.*?)\)`$", text, re.MULTILINE):
            yield path.name, name, given


def test_what_a_page_lists_of_the_library_is_written_so_that_it_is_checked():
    listed = re.compile(r"^`bert_compression[\w.]*\(.*(?:\n.+)?", re.MULTILINE)
    written = [
        entry for path in BOOK.rglob("*.md") for entry in listed.findall(path.read_text(encoding="utf-8"))
    ]
    assert written
    assert [entry for entry in written if not re.match(r"`[^`\n]+`\n: ", entry)] == []


@pytest.mark.parametrize(("page", "name", "given"), library_functions())
def test_a_function_that_a_page_names_is_there_with_those_parameters(page, name, given):
    module, _, attribute = name.rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), attribute)).parameters
    named = [part.split("=")[0].strip() for part in given.split(",") if part.strip() != "..."]
    assert named == list(parameters)[: len(named)]
    if "..." not in given:
        assert len(named) == len(parameters)
