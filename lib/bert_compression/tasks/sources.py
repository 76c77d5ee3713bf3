"""Where examples come from: a folder, the `datasets` hub, or the built-in language.

A source gives a task's split as a table with the hub's columns; `load_examples` checks it and draws the
examples. Labels come in the task's order, where the data name theirs. Which source was used stands in every
record. Book: data/built_in_english, data/word_resources.
"""

import json
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bert_compression.checks import checked, has
from bert_compression.errors import BadInput, expanded, one_line
from bert_compression.tasks.catalogue import Task
from bert_compression.tasks.examples import Examples
from bert_compression.tasks.parquet import read_parquet, require_columns
from bert_compression.tasks.squad import assembled, checked_answers, in_hub_form

if TYPE_CHECKING:
    import pandas as pd

NAMES = "label_names"  # of a table: what its labels 0, 1, ... are called there, where it says so
FOLDER_VARIABLE = "BERT_COMPRESSION_DATA"


class Source(Protocol):
    """Anything that can hand out a split of a task."""

    name: str

    def load(self, task: Task, split: str) -> "pd.DataFrame":
        """The whole split, with the task's text columns and `label`."""

    def state(self, task: Task, split: str) -> tuple[str, int] | None:
        """What names the split's rows, and how many they are; None where only reading them can tell."""
        return None

    def stamp(self, task: Task, split: str) -> str | None:
        """What changes when the split's files do; None where there are none to look at."""
        return None


