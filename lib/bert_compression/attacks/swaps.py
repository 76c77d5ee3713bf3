"""Which words may stand for which, in a sentence: the part of an attack that depends on text alone.

It is worked out once in a process and serves every model that is attacked, so that attacking ten models
costs little more than their forward passes.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

import torch

from bert_compression.attacks.environment import import_textattack

# Words around a swap that the sentence encoder compares; in a shorter text nothing is compared (both as in
# the released code; the paper compares whole sentences).
WINDOW = 15
# The paper: similarity 0.7. Released code: 0.5, counted as 1 minus the angle in radians. TextAttack divides
# the angle by pi, as its definition asks, so that 1 - 0.5 / pi = 0.8408 is the same angle.
SAME_ANGLE = 1 - 0.5 / math.pi
CANDIDATES = 50  # nearest neighbours a word, in the paper and in the released code
PLACES_KEPT = 2**15  # places in texts whose swaps are remembered, at some 1 kB each


class Resources(ABC):
    """One level of word resources.

    - `name`: "genuine", "folder" or "builtin"; `replaces`: line by line what stands in for what.
    - `stop_words` are never changed.
    - `min_similarity`: the least angular similarity (1 - angle / pi, in [0, 1]) that a sentence must keep
      when a word of it is exchanged; None where no sentence is compared.
    - `judged_in_original`: whether a swap is judged in the sentence as it was at first (and so is the same
      for all models), or as earlier swaps have left it.
    """

    name: str
    replaces: tuple[str, ...]
    stop_words: frozenset[str]
    min_similarity: float | None = None
    judged_in_original = True

    def __init__(self):
        self.swaps = lru_cache(maxsize=PLACES_KEPT)(self._swaps)

    @abstractmethod
    def substitutes(self, words: Sequence[str], index: int) -> tuple[str, ...]:
        """Words that may stand in the place of words[index], nearest first, in small letters."""

    def neighbours(self, word: str) -> tuple[str, ...]:
        """The words nearest to a word in small letters, nearest first, whatever their part of speech."""
        raise NotImplementedError(f"{self.name} resources list no neighbours")

    def apart(self, word: str, other: str) -> bool:
        """Are both words known, and far from each other? The genuine vectors' bound is a cosine of 0.4, as in
        BERT-ATTACK's released code. Antonyms are apart; a word that is not known is apart from none."""
        raise NotImplementedError(f"{self.name} resources do not say how far words are from each other")

    def encode(self, sentences: Sequence[str]) -> torch.Tensor:
        """Sentence vectors of the shape (sentences, size)."""
        raise NotImplementedError(f"{self.name} resources compare no sentences")

    def _swaps(self, original: str, current: str, index: int) -> tuple[tuple[str, float], ...]:
        """What may stand in the place of the word with that index in `current`, which earlier swaps have
        made of `original`, and how similar the sentence remains: (word, angular similarity) pairs."""
        attacked_text = import_textattack().shared.AttackedText
        from textattack.transformations.word_swaps.word_swap_embedding import recover_word_case

        text = attacked_text(current)
        word = text.words[index]
        offers = self.substitutes(attacked_text(original).words, index)
        cased = [new for new in (recover_word_case(offer, word) for offer in offers) if new != word]
        if not cased or self.min_similarity is None or text.num_words < WINDOW:
            return tuple((new, 1.0) for new in cased)
        variants = [text, *(text.replace_word_at_index(index, new) for new in cased)]
        scores = self._similarities([one.text_window_around_index(index, WINDOW) for one in variants])
        return tuple((new, s) for new, s in zip(cased, scores, strict=True) if s >= self.min_similarity)

    def _similarities(self, sentences: Sequence[str]) -> list[float]:
        """The angular similarity of the first sentence to each of the others.

        The candidates of one place are encoded together and with nothing else, so that a similarity does
        not depend, even in its last bit, on what was attacked before.
        """
        vectors = self.encode(sentences)
        cosines = torch.nn.functional.cosine_similarity(vectors[:1], vectors[1:])
        return (1 - torch.acos(cosines.clamp(-1, 1)) / math.pi).tolist()
