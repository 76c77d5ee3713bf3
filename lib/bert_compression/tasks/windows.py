"""Questions about contexts that may be longer than the model: every context is read through windows.

A window holds the question and a stretch of the context, and the next one begins some tokens before that
stretch ends (Devlin et al. 2019, section 4.2, and their released code). Book: methods/questions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bert_compression.checks import checked, in_range
from bert_compression.errors import BadInput
from bert_compression.tasks.batching import MOST_TOKENS, Encoded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

QUESTION_SHARE = 4  # a question takes no more than a quarter of the window; BERT's code cuts it at 64 of 384
NO_ANSWER = (0, 0)  # the positions of [CLS]

Span = tuple[int, int]


@checked
@dataclass(frozen=True)
class Windows(Encoded):
    """Encoded windows. Of each, `question` is the index of its question, and `places` where its tokens stand
    in the context, as character offsets; (0, 0) for the question and for special tokens."""

    question: list
    places: list

    def __post_init__(self):
        super().__post_init__()
        counted = isinstance(self.question, list) and all(type(q) is int and q >= 0 for q in self.question)
        if not counted or not len(self.ids) == len(self.question) == len(self.places):
            raise BadInput("each window must have the number of its question")
        if any(
            not isinstance(p, list) or len(p) != len(ids)
            for p, ids in zip(self.places, self.ids, strict=True)
        ):
            raise BadInput("each token of a window must have its place, two characters of the context")

    def first_of_each(self) -> Encoded:
        """The first window of every question, which stands for the question where one row is wanted."""
        firsts = [i for i, owner in enumerate(self.question) if i == 0 or owner != self.question[i - 1]]
        ids, segments = ([rows[i] for i in firsts] for rows in (self.ids, self.segments))
        return Encoded(ids, segments, self.truncated, self.pad_id)


@checked
def encode_windows(
    texts: Sequence[tuple[str, ...]], tokenizer: "PreTrainedTokenizerBase", max_length: int, stride: int
) -> Windows:
    """Pairs (question, context) as windows of at most `max_length` tokens that overlap by `stride` tokens of
    the context. `truncated` counts questions that were cut.

    Raises BadInput for a stride that leaves a window nothing new to read.
    """
    if not len(texts):
        raise BadInput("there is no question to be encoded")
    in_range(max_length, "max_length", 1, MOST_TOKENS)
    asked = max_length // QUESTION_SHARE
    room = max_length - asked - 3  # [CLS] and two [SEP]
    if not 0 <= stride < room:
        raise BadInput(
            f"windows of {max_length} tokens hold {room} or more of the context: "
            f"let them overlap by fewer than that, not by {stride}"
        )
    questions, contexts = (list(column) for column in zip(*texts, strict=True))
    cut = tokenizer(questions, add_special_tokens=False, return_offsets_mapping=True, verbose=False)[
        "offset_mapping"
    ]
    shortened = [
        text[: places[asked - 1][1]] if len(places) > asked else text
        for text, places in zip(questions, cut, strict=True)
    ]
    found = tokenizer(
        shortened,
        contexts,
        truncation="only_second",
        max_length=max_length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_token_type_ids=True,
        verbose=False,
    )
    places = [
        [place if part == 1 else (0, 0) for place, part in zip(window, found.sequence_ids(i), strict=True)]
        for i, window in enumerate(found["offset_mapping"])
    ]
    return Windows(
        ids=found["input_ids"],
        segments=found["token_type_ids"],
        truncated=sum(len(each) > asked for each in cut),
        pad_id=tokenizer.pad_token_id,
        question=list(found["overflow_to_sample_mapping"]),
        places=places,
    )


@checked
def answer_positions(windows: Windows, answers: Sequence[Span | None]) -> list[Span]:
    """Of each window, the first and last token of its question's answer, given as character offsets (begin,
    end) in the context; `NO_ANSWER` where there is none, or where the window does not hold all of it. Raises
    BadInput where a question has no entry."""
    if len(answers) <= max(windows.question, default=-1):
        raise BadInput(f"there are {len(answers)} answers for {max(windows.question) + 1} questions")
    return [
        _tokens_of(answers[question], places)
        for question, places in zip(windows.question, windows.places, strict=True)
    ]


def _tokens_of(answer: Span | None, places: list[Span]) -> Span:
    if answer is None:
        return NO_ANSWER
    begin, end = answer
    inside = [i for i, (first, last) in enumerate(places) if first < end and last > begin]
    whole = inside and places[inside[0]][0] <= begin and places[inside[-1]][1] >= end
    return (inside[0], inside[-1]) if whole else NO_ANSWER
