"""The built-in tasks: sizes, balance, no leak, and that nothing but the seed decides."""

import hashlib
import re

import pandas as pd
import pytest

from bert_compression.errors import BadInput
from bert_compression.smoke import builtin
from bert_compression.smoke.language import CONCEPT_OF, FUNCTION_WORDS

SPLITS = [(name, split) for name, task in builtin.GENERATED.items() for split in task.splits]


def texts(task: str, split: str) -> pd.Series:
    """Each example's texts as one."""
    columns = list(builtin.GENERATED[task].texts)
    return builtin.load(task, split)[columns].agg("\n".join, axis=1)


def test_sst2_has_the_hubs_columns_and_two_balanced_classes():
    train, validation = builtin.load("sst2", "train"), builtin.load("sst2", "validation")
    assert (len(train), len(validation)) == (2000, 1000)
    for frame in (train, validation):
        assert list(frame.columns) == ["sentence", "label"]
        assert set(frame["label"]) == {0, 1}
        assert 0.45 < frame["label"].mean() < 0.55


def test_mnli_has_the_hubs_columns_and_three_balanced_classes():
    frames = {split: builtin.load("mnli", split) for split in builtin.GENERATED["mnli"].splits}
    assert {split: len(frame) for split, frame in frames.items()} == {
        "train": 3000, "validation_matched": 1000, "validation_mismatched": 500
    }  # fmt: skip
    for frame in frames.values():
        assert list(frame.columns) == ["premise", "hypothesis", "label"]
        assert frame["label"].value_counts(normalize=True).between(0.28, 0.39).sum() == 3


@pytest.mark.parametrize(
    ("task", "columns", "size", "ones"),
    [
        ("qqp", ["question1", "question2"], 2000, 0.37),
        ("mrpc", ["sentence1", "sentence2"], 1500, 0.68),
        ("qnli", ["question", "sentence"], 2000, 0.5),
        ("rte", ["sentence1", "sentence2"], 600, 0.5),
        ("cola", ["sentence"], 2000, 0.5),
    ],
)
def test_tasks_of_two_classes_have_the_hubs_columns_and_the_stated_share(task, columns, size, ones):
    train, validation = builtin.load(task, "train"), builtin.load(task, "validation")
    assert (len(train), len(validation)) == (size, 500)
    for frame in (train, validation):
        assert list(frame.columns) == [*columns, "label"]
        assert set(frame["label"]) == {0, 1}
        assert abs(frame["label"].mean() - ones) < 0.05


def test_stsb_has_the_hubs_columns_and_targets_from_0_to_5():
    train, validation = builtin.load("stsb", "train"), builtin.load("stsb", "validation")
    assert (len(train), len(validation)) == (1500, 500)
    for frame in (train, validation):
        assert list(frame.columns) == ["sentence1", "sentence2", "label"]
        assert frame["label"].dtype == float
        assert set(frame["label"]) == {0, 1, 2, 3, 4, 5}
        assert 2.3 < frame["label"].mean() < 3.1 and frame["label"].std() > 1.4


@pytest.mark.parametrize(
    ("task", "sizes", "titles"),
    [
        ("squad2", {"train": 2000, "validation": 500}, {"animals", "cooking", "vehicles"}),
        ("films", {"validation": 500}, {"films"}),
    ],
)
def test_questions_on_passages_have_the_hubs_columns_and_their_answers_stand_in_the_contexts(
    task, sizes, titles
):
    assert {split: len(builtin.load(task, split)) for split in builtin.GENERATED[task].splits} == sizes
    for split in sizes:
        frame = builtin.load(task, split)
        assert list(frame.columns) == ["id", "title", "context", "question", "answers"]
        assert frame["id"].is_unique and set(frame["title"]) == titles
        assert (frame["question"].str[-2:] == " ?").all()
        for context, answers in zip(frame["context"], frame["answers"], strict=True):
            assert len(answers["text"]) == len(answers["answer_start"]) <= 1
            for text, start in zip(answers["text"], answers["answer_start"], strict=True):
                assert text and context[start : start + len(text)] == text
        unanswered = (frame["answers"].map(lambda answers: not answers["text"])).mean()
        assert abs(unanswered - builtin.UNANSWERABLE) < 0.05


def test_questions_on_films_speak_of_other_things_than_those_on_everyday_life():
    def groups(task: str) -> set[str]:
        frame = pd.concat([builtin.load(task, split) for split in builtin.GENERATED[task].splits])
        words = (frame["context"] + " " + frame["question"]).str.split().explode()
        return {CONCEPT_OF[word].group for word in words if word in CONCEPT_OF}

    everyday, films = groups("squad2"), groups("films")
    assert {"beast", "food", "vehicle", "meet", "cook", "keep"} <= everyday - films
    assert {"work", "discuss", "good"} <= films - everyday


