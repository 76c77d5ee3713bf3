"""The book's pages, without building it: each is named, has one title, refers to what exists."""

import ast
import posixpath
import re
from inspect import signature
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
import yaml
from sphinx.config import Config
from sphinx.directives.code import LiteralIncludeReader

from bert_compression import report
from bert_compression.book.stage import QUOTED, stage_library, with_linked_verdicts
from bert_compression.experiments import get_profile
from bert_compression.papers import CLAIMS
from bert_compression.papers.loyalty import recipes
from bert_compression.papers.pages import PAGES
from bert_compression.report.figures import picture
from bert_compression.report.reported import reported

PROJECT = Path(__file__).parents[1]
BOOK = PROJECT / "book"
TOC = yaml.safe_load((BOOK / "_toc.yml").read_text())
NAMED = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]


QUOTED_VERDICT = re.compile(r"notebooks/ledger\.ipynb::verdict_([\w.-]+):s")


def source_of(name):
    return PROJECT / f"{name}.ipynb" if name.startswith("notebooks/") else BOOK / f"{name}.md"


def text_of(name):
    """A page's Markdown; of a notebook, that of its text cells."""
    path = source_of(name)
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def prose(text):
    """The text without code: fences of code and inline code would look like titles and citations."""
    text = re.sub(r"^(```+)(?!\{).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(``+) .*? \1", "", text, flags=re.DOTALL)


def code_of(name):
    """A notebook's code, all cells."""
    cells = nbformat.read(source_of(name), as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "code")


def test_the_table_of_contents_names_every_page_and_only_those():
    pages = {path.relative_to(BOOK).with_suffix("").as_posix() for path in BOOK.rglob("*.md")}
    found = (PROJECT / "notebooks").rglob("*.ipynb")
    notebooks = {path.relative_to(PROJECT).with_suffix("").as_posix() for path in found}
    assert sorted(NAMED) == sorted(pages | notebooks)


@pytest.mark.parametrize("name", NAMED)
def test_a_page_begins_with_its_only_title(name):
    text = prose(text_of(name))
    titles = re.findall(r"^# .+$", text, re.MULTILINE)
    assert len(titles) == 1
    # Only labels and front matter may stand before it.
    before = text[: text.index(titles[0])]
    assert re.fullmatch(r"(\s*\([^)\n]+\)=\s*|---\n.*?\n---\s*)*", before, flags=re.DOTALL)


@pytest.mark.parametrize("name", NAMED)
def test_what_a_page_refers_to_exists(name):
    text = prose(text_of(name))
    keys = set(re.findall(r"^@\w+\{([^,]+),", (BOOK / "references.bib").read_text(), re.MULTILINE))
    cited = {key.strip() for keys in re.findall(r"\{cite:?\w*\}`([^`]+)`", text) for key in keys.split(",")}
    assert cited - keys == set()
    # Links hold between the pages as they are staged: notebooks/ beside what is in book/.
    staged = {name + source_of(name).suffix for name in NAMED}
    links = re.findall(r"\]\(([^)#\s]+\.(?:md|ipynb))(?:#[^)]*)?\)", text)
    meant = {posixpath.normpath(posixpath.join("/", posixpath.dirname(name), link))[1:] for link in links}
    assert meant - staged == set()


@pytest.fixture(scope="module")
def places():
    """The names that links can lead to, of the ledger and of every page with a table of claims."""
    nothing = report.Source("small", get_profile("small"), [], {})
    judged = report.judge(nothing, [claim for claims in CLAIMS.values() for claim in claims])
    html = {"notebooks/ledger": str(report.ledger({"all": judged}, {}).html)}
    for name, tables in PAGES.items():
        if "claims_table(" in code_of(f"notebooks/{name}"):
            shown = report.claims_table([each for each in judged if each.table in tables])
            html[f"notebooks/{name}"] = str(shown.html)
    return {name: set(re.findall(r' id="([^"]+)"', text)) for name, text in html.items()}


def links_of_verdicts(name):
    """(page, place) of every link around a verdict that a page quotes, as it is staged."""
    for href in re.findall(r'<a [^>]*href="([^"]+)">\{glue:text\}', with_linked_verdicts(text_of(name))):
        page, _, place = href.partition("#")
        yield posixpath.normpath(posixpath.join(posixpath.dirname(name), page.removesuffix(".html"))), place


