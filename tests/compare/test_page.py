"""The three files: nothing in them runs, nothing asks the network, and programs can read what they hold."""

import html
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import yaml
from small import make_model, make_tokenizer, saved, sentences

from bert_compression.compare import compare, save_answers
from bert_compression.compare.measures import Measure
from bert_compression.compare.page import LONGEST, printed, shortened
from bert_compression.compression import quantize
from bert_compression.errors import BadInput

NASTY = '<script>alert(1)</script> "good" & {{ 7*7 }} | `film` \u202e\x07'
KIND = "<b>kind</b>|"
LABELS = ("<i>bad</i>", "go|od: #1")
TEXTS = [NASTY, "", "x " * 3000, *sentences(15)]  # no more than the page shows
KINDS = [f"<img src={i % 3}>" for i in range(18)]
FRAME = pd.DataFrame({"text": TEXTS, "label": np.arange(18) % 2, KIND: KINDS})


class Page(HTMLParser):
    """Elements, addresses and words of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tokenizer = make_tokenizer()
    sides = [
        saved(folder / f"<u>m{seed}</u>".replace("/", "∕"), make_model(labels=LABELS, seed=seed), tokenizer)
        for seed in (0, 1)
    ]
    return compare(*sides, FRAME, slice_by=KIND)


@pytest.fixture(scope="module")
def folder(found, tmp_path_factory):
    decisions = found.check(["label_loyalty>=0.98", "student_bytes<=1e9"])
    return found.write(tmp_path_factory.mktemp("out") / "deep" / "er", decisions)


def test_three_files_are_written_and_again(found, folder):
    names = ["card.md", "compare.html", "compare.json"]
    assert sorted(path.name for path in folder.iterdir()) == names
    before = {name: (folder / name).read_bytes() for name in names}
    found.write(folder)
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / "compare.json").read_bytes() != before["compare.json"]  # without the gate
    found.write(folder, found.check(["label_loyalty>=0.98", "student_bytes<=1e9"]))
    assert before == {name: (folder / name).read_bytes() for name in names}


def test_the_page_shows_texts_as_texts(folder):
    page = Page((folder / "compare.html").read_text(encoding="utf-8"))
    assert not {"script", "img", "u"} & set(page.elements)
    words = "".join(page.words)
    assert NASTY in words
    assert KIND in words and LABELS[0] in words and "<img src=1>" in words and "<u>m0<∕u>" in words


def test_a_name_from_right_to_left_turns_nothing_else_about(folder):
    text = (folder / "compare.html").read_text(encoding="utf-8")
    for name in (LABELS[0], KIND, "<img src=1>", "<u>m0<∕u>", "<u>m1<∕u>"):
        assert f"<bdi>{html.escape(name)}</bdi>" in text, name


def test_one_text_of_thousands_is_not_rounded_away(tmp_path):
    """Nowhere on the page is loyalty 100 % where a text has another label."""
    answers = np.tile([0.9, 0.1], (5000, 1))
    frame = pd.DataFrame({"text": [f"text {i}" for i in range(5000)]})
    texts = [(text,) for text in frame.text]
    for name, first in (("teacher", [0.9, 0.1]), ("student", [0.4, 0.6])):
        answers[0] = first
        save_answers(tmp_path / f"{name}.npz", answers, texts)
    found = compare(tmp_path / "teacher.npz", tmp_path / "student.npz", frame)
    page = (found.write(tmp_path / "out") / "compare.html").read_text(encoding="utf-8")
    assert re.search(r"same label: 99\.98\N{NO-BREAK SPACE}%", page)
    body = page.partition("</style>")[2].partition("<h2>Slices")[0]
    assert not re.search(r"100(\.0)?\s*%", body) and "100" in page


def test_a_folder_in_a_files_place_is_one_line(found, tmp_path):
    (tmp_path / "compare.html").mkdir()
    with pytest.raises(BadInput, match=r"compare\.html cannot be written"):
        found.write(tmp_path)


def test_the_page_asks_for_nothing(folder):
    text = (folder / "compare.html").read_text(encoding="utf-8")
    page = Page(text)
    told = dict(page.attributes)
    assert not {"src", "href", "action", "onload", "onclick", "srcset"} & set(told)
    assert "url(" not in text and "@import" not in text
    assert "default-src 'none'" in text and '<meta name="viewport"' in text
    assert "prefers-color-scheme: dark" in text


def test_the_json_has_a_schema_and_no_nan(folder, found):
    told = json.loads((folder / "compare.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert told["schema"] == 1
    assert told["measures"]["label_loyalty"]["value"] == found.measures["label_loyalty"].value
    assert told["data"]["texts"] == 18 and told["data"]["with_labels"]
    assert {each["outcome"] for each in told["requirements"]} == {"not met", "met"}
    assert [each["text"] for each in told["examples"] if each["row"] == 1] == [[NASTY]]
    assert {part["group"] for part in told["slices"]} >= {KIND, "words", "label", "length limit"}
    assert told["student"]["texts_cut"] == 1


def test_the_card_holds_a_model_index_whatever_the_names_are(folder, found):
    _, head, body = (folder / "card.md").read_text(encoding="utf-8").split("---\n", 2)
    (model,) = yaml.safe_load(head)["model-index"]
    assert model["name"] == "<u>m1<∕u>"
    metrics = {each["type"]: each["value"] for each in model["results"][0]["metrics"]}
    assert metrics["label_loyalty"] == found.measures["label_loyalty"].value
    assert not re.search(r"(?<!\\)<", body)  # no element begins in what is shown
    rows = [line for line in body.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def test_what_was_timed_has_its_spread_and_no_number_of_texts(folder, found):
    measure = found.measures["student_milliseconds_batch_32"]
    assert measure.low < measure.value < measure.high and (measure.kind, measure.n) == ("median", 4)
    told = printed(measure, "milliseconds")[1]
    assert told.endswith(" ms, n = 4") and told in (folder / "compare.html").read_text(encoding="utf-8")
    card = (folder / "card.md").read_text(encoding="utf-8")
    for title in ("stored bytes of the student", "times smaller"):
        assert re.search(rf"^\| {title} \| [^|]* \| – \| – \|$", card, re.MULTILINE)
    spread = r"[\d.]+ to [\d.]+, n = 10"
    assert re.search(rf"^\| times as fast, a text alone \| [^|]* \| {spread} \| – \|$", card, re.MULTILINE)


def test_a_teacher_without_a_form_in_bf16_is_said_to_have_none(folder, tmp_path):
    told = "The teacher was not asked in bf16"
    assert told not in (folder / "compare.html").read_text(encoding="utf-8")
    side = (quantize(make_model(), "dynamic"), make_tokenizer())
    page = compare(side, side, FRAME[["text"]]).write(tmp_path) / "compare.html"
    assert told in page.read_text(encoding="utf-8")


def test_nothing_is_praised(folder):
    for name in ("compare.html", "card.md"):
        text = (folder / name).read_text(encoding="utf-8").lower()
        assert "as good as" not in text
    assert "That says nothing of the direction" in (folder / "compare.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "style", "told"),
    [
        (1.0, "percent", "100\N{NO-BREAK SPACE}%"),
        (0.9994, "percent", "99.9\N{NO-BREAK SPACE}%"),
        (0.9999, "percent", "99.99\N{NO-BREAK SPACE}%"),
        (1 - 1e-9, "percent", "99.9999\N{NO-BREAK SPACE}%"),
        (0.0, "percent", "0.0\N{NO-BREAK SPACE}%"),
        (0.00025, "percent", "0.03\N{NO-BREAK SPACE}%"),
        (0.9, "percent", "90.0\N{NO-BREAK SPACE}%"),
        (-0.012, "points", "−1.2 points"),
        (1e-7, "number", "1e-07"),
        (0.0, "number", "0.0000"),
        (3e-9, "p", "less than 0.0001"),
        (float("nan"), "percent", "not defined"),
    ],
)
def test_numbers_are_printed_as_what_they_are(value, style, told):
    assert printed(Measure(value, None, None, 10, "estimate"), style) == (told, "")


def test_a_long_text_is_shown_in_part():
    assert shortened("a" * LONGEST) == "a" * LONGEST
    assert shortened("a" * 3000) == "a" * LONGEST + "… (2,500 more characters)"
