"""Word after word, the most important first: the search of BERT-ATTACK and of TextBugger.

TextAttack's GreedyWordSwapWIR does for TextFooler, and not for these two. It hands candidates on in
alphabetical order, so that "the first success" means nothing; it loses its place when a candidate is two
words ("fo olish"), and then changes other words than it ranked; and it asks about words that the model does
not read. Book: metrics/attacks.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from bert_compression.attacks.environment import import_textattack
from bert_compression.attacks.victim import Victim
from bert_compression.attacks.words import Words

if TYPE_CHECKING:
    from textattack import Attack


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
    by_sentence: bool = False,
    alike: Likeness = lambda words, changes: True,
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

    Whatever the search would keep must be `alike`; this is looked at last, since it costs as much as a query.
    """
    textattack = import_textattack()
    transformation_class, search_class = _classes()
    return textattack.Attack(
        # The victim remembers its answers. TextAttack's cache would hold the texts, too: of a long review,
        # ten thousand copies, divided into words.
        textattack.goal_functions.UntargetedClassification(victim, use_cache=False),
        [],
        transformation_class(offers, column),
        search_class(offers, column, placeholder, first_success, max_share, by_sentence, alike),
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

        def __init__(self, offers, column, placeholder, first_success, max_share, by_sentence, alike):
            self.offers, self.column, self.placeholder = offers, column, placeholder
            self.first_success, self.max_share = first_success, max_share
            self.by_sentence, self.alike = by_sentence, alike

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
            return self.alike(words, result.attacked_text.attack_attrs["changes"])

    return Offered, WordByWord
