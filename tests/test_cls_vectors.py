"""Vectors of [CLS]: those of the model's own hidden states, for every layer, in the order of the examples."""

import numpy as np
import pytest
import torch

from bert_compression.errors import Failure
from bert_compression.inference import cls_vectors
from bert_compression.models import BUILTIN, load_encoder, load_qa_model


def test_they_are_the_first_tokens_hidden_states_one_example_at_a_time(tiny_bert, tiny_texts):
    model, texts = tiny_bert(), tiny_texts()
    vectors = cls_vectors(model, texts, batch_size=4)
    assert vectors.shape == (5, 6, 32) and vectors.dtype == np.float32
    for example in range(6):
        with torch.no_grad():
            states = model(**texts.batch([example]), output_hidden_states=True).hidden_states
        expected = torch.stack([state[0, 0] for state in states]).numpy()
        assert vectors[:, example] == pytest.approx(expected, abs=1e-5)


def test_batches_and_progress(tiny_bert, tiny_texts):
    model, texts, seen = tiny_bert(), tiny_texts(), []
    one = cls_vectors(model, texts, 1)
    assert one == pytest.approx(cls_vectors(model, texts, 32, lambda *at: seen.append(at)), abs=1e-5)
    assert seen == [(6, 6)]


def test_a_reader_and_a_classifier_on_the_same_encoder_have_the_same_vectors(tiny_texts):
    texts = tiny_texts()
    assert np.array_equal(
        cls_vectors(load_qa_model(BUILTIN, 0), texts), cls_vectors(load_encoder(BUILTIN, 2, 0), texts)
    )


def test_states_that_are_not_finite_are_a_failure(tiny_bert, tiny_texts):
    model = tiny_bert()
    with torch.no_grad():
        model.bert.encoder.layer[2].output.dense.bias[0] = float("nan")
    with pytest.raises(Failure, match="not finite"):
        cls_vectors(model, tiny_texts())
