"""More training texts by exchanging words, as TinyBERT's data augmentation has it.

Source: Jiao et al. 2020, TinyBERT, section 3.2 and algorithm 1; its released code for what counts as a word,
for keeping the original, and for what happens to pairs. Book: methods/augmentation.
"""

import random
import re
from collections.abc import Callable, Sequence

from bert_compression.tasks.examples import Examples

# What may be exchanged: letters alone, in one piece; the released code asks `isalpha` of BERT's words.
WORD = re.compile(r"[^\W\d_]+")

# Words that may stand for each word of a text, one entry for each match of WORD; none where it stays.
Candidates = Callable[[str], Sequence[Sequence[str]]]


def words_of(text: str) -> list[str]:
    """The words of a text that may be exchanged, in their order.

    >>> words_of("It isn't 2 good.")
    ['It', 'isn', 't', 'good']
    """
    return WORD.findall(text)


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

    Every draw comes from `seed` and the example's place.
    """
    texts: list[tuple[str, ...]] = []
    labels: list = []
    for place, (example, label) in enumerate(zip(examples.texts, examples.labels, strict=True)):
        draws = random.Random(f"{seed} {place}")
        kept = dict.fromkeys([example])
        now = list(example)
        for column, text in enumerate(example):
            offers = candidates(text)
            for _ in range(copies):
                now[column] = _exchanged(text, offers, share, draws)
                kept[tuple(now)] = None
            if not first_stays_changed:
                now[column] = text
        texts += kept
        labels += [label] * len(kept)
    return Examples(tuple(texts), tuple(labels))


def _exchanged(text: str, offers: Sequence[Sequence[str]], share: float, draws: random.Random) -> str:
    each = iter(offers)

    def new(match: re.Match) -> str:
        offered = next(each)
        return draws.choice(offered) if offered and draws.random() < share else match.group()

    return WORD.sub(new, text)
