"""Word after word, the most important first: the search of BERT-ATTACK and of TextBugger.

`Words` is a text as the search sees it, `word_by_word` the search, `semantic_constraint` what holds the
whole text to its meaning. TextAttack's GreedyWordSwapWIR does for TextFooler, and not for these two. It hands
candidates on in alphabetical order, so that "the first success" means nothing; it loses its place when a
candidate is two words ("fo olish"), and then changes other words than it ranked; and it asks about words that
the model does not read. Book: metrics/attacks.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import torch

from bert_compression.attacks.environment import import_textattack
from bert_compression.attacks.resources import Resources
from bert_compression.attacks.victim import Victim

if TYPE_CHECKING:
    from textattack import Attack
    from textattack.shared import AttackedText

_SENTENCE_END = re.compile(r"[.!?]\W")
PIECE = 60  # words: even with broken words among them they fit into the 128 tokens that MiniLM reads
PIECES_KEPT = 2**14  # some 2 kB each


class Words:
    """A text as the search sees it: the words of its attacked column, and where they stand in it.

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


# What may stand in the place of a word, best first, and never the word itself. It depends on the text alone,
# and is the same for all models.
Offers = Callable[[Words, int], Sequence[str]]
# May the text have these changes?
Constraint = Callable[[Words, dict[int, str]], bool]


def word_by_word(
    victim: Victim,
    offers: Offers,
    *,
    column: int = 0,
    placeholder: str = "",
    first_success: bool = False,
    max_share: float = 1.0,
    by_sentence: bool = False,
    constraint: Constraint = lambda words, changes: True,
) -> "Attack":
    """The attack, as a `textattack.Attack`.

    1. Of the words that the model reads and that have an offer, rank each by how much the probability of
       the right label falls when `placeholder` stands in its place ("" deletes it). BERT-ATTACK's released
       code adds how far another label has risen; where there are two, the order is the same.
    2. Word after word, ask about its offers. With `first_success`, the first offer that flips the label ends
       the attack, and what lies behind it is not asked. Else, and if none does, the offer stays that lowers
       the right label most; if none lowers it, the word.
    3. Give up when all words have been tried, or more than int(max_share * words) have changed: the bound
       is looked at before a word, as in BERT-ATTACK's released code.

    With `by_sentence`, a text of several sentences is first asked about sentence by sentence. Those that
    alone do not have the right label are left in peace; of the others, the surest is searched as above, and
    then the next.

    Whatever the search would keep must meet the `constraint`; this is looked at last, since it costs as much
    as a query.
    """
    textattack = import_textattack()
    transformation_class, search_class = _classes()
    return textattack.Attack(
        # The victim remembers its answers. TextAttack's cache would hold the texts, too: of a long review,
        # ten thousand copies, divided into words.
        textattack.goal_functions.UntargetedClassification(victim, use_cache=False),
        [],
        transformation_class(offers, column),
        search_class(offers, column, placeholder, first_success, max_share, by_sentence, constraint),
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

        def __init__(self, offers, column, placeholder, first_success, max_share, by_sentence, constraint):
            self.offers, self.column, self.placeholder = offers, column, placeholder
            self.first_success, self.max_share = first_success, max_share
            self.by_sentence, self.constraint = by_sentence, constraint

        def perform_search(self, initial_result):
            words = Words(initial_result.attacked_text, self.column)
            read = self.goal_function.model.characters_read(words.columns, self.column)
            seen = sum(start < read for start, _ in words.spans)
            offers = {place: list(self.offers(words, place)) for place in range(seen)}
            current, changes = initial_result, {}
            for place in self._in_order(words, [place for place in offers if offers[place]], seen):
                if len(changes) > int(self.max_share * seen):
                    break
                variants = [words.changed({**changes, place: offer}) for offer in offers[place]]
                current = self._best(words, variants, current) or current
                changes = current.attacked_text.attack_attrs.get("changes", {})
                if current.goal_status == GoalFunctionResultStatus.SUCCEEDED:
                    break
            return current

        def _in_order(self, words, places, seen) -> Iterator[int]:
            for sentence in self._sentences(words, seen):
                yield from self._by_importance(words, [place for place in places if place in sentence])

        def _sentences(self, words, seen):
            """What is searched one after the other: sentences, or all words together."""
            sentences = [
                range(one.start, min(one.stop, seen)) for one in words.sentences() if one.start < seen
            ]
            if not self.by_sentence or len(sentences) < 2:
                return [range(seen)]
            results, _ = self.get_goal_results([words.alone(sentence) for sentence in sentences])
            asked = zip(results, sentences, strict=True)
            right = [pair for pair in asked if pair[0].goal_status != GoalFunctionResultStatus.SUCCEEDED]
            return [sentence for _, sentence in sorted(right, key=lambda pair: float(pair[0].score))]

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
            return self.constraint(words, result.attacked_text.attack_attrs["changes"])

    return Offered, WordByWord


class SemanticConstraint:
    """Demands that the sentence vector of a changed text keeps a least cosine to that of the original.

    `min_similarity` lies in [-1, 1]. A review is longer than the encoder reads, and a search changes one
    piece of it at a time. So a text's vector is the mean over pieces of their unit vectors, each with the
    weight of its words, and only pieces that have changed are encoded anew: one at a time, so that a
    similarity does not depend, even in its last bit, on what was asked before.
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


def semantic_constraint(resources: Resources, min_similarity: float | None) -> Constraint:
    """The constraint on whole texts with that least cosine. Every text meets it for None, and where the
    resources compare no sentences: in the built-in language, synonyms keep the meaning by construction."""
    if min_similarity is None or resources.min_similarity is None:
        return lambda words, changes: True
    return SemanticConstraint(resources, min_similarity)
