"""Tasks that need no download: generated text with labels known by construction. Book: data/built_in_english.

They have the columns of the hub's data sets, so nothing above this module knows the difference. They prove
that the way from data to table works, and teach; what is measured on them says nothing about a paper.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random

import pandas as pd

from bert_compression.errors import BadInput
from bert_compression.tasks import inferences, language
from bert_compression.tasks.statements import statement_pattern

SEED = 2021
RARE = 0.02  # how often a rare synonym stands where one could, see words.LEXICON


def is_held_out(text: str) -> bool:
    """Is the text reserved for validation? A tenth of all texts is, by their SHA-256.

    Training and pretraining texts are drawn from the rest, so none can meet a validation text by chance.
    """
    return hashlib.sha256(text.encode()).digest()[0] < 26


Row = dict[str, str | int]


def sentiment(rng: Random) -> Row:
    """One row of "sst2": praise (1) or blame (0), each as likely as the other."""
    label = rng.randrange(2)
    review = language.sample_review(rng, 1 if label else -1)
    return {"sentence": language.wording(language.review_pattern(review, rng), rng, RARE), "label": label}


def inference(rng: Random, topics: tuple[inferences.Topic, ...]) -> Row:
    """One row of "mnli" on one of the topics; the labels are the hub's, each as likely as the others."""
    label = rng.randrange(3)
    pair = inferences.sample_pair(rng, rng.choice(topics), label)
    premise, hypothesis = (language.wording(statement_pattern(each, rng), rng, RARE) for each in pair)
    return {"premise": premise, "hypothesis": hypothesis, "label": label}


def everyday_inference(rng: Random) -> Row:
    """A row about animals, cooking or vehicles."""
    return inference(rng, inferences.EVERYDAY)


def film_inference(rng: Random) -> Row:
    """A row about films and those who make them."""
    return inference(rng, (inferences.FILM,))


@dataclass(frozen=True)
class Generated:
    """A generated task: its text columns, and of each split how many rows it has and how one is drawn."""

    texts: tuple[str, ...]
    splits: dict[str, tuple[int, Callable[[Random], Row]]]


GENERATED = {
    "sst2": Generated(("sentence",), {"train": (2000, sentiment), "validation": (1000, sentiment)}),
    "mnli": Generated(
        ("premise", "hypothesis"),
        {
            "train": (3000, everyday_inference),
            "validation_matched": (1000, everyday_inference),
            "validation_mismatched": (500, film_inference),
        },
    ),
}


def generate(task_name: str, split: str, seed: int) -> pd.DataFrame:
    """The rows of a split, all different; another seed gives other texts. Errors as in `load`."""
    if task_name not in GENERATED:
        raise BadInput(f"no built-in task is called {task_name!r}; there are: {', '.join(GENERATED)}")
    splits = GENERATED[task_name].splits
    if split not in splits:
        raise BadInput(f"{task_name!r} has no split {split!r}; there are: {', '.join(splits)}")
    return pd.DataFrame(_rows(task_name, split, seed))


@cache
def _rows(task_name: str, split: str, seed: int) -> list[Row]:
    task = GENERATED[task_name]
    size, draw = task.splits[split]
    rng = Random(f"{task_name} {split} {seed}")
    rows: dict[tuple, Row] = {}
    while len(rows) < size:
        row = draw(rng)
        texts = tuple(str(row[column]) for column in task.texts)
        if is_held_out("\n".join(texts)) == (split != "train"):
            rows.setdefault(texts, row)
    return list(rows.values())


def load(task_name: str, split: str) -> pd.DataFrame:
    """Which examples does the built-in task have? A frame with the hub's columns, always the same.

    - "sst2": `sentence` and `label` (0 negative, 1 positive); 2,000 rows in "train", 1,000 in "validation".
    - "mnli": `premise`, `hypothesis` and `label` (0 entailment, 1 neutral, 2 contradiction); 3,000 rows in
      "train" and 1,000 in "validation_matched", about animals, cooking and vehicles, and 500 in
      "validation_mismatched", about films, of which no training pair speaks.

    No text or pair stands twice, nor in two splits. Raises BadInput for an unknown task or split, listing the
    known ones. Book: data/built_in_english.
    """
    return generate(task_name, split, SEED)
