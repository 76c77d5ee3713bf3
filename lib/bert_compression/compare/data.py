"""What are both models asked? A file read exactly as it stands, a task of the catalogue, or a table.

CSV follows RFC 4180: a text in quotes may hold commas, doubled quotes and line ends. In TSV a quote is a
character like any other, as in GLUE's files. Texts are never changed: "null", "NA", spaces and the empty
text stay what they are, and so do line ends within a text.
"""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bert_compression.checks import checked
from bert_compression.errors import BadInput, expanded, one_line, shown
from bert_compression.tasks import get_task, load_examples, open_source
from bert_compression.tasks.parquet import read_parquet
from bert_compression.tasks.sources import FOLDER_VARIABLE, names_in

if TYPE_CHECKING:
    import pandas as pd

BUILTIN = "builtin-"  # before the name of a task: the generated English that comes with the package
DELIMITERS = {".csv": ",", ".tsv": "\t"}
FORMATS = (*DELIMITERS, ".jsonl", ".parquet")
TEXT_COLUMNS = (
    ("text",),
    ("sentence",),
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("question", "sentence"),
)
LABELS = ("label", "labels")  # which name a column of labels, in any case and with spaces around

Text = tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """Texts, each of one column or two, and what else is known of each: a label as it stands in the data (a
    number or a name), and the value of the column `sliced_by`. `label_names` says what label 0, 1 ...
    means, where the task or the file does."""

    name: str
    columns: tuple[str, ...]
    texts: tuple[Text, ...]
    labels: tuple | None = None
    slices: tuple[str, ...] | None = None
    sliced_by: str = ""
    label_names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def digest(self) -> str:
        """What tells these texts from others, see `texts_digest`."""
        return texts_digest(self.texts)


def holds_half_a_character(text: str) -> bool:
    """Is there a lone surrogate, which no file can hold?"""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def texts_digest(texts: Iterable[Text]) -> str:
    """sha256 of texts, each a tuple of one string or two: one JSON list a line, in UTF-8."""
    lines = "".join(json.dumps(list(text), ensure_ascii=False) + "\n" for text in texts)
    return hashlib.sha256(lines.encode()).hexdigest()


@checked
def read_data(
    data: Any,
    text: str | Sequence[str] | None = None,
    label: str | None = None,
    slice_by: str | None = None,
) -> Dataset:
    """The texts of a CSV, TSV, JSONL or parquet file, of a task ("sst2", "mnli/validation_mismatched",
    "builtin-sst2"), or of a pandas table.

    `text` names one column or two; without it the columns are those of `TEXT_COLUMNS`, where exactly one
    pattern fits. `label` names the column of labels; without it that is the one called "label" or "labels",
    where there is one. Raises BadInput, with the file and the row or column, for what cannot be read so.
    """
    names = None
    if isinstance(data, str | Path):
        path = expanded(data)
        if not os.path.exists(path) and path.suffix.lower() not in FORMATS:
            return _task(str(data), text, label, slice_by)
        name, columns = path.name, _read(path)
        label = label or _label_column(name, columns)
        names = names_in(path, label) if label and path.suffix.lower() == ".parquet" else None
    elif hasattr(data, "iloc") and hasattr(data, "columns"):
        name, columns = "a table in memory", _of_frame(data)
        label = label or _label_column(name, columns)
    else:
        raise BadInput(f"data are a file, a task or a table of pandas, not {shown(data)}")
    return _chosen(name, columns, [text] if isinstance(text, str) else text, label, slice_by, names)


def _task(data: str, text: object, label: object, slice_by: object) -> Dataset:
    if text or label or slice_by:
        raise BadInput(
            f"{data} is no file, and a task has its own columns: leave --text, --label, --slice out"
        )
    name, _, split = data.removeprefix(BUILTIN).partition("/")
    try:
        task = get_task(name)
    except BadInput as error:
        raise BadInput(f"{data!r} is neither a file ({', '.join(FORMATS)}) nor a task: {error}") from None
    if task.spans:
        raise BadInput(f"{data}: answers of extractive QA are stretches of text, and compare judges classes")
    source = open_source(None, builtin=data.startswith(BUILTIN))
    split = split or task.evaluated[0]
    try:
        examples = load_examples(source, task, split)
    except BadInput as error:
        if source.name != "hub" or split not in task.rows:
            raise
        raise BadInput(
            f"{data} is not to be had from the hub: name a folder that holds glue/{name}/{split}.parquet in "
            f"{FOLDER_VARIABLE}, or give a file"
        ) from error
    return Dataset(data, task.columns, examples.texts, examples.labels, label_names=task.labels or None)


def _read(path: Path) -> dict[str, list]:
    if not os.path.isfile(path):  # of pathlib, a name that is too long would raise
        raise BadInput(
            f"{path} {'is a folder' if os.path.isdir(path) else 'does not exist'}: give a file or a task"
        )
    kind = path.suffix.lower()
    if kind in DELIMITERS:
        return _delimited(path, DELIMITERS[kind])
    if kind == ".jsonl":
        return _json_lines(path)
    if kind == ".parquet":
        return _of_frame(read_parquet(path))
    raise BadInput(f"{path} is of no kind that is read: give {', '.join(FORMATS)}")


