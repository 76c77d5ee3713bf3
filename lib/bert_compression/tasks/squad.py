"""Questions whose answer is a stretch of a context, or nothing: reading the tables of SQuAD and its kin.

Book: methods/questions.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bert_compression.errors import BadInput
from bert_compression.tasks.examples import Answer

if TYPE_CHECKING:
    import pandas as pd


def in_hub_form(table: "pd.DataFrame") -> "pd.DataFrame":
    """The table with SQuAD's column `answers`, {"text": [...], "answer_start": [...]}, whichever of two other
    forms it has: the two lists as columns, answer_text and answer_start; or MRQA's `labels`, a list with the
    characters at which each answer begins and ends."""
    columns = set(table.columns)
    if {"answer_text", "answer_start"} <= columns:
        pairs = zip(table["answer_text"], table["answer_start"], strict=True)
        return table.assign(answers=[{"text": text, "answer_start": start} for text, start in pairs])
    if "labels" in columns:
        pairs = zip(table["context"], table["labels"], strict=True)
        return table.assign(answers=[_answers_of_mrqa(context, spans) for context, spans in pairs])
    return table


def _answers_of_mrqa(context: str, labels: Sequence[Mapping]) -> dict:
    """Its last character belongs to the answer; of several places where an answer stands the first counts."""
    spans = [(int(label["start"][0]), int(label["end"][0]) + 1) for label in labels]
    return {
        "text": [context[begin:end] for begin, end in spans],
        "answer_start": [begin for begin, _ in spans],
    }


def checked_answers(table: "pd.DataFrame", where: str) -> list[tuple[Answer, ...]]:
    """The labels of a table in the hub's form. Raises BadInput, naming the first row, for answers that are no
    pair of lists of one length, or an answer that does not stand in its context where it should."""
    labels = []
    for row, (context, answers) in enumerate(zip(table["context"], table["answers"], strict=True)):
        try:
            label = tuple(
                (int(begin), str(text))
                for begin, text in zip(answers["answer_start"], answers["text"], strict=True)
            )
        except (TypeError, KeyError, ValueError, IndexError) as error:
            raise BadInput(
                f"{where}, row {row}: answers must hold text and answer_start, two lists of one length"
            ) from error
        for begin, text in label:
            if begin < 0 or not text or context[begin : begin + len(text)] != text:
                raise BadInput(f"{where}, row {row}: the answer {text!r} does not stand at character {begin}")
        labels.append(label)
    return labels


def assembled(folder: Path, split: str) -> "pd.DataFrame | None":
    """SQuAD 2.0 from a folder without the official training set: None where that is there.

    To train on: of the official validation set every second article in alphabetical order, and every file
    that holds a part of SQuAD's questions, most of them answerable. Of these as many as leave a third of all
    without an answer, drawn once and for all, as in the official training set. To be asked: the other
    articles.

    All of an official article's questions are kept. Were its answerable ones dropped instead, its subject
    alone would tell that a question has no answer, and nothing be learnt for other articles.
    """
    import pandas as pd

    if (folder / "train.parquet").is_file() or not (folder / "validation.parquet").is_file():
        return None
    official = pd.read_parquet(folder / "validation.parquet")
    learnt = official["title"].isin(sorted(official["title"].unique())[::2])
    if split != "train":
        return official[~learnt].reset_index(drop=True)
    parts = [*sorted(folder.glob("train_*.parquet")), *sorted(folder.glob("squad1dev_*.parquet"))]
    tables = [official[learnt], *(pd.read_parquet(part) for part in parts)]
    together = pd.concat(tables, ignore_index=True).drop_duplicates("id", ignore_index=True)
    return _a_third_without_answer(together, sum(learnt))


def _a_third_without_answer(table: "pd.DataFrame", kept: int) -> "pd.DataFrame":
    """The questions in their order: the first ones, and of the answerable ones behind them only so many."""
    answerable = in_hub_form(table)["answers"].map(_answered).to_numpy()
    wanted = max(0, 2 * np.sum(~answerable) - np.sum(answerable[:kept]))
    drawn = np.random.default_rng(0).permutation(np.flatnonzero(answerable[kept:])) + kept
    return table.drop(index=drawn[wanted:]).reset_index(drop=True)


def _answered(answers: Mapping) -> bool:
    try:
        return len(answers["text"]) > 0
    except (TypeError, KeyError):
        return True  # `checked_answers` will tell what is wrong
