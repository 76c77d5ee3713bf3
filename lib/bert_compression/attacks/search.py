"""Word after word, the most important first: the search of BERT-ATTACK and of TextBugger.

TextAttack's GreedyWordSwapWIR does for TextFooler, and not for these two. It hands candidates on in
alphabetical order, so that "the first success" means nothing; it loses its place when a candidate is two
words ("fo olish"), and then changes other words than it ranked; and it asks about words that the model does
not read. Book: metrics/attacks.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from bert_compression.attacks.environment import import_textattack
from bert_compression.attacks.victim import Victim

if TYPE_CHECKING:
    from textattack import Attack
    from textattack.shared import AttackedText


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

    def changed(self, changes: dict[int, str]) -> "AttackedText":
        """What the model is asked about: the text with other words in some places."""
        columns = list(self.columns)
        columns[self._column] = self.changed_text(changes)
        places = {"modified_indices": set(changes), "original_index_map": None, "changes": changes}
        return import_textattack().shared.AttackedText(
            OrderedDict(zip(self._names, columns, strict=True)), attack_attrs=places
        )


# What may stand in the place of a word, best first, and never the word itself. It depends on the text alone,
# and is the same for all models.
Offers = Callable[[Words, int], Sequence[str]]
# Is the text with these changes still like it was?
Likeness = Callable[[Words, dict[int, str]], bool]


def word_by_word(
    victim: Victim,
    offers: Offers,
    *,
    column: int = 0,
    placeholder: str = "",
    first_success: bool = False,
    max_share: float = 1.0,
    alike: Likeness = lambda words, changes: True,
) -> "Attack":
    """The attack, as a `textattack.Attack`.

    1. Of the words that the model reads and that have an offer, rank each by how much the probability of
       the right label falls when `placeholder` stands in its place ("" deletes it).
    2. Word after word, ask about its offers. With `first_success`, the first offer that flips the label ends
       the attack, and what lies behind it is not asked. Else, and if none does, the offer stays that lowers
       the right label most; if none lowers it, the word.
    3. Give up when all words have been tried, or more than int(max_share * words) have changed: the bound
       is looked at before a word, as in BERT-ATTACK's released code.

    Whatever the search would keep must be `alike`; this is looked at last, since it costs as much as a query.
    """
    textattack = import_textattack()
    transformation_class, search_class = _classes()
    return textattack.Attack(
        textattack.goal_functions.UntargetedClassification(victim),
        [],
        transformation_class(offers, column),
        search_class(offers, column, placeholder, first_success, max_share, alike),
    )


@cache
def _classes():
    """TextAttack's two parts of an attack; made at first use, since their base classes cost seconds."""
    import_textattack()
    from textattack.goal_function_results import GoalFunctionResultStatus
    from textattack.search_methods import SearchMethod
    from textattack.transformations import Transformation

    class Offered(Transformation):
        """The offers as other searches of TextAttack want them."""

        def __init__(self, offers, column):
            self.offers, self.column = offers, column

        def _get_transformations(self, current_text, indices_to_modify):
            words = Words(current_text, self.column)
            return [
                words.changed({place: offer})
                for place in indices_to_modify
                for offer in self.offers(words, int(place))
            ]

    class WordByWord(SearchMethod):
        """See `word_by_word`."""

        is_black_box = True

        def __init__(self, offers, column, placeholder, first_success, max_share, alike):
            self.offers, self.column, self.placeholder = offers, column, placeholder
            self.first_success, self.max_share, self.alike = first_success, max_share, alike

        def perform_search(self, initial_result):
            words = Words(initial_result.attacked_text, self.column)
            read = self.goal_function.model.characters_read(words.columns, self.column)
            seen = sum(start < read for start, _ in words.spans)
            offers = {place: list(self.offers(words, place)) for place in range(seen)}
            current, changes = initial_result, {}
            for place in self._by_importance(words, [place for place in offers if offers[place]]):
                if len(changes) > int(self.max_share * seen):
                    break
                variants = [words.changed({**changes, place: offer}) for offer in offers[place]]
                current = self._best(words, variants, current) or current
                changes = current.attacked_text.attack_attrs.get("changes", {})
                if current.goal_status == GoalFunctionResultStatus.SUCCEEDED:
                    break
            return current

        def _by_importance(self, words, places):
            without = [words.changed({place: self.placeholder}) for place in places]
            results, _ = self.get_goal_results(without)
            scores = {place: float(result.score) for place, result in zip(places, results, strict=True)}
            return sorted(places, key=lambda place: -scores[place])

        def _best(self, words, variants, current):
            """What the search keeps of these; None if nothing."""
            asked, size = [], self.goal_function.batch_size
            for start in range(0, len(variants), size):
                results, _ = self.get_goal_results(variants[start : start + size])
                success = self._first_success(words, results) if self.first_success else None
                if success is not None:
                    # What lies behind it was worked out in the same batch, and the attacker never asked.
                    self.goal_function.num_queries -= len(results) - 1 - success
                    return results[success]
                asked += results
            better = (one for one in sorted(asked, key=lambda one: -one.score) if one.score > current.score)
            return next((one for one in better if self._keeps(words, one)), None)

        def _first_success(self, words, results):
            successes = (
                position
                for position, one in enumerate(results)
                if one.goal_status == GoalFunctionResultStatus.SUCCEEDED and self._keeps(words, one)
            )
            return next(successes, None)

        def _keeps(self, words, result):
            return self.alike(words, result.attacked_text.attack_attrs["changes"])

    return Offered, WordByWord
