"""The tiny model and what it is attacked with."""

import pytest
import tiny

from bert_compression.attacks import load_resources


@pytest.fixture(scope="session")
def tokenizer():
    return tiny.tiny_tokenizer()


@pytest.fixture(scope="session")
def model(tokenizer):
    return tiny.tiny_bert(len(tokenizer), seed=0)


@pytest.fixture(scope="session")
def other_model(tokenizer):
    return tiny.tiny_bert(len(tokenizer), seed=1)


@pytest.fixture(scope="session")
def examples(model, tokenizer):
    return tiny.labelled(model, tokenizer, tiny.sentences(24))


@pytest.fixture(scope="session")
def builtin():
    return load_resources("builtin")
