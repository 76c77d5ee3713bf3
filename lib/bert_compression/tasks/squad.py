"""Questions whose answer is a stretch of a context, or nothing: reading the tables of SQuAD and its kin.

Book: methods/questions.
"""

from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bert_compression.errors import BadInput, shown
from bert_compression.tasks.examples import Answer
from bert_compression.tasks.parquet import read_parquet, require_columns

if TYPE_CHECKING:
    import pandas as pd


# What is raised for an answer that is no pair of lists, or a place that is no number.
MISSHAPEN = (TypeError, LookupError, ValueError, OverflowError)


def in_hub_form(table: "pd.DataFrame", where: str) -> "pd.DataFrame":
    """The table with SQuAD's column `answers`, {"text": [...], "answer_start": [...]}, whichever of two other
    forms it has: the two lists as columns, answer_text and answer_start; or MRQA's `labels`, a list with the
    characters at which each answer begins and ends. Raises BadInput, with where, for labels of another form.
    """
    columns = set(table.columns)
    if {"answer_text", "answer_start"} <= columns:
        pairs = zip(table["answer_text"], table["answer_start"], strict=True)
        answers = [{"text": text, "answer_start": start} for text, start in pairs]
        return table.drop(columns=["answer_text", "answer_start"]).assign(answers=answers)
    if "labels" in columns:
        require_columns(table, ("context",), where)
        rows = enumerate(zip(table["context"], table["labels"], strict=True))
        answers = [_answers_of_mrqa(*pair, f"{where}, row {row}") for row, pair in rows]
        return table.drop(columns="labels").assign(answers=answers)
    return table


def _answers_of_mrqa(context: str, labels: Sequence[Mapping], where: str) -> dict:
    """Its last character belongs to the answer; of several places where an answer stands the first counts."""
    try:
        spans = [(_whole(label["start"][0]), _whole(label["end"][0]) + 1) for label in labels]
    except MISSHAPEN as error:
        raise BadInput(f"{where}: labels must hold start and end of each answer, two lists") from error
    if not isinstance(context, str):
        raise BadInput(f"{where}: the context is no text ({shown(context)})")
    return {
        "text": [context[begin:end] for begin, end in spans],
        "answer_start": [begin for begin, _ in spans],
    }


def checked_answers(table: "pd.DataFrame", where: str) -> list[tuple[Answer, ...]]:
    """The labels of a table in the hub's form. Raises BadInput, naming the first row, for answers that are no
    pair of lists of one length, or an answer that does not stand in its context where it should."""
    labels = []
    for row, (context, answers) in enumerate(zip(table["context"], table["answers"], strict=True)):
        if not isinstance(context, str):
            raise BadInput(f"{where}, row {row}: the context is no text ({shown(context)})")
        try:
            label = tuple(
                (_whole(begin), str(text))
                for begin, text in zip(answers["answer_start"], answers["text"], strict=True)
            )
        except MISSHAPEN as error:
            raise BadInput(
                f"{where}, row {row}: answers must hold text and answer_start, two lists of one length"
            ) from error
        for begin, text in label:
            if begin < 0 or not text or context[begin : begin + len(text)] != text:
                raise BadInput(
                    f"{where}, row {row}: the answer {shown(text)} does not stand at character {begin}"
                )
        labels.append(label)
    return labels


def _whole(number: float) -> int:
    if isinstance(number, str) or int(number) != number:
        raise ValueError(f"{number!r} is no whole number")
    return int(number)


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

    if (folder / "train.parquet").exists() or not (folder / "validation.parquet").exists():
        return None
    official = _read_part(folder / "validation.parquet", "id", "title")
    learnt = official["title"].isin(sorted(official["title"].unique())[::2])
    if split != "train":
        return official[~learnt].reset_index(drop=True)
    parts = [*sorted(folder.glob("train_*.parquet")), *sorted(folder.glob("squad1dev_*.parquet"))]
    tables = [official[learnt], *(_read_part(part, "id") for part in parts)]
    together = pd.concat(tables, ignore_index=True).drop_duplicates("id", ignore_index=True)
    return _a_third_without_answer(together, sum(learnt))


def _read_part(path: Path, *named: str) -> "pd.DataFrame":
    """A file of questions in the hub's form, of which each has these names."""
    table = in_hub_form(read_parquet(path), str(path))
    require_columns(table, (*named, "question", "context", "answers"), str(path))
    for column in named:
        for row, name in enumerate(table[column]):
            if not isinstance(name, str | Integral):
                raise BadInput(f"{path}, row {row}: the {column} is missing or no name ({shown(name)})")
    checked_answers(table, str(path))  # while it is known in which file and row they stand
    return table


def _a_third_without_answer(table: "pd.DataFrame", kept: int) -> "pd.DataFrame":
    """The questions in their order: the first ones, and of the answerable ones behind them only so many."""
    answerable = table["answers"].map(lambda answers: len(answers["text"]) > 0).to_numpy(dtype=bool)
    wanted = max(0, 2 * np.sum(~answerable) - np.sum(answerable[:kept]))
    drawn = np.random.default_rng(0).permutation(np.flatnonzero(answerable[kept:])) + kept
    return table.drop(index=drawn[wanted:]).reset_index(drop=True)
