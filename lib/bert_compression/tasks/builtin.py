"""Tasks that need no download: generated text with labels known by construction. Book: data/built_in_english.

They have the columns of the hub's data sets, so nothing above this module knows the difference. They prove
that the way from data to table works, and teach; what is measured on them says nothing about a paper.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import pandas as pd

from bert_compression.errors import BadInput
from bert_compression.tasks import language

SEED = 2021
RARE = 0.02  # how often a rare synonym stands where one could, see lexicon.LEXICON


def is_held_out(text: str) -> bool:
    """Is the text reserved for validation? A tenth of all texts is, by their SHA-256.

    Training and pretraining texts are drawn from the rest, so none can meet a validation text by chance.
    """
    return hashlib.sha256(text.encode()).digest()[0] < 26


def sentiment(rng: Random) -> dict[str, str | int]:
    """One row of "sst2": praise (1) or blame (0), each as likely as the other."""
    label = rng.randrange(2)
    review = language.sample_review(rng, 1 if label else -1)
    return {"sentence": language.wording(language.review_pattern(review, rng), rng, RARE), "label": label}


@dataclass(frozen=True)
class Generated:
    """A generated task: how a row is drawn, which of its columns are text, how many rows a split has."""

    row: Callable[[Random], dict[str, str | int]]
    texts: tuple[str, ...]
    sizes: dict[str, int]


GENERATED = {
    "sst2": Generated(sentiment, ("sentence",), {"train": 2000, "validation": 1000}),
}


def generate(task_name: str, split: str, seed: int) -> pd.DataFrame:
    """The rows of a split, all different; another seed gives other texts. Errors as in `load`."""
    if task_name not in GENERATED:
        raise BadInput(f"no built-in task is called {task_name!r}; there are: {', '.join(GENERATED)}")
    task = GENERATED[task_name]
    if split not in task.sizes:
        raise BadInput(f"{task_name!r} has no split {split!r}; there are: {', '.join(task.sizes)}")
    rng = Random(f"{task_name} {split} {seed}")
    rows: dict[tuple, dict] = {}
    while len(rows) < task.sizes[split]:
        row = task.row(rng)
        texts = tuple(str(row[column]) for column in task.texts)
        if is_held_out("\n".join(texts)) == (split == "validation"):
            rows.setdefault(texts, row)
    return pd.DataFrame(list(rows.values()))


def load(task_name: str, split: str) -> pd.DataFrame:
    """Which examples does the built-in task have? A frame with the hub's columns, always the same.

    For "sst2": `sentence` (str) and `label` (0 negative, 1 positive), 2,000 rows in "train" and 1,000 in
    "validation", no sentence twice. Raises BadInput for an unknown task or split, listing the known ones.
    Book: data/built_in_english.
    """
    return generate(task_name, split, SEED)
