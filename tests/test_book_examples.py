"""What the book's pages show of Python is what Python says."""

import doctest
import re
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[1] / "book"
CONSOLE = re.compile(r"^```pycon\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = {
    path.relative_to(BOOK).as_posix(): blocks
    for path in sorted(BOOK.rglob("*.md"))
    if (blocks := CONSOLE.findall(path.read_text(encoding="utf-8")))
}


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_give_what_it_says(page):
    examples = doctest.DocTestParser().get_doctest("\n".join(PAGES[page]), {}, page, page, 0)
    told = []
    result = doctest.DocTestRunner().run(examples, out=told.append)
    assert result.failed == 0, "".join(told)
    assert result.attempted > 0


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
