"""TextFooler (Jin et al. 2020) as TextAttack's own recipe builds it, over any level of word resources.

The recipe asks for the same candidates and keeps the same ones. What differs is when: TextAttack proposes
all neighbours of a word and then filters sentences one constraint after the other, anew for every model;
here the resources give candidates that have already passed, and remember them.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from bert_compression.attacks.environment import import_textattack
from bert_compression.attacks.resources import Resources
from bert_compression.checks import checked, has
from bert_compression.errors import BadInput

if TYPE_CHECKING:
    from textattack import Attack
    from textattack.models.wrappers import ModelWrapper


@checked
def textfooler(
    victim: "ModelWrapper", resources: Resources, columns: Sequence[str], attacked: int = 0
) -> "Attack":
    """The attack, as a `textattack.Attack`.

    `victim` is any TextAttack model wrapper, `columns` are the task's text columns, of which only the one
    with the index `attacked` may change (the hypothesis, in natural language inference).
    """
    has(victim, "victim", "model", "__call__")
    if not 0 <= attacked < len(columns):
        raise BadInput(f"attacked must be one of the columns 0 to {len(columns) - 1}, not {attacked}")
    textattack = import_textattack()
    from textattack.constraints.pre_transformation import (
        InputColumnModification,
        RepeatModification,
        StopwordModification,
    )

    untouched = {name for index, name in enumerate(columns) if index != attacked}
    return textattack.Attack(
        textattack.goal_functions.UntargetedClassification(victim),
        [
            RepeatModification(),
            # TextFooler's own list where the resources hold it (released code; the paper names NLTK's).
            StopwordModification(stopwords=resources.stop_words),
            InputColumnModification(list(columns), untouched),
        ],
        _swap_class()(resources),
        # The paper deletes each word in turn to rank them; the released code puts <oov> in its place.
        textattack.search_methods.GreedyWordSwapWIR(wir_method="delete"),
    )


@cache
def _swap_class():
    """A TextAttack transformation; made at first use, since its base class costs seconds to import."""
    from textattack.transformations import WordSwap

    class VettedSwap(WordSwap):
        """Exchanges a word for those of its substitutes that keep the sentence's meaning."""

        def __init__(self, resources: Resources):
            super().__init__()
            self.resources = resources

        def _get_transformations(self, current_text, indices_to_modify):
            original = _original(current_text).text
            judged = original if self.resources.judged_in_original else current_text.text
            swapped = []
            for index in indices_to_modify:
                for word, similarity in self.resources.swaps(original, judged, int(index)):
                    text = current_text.replace_word_at_index(index, word)
                    # Of several successes, TextAttack's search takes the most similar.
                    text.attack_attrs["similarity_score"] = similarity
                    swapped.append(text)
            return swapped

    return VettedSwap


def _original(text):
    """The text from which a text was made, swap by swap."""
    while "previous_attacked_text" in text.attack_attrs:
        text = text.attack_attrs["previous_attacked_text"]
    return text
