"""The texts that the built-in BERT is pretrained on, endless, and what is asked of each: a discourse marker,
and of passages with a question also the span that answers it. Book: data/built_in_english.

Validation texts are never shown, nor is any rare synonym.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from bert_compression.smoke import language
from bert_compression.smoke.acceptability import sample_sentence
from bert_compression.smoke.builtin import is_held_out
from bert_compression.smoke.pairs import equivalent, sample_pair
from bert_compression.smoke.passages import sample_reading
from bert_compression.smoke.questions import question_pattern, sample_answer, sample_questions
from bert_compression.smoke.statements import TOPICS, statement_pattern

# By kind of text, which stands for a question about it, and in the order of the task's labels. Between two
# statements "namely" fits where they say the same, and "so" where the second only follows.
MARKERS = {
    "reviews": ("sadly", "happily"),  # what the reviewer would open with
    "pairs of statements": ("so", "perhaps", "no", "namely"),  # what would stand between the two
    "pairs of questions": ("besides", "namely"),
    "questions with statements": ("well", "anyway"),
    "sentences": ("pardon", "right"),  # what a listener would say
    "questions with passages": ("sorry", "here"),  # what somebody who looks for the answer would say
}
KINDS = tuple(MARKERS)
PASSAGES = KINDS[-1]
KIND_OF_MARKER = [kind for kind, markers in enumerate(MARKERS.values()) for _ in markers]
SHARES = dict(zip(KINDS, (25, 35, 14, 12, 14, 33), strict=True))
# Plain texts are where learning starts: reviews of one statement that nobody reports, pairs that differ in
# one thing, simple statements.
PLAIN_SHARE = 0.4
PLAIN = {"negated": 0.18, "contrast": 0.0, "reported": 0.0}
FULL = {"negated": 0.25, "contrast": 0.7, "reported": 0.4}
# How many statements a passage has, and how often: they are longer than the task's, of which a thousand have
# to be enough.
SIZES = {1: 20, 2: 25, 3: 20, 4: 15, 6: 8, 8: 6, 12: 6}
LONGEST = 61  # words, which fill 64 tokens
BATCH = 32
NO_ANSWER = (0, 0)  # [CLS]


class Document(NamedTuple):
    """A text or two, the index of the marker among all of all kinds, and of a passage the first and the last
    token of the answer, counted from [CLS]; `NO_ANSWER` where the passage has none."""

    texts: tuple[str, ...]
    marker: int
    span: tuple[int, int] | None = None


def document(rng: Random) -> Document:
    """A text or two that no validation set holds, without rare words, and what is asked of them."""
    plain = rng.random() < PLAIN_SHARE
    while True:
        kind = rng.choices(KINDS, list(SHARES.values()))[0]
        found = _passage(rng, plain) if kind == PASSAGES else _other(kind, rng, plain)
        held_out_by = found.texts[1:] if kind == PASSAGES else found.texts
        if length(found) <= LONGEST and not is_held_out("\n".join(held_out_by)):
            return found


def _passage(rng: Random, plain: bool) -> Document:
    """A question with a passage, which in half the cases answers it."""
    marker = rng.randrange(2)
    topic = rng.choice(TOPICS)
    reading = sample_reading(rng, topic, answerable=marker == 1, plain=plain, sizes=SIZES)
    span = NO_ANSWER
    if reading.span:
        before = len(reading.question.split()) + 2  # the question between [CLS] and [SEP]
        span = (before + reading.span[0], before + reading.span[1])
    return Document((reading.question, reading.context), _index(PASSAGES, marker), span)


def _other(kind: str, rng: Random, plain: bool) -> Document:
    """A text or two of a kind that has a marker only."""
    patterns, marker = _draw(kind, rng, plain)
    return Document(tuple(language.wording(pattern, rng) for pattern in patterns), _index(kind, marker))


def _draw(kind: str, rng: Random, plain: bool) -> tuple[list[language.Pattern], int]:
    """The patterns of a text or two of the kind, and the index of the marker among those of the kind."""
    topic = rng.choice(TOPICS)
    marker = rng.randrange(3 if kind == "pairs of statements" else 2)
    if kind == "reviews":
        review = language.sample_review(rng, 1 if marker else -1, **(PLAIN if plain else FULL))
        return [language.review_pattern(review, rng)], marker
    if kind == "pairs of statements":
        pair = sample_pair(rng, topic, marker, plain)
        return [statement_pattern(each, rng) for each in pair], 3 if equivalent(*pair) else marker
    if kind == "pairs of questions":
        asked = sample_questions(rng, topic, same=marker == 1, plain=plain)
        return [question_pattern(each, rng) for each in asked], marker
    if kind == "questions with statements":
        question, statement = sample_answer(rng, topic, wanted=marker == 0, plain=plain)
        return [question_pattern(question, rng), statement_pattern(statement, rng)], marker
    return [sample_sentence(rng, topic, acceptable=marker == 1, plain=plain)], marker


def _index(kind: str, marker: int) -> int:
    """The marker's index among all, from that among those of its kind."""
    return KIND_OF_MARKER.index(KINDS.index(kind)) + marker


def length(document: Document) -> int:
    """How many words its texts have together."""
    return sum(len(text.split()) for text in document.texts)


def batches(rng: Random) -> Iterator[list[Document]]:
    """Endless batches of documents of like length: of 32 batches at a time, sorted, then shuffled."""
    while True:
        documents = sorted((document(rng) for _ in range(32 * BATCH)), key=length)
        pool = [documents[i : i + BATCH] for i in range(0, len(documents), BATCH)]
        rng.shuffle(pool)
        yield from pool