def test_questions_end_in_their_mark_and_statements_in_a_stop():
    for task, generated in builtin.GENERATED.items():
        for column in generated.texts:
            marks = set(builtin.load(task, next(iter(generated.splits)))[column].str[-2:])
            asked = task == "qqp" or column == "question"
            assert marks == ({" .", " ?"} if task == "cola" else {" ?"} if asked else {" ."}), (task, column)


@pytest.mark.parametrize(("task", "same", "nearly"), [("qqp", 1, 0), ("mrpc", 1, 0), ("stsb", 5, 4)])
def test_what_says_the_same_says_it_in_other_words_and_shares_as_many_as_what_does_not(task, same, nearly):
    frame = builtin.load(task, "train")
    one, other = (frame[column] for column in builtin.GENERATED[task].texts)
    assert (one != other).all()
    words = zip(one.str.split().map(set), other.str.split().map(set), strict=True)
    shared = pd.Series([len(a & b) / len(a | b) for a, b in words]).groupby(frame["label"]).mean()
    assert 0.4 < shared[same] < 0.7 and abs(shared[same] - shared[nearly]) < 0.1


@pytest.mark.parametrize("split", builtin.GENERATED["mnli"].splits)
def test_negations_do_not_give_contradictions_away(split):
    """A quarter of the premises are negated, and no label has all or none of the mismatched negations."""
    frame = builtin.load("mnli", split)
    premise, hypothesis = (
        frame[column].str.contains(r"\b(?:no|not|never|hardly|scarcely|barely)\b")
        for column in ("premise", "hypothesis")
    )
    assert 0.2 < premise.mean() < 0.35
    shares = (premise != hypothesis).groupby(frame["label"]).mean()
    assert shares.between(0.1, 0.7).all() and shares[0] < shares[1] < shares[2]


def test_mismatched_pairs_speak_of_another_topic():
    def groups(split: str) -> set[str]:
        words = texts("mnli", split).str.split().explode()
        return {CONCEPT_OF[word].group for word in words if word in CONCEPT_OF}

    matched, mismatched = groups("validation_matched"), groups("validation_mismatched")
    everyday = {"beast", "bird", "food", "vehicle", "meet", "cook", "keep", "body", "taste", "look"}
    films = {"work", "discuss", "good", "bad"}
    assert groups("train") == matched and everyday <= matched and films <= mismatched
    assert not everyday & mismatched and not films & matched


@pytest.mark.parametrize("task", builtin.GENERATED)
def test_no_example_stands_twice_or_in_two_splits(task):
    found = {split: texts(task, split) for split in builtin.GENERATED[task].splits}
    assert all(each.is_unique for each in found.values())
    train = set(found.pop("train") if "train" in found else texts("squad2", "train"))  # of "films"
    for validation in found.values():
        assert not train & set(validation)
        assert validation.map(builtin.is_held_out).all()
    assert not any(map(builtin.is_held_out, train))


@pytest.mark.parametrize("task", builtin.GENERATED)
def test_every_word_is_of_the_language_and_rare_ones_are_rare(task):
    words = pd.concat([texts(task, split) for split in builtin.GENERATED[task].splits]).str.split().explode()
    assert words.isin([*CONCEPT_OF, *FUNCTION_WORDS]).all()
    rare = words.map(lambda word: word in CONCEPT_OF and word in CONCEPT_OF[word].rare)
    assert 0 < rare.mean() < 0.02


@pytest.mark.parametrize(("task", "split"), SPLITS)
def test_loading_twice_gives_the_same_and_another_seed_something_else(task, split):
    pd.testing.assert_frame_equal(builtin.load(task, split), builtin.load(task, split))
    pd.testing.assert_frame_equal(builtin.load(task, split), builtin.generate(task, split, builtin.SEED))
    other = builtin.generate(task, split, builtin.SEED + 1)
    columns = list(builtin.GENERATED[task].texts)
    assert len(builtin.load(task, split).merge(other, on=columns)) < len(other) / 10


def test_a_loaded_table_may_be_changed_without_harm():
    frame = builtin.load("sst2", "train")
    frame["label"] = 7
    assert set(builtin.load("sst2", "train")["label"]) == {0, 1}
    for answers in builtin.load("films", "validation")["answers"]:
        answers["text"].append("another")
    assert all(len(answers["text"]) < 2 for answers in builtin.load("films", "validation")["answers"])


