"""Tasks that need no download: generated text with labels known by construction. Book: data/built_in_english.

They have the columns of the hub's data sets, so nothing above this module knows the difference. They prove
that the way from data to table works, and teach; what is measured on them says nothing about a paper.
"""

import hashlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import TYPE_CHECKING

from bert_compression.errors import BadInput
from bert_compression.smoke import acceptability, language, pairs, questions
from bert_compression.smoke.language import RARE, long_review
from bert_compression.smoke.passages import sample_reading
from bert_compression.smoke.questions import question_pattern
from bert_compression.smoke.statements import (
    CONTRADICTION,
    ENTAILMENT,
    EVERYDAY,
    FILM,
    NEUTRAL,
    TOPICS,
    Topic,
    statement_pattern,
)

if TYPE_CHECKING:
    import pandas as pd

SEED = 2021
VERSION = 1  # of all rows: whoever changes one raises it, so that what was learnt from it is learnt again


def is_held_out(text: str) -> bool:
    """Is the text reserved for validation? A tenth of all texts is, by their SHA-256.

    Training and pretraining texts are drawn from the rest, so none can meet a validation text by chance.
    """
    return hashlib.sha256(text.encode()).digest()[0] < 26


Row = dict[str, str | int | float | dict[str, list]]


def sentiment(rng: Random) -> Row:
    """One row of "sst2": praise (1) or blame (0), each as likely as the other."""
    label = rng.randrange(2)
    review = language.sample_review(rng, 1 if label else -1)
    return {"sentence": language.wording(language.review_pattern(review, rng), rng, RARE), "label": label}


def inference(rng: Random, topics: tuple[Topic, ...]) -> Row:
    """One row of "mnli" on one of the topics; the labels are the hub's, each as likely as the others."""
    label = rng.randrange(3)
    pair = pairs.sample_pair(rng, rng.choice(topics), label)
    premise, hypothesis = (language.wording(statement_pattern(each, rng), rng, RARE) for each in pair)
    return {"premise": premise, "hypothesis": hypothesis, "label": label}


def everyday_inference(rng: Random) -> Row:
    """A row about animals, cooking or vehicles."""
    return inference(rng, EVERYDAY)


def film_inference(rng: Random) -> Row:
    """A row about films and those who make them."""
    return inference(rng, (FILM,))


def _topic(rng: Random) -> Topic:
    return rng.choice(TOPICS)


def _beside(rng: Random, patterns: Sequence[language.Pattern], similar: float) -> tuple[str, str]:
    """Two texts side by side, never the same. The more similar their meanings, the fewer words are kept for
    what both speak of, or the number of shared words would give the label away."""
    first = second = language.wording(patterns[0], rng, RARE)
    while second == first:
        second = language.rewording(patterns[1], first, 0.8 - 0.35 * similar, rng, RARE)
    return first, second


def entailment(rng: Random) -> Row:
    """One row of "rte": a pair of "mnli", with one label (1) for neutral and contradiction."""
    label = rng.randrange(2)
    wanted = rng.choice((NEUTRAL, CONTRADICTION)) if label else ENTAILMENT
    pair = pairs.sample_pair(rng, _topic(rng), wanted)
    one, other = (language.wording(statement_pattern(each, rng), rng, RARE) for each in pair)
    return {"sentence1": one, "sentence2": other, "label": label}


def paraphrase(rng: Random) -> Row:
    """One row of "mrpc": statements that are equivalent (1), as 68 % of the hub's are, or not (0)."""
    label = int(rng.random() < 0.68)
    pair = pairs.sample_statements(rng, _topic(rng), same=label == 1)
    one, other = _beside(rng, [statement_pattern(each, rng) for each in pair], similar=label)
    return {"sentence1": one, "sentence2": other, "label": label}


def duplicate(rng: Random) -> Row:
    """One row of "qqp": questions that are duplicates (1), as 37 % of the hub's are, or not (0)."""
    label = int(rng.random() < 0.37)
    pair = questions.sample_questions(rng, _topic(rng), same=label == 1)
    one, other = _beside(rng, [question_pattern(each, rng) for each in pair], similar=label)
    return {"question1": one, "question2": other, "label": label}


def answer(rng: Random) -> Row:
    """One row of "qnli": a sentence that answers the question (0) or does not (1)."""
    label = rng.randrange(2)
    question, statement = questions.sample_answer(rng, _topic(rng), wanted=label == 0)
    patterns = [question_pattern(question, rng), statement_pattern(statement, rng)]
    asked, said = _beside(rng, patterns, similar=1 - label)
    return {"question": asked, "sentence": said, "label": label}


def semantic_similarity(rng: Random) -> Row:
    """One row of "stsb": how similar two statements are, from 0.0 to 5.0."""
    pair = pairs.sample_similar(rng, _topic(rng))
    label = pairs.similarity(*pair)
    one, other = _beside(rng, [statement_pattern(each, rng) for each in pair], label / pairs.SAME)
    return {"sentence1": one, "sentence2": other, "label": label}


def acceptable(rng: Random) -> Row:
    """One row of "cola": an acceptable sentence (1) or one that is spoilt (0)."""
    label = rng.randrange(2)
    pattern = acceptability.sample_sentence(rng, _topic(rng), acceptable=label == 1)
    return {"sentence": language.wording(pattern, rng, RARE), "label": label}


