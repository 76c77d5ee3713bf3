"""TextBugger (Li et al. 2019) from the parts of TextAttack's recipe: misspelt words and near ones.

What a word may become is TextAttack's: a space put into it, a letter left out, two letters exchanged, a
letter that only looks the same, or one of its nearest words. Its search and its semantic constraint are
not used (see `search`). Left out by TextAttack and here, against the paper: neighbours on the keyboard, and
that one text too different ends the attack. Left out by TextAttack alone: the ranking of sentences before
that of words. Book: metrics/attacks.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from bert_compression.attacks.environment import import_textattack
from bert_compression.attacks.resources import Resources
from bert_compression.attacks.search import Words, semantic_constraint, word_by_word
from bert_compression.attacks.victim import Victim
from bert_compression.checks import checked, in_range

if TYPE_CHECKING:
    from textattack import Attack


@checked
class TextBugger:
    """The attack as a recipe for `attack`.

    - `neighbours`: how many of the nearest words in the counter-fitted space a word may become. The paper
      takes 5 of GloVe's; they are not held to a part of speech.
    - `min_similarity`: the least cosine of the whole text to the original, or None. The paper's 0.8;
      TextAttack holds the angular similarity to that number, which is a cosine of 0.81.
    - `by_sentence`: whether a text of several sentences is searched sentence by sentence, the surest first,
      as in the paper; TextAttack ranks the words of the whole text.
    - `seed`: for the places in a word that are drawn. They hang on the seed and the word alone, so that all
      models meet the same bugs.

    Raises BadInput for settings out of range.
    """

    def __init__(
        self,
        *,
        neighbours: int = 5,
        min_similarity: float | None = 0.8,
        by_sentence: bool = True,
        seed: int = 0,
    ):
        in_range(neighbours, "neighbours", 0)
        in_range(-1 if min_similarity is None else min_similarity, "min_similarity", -1)
        self.neighbours, self.min_similarity = neighbours, min_similarity
        self.by_sentence, self.seed = by_sentence, seed
        self.misspelt = lru_cache(maxsize=2**15)(self._misspelt)

    def __call__(
        self, victim: Victim, resources: Resources, columns: Sequence[str], attacked: int = 0
    ) -> "Attack":
        """The attack on one model, as a `textattack.Attack`; the arguments are those of `textfooler`."""

        def offers(words: Words, place: int) -> list[str]:
            word = words.words[place]
            if word.lower() in resources.stop_words:
                return []
            near = resources.neighbours(word.lower())[: self.neighbours]
            bugs = dict.fromkeys((*self.misspelt(word), *(words.cased(place, other) for other in near)))
            return [bug for bug in bugs if bug != word]

        return word_by_word(
            victim,
            offers,
            column=attacked,
            by_sentence=self.by_sentence,
            constraint=semantic_constraint(resources, self.min_similarity),
        )

    def _misspelt(self, word: str) -> tuple[str, ...]:
        """The word with one bug each, in the order of the paper's list."""
        with _drawing(crc32(f"{self.seed} {word}".encode())):
            return tuple(bug for part in self._parts for bug in part._get_replacement_words(word))

    @cached_property
    def _parts(self) -> tuple:
        import_textattack()
        from textattack.transformations import (
            WordSwapNeighboringCharacterSwap,
            WordSwapRandomCharacterDeletion,
            WordSwapRandomCharacterInsertion,
        )

        inside = {"random_one": True, "skip_first_char": True, "skip_last_char": True}
        return (
            WordSwapRandomCharacterInsertion(letters_to_insert=" ", **inside),
            WordSwapRandomCharacterDeletion(**inside),
            WordSwapNeighboringCharacterSwap(**inside),
            _homoglyphs(),
        )


def _homoglyphs():
    """TextAttack's letters that look the same, of which every letter of a word gives one bug."""
    from textattack.transformations import WordSwapHomoglyphSwap

    class Homoglyphs(WordSwapHomoglyphSwap):
        def __init__(self):
            # The wheel lacks a list that only another attack needs, and that is read last.
            with suppress(FileNotFoundError):
                super().__init__()

    return Homoglyphs()


@contextmanager
def _drawing(seed: int) -> Iterator[None]:
    """NumPy drawing from the seed inside, and as if nothing had been drawn outside."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)
