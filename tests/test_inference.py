"""Answers come back in the order of the examples, whatever batches they were given in."""

import re

import numpy as np
import pytest
import scipy.special
import torch

from bert_compression.compression import quantize
from bert_compression.errors import BadInput, Failure
from bert_compression.inference import cls_vectors, predict_logits, softmax
from bert_compression.tasks import Encoded


@pytest.fixture(scope="module")
def texts(tiny_texts):
    return tiny_texts([5, 30, 9, 2, 14, 9, 40, 3, 7, 21, 5])


def one_by_one(model, texts) -> np.ndarray:
    with torch.inference_mode():
        return torch.cat([model(**texts.batch([i])).logits for i in range(len(texts))]).numpy()


@pytest.mark.parametrize("batch_size", [1, 3, 4, 32])
def test_every_batch_size_answers_like_one_by_one_in_the_order_of_the_examples(tiny_bert, texts, batch_size):
    model = tiny_bert()
    logits, expected = predict_logits(model, texts, batch_size), one_by_one(model, texts)
    assert logits.dtype == np.float32 and logits.shape == (11, 2)
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert not np.allclose(logits, np.sort(expected, axis=0), atol=1e-2)
    longest_first = np.argsort([-length for length in texts.lengths], kind="stable")
    assert not np.allclose(logits, expected[longest_first], atol=1e-2)


def test_a_model_with_integer_kernels_answers_too_and_minds_its_company(tiny_bert, texts):
    model = quantize(tiny_bert(), "int8")
    np.testing.assert_array_equal(predict_logits(model, texts, 1), one_by_one(model, texts))
    assert not np.array_equal(predict_logits(model, texts, 32), one_by_one(model, texts))


def test_dropout_is_off_and_no_gradient_is_kept(tiny_bert, texts):
    model = tiny_bert().train()
    logits = predict_logits(model, texts)
    np.testing.assert_array_equal(logits, predict_logits(tiny_bert(), texts))
    assert not model.training and all(p.grad is None for p in model.parameters())


def test_progress_counts_examples_to_the_last(tiny_bert, texts):
    seen = []
    predict_logits(tiny_bert(), texts, 4, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(4, 11), (8, 11), (11, 11)]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_answers_that_are_no_numbers_are_refused(tiny_bert, texts, value):
    model = tiny_bert()
    with torch.no_grad():
        model.classifier.bias[1] = value
    message = "the model has logits that are not finite: its training went wrong"
    with pytest.raises(Failure, match=f"^{re.escape(message)}$"):
        predict_logits(model, texts)


def test_softmax_is_scipys_in_float64():
    logits = np.random.default_rng(0).normal(0, 3, (100, 3)).astype(np.float32)
    ours = softmax(logits)
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, scipy.special.softmax(logits.astype(np.float64), axis=1), rtol=1e-14)
    np.testing.assert_allclose(ours.sum(axis=1), 1, rtol=1e-15)
    assert np.abs(ours - scipy.special.softmax(logits, axis=1)).max() > 1e-9  # float32 has fewer digits


def test_softmax_by_hand_even_of_large_logits_which_it_leaves_alone():
    logits = np.array([[np.log(3), 0.0], [1000.0, 1000.0], [-2000.0, 0.0]])
    before = logits.copy()
    np.testing.assert_allclose(softmax(logits), [[0.75, 0.25], [0.5, 0.5], [0.0, 1.0]], rtol=1e-15)
    np.testing.assert_array_equal(logits, before)


def test_one_logit_has_no_probability(tiny_bert, texts):
    with pytest.raises(BadInput, match=r"^one logit an example is no distribution over classes"):
        softmax(predict_logits(tiny_bert(num_labels=1), texts))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_have_none_either(value):
    with pytest.raises(BadInput, match=r"^logits holds NaN or infinite values$"):
        softmax(np.array([[0.0, value]]))


@pytest.mark.parametrize("ask", [predict_logits, cls_vectors])
@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[1, 100]], "the texts hold token ids from 1 to 100 and the model reads 0 to 99"),
        ([[1, -1]], "the texts hold token ids from -1 to 1 and the model reads 0 to 99"),
        ([[1] * 65], "a text has 65 tokens and the model reads 64"),
        ([[1], []], "text 1 has no token"),
        ([], "there is no text to read"),
    ],
)
def test_what_the_model_cannot_read_is_refused(tiny_bert, ask, ids, message):
    with pytest.raises(BadInput, match=f"^{message}"):
        ask(tiny_bert(), Encoded(ids, [[0] * len(row) for row in ids], truncated=0, pad_id=0))


def test_a_model_of_one_type_of_segments_gets_zeros_and_one_of_two_what_there_is(tiny_bert):
    ids = [[7, 5, 2, 6, 3]]
    pair, single = (Encoded(ids, [segments], 0, 0) for segments in ([0, 0, 0, 1, 1], [0] * 5))
    for types in (1, 2):
        asked = [predict_logits(tiny_bert(type_vocab_size=types), texts) for texts in (pair, single)]
        assert np.array_equal(*asked) == (types == 1)
