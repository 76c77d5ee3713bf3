"""The workshop's notebooks: an exercise is its solution less blanks, a part stands alone, times add up."""

import ast
import contextlib
import io
import itertools
import re

import nbformat
import pytest

from bert_compression.book.handout import (
    BOOKS_OWN,
    EXERCISE,
    LOOK,
    decks,
    for_learners,
    has_tag,
    solution,
    stub,
)
from bert_compression.workshop import lesson

NAMES = ("loyalty_in_45_minutes", "loyalty_in_half_a_day")
HALF = "loyalty_in_half_a_day"
HEADING = re.compile(r"^### (Exercise: .+?) \((\d+) minutes, (easy|medium|hard)(?:, .*)?\)$", re.MULTILINE)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def exercises(notebook):
    return [cell for cell in code_cells(notebook) if has_tag(cell, EXERCISE)]


def test_there_are_two(notebooks):
    assert tuple(notebooks) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_exercise_is_its_solution_less_the_blanks(name, notebooks):
    assert len(exercises(notebooks[name])) >= 3
    for cell in exercises(notebooks[name]):
        text, given = solution(cell.source), stub(cell.source)
        ast.parse(text)
        ast.parse(given)
        kept, answer, inside = [], [], False
        for line in cell.source.splitlines():
            if line.strip() in ("# solution", "# end"):
                inside = line.strip() == "# solution"
                kept += [line.replace("# solution", "...")] * inside
            else:
                (answer if inside else kept).append(line)
        assert given.splitlines() == kept
        assert sorted(text.splitlines()) == sorted([line for line in kept if line.strip() != "..."] + answer)
        assert answer and not any(line in given for line in answer)


@pytest.mark.parametrize("name", NAMES)
def test_each_exercise_is_checked_in_the_cell_below(name, notebooks):
    cells = code_cells(notebooks[name])
    for cell, after in itertools.pairwise(cells):
        if has_tag(cell, EXERCISE):
            function = cell.source.split("(")[0].removeprefix("def ")
            assert after.source == f"{function} = workshop.check_{function}({function})"


def test_what_stands_in_both_notebooks_is_the_same(notebooks):
    one, other = ({cell.id: cell for cell in notebook.cells} for notebook in notebooks.values())
    shared = one.keys() & other.keys()
    assert len(shared) > 20
    assert [name for name in shared if one[name] != other[name]] == []


def parts(notebook):
    """The code cells of each part, from its first cell on."""
    cells = code_cells(notebook)
    first = [i for i, cell in enumerate(cells) if re.fullmatch(r"start-\w+", cell.id)]
    return [cells[begin:end] for begin, end in zip(first, [*first[1:], None], strict=True)]


@pytest.mark.parametrize(("name", "number"), [(NAMES[0], 0), *((HALF, number) for number in range(4))])
def test_each_part_runs_alone_with_every_blank_left_empty(
    name, number, notebooks, small_models, project, monkeypatch
):
    monkeypatch.chdir(project)
    monkeypatch.setattr(lesson, "small_models", lambda: small_models)
    learners = for_learners(notebooks[name])
    names, told = {}, io.StringIO()
    with contextlib.redirect_stdout(told):
        for cell in parts(learners)[number]:
            exec(compile(cell.source, cell.id, "exec"), names)
    blanks = [cell for cell in parts(learners)[number] if "    ...\n" in f"{cell.source}\n"]
    assert len(blanks) >= 2
    assert told.getvalue().count("returns nothing yet") >= len(blanks)


@pytest.mark.parametrize("name", NAMES)
def test_who_has_no_kernel_finds_questions_to_unfold(name, notebooks):
    looks = [cell for cell in code_cells(notebooks[name]) if has_tag(cell, LOOK)]
    assert len(looks) >= 3
    for cell in looks:
        assert "workshop.unfold(" in cell.source and has_tag(cell, "remove-input")
        # Numbers come from records or from what the cell has computed.
        words = " ".join(re.findall(r'"([^"]*)"', cell.source))
        typed = re.findall(
            r"(?<![\w.])\d+(?:\.\d+)?(?=\s?%| percent| points)", re.sub(r"\{[^}]*\}", "", words)
        )
        assert typed == []