def test_a_figure_comes_with_what_it_rests_on():
    """One function makes all figures, and cannot do without; tests/browser looks at those of a built book."""
    library = PROJECT / "lib" / "bert_compression"
    sources = {path.relative_to(library).as_posix(): path.read_text() for path in library.rglob("*.py")}
    assert [name for name, text in sources.items() if re.search("savefig|<img", text)] == [
        "report/figures.py"
    ]
    needed = [each for each in signature(picture).parameters.values() if each.default is each.empty]
    assert {"drawn", "rests"} <= {each.name for each in needed}
    drawing = r"matplotlib|seaborn|savefig|<img|<svg|\.plot\(|IPython"
    assert [name for name in NAMED if "notebooks/" in name and re.search(drawing, code_of(name))] == []


def test_the_chapter_on_extreme_compression_has_every_sentence_of_the_ledger():
    lines = re.findall(r"^- ([^:{]+): (.*::verdict_.*)$", text_of("chapters/xtc"), re.MULTILINE)
    sentences = {claim.name: claim.sentence for claim in CLAIMS["xtc"]}
    for sentence, verdicts in lines:
        assert {f"{sentence}."} == {sentences[name] for name in QUOTED_VERDICT.findall(verdicts)}
    assert {f"{sentence}." for sentence, _ in lines} == set(sentences.values())


def test_a_page_that_quotes_the_verdict_of_a_sentence_quotes_those_of_all_its_tables():
    claims = [claim for of_paper in CLAIMS.values() for claim in of_paper]
    asked = {claim.name: claim.sentence for claim in claims}
    firsts = {}  # by sentence, then by table
    for claim in claims:
        firsts.setdefault(claim.sentence, {}).setdefault(claim.table, claim.name)
    for name in NAMED:
        quoted = set(QUOTED_VERDICT.findall(text_of(name)))
        for each in quoted & set(asked):
            others = set(firsts[asked[each]].values())
            # A comparison may be quoted by itself; whoever quotes a sentence quotes all of it.
            assert each not in others or others <= quoted, f"{name}: {others - quoted}"


def test_every_verdict_that_a_page_quotes_leads_to_a_place_that_is_there(places):
    found = [(name, page, place) for name in NAMED for page, place in links_of_verdicts(name)]
    assert [link for link in found if link[2] not in places.get(link[1], ())] == []
    assert len(found) == sum(text_of(name).count("::verdict_") for name in NAMED) > 40


def test_what_docstrings_say_of_the_book_exists():
    # A page, or a folder of notebooks: "Book: metrics/robustness, data/word_resources."
    meant = {
        place
        for path in (PROJECT / "lib").rglob("*.py")
        for places in re.findall(r"Book: ([\w/]+(?:,\s+[\w/]+)*)", path.read_text(encoding="utf-8"))
        for place in re.split(r",\s+", places)
    }
    folders = {posixpath.dirname(name) for name in NAMED}
    assert len(meant) > 20
    assert meant - set(NAMED) - folders == set()


@pytest.mark.parametrize("name", [name for name in NAMED if "notebooks/" in name])
def test_a_table_has_the_whole_width(name):
    cells = nbformat.read(source_of(name), as_version=4).cells
    wide = [
        cell
        for cell in cells
        if re.search(r"\breport\.(side_by_side|claims_table|record_list)\(", cell.source)
    ]
    assert all("full-width" in cell.metadata.get("tags", []) for cell in wide)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """What pages quote of the library, as it is staged."""
    folder = tmp_path_factory.mktemp("stage")
    stage_library({re.fullmatch(QUOTED, file)[1] for _, file, _ in quotes()}, folder)
    return folder


def quotes():
    """(page, file from the staged root, options) of every piece of the library that a page quotes."""
    for name in NAMED:
        directive = r"^```\{literalinclude\} (\S+)\n((?::.*\n)*)"
        for file, block in re.findall(directive, text_of(name), re.MULTILINE):
            yield name, file, yaml.safe_load(re.sub(r"^:([\w-]+):", r"\1:", block, flags=re.MULTILINE))


@pytest.mark.parametrize(("page", "file", "options"), quotes())
def test_what_a_page_quotes_is_there(library, page, file, options):
    name = re.fullmatch(QUOTED, file)[1]
    text, _ = LiteralIncludeReader(str(library / name), options, Config()).read()
    assert text.strip()
    assert options["name"].startswith("code-")
    assert options["caption"] == f"bert_compression/{name}"


def test_a_quotation_of_what_is_not_there_is_found(library):
    path = library / "compression" / "theseus.py"
    for options in ({"pyobject": "replacement_ration"}, {"start-at": "no such line"}):
        with pytest.raises(ValueError):
            LiteralIncludeReader(str(path), options, Config()).read()


@pytest.mark.parametrize("name", [name for name in NAMED if name.startswith("methods/")])
def test_a_method_page_quotes_the_library(name):
    assert name in {page for page, _, _ in quotes()}


