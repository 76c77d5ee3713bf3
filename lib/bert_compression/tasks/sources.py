"""Where examples come from: a folder, the `datasets` hub, or the built-in language.

A source gives a task's split as a table with the hub's columns; `load_examples` checks it and draws the
examples. Which source was used stands in every record. Book: data/built_in_english, data/word_resources.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from bert_compression.errors import BadInput
from bert_compression.tasks.examples import Examples
from bert_compression.tasks.squad import assembled, checked_answers, in_hub_form
from bert_compression.tasks.task import Task

FOLDER_VARIABLE = "BERT_COMPRESSION_DATA"


class Source(Protocol):
    """Anything that can hand out a split of a task."""

    name: str

    def load(self, task: Task, split: str) -> pd.DataFrame:
        """The whole split, with the task's text columns and `label`."""


@dataclass(frozen=True)
class FolderSource:
    """Parquet files at <folder>/glue/<task>/<split>.parquet, or where the task says. Where that is not there,
    a part of the split will do, <split>_<any words>.parquet; for validation, what was held out of a part of
    the training split, heldout_subset.parquet; and for SQuAD, what `squad.assembled` finds."""

    folder: Path
    name = "folder"

    def __post_init__(self):
        if not self.folder.is_dir():
            raise BadInput(f"the data folder {self.folder} does not exist: give the folder that holds glue/")
        if not any(self.folder.iterdir()):
            raise BadInput(
                f"the data folder {self.folder} is empty: it should hold glue/<task>/<split>.parquet"
            )

    def load(self, task: Task, split: str) -> pd.DataFrame:
        place = self.folder / (task.folder or f"glue/{task.name}")
        path = place / f"{split}.parquet"
        substitutes = sorted(place.glob(f"{split}_*.parquet"))
        substitutes += [place / "heldout_subset.parquet"] if split == "validation" else []
        try:
            table = assembled(place, split) if task.spans and "train" in task.rows else None
            if table is not None:
                return table
            path = next((each for each in (path, *substitutes) if each.is_file()), path)
            return pd.read_parquet(path)
        except FileNotFoundError as error:
            raise BadInput(f"{task.name} needs {path}, which does not exist") from error
        except (OSError, ValueError) as error:
            raise BadInput(f"{path} cannot be read as parquet: {str(error).splitlines()[0]}") from error


@dataclass(frozen=True)
class HubSource:
    """The hub, through `datasets`, which keeps what it downloads in its own cache."""

    name = "hub"

    def load(self, task: Task, split: str) -> pd.DataFrame:
        from bert_compression.hub import use_hub_or_cache

        if not task.hub:
            raise BadInput(f"{task.name} is not on the hub: name a folder with {task.folder} in --data")
        use_hub_or_cache()
        import datasets

        try:
            return datasets.load_dataset(*task.hub, split=split).to_pandas()
        except (OSError, ValueError, RuntimeError) as error:
            raise BadInput(
                f"{'/'.join(task.hub)} is neither in the cache nor to be had from the hub: "
                f"give a folder with --data ({type(error).__name__})"
            ) from error


@dataclass(frozen=True)
class BuiltinSource:
    """The generated English that comes with the package."""

    name = "builtin"

    def load(self, task: Task, split: str) -> pd.DataFrame:
        # The digest of the generated examples stands for this code in a job's key, so it is imported here.
        from bert_compression.tasks import builtin

        return builtin.load(task.name, split)


def open_source(data: str | Path | None, builtin: bool) -> Source:
    """The source to use: built in where the profile says so, else the folder `data`, else the folder named by
    BERT_COMPRESSION_DATA, else the hub. Raises BadInput for a folder beside a built-in profile."""
    if builtin:
        if data:
            raise BadInput(
                "this profile uses the built-in tasks: leave --data out, or choose --profile small"
            )
        return BuiltinSource()
    folder = data or os.environ.get(FOLDER_VARIABLE)
    return FolderSource(Path(folder).expanduser()) if folder else HubSource()


def load_examples(source: Source, task: Task, split: str, size: int | None = None) -> Examples:
    """The split's examples, or `size` of them drawn once and for all (the same for every seed and model).

    Raises BadInput, naming the first offending row, for a missing column, an empty text, a label out of
    range, an empty split, or fewer examples than asked for.
    """
    if split not in task.rows:
        raise BadInput(f"{task.name} has no split {split!r}: choose one of {', '.join(task.rows)}")
    table = in_hub_form(source.load(task, split)) if task.spans else source.load(task, split)
    where = f"{task.name}/{split} from the {source.name} source"
    answer = "answers" if task.spans else "label"
    missing = [column for column in (*task.columns, answer) if column not in table.columns]
    if missing:
        raise BadInput(
            f"{where} lacks the column {missing[0]!r}; it has {', '.join(map(str, table.columns))}"
        )
    if not len(table):
        raise BadInput(f"{where} holds no examples")
    if size is not None and not 1 <= size <= len(table):
        raise BadInput(f"{where} holds {len(table)} examples: ask for between 1 and {len(table)}, not {size}")
    texts = _checked_texts(table, task, where)
    labels = checked_answers(table, where) if task.spans else _checked_labels(table, task, where)
    return Examples(tuple(texts), tuple(labels)).at_most(size)


def _checked_texts(table: pd.DataFrame, task: Task, where: str) -> list[tuple[str, ...]]:
    columns = [table[column].tolist() for column in task.columns]
    if task.line_break:  # or a model reads, and an attack changes, words like "br"
        columns = [
            [text.replace(task.line_break, "\n") if isinstance(text, str) else text for text in column]
            for column in columns
        ]
    for name, column in zip(task.columns, columns, strict=True):
        for row, text in enumerate(column):
            if not isinstance(text, str) or not text.strip():
                raise BadInput(f"{where}, row {row}: the {name} is empty or no text ({text!r})")
    return list(zip(*columns, strict=True))


def _checked_labels(table: pd.DataFrame, task: Task, where: str) -> list[int] | list[float]:
    labels = pd.to_numeric(table["label"], errors="coerce").to_numpy(dtype=float)
    if task.grades:
        low, high = task.grades
        right, must = (low <= labels) & (labels <= high), f"lie in {low:g}..{high:g}"
    else:
        names = ", ".join(f"{i} ({name})" for i, name in enumerate(task.labels))
        right, must = np.isin(labels, range(len(task.labels))), f"be one of {names}"
    wrong = np.flatnonzero(~right)
    if len(wrong):
        row = int(wrong[0])
        raise BadInput(f"{where}, row {row}: the label is {table['label'].iloc[row]}, but must {must}")
    return labels.tolist() if task.grades else labels.astype(int).tolist()
