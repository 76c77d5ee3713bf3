"""Is a whole text still like it was? Asked of the word resources' sentence encoder, piece by piece.

A review is longer than the encoder reads, and a search changes one piece of it at a time. So a text's vector
is the mean over pieces of their unit vectors, each with the weight of its words, and only pieces that have
changed are encoded anew. Book: metrics/attacks.
"""

from functools import lru_cache

import torch

from bert_compression.attacks.search import Likeness
from bert_compression.attacks.swaps import Resources
from bert_compression.attacks.words import Words

PIECE = 60  # words: even with broken words among them they fit into the 128 tokens that MiniLM reads
PIECES_KEPT = 2**14  # some 2 kB each


class TextLikeness:
    """Holds the cosine of a changed text to the original against a least one.

    `min_similarity` lies in [-1, 1]. Pieces are encoded one at a time, so that a similarity does not depend,
    even in its last bit, on what was asked before.
    """

    def __init__(self, resources: Resources, min_similarity: float):
        self.min_similarity = min_similarity
        self._vector = lru_cache(maxsize=PIECES_KEPT)(lambda piece: resources.encode([piece])[0])

    def __call__(self, words: Words, changes: dict[int, str]) -> bool:
        return self.similarity(words, changes) >= self.min_similarity

    def similarity(self, words: Words, changes: dict[int, str]) -> float:
        """The cosine of the text with these changes to the text without."""
        before, after = self._text(words, {}), self._text(words, changes)
        return float(torch.nn.functional.cosine_similarity(before, after, dim=0))

    def _text(self, words: Words, changes: dict[int, str]) -> torch.Tensor:
        total = 0
        for first in range(0, len(words.words), PIECE):
            weight = min(PIECE, len(words.words) - first)
            vector = self._vector(words.changed_text(changes, first, first + PIECE))
            total = total + weight * torch.nn.functional.normalize(vector, dim=0)
        return total


def likeness(resources: Resources, min_similarity: float | None) -> Likeness:
    """What holds texts to that similarity; everything passes for None, and where the resources compare no
    sentences (the built-in language's, whose synonyms keep the meaning by construction)."""
    if min_similarity is None or resources.min_similarity is None:
        return lambda words, changes: True
    return TextLikeness(resources, min_similarity)