@pytest.mark.parametrize("name", NAMED)
def test_a_figure_has_words_and_fetches_nothing(name):
    for file, block in re.findall(r"^```\{figure\} (\S+)\n((?::.*\n)*)", text_of(name), re.MULTILINE):
        assert ":name: fig-" in block
        assert re.search(r"^:alt: .{80,}$", block, re.MULTILINE)
        picture = ElementTree.parse(source_of(name).parent / file)
        fetched = [value for part in picture.iter() for value in part.attrib.values() if "://" in value]
        assert fetched == []


def tables_of(code, function, first):
    """The tables that a notebook's calls of the function name, from its argument number `first` on."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    wanted = [call for call in calls if ast.unparse(call.func).rpartition(".")[2] == function]
    return {ast.unparse(each) for call in wanted for each in call.args[first:]}


NOTEBOOKS = [name for name in NAMED if name.startswith("notebooks/")]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_page_lists_the_records_of_every_table_that_leads_to_them(name):
    """Or its numbers would be links to nowhere."""
    code = code_of(name)
    assert tables_of(code, "side_by_side", 2) <= tables_of(code, "record_list", 1)


def test_numbers_and_lists_of_records_are_found_in_a_notebooks_code():
    code = 'a.side_by_side(shown, "all", TABLE)\nb = (a.record_list(shown, TABLE, x.OTHER), 1)'
    assert tables_of(code, "side_by_side", 2) == {"TABLE"}
    assert tables_of(code, "record_list", 1) == {"TABLE", "x.OTHER"}
    assert sum(bool(tables_of(code_of(name), "side_by_side", 2)) for name in NOTEBOOKS) >= 8


SYMBOLS = {"alpha": r"\alpha", "beta": r"\beta", "temperature": "T", "theseus_k": "k", "theseus_b": "b"}


def in_print(value):
    return f"{value:g}" if value > 0.01 else rf"{value * 1e5:g} \cdot 10^{{-5}}"


def test_the_chapter_tells_the_hyperparameters_of_appendix_a():
    rows = []
    for _, line in reported("loyalty", "loyalty_appendix_A_hyperparameters").iterrows():
        told = line.dropna()
        others = [f"${sign} = {in_print(told[name])}$" for name, sign in SYMBOLS.items() if name in told]
        warmup = f"{told['warmup_steps']:,.0f}" if "warmup_steps" in told else "–"
        rate = f"${in_print(told['learning_rate'])}$"
        rows.append(
            f"| {told['method']} | {rate} | {told['batch_size']} | {warmup} | {', '.join(others) or '–'} |"
        )
    assert len(rows) == 13
    assert "\n".join(rows) in text_of("chapters/loyalty")


def test_the_chapter_tells_the_settings_of_the_profiles():
    small, paper = get_profile("small"), get_profile("paper")
    sizes = recipes.SIZES
    assert not paper.training and sizes["paper"].k == 2e-5
    told = {
        "Learning rate": (f"{small.training['learning_rate']:g}", "appendix A"),
        "Batch size": (small.training["batch_size"], "appendix A"),
        "Warm-up": (f"{small.training['warmup']} of all steps", "appendix A"),
        "Epochs, with gold labels": (small.epochs, paper.epochs),
        "Epochs, distillation": (small.kd_epochs, paper.kd_epochs),
        "Epochs, module replacing": (small.kd_epochs, sizes["paper"].theseus_epochs),
        "$k$ of BERT-of-Theseus": (f"{sizes['small'].k:g}", "appendix A"),
        "Training pairs of MNLI": (f"{small.train_size['mnli']:,}", paper.train_size["mnli"] or "all"),
        "Training sentences of SST-2": (f"{small.train_size['sst2']:,}", paper.train_size["sst2"] or "all"),
        "Attacked texts": (small.attacked, paper.attacked or "all"),
        "Seeds of Tables 1 and 3": (len(small.seeds), len(paper.seeds)),
        "Seeds of what only Table 2 has": (small.few_seeds, paper.few_seeds),
    }
    rows = [f"| {what} | {ours} | {theirs} |" for what, (ours, theirs) in told.items()]
    assert "\n".join(rows) in text_of("chapters/loyalty")


def test_the_four_papers_are_in_the_references():
    bib = (BOOK / "references.bib").read_text()
    for key in ("loyalty", "xtc", "miniature", "taylor"):
        assert f"{{{key},\n" in bib


@pytest.mark.parametrize("name", NAMED)
def test_every_fence_opens(name):
    """A backtick in a fence's first line makes it plain text, silently, and all that follows code."""
    assert re.findall(r"^ *```+\{.*\}.*`.*$", text_of(name), re.MULTILINE) == []