def is_folder(path: Path) -> bool:
    """Is there a folder of that name? A name that can be none's is that of none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


@checked
@dataclass(frozen=True)
class FolderSource(Source):
    """Parquet files at <folder>/glue/<task>/<split>.parquet, or where the task says. Where that is not there,
    a part of the split will do, <split>_<any words>.parquet; for validation, what was held out of a part of
    the training split, heldout_subset.parquet; and for SQuAD, what `squad.assembled` finds."""

    folder: Path
    name = "folder"

    def __post_init__(self):
        if not is_folder(self.folder):
            why = "is no folder" if os.path.exists(self.folder) else "does not exist"
            raise BadInput(f"the data folder {self.folder} {why}: give the folder that holds glue/")
        try:
            empty = not any(self.folder.iterdir())
        except OSError as error:
            raise BadInput(f"the data folder {self.folder} cannot be read: {one_line(error)}") from error
        if empty:
            raise BadInput(
                f"the data folder {self.folder} is empty: it should hold glue/<task>/<split>.parquet"
            )

    def load(self, task: Task, split: str) -> "pd.DataFrame":
        place = self._place(task)
        path = place / f"{split}.parquet"
        substitutes = sorted(place.glob(f"{split}_*.parquet"))
        substitutes += [place / "heldout_subset.parquet"] if split == "validation" else []
        try:
            table = assembled(place, split) if task.spans and "train" in task.rows else None
            if table is not None:
                return table
            path = next((each for each in (path, *substitutes) if each.exists()), path)
            table = read_parquet(path)
            table.attrs[NAMES] = names_in(path)
            return table
        except FileNotFoundError as error:
            raise BadInput(f"{task.name} needs {path}, which does not exist") from error

    def stamp(self, task: Task, split: str) -> str:
        """Names, sizes and times of all files that `load` may choose from."""
        paths = (path for path in sorted(self._place(task).glob("*.parquet")) if path.exists())
        files = [(path, path.stat()) for path in paths]
        return " ".join(f"{path} {file.st_size} {file.st_mtime_ns}" for path, file in files)

    def _place(self, task: Task) -> Path:
        return self.folder.resolve() / (task.folder or f"glue/{task.name}")


def names_in(path: Path, column: str = "label") -> list[str] | None:
    """What a parquet file calls the labels 0, 1, ... of a column, where `datasets` has written it."""
    import pyarrow.parquet

    told = (pyarrow.parquet.read_schema(path).metadata or {}).get(b"huggingface")
    try:
        return [str(name) for name in json.loads(told)["info"]["features"][column]["names"]] if told else None
    except (ValueError, TypeError, LookupError, RecursionError):
        return None  # of another form: it says nothing of labels


@dataclass(frozen=True)
class HubSource(Source):
    """The hub, through `datasets`, which keeps what it downloads in its own cache."""

    name = "hub"

    def load(self, task: Task, split: str) -> "pd.DataFrame":
        from bert_compression.devices import use_hub_or_cache

        if not task.hub:
            raise BadInput(f"{task.name} is not on the hub: name a folder with {task.folder} in --data")
        use_hub_or_cache()
        import datasets

        try:
            found = datasets.load_dataset(*task.hub, split=split)
            table = found.to_pandas()
            table.attrs[NAMES] = getattr((found.features or {}).get("label"), "names", None)
            return table
        except (OSError, ValueError, RuntimeError) as error:
            raise BadInput(
                f"{'/'.join(task.hub)} is neither in the cache nor to be had from the hub: "
                f"give a folder with --data ({type(error).__name__})"
            ) from error


@dataclass(frozen=True)
class BuiltinSource(Source):
    """The generated English that comes with the package."""

    name = "builtin"

    def load(self, task: Task, split: str) -> "pd.DataFrame":
        from bert_compression import smoke

        return smoke.load(task.name, split)

    def state(self, task: Task, split: str) -> tuple[str, int]:
        """Generating all splits takes half a minute; their version says the same at once."""
        from bert_compression import smoke

        return f"built-in {smoke.VERSION} {task.name} {split}", smoke.GENERATED[task.name].splits[split][0]


@checked
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
    return FolderSource(expanded(folder)) if folder else HubSource()


@checked
def load_examples(
    source: Source,
    task: Task,
    split: str,
    size: int | None = None,
    splits: dict[tuple[str, str], Examples] | None = None,
) -> Examples:
    """The split's examples, or `size` of them drawn once and for all (the same for every seed and model).
    `splits` keeps what was read for the next call.

    Raises BadInput, naming the first offending row, for a missing column, an empty text or one without a
    token, a label out of range or of another name, an empty split, or fewer examples than asked for.
    """
    has(source, "source", "name", "load")
    where = f"{task.name}/{split} from the {source.name} source"
    splits = {} if splits is None else splits
    if (task.name, split) not in splits:
        splits[task.name, split] = _whole_split(source, task, split, where)
    whole = splits[task.name, split]
    if size is not None and not 1 <= size <= len(whole):
        raise BadInput(
            f"{where} holds {len(whole):,} examples, and {size:,} are asked for: give data with as many, or "
            f"ask for 1 to {len(whole):,} (the profile says how many)"
        )
    return whole.at_most(size)


def _whole_split(source: Source, task: Task, split: str, where: str) -> Examples:
    if split not in task.rows:
        raise BadInput(f"{task.name} has no split {split!r}: choose one of {', '.join(task.rows)}")
    table = source.load(task, split)
    if task.spans:
        table = in_hub_form(table, where)
    require_columns(table, (*task.columns, "answers" if task.spans else "label"), where)
    if not len(table):
        raise BadInput(f"{where} holds no examples")
    texts = _checked_texts(table, task, where)
    labels = checked_answers(table, where) if task.spans else _checked_labels(table, task, where)
    return Examples(tuple(texts), tuple(labels))


def _checked_texts(table: "pd.DataFrame", task: Task, where: str) -> list[tuple[str, ...]]:
    columns = [table[column].tolist() for column in task.columns]
    if task.line_break:  # or a model reads, and an attack changes, words like "br"
        columns = [
            [text.replace(task.line_break, "\n") if isinstance(text, str) else text for text in column]
            for column in columns
        ]
    for name, column in zip(task.columns, columns, strict=True):
        for row, text in enumerate(column):
            if not isinstance(text, str) or not any(map(_is_read, text)):
                raise BadInput(f"{where}, row {row}: the {name} is empty or no text ({text!a})")
    return list(zip(*columns, strict=True))


def _is_read(character: str) -> bool:
    """Does BERT's tokenizer make anything of it? Not of spaces, nor of control, format and private characters
    or a lone accent, which it removes: a text of these alone has no token."""
    removed = ("Cc", "Cf", "Co", "Mn")
    category = unicodedata.category(character)
    return category[0] != "Z" and category not in removed and character != "\ufffd"


def _in_order(labels: np.ndarray, names: list[str] | None, task: Task, where: str) -> np.ndarray:
    """The labels as the task numbers them, where the data have names for theirs. A name may be the beginning
    of ours, as "neg" is of "negative". Raises BadInput for others."""
    if not names or all(re.fullmatch(r"(label_?)?\d+", name.casefold()) for name in names):
        return labels
    meant = [
        next((i for i, ours in enumerate(task.labels) if _plain(ours).startswith(_plain(name))), None)
        for name in names
    ]
    if None in meant or len(set(meant)) != len(task.labels):
        raise BadInput(
            f"{where} calls its labels {', '.join(names)}, and {task.name} has {', '.join(task.labels)}: "
            "rename them"
        )
    known = np.isin(labels, range(len(names)))
    return np.where(known, np.array(meant)[np.where(known, labels, 0).astype(int)], labels)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _checked_labels(table: "pd.DataFrame", task: Task, where: str) -> list[int] | list[float]:
    import pandas as pd

    labels = pd.to_numeric(table["label"], errors="coerce").to_numpy(dtype=float)
    if task.regression:
        low, high = task.regression
        right, must = (low <= labels) & (labels <= high), f"lie in {low:g}..{high:g}"
    else:
        labels = _in_order(labels, table.attrs.get(NAMES), task, where)
        names = ", ".join(f"{i} ({name})" for i, name in enumerate(task.labels))
        right, must = np.isin(labels, range(len(task.labels))), f"be one of {names}"
    wrong = np.flatnonzero(~right)
    if len(wrong):
        row = int(wrong[0])
        raise BadInput(f"{where}, row {row}: the label is {table['label'].iloc[row]}, but must {must}")
    return labels.tolist() if task.regression else labels.astype(int).tolist()
