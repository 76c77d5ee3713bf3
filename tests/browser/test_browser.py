"""The built book in headless Chromium: every page opened, and the book used as a reader uses it.

Needs a built book, Chromium, node and npm, and a network for npm's first call. Where one is missing, the
tests are skipped and say which.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "_build"
PACKAGES = ("playwright-core@1.65.1", "axe-core@4.14.1")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def told():
    """What a script says of the built book."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    missing = [name for name in ("node", "npm") if not shutil.which(name)]
    missing += [] if browser else ["Chromium"]
    missing += [] if (BUILD / "html" / "index.html").is_file() else ["a built book"]
    if missing:
        pytest.skip(f"without {', '.join(missing)}")
    tools = BUILD / "browser"
    tools.mkdir(exist_ok=True)
    (tools / "package.json").write_text("{}")
    install = ["npm", "install", "--no-audit", "--no-fund", "--silent", *PACKAGES]
    if subprocess.run(install, cwd=tools, capture_output=True).returncode:
        pytest.skip("npm cannot be reached")

    def run(script, *pages):
        command = ["node", str(HERE / script), str(BUILD / "html"), browser, *pages]
        done = subprocess.run(command, cwd=tools, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_no_page_has_anything_that_a_browser_complains_of(told):
    found = told("check.mjs")
    assert found["pages"] > 50
    assert found["problems"] == []


def test_a_reader_gets_along_by_mouse_and_by_keyboard(told):
    found = told("use.mjs")
    assert found["tried"] > 12
    assert found["problems"] == []


def test_the_site_and_its_pages_are_small(told):
    sizes = {path: path.stat().st_size for path in (BUILD / "html").rglob("*") if path.is_file()}
    assert sum(sizes.values()) < 25 * 2**20
    pages = {path.name: size for path, size in sizes.items() if path.suffix == ".html"}
    assert max(pages.values()) < 1.25 * 2**20  # pictures are in them
