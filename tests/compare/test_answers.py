"""Saved answers stand in for a model: only to the same texts, precise enough, and without pickles."""

import re

import numpy as np
import pandas as pd
import pytest
from small import make_model, make_tokenizer, sentences

from bert_compression.compare import compare, load_answers, open_classifier, read_data, save_answers
from bert_compression.errors import BadInput

FRAME = pd.DataFrame({"text": sentences(30)})
TEXTS = [(text,) for text in FRAME.text]
PROBABILITIES = np.random.default_rng(0).dirichlet([1, 1], 30)


def test_a_saved_teacher_gives_the_same_comparison(tmp_path):
    sides = [(make_model(seed=seed), make_tokenizer()) for seed in (0, 1)]
    live = compare(*sides, FRAME, answers_file=tmp_path / "teacher.npz")
    saved = compare(tmp_path / "teacher.npz", sides[1], FRAME)
    assert live.measures["label_loyalty"] == saved.measures["label_loyalty"]
    assert live.measures["kl_teacher_student_max"] == saved.measures["kl_teacher_student_max"]
    np.testing.assert_array_equal(live.teacher.values, saved.teacher.values)
    assert saved.teacher.name == live.teacher.name == "BertForSequenceClassification (teacher)"
    assert open_classifier(tmp_path / "teacher.npz").name == "BertForSequenceClassification"
    assert saved.batch_dependent == {"teacher": None, "student": False}
    assert "teacher_milliseconds_batch_1" not in saved.measures and "teacher_bytes" in saved.measures
    both = compare(tmp_path / "teacher.npz", tmp_path / "teacher.npz", FRAME)
    assert both.measures["label_loyalty"].value == 1.0 and both.floor == {}


def test_anybodys_answers_take_part(tmp_path):
    save_answers(
        tmp_path / "closed.npz", PROBABILITIES.astype(np.float32), TEXTS, labels=("positive", "negative")
    )
    found = compare((make_model(), make_tokenizer()), tmp_path / "closed.npz", FRAME)
    own = open_classifier((make_model(), make_tokenizer())).ask(read_data(FRAME)).values.argmax(axis=1)
    assert found.measures["label_loyalty"].value == np.mean(own == 1 - PROBABILITIES.argmax(axis=1))


def test_answers_to_other_texts_are_refused(tmp_path):
    save_answers(tmp_path / "a.npz", PROBABILITIES, TEXTS)
    message = "a.npz (teacher) holds answers to 30 other texts than those of a table in memory (30 texts)"
    with pytest.raises(BadInput, match=re.escape(message)):
        compare(tmp_path / "a.npz", tmp_path / "a.npz", FRAME.iloc[::-1])


