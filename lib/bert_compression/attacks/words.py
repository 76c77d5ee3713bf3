"""A text as the searches see it: words with their places, and what becomes of it when some are others."""

import re
from collections import OrderedDict
from typing import TYPE_CHECKING

from bert_compression.attacks.environment import import_textattack

if TYPE_CHECKING:
    from textattack.shared import AttackedText

_SENTENCE_END = re.compile(r"[.!?]\W")


class Words:
    """The words of the attacked column of a text, and where they stand in it.

    `columns` are all columns and `text` the attacked one, `words` its words as TextAttack divides them,
    `spans` their first character and the one behind their last.
    """

    def __init__(self, attacked_text: "AttackedText", column: int = 0):
        texts = attacked_text.tokenizer_input
        self.columns = (texts,) if isinstance(texts, str) else tuple(texts)
        self._names, self._column = attacked_text.column_labels, column
        self.text: str = self.columns[column]
        self.words: list[str] = attacked_text.words_per_input[column]
        self.spans, end = [], 0
        for word in self.words:
            start = self.text.index(word, end)
            end = start + len(word)
            self.spans.append((start, end))

    def cased(self, place: int, word: str) -> str:
        """A word in small letters, in capitals where the text's word has them."""
        from textattack.transformations.word_swaps.word_swap_embedding import recover_word_case

        return recover_word_case(word, self.words[place])

    def changed_text(self, changes: dict[int, str], first: int = 0, behind: int | None = None) -> str:
        """The column from one word to before another (the whole of it), with other words in some places."""
        behind = len(self.words) if behind is None else min(behind, len(self.words))
        at = 0 if first == 0 else self.spans[first][0]
        end = len(self.text) if behind == len(self.words) else self.spans[behind][0]
        parts = []
        for place in sorted(place for place in changes if first <= place < behind):
            parts += [self.text[at : self.spans[place][0]], changes[place]]
            at = self.spans[place][1]
        return "".join((*parts, self.text[at:end]))

    def sentences(self) -> list[range]:
        """The places of each sentence's words. A sentence ends at a full stop, a question mark or an
        exclamation mark that stands before neither a letter nor a figure: behind "Mr." as well."""
        between = zip(self.spans, self.spans[1:], strict=False)
        gaps = [self.text[end:start] for (_, end), (start, _) in between]
        starts = [0, *(place for place, gap in enumerate(gaps, 1) if _SENTENCE_END.search(gap))]
        return [range(*ends) for ends in zip(starts, [*starts[1:], len(self.words)], strict=True)]

    def changed(self, changes: dict[int, str]) -> "AttackedText":
        """What the model is asked about: the text with other words in some places."""
        return self._asked(self.changed_text(changes), changes)

    def alone(self, places: range) -> "AttackedText":
        """The same question about nothing but the words in these places and the marks behind them."""
        return self._asked(self.changed_text({}, places.start, places.stop), {})

    def _asked(self, text: str, changes: dict[int, str]) -> "AttackedText":
        columns = list(self.columns)
        columns[self._column] = text
        places = {"modified_indices": set(changes), "original_index_map": None, "changes": changes}
        return import_textattack().shared.AttackedText(
            OrderedDict(zip(self._names, columns, strict=True)), attack_attrs=places
        )
