"""What a task is learnt from and asked: texts and labels, and what a label says that is answers in words."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bert_compression.checks import checked
from bert_compression.errors import BadInput

# Of a question: the character of the context at which an answer begins, and the answer. A label holds all
# that are gold; () for a question that the context does not answer. Book: methods/questions.
Answer = tuple[int, str]


@checked
def gold_texts(label: tuple[Answer, ...]) -> list[str]:
    """The gold answers as `metrics.squad` takes them."""
    return [text for _, text in label]


@checked
def first_span(label: tuple[Answer, ...]) -> tuple[int, int] | None:
    """Where the first gold answer stands, as character offsets (begin, end): what training aims at."""
    return (label[0][0], label[0][0] + len(label[0][1])) if label else None


@checked
@dataclass(frozen=True)
class Examples:
    """Checked examples: one tuple of texts (one a column) and one label each."""

    texts: tuple  # of a tuple of texts, one a column
    labels: tuple  # of int; of float for regression; for spans of gold answers, see `Answer`

    def __post_init__(self):
        if len(self.texts) != len(self.labels):
            raise BadInput(f"there are {len(self.labels)} labels for {len(self.texts)} rows of texts")
        rows = all(isinstance(row, tuple | list) for row in self.texts)
        if not rows or not {type(text) for row in self.texts for text in row} <= {str}:
            raise BadInput("texts must be rows of texts, one a column")

    def __len__(self) -> int:
        return len(self.labels)

    def at_most(self, size: int | None) -> "Examples":
        """These; or where there are more than `size`, that many, drawn once and for all, in their order."""
        if size is None or size >= len(self):
            return self
        chosen = np.sort(np.random.default_rng(0).permutation(len(self))[:size])
        return Examples(tuple(self.texts[i] for i in chosen), tuple(self.labels[i] for i in chosen))

    @cached_property
    def digest(self) -> str:
        """sha256 over texts and labels: the same examples have the same digest, wherever they came from."""
        rows = zip(self.texts, self.labels, strict=True)
        told = "".join("\x1f".join((*texts, str(label))) + "\x1e" for texts, label in rows)
        return hashlib.sha256(told.encode()).hexdigest()
