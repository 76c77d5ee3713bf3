"""Parts of speech from WordNet's index: by hand, and against NLTK's reader."""

import io
import json
import re
import tarfile
import warnings

import pytest

from bert_compression.attacks.wordnet import WordNet, open_wordnet
from bert_compression.errors import BadInput

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


def write_archive(path, dictionary):
    with tarfile.open(path, "w:gz") as archive:
        for name, text in dictionary.items():
            member = tarfile.TarInfo(f"wn_nltk/corpora/wordnet/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


def test_an_archive_is_read_without_being_unpacked(tmp_path):
    write_archive(tmp_path / "wn_nltk.tar.gz", DICTIONARY)
    assert open_wordnet(tmp_path).parts_of_speech("laughed") == {"verb"}
    assert [path.name for path in tmp_path.iterdir()] == ["wn_nltk.tar.gz"]


def test_an_archive_of_something_else_is_refused(tmp_path):
    archive = tmp_path / "wn_nltk.tar.gz"
    write_archive(archive, {"index.noun": "a n 1\n"})
    message = f"{archive} must hold WordNet as NLTK lays it out: 'noun.exc'"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        open_wordnet(tmp_path)
    archive.write_bytes(b"no archive")
    with pytest.raises(BadInput, match=f"^{re.escape(str(archive))} must hold WordNet as NLTK lays it out: "):
        open_wordnet(tmp_path)


def test_without_an_archive_nltks_data_are_read(tmp_path, monkeypatch):
    import nltk

    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    message = f"no WordNet: put wn_nltk.tar.gz into {tmp_path}, or run"
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