PLAIN = 0.8  # how many passages speak of no quality, place or time but that asked for
UNANSWERABLE = 0.4  # a third of SQuAD 2.0's training questions are, and half of its development set
TITLES = dict(zip(TOPICS, ("animals", "cooking", "vehicles", "films"), strict=True))


def extractive(rng: Random, topics: Sequence[Topic]) -> Row:
    """One row in the form of "squad2" on one of the topics: a stretch of the context answers the question, or
    nothing does."""
    topic = rng.choice(topics)
    answerable, plain = rng.random() >= UNANSWERABLE, rng.random() < PLAIN
    reading = sample_reading(rng, topic, answerable, plain, RARE)
    answers: dict[str, list] = {"text": [], "answer_start": []}
    if reading.span:
        first, last = reading.span
        words = reading.context.split()
        answers["text"].append(" ".join(words[first : last + 1]))
        answers["answer_start"].append(len("".join(f"{word} " for word in words[:first])))
    return {
        "id": hashlib.sha256(f"{reading.context}\n{reading.question}".encode()).hexdigest()[:24],
        "title": TITLES[topic],
        "context": reading.context,
        "question": reading.question,
        "answers": answers,
    }


def everyday_extractive(rng: Random) -> Row:
    """A row about animals, cooking or vehicles."""
    return extractive(rng, EVERYDAY)


def film_extractive(rng: Random) -> Row:
    """A row about films and those who make them."""
    return extractive(rng, (FILM,))


def long_sentiment(rng: Random) -> Row:
    """One row of "imdb": praise (1) or blame (0) of several sentences, each as likely as the other."""
    return {**long_review(rng)}


@dataclass(frozen=True)
class Generated:
    """A generated task: the text columns that tell its rows apart and are held out together, and of each
    split how many rows it has and how one is drawn."""

    texts: tuple[str, ...]
    splits: dict[str, tuple[int, Callable[[Random], Row]]]


def _in_two_splits(texts: tuple[str, ...], draw: Callable[[Random], Row], train: int) -> Generated:
    return Generated(texts, {"train": (train, draw), "validation": (500, draw)})


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
    "qqp": _in_two_splits(("question1", "question2"), duplicate, 2000),
    "mrpc": _in_two_splits(("sentence1", "sentence2"), paraphrase, 1500),
    "qnli": _in_two_splits(("question", "sentence"), answer, 2000),
    "rte": _in_two_splits(("sentence1", "sentence2"), entailment, 600),
    "stsb": _in_two_splits(("sentence1", "sentence2"), semantic_similarity, 1500),
    "cola": _in_two_splits(("sentence",), acceptable, 2000),
    # By contexts: no question is asked about one that was learnt from.
    "squad2": _in_two_splits(("context",), everyday_extractive, 2000),
    "films": Generated(("context",), {"validation": (500, film_extractive)}),
    "imdb": Generated(("text",), {"train": (1000, long_sentiment), "test": (500, long_sentiment)}),
}


def generate(task_name: str, split: str, seed: int) -> "pd.DataFrame":
    """The rows of a split, all different; another seed gives other texts. Errors as in `load`."""
    import pandas as pd

    if task_name not in GENERATED:
        raise BadInput(f"no built-in task is called {task_name!r}; there are: {', '.join(GENERATED)}")
    splits = GENERATED[task_name].splits
    if split not in splits:
        raise BadInput(f"{task_name!r} has no split {split!r}; there are: {', '.join(splits)}")
    return pd.DataFrame(deepcopy(_rows(task_name, split, seed)))


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


def load(task_name: str, split: str) -> "pd.DataFrame":
    """Which examples does the built-in task have? A frame with the hub's columns, always the same.

    - "sst2": `sentence` and `label` (0 negative, 1 positive); 2,000 rows in "train", 1,000 in "validation".
    - "mnli": `premise`, `hypothesis` and `label` (0 entailment, 1 neutral, 2 contradiction); 3,000 rows in
      "train" and 1,000 in "validation_matched", about animals, cooking and vehicles, and 500 in
      "validation_mismatched", about films, of which no training pair speaks.
    - "qqp": `question1`, `question2` and `label` (0 not_duplicate, 1 duplicate: 37 %); 2,000 in "train".
    - "mrpc": `sentence1`, `sentence2` and `label` (0 not_equivalent, 1 equivalent: 68 %); 1,500.
    - "qnli": `question`, `sentence` and `label` (0 entailment: it answers the question, 1 not_entailment);
      2,000.
    - "rte": `sentence1`, `sentence2` and `label` (0 entailment, 1 not_entailment); 600.
    - "stsb": `sentence1`, `sentence2` and `label`, a regression target from 0.0 to 5.0; 1,500.
    - "cola": `sentence` and `label` (0 unacceptable, 1 acceptable); 2,000.
    - "squad2": `id`, `title`, `context`, `question` and `answers`, a dictionary of two lists: `text`, and
      `answer_start`, the character of the context at which it begins; both empty for 40 %, which the context
      does not answer. 2,000, about animals, cooking and vehicles.
    - "films": the same about films, of which no question of "squad2" speaks; no "train".
    - "imdb": `text`, a review of 40 to 90 words, and `label` as in "sst2"; 1,000 in "train", 500 in "test".

    Those from "qqp" on but the last have 500 rows in "validation"; labels are balanced where nothing else is
    said. No text, pair or context stands twice, nor in two splits. Raises BadInput for an unknown task or
    split, listing the known ones. Book: data/built_in_english.
    """
    return generate(task_name, split, SEED)
