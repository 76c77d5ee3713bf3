"""What one side has answered, and the file that keeps it: a large teacher is run once, and a model that
nobody may download can take part. A NumPy archive without pickles; it tells which texts it answers."""

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.checks import checked
from bert_compression.compare.data import Dataset, Text, holds_half_a_character, texts_digest
from bert_compression.errors import BadInput, expanded, one_line, shown
from bert_compression.inference import Progress
from bert_compression.metrics import kl_divergences

SUFFIX = ".npz"
UNKNOWN = np.zeros(0, dtype=bool)  # which texts were cut, as a file has it
# Of what type the facts are that are reckoned with: a file from elsewhere may hold anything.
FACTS: dict[str, type] = {"bytes": int, "parameters": int, "stored_types": dict}
# What NumPy and its archives raise for a file that is torn, or holds something else.
DAMAGE = (
    OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error
)  # fmt: skip


@dataclass(frozen=True)
class Answers:
    """One side's answers to texts with that digest: `values` are probabilities, float64 (texts, classes), or
    of a regression the grades, (texts, 1). `labels` names the classes, () where nothing is known; `cut` says
    which texts the model did not read to the end, None where nobody knows; `facts` is what the head of the
    report tells of it."""

    name: str
    values: np.ndarray
    labels: tuple[str, ...]
    regression: bool
    cut: np.ndarray | None
    digest: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def unasked(self, data: Dataset) -> "Answers":
        """These, as of a model that has not been asked."""
        return self.ask(data)

    def ask(self, data: Dataset, progress: Progress | None = None) -> "Answers":
        """These. Raises BadInput where they are answers to other texts than the data's."""
        if self.digest != data.digest:
            raise BadInput(
                f"{self.name} holds answers to {len(self.values)} other texts than those of {data.name} "
                f"({len(data)} texts): the same file, columns and order are needed"
            )
        return self

    def in_order(self, order: Sequence[int], labels: tuple[str, ...]) -> "Answers":
        """With columns rearranged: column i becomes what column order[i] was."""
        return replace(self, values=self.values[:, list(order)], labels=labels)

    def save(self, path: str | Path) -> None:
        """Write them, for `open_classifier` to read."""
        path = checked_path(path)
        unfinished = path.with_name(f".{path.name}")  # a temporary file would be for its owner alone
        try:
            np.savez(
                unfinished,
                values=self.values,
                labels=np.array(self.labels, dtype=str),
                regression=self.regression,
                cut=UNKNOWN if self.cut is None else self.cut,
                texts_sha256=self.digest,
                facts=json.dumps({"name": self.name, **self.facts}),
            )
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)


@checked
def save_answers(
    path: str | Path,
    values: ArrayLike,
    texts: Sequence[Text],
    labels: Sequence[str] = (),
    regression: bool = False,
) -> None:
    """Keep the answers of any model, of one behind an interface, too, as a side of `compare`.

    `values` are probabilities, (texts, classes), or with `regression` grades, (texts,), in float32 or wider;
    `texts` are what was asked, each a tuple of one string or two, in the order of the data; `labels` names
    the classes, in the order of the columns. Raises BadInput for another shape, rows that are no
    distributions, and labels that are not as many different names.
    """
    name = Path(path).name
    found = np.asarray(values)
    for text in texts:
        parts = text if isinstance(text, tuple | list) else ()
        whole = all(isinstance(part, str) and not holds_half_a_character(part) for part in parts)
        if len(parts) not in (1, 2) or not whole:
            raise BadInput(f"{name}: a text is a tuple of one string or two, not {shown(text)}")
    found = _checked(found[:, None] if found.ndim == 1 else found, regression, len(texts), name)
    if labels and (len(labels) != found.shape[1] or len(set(labels)) < len(labels)):
        raise BadInput(
            f"{name}: {found.shape[1]} columns of probabilities need as many labels, all different, "
            f"not {', '.join(labels)}"
        )
    Answers(name, found, tuple(labels), regression, None, texts_digest(texts)).save(path)


def checked_path(path: str | Path) -> Path:
    """Where answers are to be saved; its folder is made. Raises BadInput for another ending, or no place."""
    path = expanded(path)
    if path.suffix != SUFFIX:
        raise BadInput(f"answers are saved as {SUFFIX}, and {path.name!r} ends otherwise")
    if path.is_dir():
        raise BadInput(f"{path} is a folder, and answers are saved as a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            return path
    except OSError as error:
        raise BadInput(f"nothing can be written into {path.parent}: {one_line(error)}") from error


def load_answers(path: Path) -> Answers:
    """The answers in a file. Raises BadInput for what is none, or not precise enough."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            told = {name: arrays[name] for name in arrays.files}
        facts = json.loads(str(told["facts"]))
        name, regression = str(facts.pop("name")), bool(told["regression"])
        labels, cut, digest = tuple(map(str, told["labels"])), told["cut"], str(told["texts_sha256"])
        if cut.ndim != 1:
            raise ValueError("which texts were cut is told of each")
        values, known = told["values"], cut.astype(bool) if len(cut) else None
        texts = len(cut) or len(values)
        facts = {name: value for name, value in facts.items() if isinstance(value, FACTS.get(name, object))}
    except DAMAGE as error:
        raise BadInput(f"{path} holds no saved answers: {one_line(error)}") from error
    values = _checked(values, regression, texts, path.name)
    if labels and len(labels) != values.shape[1]:
        raise BadInput(f"{path} names {len(labels)} labels, and has {values.shape[1]} columns")
    facts["saved_answers"] = path.name
    return Answers(name, values, labels, regression, known, digest, facts)


def _checked(values: np.ndarray, regression: bool, texts: int, name: str) -> np.ndarray:
    if values.dtype not in (np.float32, np.float64):
        raise BadInput(f"{name}: answers must be float32 or float64, not {values.dtype}")
    if values.ndim != 2 or len(values) != texts or (regression and values.shape[1] != 1):
        raise BadInput(f"{name}: answers of the shape {values.shape} to {texts} texts")
    values = values.astype(np.float64)
    if regression:
        if not np.isfinite(values).all():
            raise BadInput(f"{name} holds NaN or infinite grades")
        return values
    try:
        kl_divergences(values, values)
    except BadInput as error:
        raise BadInput(f"{name}: {str(error).replace('from_probs', 'its table')}") from None
    totals = values.sum(axis=1, keepdims=True)
    return np.where(np.abs(totals - 1) > 1e-9, values / totals, values)  # what was saved here stays as it is