@pytest.mark.parametrize(
    ("task", "split", "head"),
    [
        (
            "sst2",
            "validation",
            [
                ("the ending was really elegant .", 1),
                ("the tiny troupe was never great in the park .", 0),
                ("the acting was often terrible despite the stunning photography .", 0),
            ],
        ),
        (
            "mnli",
            "validation_matched",
            [
                ("every huge bike was shiny .", "every big bike was corroded .", 2),
                (
                    "not every big chef ordered the foreign bread .",
                    "some large chef ordered the foreign bread .",
                    1,
                ),
                (
                    "the beast was never washed by the small fellow .",
                    "not every small man washed the beast in the village .",
                    0,
                ),
            ],
        ),
        (
            "mnli",
            "validation_mismatched",
            [
                (
                    "every diminutive woman begrudged the film .",
                    "not every small woman begrudged the movie .",
                    2,
                ),
                ("the writer was not ugly .", "the overseas singer was never unsightly .", 1),
                ("the acting was silly .", "the portrayal was hardly clever .", 0),
            ],
        ),
        (
            "qqp",
            "validation",
            [
                (
                    "which employee was the potato consumed by in the cinema ?",
                    "which employee was the spud devoured by in the cinema ?",
                    1,
                ),
                (
                    "was the foreign movie ugly in the playhouse ?",
                    "was the foreign movie ingenious in the playhouse ?",
                    0,
                ),
            ],
        ),
        (
            "mrpc",
            "validation",
            [
                ("the chum was calm .", "the friend was peaceful .", 1),
                ("the bread was not tart .", "the bread was never sweet .", 0),
            ],
        ),
        (
            "qnli",
            "validation",
            [
                (
                    "which food was carved by the little woman ?",
                    "the little lady sliced the little pastry .",
                    0,
                ),
                ("who was assisted by the physician ?", "the doctor helped the foreign visitor .", 0),
                ("where was the casserole sweet ?", "every stew was sour in the theatre .", 1),
            ],
        ),
        (
            "rte",
            "validation",
            [
                (
                    "the guest disliked the hero .",
                    "the hero was never disliked by the visitor in the settlement .",
                    1,
                ),
            ],
        ),
        (
            "stsb",
            "validation",
            [
                (
                    "the idea was hardly studied by the old individual in the cinema .",
                    "the person barely studied the idea .",
                    3.0,
                ),
                ("the soup was soft .", "the soup was tender in the garden .", 4.0),
            ],
        ),
        (
            "cola",
            "validation",
            [
                ("some tiny villain was gripping .", 1),
                ("some little child characterised the singer .", 1),
                ("hero was foolish .", 0),
            ],
        ),
    ],
)
def test_the_first_examples_are_these(task, split, head):
    """A golden sample: a change of grammar, lexicon or seed shows here, and asks for new weights."""
    assert list(builtin.load(task, split).head(len(head)).itertuples(index=False, name=None)) == head


DIGESTS = {
    ("sst2", "train"): "bb09fd02ef4dd996",
    ("sst2", "validation"): "e69cbecf06984a9a",
    ("mnli", "train"): "9c6f08b351246e63",
    ("mnli", "validation_matched"): "a1fd0da0be122592",
    ("mnli", "validation_mismatched"): "f39e602da71d8881",
    ("qqp", "train"): "61bb6c1f048e6adf",
    ("qqp", "validation"): "9bda7a8ee95d2070",
    ("mrpc", "train"): "95aebadaecd05c8f",
    ("mrpc", "validation"): "60978f7ef55b518c",
    ("qnli", "train"): "09dd3650c6c0a66b",
    ("qnli", "validation"): "aaa38fab2f4f2aeb",
    ("rte", "train"): "dd4610d4bd8e3e03",
    ("rte", "validation"): "465a78ac12071f63",
    ("stsb", "train"): "990897bd8f0379c6",
    ("stsb", "validation"): "f2277c2fb7992e29",
    ("cola", "train"): "c2c82059e78971d6",
    ("cola", "validation"): "55d3da1dda11c90f",
    ("squad2", "train"): "08969481744683c7",
    ("squad2", "validation"): "faea33936e8de6b6",
    ("films", "validation"): "2c0d44d0a7d55ff7",
    ("imdb", "train"): "126910f88e1b8b6b",
    ("imdb", "test"): "6a5bd6f31363fefc",
}


@pytest.mark.parametrize(("task", "split"), SPLITS)
def test_every_row_is_what_it_was(task, split):
    """Numbers were measured on these rows: a task may join the others, but none may change with it. Jobs know
    the rows by their version alone: with new digests comes a new version here and there."""
    assert builtin.VERSION == 1
    rows = builtin.load(task, split).to_json(orient="records")
    assert hashlib.sha256(rows.encode()).hexdigest()[:16] == DIGESTS[task, split]


@pytest.mark.parametrize(
    ("task", "split", "message"),
    [
        (
            "sst3",
            "train",
            "no built-in task is called 'sst3'; there are: sst2, mnli, qqp, mrpc, qnli, rte, stsb, cola, "
            "squad2, films, imdb",
        ),
        ("sst2", "test", "'sst2' has no split 'test'; there are: train, validation"),
    ],
)
def test_an_unknown_task_or_split_is_refused_with_what_there_is(task, split, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        builtin.load(task, split)
