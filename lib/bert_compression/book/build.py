"""Builds the book: executes the notebooks that are out of date, stages them beside the pages, renders all.

    book/ + notebooks/  ->  _build/executed  ->  _build/stage  ->  _build/html

Book: about/contributing.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from filelock import FileLock, Timeout

from bert_compression.book.box import box
from bert_compression.book.execute import (
    ABOUT,
    check_values,
    declared_parameters,
    execute,
    keep,
    kept,
    read_notebook,
)
from bert_compression.book.handout import decks
from bert_compression.book.render import configuration, digest_of, render
from bert_compression.book.stage import pages, stage, status_page
from bert_compression.errors import BadInput
from bert_compression.experiments import get_profile
from bert_compression.experiments.environment import hardware, project_root, store_folder, versions
from bert_compression.experiments.store import Store, readable_disk_errors
from bert_compression.tasks.sources import FolderSource, Source, open_source

SIZES = ("seeds", "attacked")  # parameters that are numbers of a profile; 0 is the profile's own


@dataclass(frozen=True)
class Notebook:
    """A notebook of the book: its name in _toc.yml, its source, the values that it is to be run with, and
    where its executed copy is."""

    name: str
    source: Path
    values: Mapping[str, Any]
    executed: Path


def build(
    profile: str = "smoke",
    data: str | Path | None = None,
    notebooks: Sequence[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Path:
    """Execute the book's notebooks where need be, render the site, print and return its first page.

    `parameters` go to the notebooks named in `notebooks`, or, when none is named, to each that declares
    them, as `profile` and `data` do. Raises BadInput, before anything runs, for a value or a name that a
    notebook does not take, and Failure when a cell or the rendering fails.
    """
    project = project_root()
    if not (project / "_config.yml").is_file():
        raise BadInput(f"the book is built in a clone of the project, and {project} is none: go to one")
    build_folder = project / "_build"
    _check_places(build_folder)
    say = (lambda text: None) if quiet else (lambda text: print(text, flush=True))

    configuration(project)  # that it can be read is known before notebooks run
    source = open_source(data, get_profile(profile).builtin_data)
    runs = planned(project, {"profile": profile, "data": _folder(source)}, notebooks, parameters or {})

    with readable_disk_errors(build_folder), _alone(build_folder):
        around = surroundings(_folder(source))
        copies = {}
        for run in runs:
            copies[run.name], around = refresh(run, around, source, say, live=not quiet)
        for run in runs:
            stamp(run, copies[run.name], around)
        status = status_page({name: copy.metadata[ABOUT] for name, copy in copies.items()})
        written = {"_generated/status.md": status, **decks(copies)}
        stage(project / "book", copies, build_folder / "stage", written)
        start = time.perf_counter()
        rendered = render(project, build_folder, build_folder / "stage")
    say(f"pages: {time.perf_counter() - start:.0f} s" if rendered else "pages: unchanged")
    first = build_folder / "html" / "index.html"
    say(str(first))
    return first


def _folder(source: Source) -> str | None:
    """The folder that data come from, if they do."""
    return str(source.folder.resolve()) if isinstance(source, FolderSource) else None


def _check_places(build_folder: Path) -> None:
    """Raises BadInput, before hours of work, where the book cannot be put."""
    site = build_folder / "html"
    for place, link_will_do in ((build_folder, True), (site, False)):
        if os.path.lexists(place) and not (place.is_dir() and (link_will_do or not place.is_symlink())):
            what = "a link" if place.is_symlink() else "a file"
            raise BadInput(f"{place} is {what}, and a folder is to be there: take it away")


@contextmanager
def _alone(build_folder: Path) -> Iterator[None]:
    """Raises BadInput while another process builds there."""
    (build_folder / "executed").mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(build_folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise BadInput(f"another build is at work in {build_folder}: wait until it has ended") from None


def planned(
    project: Path, offered: Mapping[str, Any], chosen: Sequence[str] | None, parameters: Mapping[str, Any]
) -> list[Notebook]:
    """The book's notebooks, each with the values that it is to be run with, all of them checked.

    A value that is offered goes to the notebooks that declare it. So do `parameters`, of which each must be
    declared somewhere; but a notebook that was chosen must declare them all.
    """
    book = project / "book"
    sources = {
        name: project / f"{name}.ipynb" if name.startswith("notebooks/") else book / f"{name}.md"
        for name in pages(book)
    }
    for name, source in sources.items():
        if not source.is_file():
            raise BadInput(f"book/_toc.yml names {name}, and {source} is not there: write it, or take it out")
    sources = {name: source for name, source in sources.items() if source.suffix == ".ipynb"}
    asked = {_found(name, sources) for name in chosen or ()}
    runs: list[Notebook] = []
    known: set[str] = set()
    for name, source in sources.items():
        declared = declared_parameters(source)
        known |= declared.keys()
        values = {key: value for key, value in offered.items() if key in declared and value is not None}
        if name in asked:
            values |= parameters
        elif not asked:
            values |= {key: value for key, value in parameters.items() if key in declared}
        check_values(name, declared, values)
        sizes = (values.get(size) if declared.get(size) == "int" else None for size in SIZES)
        get_profile(values.get("profile", "smoke"), *(size or None for size in sizes))
        executed = project / "_build" / "executed" / f"{name}.ipynb"
        runs.append(Notebook(name, source, values, executed))
    for key in parameters.keys() - known:
        raise BadInput(f"no notebook has a parameter {key!r}: there are {', '.join(sorted(known))}")
    return runs


def _found(name: str, sources: Mapping[str, Path]) -> str:
    wanted = name.removesuffix(".ipynb")
    for known in sources:
        if wanted in (known, known.removeprefix("notebooks/"), Path(known).name):
            return known
    raise BadInput(f"unknown notebook {name!r}: the book has {', '.join(sources)}")


def refresh(
    run: Notebook, around: str, source: Source, say: Callable[[str], None], live: bool
) -> tuple[nbformat.NotebookNode, str]:
    """The executed copy of a notebook, made anew unless it came from just what is there now: its
    `surroundings` are `around`. Returns these as well, as they are afterwards, since it may have added runs
    to the store."""
    copy = kept(run.executed)
    if copy and copy.metadata[ABOUT].get("digest") == state(run, around):
        say(f"{run.name}: unchanged")
        return copy, around
    say(f"{run.name}: executing ...")
    copy = execute(run.source, run.values, project_root(), live)
    told = {"data": source.name, "versions": versions(), "hardware": hardware(), "box": box(run.name, copy)}
    around = surroundings(_folder(source))
    keep(copy, run.executed, digest=state(run, around), **told)
    say(f"{run.name}: {copy.metadata[ABOUT]['seconds']:.0f} s")
    return read_notebook(run.executed), around  # as the next build will find it: names in order


def stamp(run: Notebook, copy: nbformat.NotebookNode, around: str) -> None:
    """Keep with an executed copy that it is up to date with these surroundings: a notebook that was executed
    after it may have added runs to the store."""
    if copy.metadata[ABOUT]["digest"] != state(run, around):
        keep(copy, run.executed, digest=state(run, around))


def state(run: Notebook, around: str) -> str:
    """A digest of all that a notebook's outputs come from: its source and values, and its surroundings."""
    return digest_of([run.source], run.values, around)


def surroundings(folder: str | None) -> str:
    """A digest of what the outputs of every notebook come from: the library, the pinned versions, the
    committed results, the runs in the store (by key: equal keys are equal runs) and the files of the data
    folder (by size and time)."""
    project = project_root()
    library = (project / "lib" / "bert_compression").rglob("*")
    files = [path for path in library if path.parent.name != "__pycache__"]  # which comes and goes
    files += [project / "requirements.lock", *(project / "results").rglob("*.jsonl")]
    data = sorted(path for path in Path(folder).rglob("*") if path.is_file()) if folder else []
    listing = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in data]
    return digest_of(files, Store(store_folder()).keys(), listing)
