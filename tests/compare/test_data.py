"""A file is read exactly as it stands, or refused in one line that names the place."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from bert_compression.compare import read_data, texts_digest
from bert_compression.errors import BadInput

STRANGE = ["null", "NA", "", " two  spaces ", 'a "quoted" word', "a, comma", "first\nsecond", "a\r\nb", "1.0"]
STRANGE += ["é\u2028\u00a0", "=1+1", "<b>&amp;</b>", "NaN", "None"]


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "BOM"])
def test_csv_keeps_every_text(tmp_path, ending, mark):
    quoted = ['"' + text.replace('"', '""') + '"' for text in STRANGE]
    lines = ["text,label", *(f"{text},{row}" for row, text in enumerate(quoted))]
    path = written(tmp_path / "x.csv", mark + ending.join(lines) + ending)
    data = read_data(path)
    assert [text for (text,) in data.texts] == STRANGE
    assert data.labels == tuple(str(row) for row in range(len(STRANGE)))


def test_the_same_texts_have_one_digest_in_every_format_and_others_another(tmp_path):
    frame = pd.DataFrame({"text": STRANGE, "label": range(len(STRANGE))})
    frame.to_parquet(tmp_path / "x.parquet")
    with (tmp_path / "x.jsonl").open("w", newline="") as file:
        file.writelines(json.dumps(row) + "\r\n" for row in frame.to_dict("records"))
    with (tmp_path / "x.csv").open("w", newline="") as file:
        frame.to_csv(file, index=False)
    found = [read_data(tmp_path / name) for name in ("x.parquet", "x.jsonl", "x.csv")]
    assert {data.digest for data in (*found, read_data(frame))} == {texts_digest([(t,) for t in STRANGE])}
    assert texts_digest([("a", "b")]) != texts_digest([("ab", "")]) != texts_digest([("b", "a")])


def test_in_tsv_a_quote_is_a_character(tmp_path):
    path = written(tmp_path / "x.tsv", 'sentence\tlabel\n"a good film\t1\nsays ""no""\t0\r\n')
    assert read_data(path).texts == (('"a good film',), ('says ""no""',))


def test_one_column_may_hold_empty_texts(tmp_path):
    assert read_data(written(tmp_path / "x.csv", "text\na\n\nb\n")).texts == (("a",), ("",), ("b",))


def test_columns_are_found_by_their_names_or_named(tmp_path):
    frame = pd.DataFrame({name: ["x"] for name in ("question", "sentence", "label", "kind")})
    data = read_data(frame, slice_by="kind")
    assert (data.columns, data.slices, data.sliced_by) == (("question", "sentence"), ("x",), "kind")
    assert read_data(frame, text=["kind"], label="question").columns == ("kind",)
    assert read_data(frame.rename(columns={"question": "premise", "sentence": "hypothesis"})).columns == (
        "premise", "hypothesis",
    )  # fmt: skip
    assert read_data(frame[["sentence"]]).labels is None
    both = frame.rename(columns={"question": "text"})
    message = "which columns of a table in memory are the texts? Say so with --text: it has text, sentence, "
    with pytest.raises(BadInput, match=re.escape(message)):
        read_data(both)


@pytest.mark.parametrize("head", ["label", "labels", "Label", " label"])
def test_a_column_of_labels_is_found_however_it_is_spelled(tmp_path, head):
    assert read_data(written(tmp_path / "x.csv", f"text,{head}\na,1\n")).labels == ("1",)


def test_two_columns_of_labels_are_asked_about(tmp_path):
    path = written(tmp_path / "x.csv", "text,label,Labels\na,1,2\n")
    with pytest.raises(BadInput, match="holds the labels\\? Say so with --label: label, Labels"):
        read_data(path)
    assert read_data(path, label="Labels").labels == ("2",)


def test_a_parquet_file_of_the_hub_names_its_labels(tmp_path):
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "x.parquet"
    features = {"stance": {"names": ["against", "for"], "_type": "ClassLabel"}}
    table = pyarrow.table({"text": ["a", "b"], "stance": [0, 1]})
    told = json.dumps({"info": {"features": features}})
    parquet.write_table(table.replace_schema_metadata({"huggingface": told}), path)
    assert read_data(path, label="stance").label_names == ("against", "for")
    assert read_data(path).label_names is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "text,label\na,1\nb\n", "line 3: 1 fields, where the first line names 2"),
        ("x.csv", 'text,label\n"a\nb",1\nb,2,3\n', "line 4: 3 fields, where the first line names 2"),
        ("x.csv", 'text,label\n"a" b,1\n', "line 2: no csv: "),
        ("x.csv", "text,text\na,b\n", "has several columns 'text'"),
        ("x.csv", "", "is empty: its first line should name the columns"),
        ("x.csv", "text,label\n", "x.csv holds no texts"),
        ("x.tsv", "text\tlabel\na\n", "line 2: 1 fields"),
        ("x.jsonl", '{"text": "a"}\n{"text": \n', "line 2: no JSON"),
        ("x.jsonl", "[" * 100_000, "line 1: no JSON"),
        ("x.jsonl", '{"text": "a"}\n{"texd": "b"}\n', "line 2: the field 'texd' is not in all lines"),
        ("x.jsonl", "[1]\n", "line 1: should be an object"),
        ("x.jsonl", '{"text": 3}\n', "row 1: the text is no text but 3"),
        ("x.jsonl", '{"text": "\\ud800"}\n', "row 1: the text holds half a character"),
        ("x.jsonl", "\n", "is empty"),
        ("x.parquet", "no parquet", "cannot be read as parquet"),
        ("x.txt", "a\n", "is of no kind that is read: give .csv, .tsv, .jsonl, .parquet"),
    ],
)
def test_a_file_that_is_not_right_is_refused_with_the_place(tmp_path, name, content, message):
    with pytest.raises(BadInput, match=re.escape(message)) as refused:
        read_data(written(tmp_path / name, content))
    assert name in str(refused.value) and len(str(refused.value)) <= 300 + len(str(tmp_path))


def test_what_is_no_utf8_is_refused_with_file_line_and_field(tmp_path):
    path = written(tmp_path / "x.csv", "text,label\ngood,1\nbad,caf\xe9\n", "latin-1")
    message = f"{path}, line 3, field 2: byte 0xe9 is no UTF-8; save the file as UTF-8"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        read_data(path)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"text": ["body"]}, "x.csv has no column 'body': it has text, label"),
        ({"label": "gold"}, "x.csv has no column 'gold': it has text, label"),
        ({"slice_by": "kind"}, "x.csv has no column 'kind': it has text, label"),
        ({"text": ["text", "label", "text"]}, "a model reads one column of texts or two others, not text, l"),
        ({"text": ["text", "text"]}, "a model reads one column of texts or two others, not text, text"),
    ],
)
def test_a_column_that_is_not_there_is_refused_with_those_that_are(tmp_path, asked, message):
    path = written(tmp_path / "x.csv", "text,label\na,1\n")
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        read_data(path, **asked)


def test_missing_texts_and_folders_are_refused(tmp_path):
    with pytest.raises(BadInput, match="row 2: the text is missing"):
        read_data(pd.DataFrame({"text": ["a", None]}))
    with pytest.raises(BadInput, match="row 2: the text is missing"):
        read_data(pd.DataFrame({"text": pd.array(["a", pd.NA], dtype="string")}))
    assert read_data(pd.DataFrame({"text": ["a", "b"], "label": pd.array([1, pd.NA])})).labels == (1, None)
    with pytest.raises(BadInput, match=r"neither a file .* nor a task: unknown task 'sst3'"):
        read_data("sst3")
    for name in ("nowhere.csv", "nowhere.CSV"):
        with pytest.raises(BadInput, match=rf"{name} does not exist: give a file or a task"):
            read_data(tmp_path / name)
    with pytest.raises(BadInput, match="is a folder: give a file or a task"):
        read_data(tmp_path)


def test_a_task_of_the_catalogue_has_its_own_columns_and_names():
    data = read_data("builtin-mnli/validation_mismatched")
    assert (len(data), data.columns) == (500, ("premise", "hypothesis"))
    assert data.label_names == ("entailment", "neutral", "contradiction")
    assert set(data.labels) == {0, 1, 2}
    assert len(read_data("builtin-mnli")) == 1000
    with pytest.raises(BadInput, match="a task has its own columns"):
        read_data("builtin-sst2", text=["sentence"])
    with pytest.raises(BadInput, match="extractive QA"):
        read_data("builtin-squad2")


def test_a_task_of_a_data_folder_is_read_from_there(real_data, monkeypatch):
    monkeypatch.setenv("BERT_COMPRESSION_DATA", str(real_data))
    assert len(read_data("rte")) > 200
    assert np.isin(read_data("rte").labels, (0, 1)).all()
