"""More training texts by exchanging words, as TinyBERT's data augmentation has it.

Source: Jiao et al. 2020, TinyBERT, section 3.2 and algorithm 1; its released code for what counts as a word,
for keeping the original, and for what happens to pairs. Book: methods/augmentation.
"""

import random
import re
from collections.abc import Callable, Sequence

from bert_compression.checks import checked, in_range
from bert_compression.errors import BadInput, one_line, shown
from bert_compression.tasks.examples import Examples

# What may be exchanged: letters alone, in one piece; the released code asks `isalpha` of BERT's words.
MOST_COPIES = 10_000
WORD = re.compile(r"[^\W\d_]+")

# Words that may stand for each word of a text, one entry for each match of WORD; none where it stays.
Candidates = Callable[[str], Sequence[Sequence[str]]]


@checked
def words_of(text: str) -> list[str]:
    """The words of a text that may be exchanged, in their order.

    >>> words_of("It isn't 2 good.")
    ['It', 'isn', 't', 'good']
    """
    return WORD.findall(text)


@checked
def augmented(
    examples: Examples,
    candidates: Candidates,
    copies: int,
    share: float = 0.4,
    first_stays_changed: bool = False,
    seed: int = 0,
) -> Examples:
    """The examples, each followed by its variants with the same label.

    For each text of an example `copies` times: every word that has `candidates` becomes one of them with the
    probability `share`. Of equal variants one is kept. Of a pair one text is changed at a time. With
    `first_stays_changed` the second texts stand beside the last variant of the first, instead of the first
    as it was: so the released code has it, which does not put the first text back.

    Every draw comes from `seed` and the example's place. Raises BadInput for a negative number of copies, a
    share outside [0, 1], and candidates that are not one entry a word.
    """
    in_range(copies, "copies", 0, MOST_COPIES)
    in_range(share, "share", 0, 1)
    texts: list[tuple[str, ...]] = []
    labels: list = []
    for place, (example, label) in enumerate(zip(examples.texts, examples.labels, strict=True)):
        draws = random.Random(f"{seed} {place}")
        kept = dict.fromkeys([example])
        now = list(example)
        for column, text in enumerate(example):
            offers = _offers(candidates, text)
            for _ in range(copies):
                now[column] = _exchanged(text, offers, share, draws)
                kept[tuple(now)] = None
            if not first_stays_changed:
                now[column] = text
        texts += kept
        labels += [label] * len(kept)
    return Examples(tuple(texts), tuple(labels))


def _offers(candidates: Candidates, text: str) -> Sequence[Sequence[str]]:
    try:
        offers = candidates(text)
        each = [list(words) for words in offers]
    except TypeError as error:
        raise BadInput(f"candidates must take a text and give lists of words: {one_line(error)}") from error
    words = len(words_of(text))
    if len(each) != words:
        raise BadInput(f"candidates must have an entry for each of {words} words, not {len(each)}")
    texts = [entry for entry in (offers, *offers) if isinstance(entry, str)]
    others = [word for entry in each for word in entry if not isinstance(word, str)]
    for wrong in (*texts, *others):
        raise BadInput(f"candidates must give lists of words, one list a word, not {shown(wrong)}")
    return each


def _exchanged(text: str, offers: Sequence[Sequence[str]], share: float, draws: random.Random) -> str:
    each = iter(offers)

    def new(match: re.Match) -> str:
        offered = next(each)
        return draws.choice(offered) if offered and draws.random() < share else match.group()

    return WORD.sub(new, text)
