"""The built-in tasks: sizes, balance, no leak, and that nothing but the seed decides."""

import re

import pandas as pd
import pytest

from bert_compression.errors import BadInput
from bert_compression.tasks import builtin
from bert_compression.tasks.language import CONCEPT_OF, FUNCTION_WORDS


def test_sst2_has_the_hubs_columns_and_two_balanced_classes():
    train, validation = builtin.load("sst2", "train"), builtin.load("sst2", "validation")
    assert (len(train), len(validation)) == (2000, 1000)
    for frame in (train, validation):
        assert list(frame.columns) == ["sentence", "label"]
        assert set(frame["label"]) == {0, 1}
        assert 0.45 < frame["label"].mean() < 0.55


def test_no_sentence_stands_twice_or_in_both_splits():
    train, validation = builtin.load("sst2", "train"), builtin.load("sst2", "validation")
    assert train["sentence"].is_unique and validation["sentence"].is_unique
    assert not set(train["sentence"]) & set(validation["sentence"])
    assert validation["sentence"].map(builtin.is_held_out).all()
    assert not train["sentence"].map(builtin.is_held_out).any()


def test_every_word_is_of_the_language_and_rare_ones_are_rare():
    text = pd.concat([builtin.load("sst2", split)["sentence"] for split in ("train", "validation")])
    words = text.str.split().explode()
    assert words.isin([*CONCEPT_OF, *FUNCTION_WORDS]).all()
    rare = words.map(lambda word: word in CONCEPT_OF and word in CONCEPT_OF[word].rare)
    assert 0 < rare.mean() < 0.02


def test_loading_twice_gives_the_same_and_another_seed_something_else():
    pd.testing.assert_frame_equal(builtin.load("sst2", "train"), builtin.load("sst2", "train"))
    pd.testing.assert_frame_equal(
        builtin.load("sst2", "validation"), builtin.generate("sst2", "validation", builtin.SEED)
    )
    other = builtin.generate("sst2", "train", builtin.SEED + 1)
    assert len(set(other["sentence"]) & set(builtin.load("sst2", "train")["sentence"])) < 200


def test_the_first_sentences_are_these():
    """A golden sample: a change of grammar, lexicon or seed shows here, and asks for new weights."""
    head = builtin.load("sst2", "validation").head(3)
    assert list(head.itertuples(index=False, name=None)) == [
        ("the ending was really elegant .", 1),
        ("the tiny troupe was never great in the park .", 0),
        ("the acting was often terrible despite the stunning photography .", 0),
    ]


@pytest.mark.parametrize(
    ("task", "split", "message"),
    [
        ("sst3", "train", "no built-in task is called 'sst3'; there are: sst2"),
        ("sst2", "test", "'sst2' has no split 'test'; there are: train, validation"),
    ],
)
def test_an_unknown_task_or_split_is_refused_with_what_there_is(task, split, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        builtin.load(task, split)