@pytest.mark.parametrize(
    ("values", "texts", "message"),
    [
        (PROBABILITIES, FRAME.text.tolist(), "texts must be a sequence of tuples of texts, not ['"),
        (PROBABILITIES.astype(np.float16), TEXTS, "a.npz: answers must be float32 or float64, not float16"),
        (PROBABILITIES.argmax(axis=1), TEXTS, "a.npz: answers must be float32 or float64, not int64"),
        (PROBABILITIES, TEXTS[:-1], "a.npz: answers of the shape (30, 2) to 29 texts"),
        (
            PROBABILITIES,
            [("a", "b", "c")] * 30,
            "a.npz: a text is a tuple of one string or two, not ('a', 'b'",
        ),
        (PROBABILITIES, [("\ud800",)] * 30, "a.npz: a text is a tuple of one string or two, not ("),
        ([[0.5, 0.5], [1.0]], TEXTS[:2], "values must be a rectangle of finite numbers"),
        (PROBABILITIES * 2, TEXTS, "a.npz: each row of its table must be a probability distribution; pass"),
        (PROBABILITIES * np.nan, TEXTS, "a.npz: its table holds NaN or infinite values"),
        (
            PROBABILITIES[:, :1],
            TEXTS,
            "a.npz: its table must have the shape (examples, classes) with 2 clas",
        ),
    ],
)
def test_what_are_no_answers_is_not_saved(tmp_path, values, texts, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        save_answers(tmp_path / "a.npz", values, texts)
    assert list(tmp_path.iterdir()) == []


def test_another_name_and_too_few_labels_are_refused(tmp_path):
    with pytest.raises(BadInput, match=re.escape("answers are saved as .npz, and 'a.csv' ends otherwise")):
        save_answers(tmp_path / "a.csv", PROBABILITIES, TEXTS)
    for labels in (("a", "b", "c"), ("a", "a")):
        with pytest.raises(BadInput, match=r"2 columns of probabilities need as many labels, all different"):
            save_answers(tmp_path / "a.npz", PROBABILITIES, TEXTS, labels=labels)
    with pytest.raises(BadInput, match="labels must be a sequence of texts"):
        save_answers(tmp_path / "a.npz", PROBABILITIES, TEXTS, labels={0: "a", 1: "b"})


def test_nothing_is_unpickled_and_damage_is_one_line(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    np.savez(tmp_path / "bomb.npz", values=np.array([Bomb()], dtype=object))
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    np.savez(tmp_path / "other.npz", logits=PROBABILITIES)
    (tmp_path / "empty.npz").touch()
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, PROBABILITIES)
    save_answers(tmp_path / "whole.npz", PROBABILITIES, TEXTS, labels=("a", "b"))
    parts = dict(np.load(tmp_path / "whole.npz"))
    np.savez(tmp_path / "list.npz", **parts | {"facts": "[]"})
    np.savez(tmp_path / "flat.npz", **parts | {"cut": False})
    np.savez(tmp_path / "deep.npz", **parts | {"cut": np.zeros((30, 2))})
    np.savez_compressed(tmp_path / "bits.npz", **parts)
    bits = (tmp_path / "bits.npz").read_bytes()
    (tmp_path / "bits.npz").write_bytes(bits[:150] + b"\xff" * 30 + bits[180:])
    for name in ("bomb", "torn", "other", "empty", "array", "list", "flat", "deep", "bits"):
        with pytest.raises(BadInput, match=f"{name}.npz holds no saved answers"):
            load_answers(tmp_path / f"{name}.npz")


def test_what_a_file_says_of_itself_stands_for_nothing_that_was_found(tmp_path):
    save_answers(tmp_path / "a.npz", PROBABILITIES, TEXTS)
    parts = dict(np.load(tmp_path / "a.npz"))
    facts = '{"name": "a", "labels": ["x"], "texts_cut": 9, "family": "bert"}'
    np.savez(tmp_path / "b.npz", **parts | {"facts": facts, "labels": np.array([7, 8])})
    told = compare(tmp_path / "b.npz", tmp_path / "b.npz", FRAME).to_json()["teacher"]
    assert (told["labels"], told["texts_cut"], told["family"]) == (["7", "8"], None, "bert")


def test_saved_answers_are_as_readable_as_other_files_and_take_no_folders_place(tmp_path):
    save_answers(tmp_path / "a.npz", PROBABILITIES, TEXTS)
    (tmp_path / "other").touch()
    assert (tmp_path / "a.npz").stat().st_mode == (tmp_path / "other").stat().st_mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "other"]
    (tmp_path / "b.npz").mkdir()
    with pytest.raises(BadInput, match=r"b\.npz is a folder"):
        save_answers(tmp_path / "b.npz", PROBABILITIES, TEXTS)


def test_grades_are_kept_as_grades(tmp_path):
    save_answers(tmp_path / "a.npz", PROBABILITIES[:, 0], TEXTS, regression=True)
    kept = load_answers(tmp_path / "a.npz")
    assert kept.regression
    np.testing.assert_array_equal(kept.values[:, 0], PROBABILITIES[:, 0])
