"""Renders the staged pages with Jupyter Book into a site that needs no network.

Warnings count as errors. The site is swapped in whole: a build that fails leaves the one before it in place.
Every change renders all pages anew, since a page may quote a number from another. Book: about/contributing.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import yaml

from bert_compression.book.handout import for_download
from bert_compression.book.stage import pages, read_settings
from bert_compression.errors import Failure

JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"  # it has no `python -m` of its own
STAMP = ".digest"
GITHUB = r"(?:https://|git@|ssh://git@)github\.com[:/](.+?/.+?)(?:\.git)?/?"
COMPLAINT = r"\b(WARNING|ERROR|CRITICAL)\b"
COMPLAINTS_SHOWN = 8
OWN_ERROR = r"[\w.]*(Error|Exception)\b"  # the last line of a traceback
DISK = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EIO,
)  # what Jupyter Book buries in its log
COLOUR = r"\x1b\[[0-9;]*m"
# Thebe is not used here, would come from a network, and declares its constants twice.
THEBE = r"<script[^>]*>[^<]*THEBE_JS_URL[^<]*</script>|<script[^>]*sphinx-thebe\.js[^>]*></script>"
# Where a cell as wide as the page comes into view, the theme's script hides the page's list of contents. On a
# page without sections there is no such list, and the script stops with an error.
THEME_SCRIPT = "_static/scripts/sphinx-book-theme.js"
CONTENTS = 'document.querySelector("div.bd-sidebar-secondary")'
# What a screen reader stumbles over, and what takes its place: labels that are not what one reads (of the
# theme's buttons and of folded cells), icons' titles that become a button's name, a list whose parts are no
# items, and one name for all exercises, or examples, of a page.
STUMBLING = {
    r' aria-label="Toggle hidden content"': "",
    r'(<button class="[^"]*search-button-field[^>]*) aria-label="Search"': r"\1",
    r'(<i class="theme-switch [^>]*) title="[^"]*"': r"\1",
    r'<div role="list" class="citation-list">': '<div class="citation-list">',
    r' id="(exercise|solution|proof)-content"': "",
}
# Colab opens a notebook of the published site, as one downloads it: the repository's own finds no library.
COLAB = r'(href="https://colab\.research\.google\.com/github/[^/"]+/[^/"]+/blob)/main/'
PUBLISHED = "gh-pages"  # a branch
INDEX_OF_EXAMPLES = "prf-prf.html"  # a list of labels that sphinx-proof writes, and no page leads to
CLAIMS = "lib/bert_compression/papers/*/claims.py"
MATHJAX = "sphinx-mathjax-offline/static/mathjax"


def render(project: Path, build_folder: Path, stage: Path) -> bool:
    """Turn the staged folder into `build_folder`/html, and that into book.zip beside it; False if it was up
    to date.

    Raises Failure on a warning, and where a page is missing.
    """
    site, fresh = build_folder / "html", build_folder / "fresh"
    config = build_folder / "_config.yml"
    config.write_text(configuration(project), encoding="utf-8")
    renderers = [*Path(__file__).parent.glob("*.py"), project / "requirements.lock"]
    digest = digest_of([config, *stage.rglob("*"), *renderers])
    if (site / STAMP).is_file() and (site / STAMP).read_bytes() == digest.encode():
        return False
    shutil.rmtree(fresh, ignore_errors=True)
    run_jupyter_book(stage, config, fresh, build_folder / "book.log")
    finished = fresh / "_build" / "html"
    check_whole(finished, stage, build_folder / "book.log")
    add_mathjax(finished)
    for source_map in finished.rglob("*.map"):  # 3 MiB that only those who write the theme open
        source_map.unlink()
    mend_pages(finished)
    put_downloads(finished / "_sources", project)
    (finished / STAMP).write_text(digest)
    archive = Path(shutil.make_archive(str(fresh / "book"), "zip", finished))
    # All is written: what follows asks no more of the disk.
    archive.replace(build_folder / archive.name)
    if site.exists():
        site.replace(fresh / "before")
    finished.replace(site)
    shutil.rmtree(fresh, ignore_errors=True)
    return True


def digest_of(files: Iterable[Path], *known: Any) -> str:
    """One digest over the contents of files and over anything that JSON can hold."""
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for path in sorted(path for path in files if path.is_file()):
        digest.update(f"\n{path}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def configuration(project: Path) -> str:
    """_config.yml, with the repository that the launch buttons lead to: the clone's own `origin`.

    Without git, or without an origin on GitHub, nothing can be launched, and the buttons are left out. So is
    that of Colab until the site has been published.
    """
    config = read_settings(project / "_config.yml")
    if origin := origin_of(project):
        config["repository"] = {"url": origin, "branch": "main"}
        if not git_says(project, "rev-parse", "--verify", "--quiet", f"origin/{PUBLISHED}"):
            config.get("launch_buttons", {}).pop("colab_url", None)
    else:
        config.pop("launch_buttons", None)
    return yaml.safe_dump(config, allow_unicode=True, sort_keys=False)


def origin_of(project: Path) -> str:
    """The address of the clone's `origin` on GitHub; nothing where it has none, or where git is missing."""
    origin = re.fullmatch(GITHUB, git_says(project, "config", "--get", "remote.origin.url"))
    return f"https://github.com/{origin[1]}" if origin else ""