def _delimited(path: Path, delimiter: str) -> dict[str, list]:
    literal = delimiter == "\t"
    rules = {"quoting": csv.QUOTE_NONE} if literal else {"doublequote": True, "strict": True}
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(_decoded(path), newline=""), delimiter=delimiter, **rules)
    rows: list[list[str]] = []
    lines: list[int] = []
    before = 0
    try:
        for row in reader:
            rows.append(row)
            lines.append(before + 1)
            before = reader.line_num
    except csv.Error as error:
        raise BadInput(f"{path}, line {reader.line_num}: no {path.suffix[1:]}: {one_line(error)}") from error
    while len(rows) > 1 and not rows[-1]:  # blank lines at the end
        rows.pop()
    if not rows or not rows[0]:
        raise BadInput(f"{path} is empty: its first line should name the columns")
    head = rows[0]
    for row, line in zip(rows, lines, strict=False):
        if not row and len(head) == 1:
            row.append("")  # of one column, an empty text is a blank line
        if len(row) != len(head):
            raise BadInput(f"{path}, line {line}: {len(row)} fields, where the first line names {len(head)}")
    _refuse_twins(head, str(path))
    return {name: [row[place] for row in rows[1:]] for place, name in enumerate(head)}


def _json_lines(path: Path) -> dict[str, list]:
    columns: dict[str, list] = {}
    rows = 0
    for number, line in enumerate(_decoded(path).split("\n"), start=1):  # a text may hold other line ends
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{path}, line {number}: no JSON: {one_line(error)}") from error
        if not isinstance(told, dict):
            raise BadInput(
                f"{path}, line {number}: should be an object, such as {{'text': ..., 'label': ...}}"
            )
        columns = columns or {name: [] for name in told}
        if set(told) != set(columns):
            odd = sorted(set(told) ^ set(columns))[0]
            raise BadInput(f"{path}, line {number}: the field {odd!r} is not in all lines")
        for name, value in told.items():
            columns[name].append(value)
        rows += 1
    if not rows:
        raise BadInput(
            f"{path} is empty: each line should be an object, such as {{'text': ..., 'label': ...}}"
        )
    return columns


def _decoded(path: Path) -> str:
    """The file's text, without a byte order mark."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {one_line(error)}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        start = raw.rfind(b"\n", 0, error.start) + 1
        comma = DELIMITERS.get(path.suffix.lower())
        field = f", field {raw[start : error.start].count(comma.encode()) + 1}" if comma else ""
        raise BadInput(
            f"{path}, line {line}{field}: byte {raw[error.start]:#04x} is no UTF-8; save the file as UTF-8"
        ) from error


def _of_frame(frame: "pd.DataFrame") -> dict[str, list]:
    import pandas as pd

    names = [str(column) for column in frame.columns]
    _refuse_twins(names, "the table")
    columns = (frame.iloc[:, place].tolist() for place in range(len(names)))
    # What pandas calls NA cannot be compared with anything.
    return {
        name: [None if value is pd.NA else value for value in column]
        for name, column in zip(names, columns, strict=True)
    }


def _refuse_twins(names: Sequence[str], where: str) -> None:
    twins = [name for name in names if names.count(name) > 1]
    if twins:
        raise BadInput(f"{where} has several columns {twins[0]!r}: each needs a name of its own")


def _chosen(
    name: str,
    columns: dict[str, list],
    text: Sequence[str] | None,
    label: str | None,
    slice_by: str | None,
    label_names: Sequence[str] | None,
) -> Dataset:
    texts = tuple(text) if text else _text_columns(name, columns)
    if len(texts) > 2 or len(set(texts)) < len(texts):
        raise BadInput(f"a model reads one column of texts or two others, not {', '.join(texts)}")
    for wanted in (*texts, label, slice_by):
        if wanted is not None and wanted not in columns:
            raise BadInput(f"{name} has no column {wanted!r}: it has {_listed(columns)}")
    if not columns[texts[0]]:
        raise BadInput(f"{name} holds no texts: there is nothing to compare on")
    for column in texts:
        for row, value in enumerate(columns[column], start=1):
            if not isinstance(value, str):
                what = "missing" if value is None or value != value else f"no text but {value!r:.40}"
                raise BadInput(f"{name}, row {row}: the {column} is {what}")
            if holds_half_a_character(value):
                raise BadInput(f"{name}, row {row}: the {column} holds half a character (a lone surrogate)")
    return Dataset(
        name,
        texts,
        tuple(zip(*(columns[column] for column in texts), strict=True)),
        tuple(columns[label]) if label else None,
        tuple(map(str, columns[slice_by])) if slice_by else None,
        slice_by or "",
        tuple(label_names) if label_names else None,
    )


def _label_column(name: str, columns: dict[str, list]) -> str | None:
    fitting = [column for column in columns if column.strip().casefold() in LABELS]
    if len(fitting) > 1:
        raise BadInput(f"which column of {name} holds the labels? Say so with --label: {', '.join(fitting)}")
    return fitting[0] if fitting else None


def _text_columns(name: str, columns: dict[str, list]) -> Text:
    fitting = [pattern for pattern in TEXT_COLUMNS if set(pattern) <= set(columns)]
    # "sentence" is also the second column of "question" and "sentence".
    fitting = [one for one in fitting if not any(set(one) < set(other) for other in fitting)]
    if len(fitting) != 1:
        raise BadInput(
            f"which columns of {name} are the texts? Say so with --text: it has {_listed(columns)}"
        )
    return fitting[0]


def _listed(columns: Iterable[str]) -> str:
    found = ", ".join(columns)
    return found if len(found) <= 150 else found[:149] + "…"