@pytest.mark.parametrize("name", NAMES)
def test_who_guesses_first_unfolds_the_answer(name, notebooks):
    """No table in sight gives it away: what stands between a question and its answer shows nothing."""
    cells = notebooks[name].cells
    guesses = [at for at, cell in enumerate(cells) if cell.source.startswith("**Guess first.**")]
    assert len(guesses) >= 3
    for at in guesses:
        below = itertools.takewhile(lambda cell: not cell.source.startswith("#"), cells[at + 1 :])
        codes = [cell for cell in below if cell.cell_type == "code"]
        looks = [number for number, cell in enumerate(codes) if has_tag(cell, LOOK)]
        assert looks, cells[at].id
        for cell in codes[: looks[0]]:
            last = ast.parse(cell.source).body[-1]
            assert not isinstance(last, ast.Expr), cell.id


@pytest.mark.parametrize("name", NAMES)
def test_each_exercise_is_on_a_slide(name, notebooks):
    kinds = {"markdown": "slide", "code": "fragment"}
    asked = [
        cell
        for cell in notebooks[name].cells
        if has_tag(cell, EXERCISE) or cell.source.startswith("### Exercise")
    ]
    assert len(asked) >= 6
    for cell in asked:
        assert cell.metadata.get("slideshow", {}).get("slide_type") == kinds[cell.cell_type], cell.id


def test_the_teachers_page_quotes_what_the_notebook_gives_and_leads_to_the_slides(notebooks, project):
    page = (project / "book" / "workshop" / "teach.md").read_text(encoding="utf-8")
    quoted = set(re.findall(rf"{HALF}\.ipynb::(\w+):s`", page))
    given = [cell.source for cell in notebooks[HALF].cells if has_tag(cell, BOOKS_OWN)]
    assert quoted == set(re.findall(r'^    "(\w+)": ', "\n".join(given), re.MULTILINE)) != set()
    assert set(re.findall(r'href="\.\./(_static/[^"]+)"', page)) == set(
        decks({f"notebooks/workshop/{name}": notebook for name, notebook in notebooks.items()})
    )


def timetables(project):
    """Of each table of the teachers' page: (from, minutes, what) of every line."""
    text = (project / "book" / "workshop" / "teach.md").read_text(encoding="utf-8")
    found = {}
    for title, body in re.findall(
        r"^## (Half a day|45 minutes)\n\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL
    ):
        found[title] = [
            [word.strip() for word in line.strip("|").split("|")] for line in body.splitlines()[2:]
        ]
    return found


def clock(text):
    hours, minutes = text.split(":")
    return 60 * int(hours) + int(minutes)


@pytest.mark.parametrize(("name", "title"), zip(NAMES, ("45 minutes", "Half a day"), strict=True))
def test_the_timetable_adds_up_and_gives_each_exercise_its_minutes(name, title, notebooks, project):
    rows = timetables(project)[title]
    begun, sums = 0, {}
    for start, minutes, what in rows:
        if not minutes:
            part = what.strip("*")
            sums[part] = 0
            continue
        assert clock(start) == begun
        begun += int(minutes)
        if what != "Break":
            sums[part] += int(minutes)
    text = "\n".join(cell.source for cell in notebooks[name].cells if cell.cell_type == "markdown")
    told = re.findall(r"^## (.+) \((\d+) minutes\)$", text, re.MULTILINE)
    assert [(part.lower(), str(total)) for part, total in sums.items()] == [(p.lower(), m) for p, m in told]
    planned = [(what, minutes) for _, minutes, what in rows if what.startswith("Exercise")]
    assert planned == [(what, minutes) for what, minutes, _ in HEADING.findall(text)]
    assert len(planned) == text.count("### Exercise")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_on_slides_is_plain_markdown(name, notebooks):
    shown = [cell for cell in notebooks[name].cells if cell.metadata.get("slideshow")]
    assert len(shown) >= 15 and shown[0].metadata.slideshow.slide_type == "slide"
    for cell in shown:
        if cell.cell_type == "markdown":
            assert re.findall(r"\{\w+\}`|^:::|\$", cell.source, re.MULTILINE) == [], cell.id


def test_a_learners_notebook_is_a_notebook(notebooks):
    for notebook in notebooks.values():
        nbformat.validate(for_learners(notebook))