def git_says(project: Path, *arguments: str) -> str:
    """What git answers; nothing where it has no answer, or is missing."""
    try:
        asked = subprocess.run(["git", *arguments], cwd=project, capture_output=True, encoding="utf-8")
        return asked.stdout.strip()
    except (OSError, UnicodeDecodeError):
        return ""


def run_jupyter_book(stage: Path, config: Path, target: Path, log: Path) -> None:
    """Run `jupyter-book build` into `target`, its long output into `log`.

    Raises Failure when there are warnings, of which it prints the first on standard error if they are
    several, and OSError for a disk that takes no more.
    """
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(stage), "--config", str(config)]
    command += ["--path-output", str(target), "-W", "-n", "--keep-going"]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"},  # whatever the locale
        encoding="utf-8",
        errors="replace",
    )
    text = re.sub(COLOUR, "", done.stdout)
    log.write_text(text, encoding="utf-8")
    if done.returncode:
        for number in DISK:
            if os.strerror(number) in text:
                raise OSError(number, os.strerror(number), str(target))
        lines = text.replace(f"{stage}/", "").splitlines()
        found = [line for line in lines if re.search(COMPLAINT, line)]
        found = found or [line for line in lines if re.match(OWN_ERROR, line)][-1:]
        if len(found) < 2:
            told = "".join(found) or "Jupyter Book says no reason"
            raise Failure(f"the pages did not render: {told} (more in {log})")
        for line in found[:COMPLAINTS_SHOWN]:
            print(line, file=sys.stderr)
        raise Failure(f"the pages did not render without warnings: {len(found)} in {log}")


def check_whole(site: Path, stage: Path, log: Path) -> None:
    """Raise Failure unless the site has every page that the staged _toc.yml names.

    A Jupyter Book of another version, or with another configuration, may write nothing and report no error.
    """
    written = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    missing = [name for name in pages(stage) if name not in written] if written else ["any page"]
    if missing:
        names = ", ".join(missing[:COMPLAINTS_SHOWN])
        raise Failure(f"Jupyter Book reported no error and did not write {names}: see {log}")


def put_downloads(folder: Path, project: Path) -> None:
    """Let what one downloads be the notebooks' sources, to be run again; exercises with blanks, and with the
    answers to unfold. The ledger leads to the claims as they are declared."""
    for claims in project.glob(CLAIMS):
        target = folder / claims.relative_to(project)
        target.parent.mkdir(parents=True)
        shutil.copyfile(claims, target)
    origin = origin_of(project)
    for notebook in folder.rglob("*.ipynb"):
        source = project / notebook.relative_to(folder)
        notebook.write_text(for_download(source, notebook, origin), encoding="utf-8")


def add_mathjax(site: Path) -> None:
    """Put MathJax into the site, so that formulas need no network."""
    mathjax = Path(str(distribution("sphinx-mathjax-offline").locate_file(MATHJAX)))
    target = site / "_static" / "mathjax"
    target.mkdir(parents=True)
    shutil.copy2(mathjax / "tex-chtml.js", target)
    for part in ("output/chtml/fonts", "input/tex/extensions"):
        shutil.copytree(mathjax / part, target / part)


def mend_pages(site: Path) -> None:
    """Take Thebe out of every page, and what a screen reader stumbles over; let Colab open what it can run,
    and the theme's script bear a page without a list of contents."""
    (site / INDEX_OF_EXAMPLES).unlink(missing_ok=True)
    for page in site.rglob("*.html"):
        text = re.sub(THEBE, "", page.read_text(encoding="utf-8"))
        text = re.sub(COLAB, rf"\1/{PUBLISHED}/_sources/", text)
        for pattern, instead in STUMBLING.items():
            text = re.sub(pattern, instead, text)
        page.write_text(text, encoding="utf-8")
    for script in site.glob(THEME_SCRIPT):
        text = script.read_text(encoding="utf-8")
        script.write_text(text.replace(f"{CONTENTS}.", f"{CONTENTS}?."), encoding="utf-8")
