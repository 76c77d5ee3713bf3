"""Parquet files that cannot be read: one line with the file and, where it can be told, the column."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from bert_compression.compare.data import read_data
from bert_compression.errors import LINE, BadInput
from bert_compression.tasks import TASKS, load_examples
from bert_compression.tasks.parquet import read_parquet, require_columns
from bert_compression.tasks.sources import FolderSource

TABLE = pa.table({"sentence": ["good", "bad"], "label": [1, 0]})


def with_notes(name, notes):
    return lambda path: pyarrow.parquet.write_table(TABLE.replace_schema_metadata({name: notes}), path)


def not_utf8(path):
    ends = pa.py_buffer(np.array([0, 2, 4], dtype=np.int32).tobytes())
    texts = pa.Array.from_buffers(pa.string(), 2, [None, ends, pa.py_buffer(b"\xff\xfeok")])
    pyarrow.parquet.write_table(pa.table({"label": [0, 1], "sentence": texts}), path)


def damaged(path):
    words = [f"{i * i:x}" * 5 for i in range(5000)]
    pd.DataFrame({"sentence": words, "label": 0}).to_parquet(path)
    content = path.read_bytes()
    path.write_bytes(content[:500] + bytes(5000) + content[5500:])


ODD = {
    "no UTF-8": (not_utf8, "cannot be read as parquet, column 'sentence': "),
    "damaged": (damaged, "cannot be read as parquet"),
    "empty": (lambda path: path.write_bytes(b""), "cannot be read as parquet: "),
    "text": (lambda path: path.write_text("no parquet"), "cannot be read as parquet: "),
    "a folder": (lambda path: path.mkdir(), "is a folder, and a parquet file is to be there"),
    "two rows of names": (
        lambda path: pd.DataFrame(
            [["a", 1]], columns=pd.MultiIndex.from_tuples([("sentence", "x"), ("label", "y")])
        ).to_parquet(path),
        "names its columns in 2 rows: write one name for each",
    ),
    **{
        f"notes {number}": (with_notes(b"pandas", notes), "cannot be read as parquet: ")
        for number, notes in enumerate(
            (b"{", b"[]", b"{}", b"3", b"\xff", b"[" * 100_000, b'{"index_columns": ["x"], "columns": []}')
        )
    },
}


@pytest.mark.parametrize(("write", "told"), ODD.values(), ids=ODD)
def test_a_file_that_cannot_be_read_is_told_in_one_line_to_a_run_and_to_a_comparison(tmp_path, write, told):
    path = tmp_path / "glue" / "sst2" / "validation.parquet"
    path.parent.mkdir(parents=True)
    write(path)
    calls = [lambda: load_examples(FolderSource(tmp_path), TASKS["sst2"], "validation")]
    calls += [lambda: read_data(path)] if path.is_file() else []
    for call in calls:
        with pytest.raises(BadInput, match=f"^{re.escape(str(path))} {re.escape(told)}") as refused:
            call()
        assert len(str(refused.value)) <= LINE


@pytest.mark.parametrize("notes", [b"\xff", b"[]", b"[" * 100_000, b'{"info": {"features": 3}}'])
def test_notes_that_say_nothing_of_labels_are_passed_over(tmp_path, notes):
    path = tmp_path / "glue" / "sst2" / "validation.parquet"
    path.parent.mkdir(parents=True)
    with_notes(b"huggingface", notes)(path)
    assert load_examples(FolderSource(tmp_path), TASKS["sst2"], "validation").labels == (1, 0)


def test_what_can_be_read_is_read(tmp_path):
    pyarrow.parquet.write_table(TABLE, tmp_path / "a.parquet")
    assert read_parquet(tmp_path / "a.parquet")["sentence"].tolist() == ["good", "bad"]
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "b.parquet")
    require_columns(read_parquet(tmp_path / "a.parquet"), ("label", "sentence"), "here")
    with pytest.raises(BadInput, match=r"^here lacks the column 'text'; it has sentence, label$"):
        require_columns(read_parquet(tmp_path / "a.parquet"), ("label", "text"), "here")


def test_a_link_to_nowhere_among_the_files_is_none(tmp_path):
    place = tmp_path / "glue" / "sst2"
    place.mkdir(parents=True)
    pyarrow.parquet.write_table(TABLE, place / "train.parquet")
    (place / "validation.parquet").symlink_to("nowhere")
    source = FolderSource(tmp_path)
    assert source.stamp(TASKS["sst2"], "train").startswith(f"{place / 'train.parquet'} ")
    told = f"sst2 needs {place / 'validation.parquet'}, which does not exist"
    with pytest.raises(BadInput, match=f"^{re.escape(told)}$"):
        load_examples(source, TASKS["sst2"], "validation")


@pytest.mark.parametrize("name", ["x" * 5000, "x" * 5000 + ".csv", "a\0b.csv", "~nobody-of-that-name/a.csv"])
def test_a_name_that_no_file_can_have_is_refused(name):
    with pytest.raises(BadInput):
        read_data(name)
    with pytest.raises(BadInput, match=r"^the data folder "):
        FolderSource(Path(name))
