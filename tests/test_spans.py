"""Answers to questions: the best span of all windows, or none."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bert_compression import inference
from bert_compression.compression import load_packed, save_packed
from bert_compression.compression.storage import load_model, save_model
from bert_compression.errors import Failure
from bert_compression.inference import answer_questions, best_span
from bert_compression.models import BUILTIN, load_encoder, load_qa_model, load_tokenizer, renew_head
from bert_compression.tasks.windows import encode_windows

CONTEXT = (
    "the old dog chased the small cat in the garden . the cat was never wet . the farmer loved the dog ."
)


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(BUILTIN)


class Oracle(torch.nn.Module):
    """Points at words: of each word id a logit for beginning and one for ending; [CLS] has its own."""

    def __init__(self, begins: dict[int, float], ends: dict[int, float], nothing: float = 0.0):
        super().__init__()
        self.begins, self.ends, self.nothing = begins, ends, nothing
        self.config = SimpleNamespace(type_vocab_size=2)

    def forward(self, input_ids, **_):
        def logits(points):
            found = torch.full(input_ids.shape, -5.0)
            for word, value in points.items():
                found[input_ids == word] = value
            found[:, 0] = self.nothing
            return found

        return SimpleNamespace(start_logits=logits(self.begins), end_logits=logits(self.ends))


def oracle(tokenizer, begins, ends, nothing=0.0):
    ids = [{tokenizer.convert_tokens_to_ids(w): v for w, v in points.items()} for points in (begins, ends)]
    return Oracle(*ids, nothing)


def ask(model, tokenizer, texts, max_length=64, stride=8):
    return answer_questions(
        model, encode_windows(texts, tokenizer, max_length, stride), [c for _, c in texts]
    )


def test_the_span_between_the_best_beginning_and_end_is_the_answer(tokenizer):
    model = oracle(tokenizer, {"small": 3.0}, {"cat": 2.0})
    found = ask(model, tokenizer, [("who was chased ?", CONTEXT)])
    assert found.texts == ["small cat"] and found.margins == [5.0]


def test_an_end_before_its_beginning_is_no_span(tokenizer):
    model = oracle(tokenizer, {"farmer": 3.0}, {"old": 9.0, "dog": 2.0})
    assert ask(model, tokenizer, [("who ?", CONTEXT)]).texts == ["farmer loved the dog"]


def test_words_of_the_question_are_no_answer(tokenizer):
    model = oracle(tokenizer, {"who": 9.0, "cat": 2.0}, {"wet": 9.0, "cat": 1.0})
    texts = [("who was wet ?", "the cat was dry .")]
    assert ask(model, tokenizer, texts).texts == ["cat"]


@pytest.mark.parametrize(("nothing", "text"), [(2.4, "small cat"), (2.5, ""), (2.6, "")])
def test_no_answer_is_given_where_its_score_is_no_less(tokenizer, nothing, text):
    found = ask(oracle(tokenizer, {"small": 3.0}, {"cat": 2.0}, nothing), tokenizer, [("who ?", CONTEXT)])
    assert found.texts == [text]
    assert found.margins == pytest.approx([5 - 2 * nothing])


def test_the_best_window_answers_and_one_window_that_misses_nothing_is_enough(tokenizer):
    long = " ".join(["the dog was wet ."] * 12 + ["the small cat was dry ."] + ["the dog was wet ."] * 12)
    model = oracle(tokenizer, {"small": 3.0, "dog": 1.0}, {"cat": 2.0, "dog": 1.0}, nothing=0.5)
    assert ask(model, tokenizer, [("who ?", long), ("who ?", "the dog was wet .")], 32).texts == [
        "small cat",
        "dog",
    ]


def test_an_answer_has_thirty_tokens_at_most():
    start, end, places = np.zeros(50), np.zeros(50), [(0, 0)] + [(i, i + 1) for i in range(48)] + [(0, 0)]
    start[3], end[3 + inference.LONGEST] = 5, 5
    end[2 + inference.LONGEST] = 1
    assert best_span(start, end, places) == (6, 3, 2 + inference.LONGEST)
    end[2 + inference.LONGEST] = 0
    assert best_span(start, end, places)[0] == 5


def test_among_equals_the_first_and_shortest_span_is_taken():
    places = [(0, 0), (0, 1), (2, 3), (4, 5)]
    assert best_span(np.zeros(4), np.zeros(4), places) == (0, 1, 1)


def test_answers_are_those_of_a_search_over_all_spans(tokenizer):
    rng = np.random.default_rng(0)
    places = [(0, 0)] * 4 + [(i, i + 1) for i in range(40)] + [(0, 0)]
    for _ in range(20):
        start, end = rng.normal(size=(2, 45))
        every = {(start[i] + end[j], i, j) for i in range(4, 44) for j in range(i, min(i + 30, 44))}
        assert best_span(start, end, places) == pytest.approx(max(every))


def test_the_order_and_size_of_batches_change_nothing(tokenizer):
    model = load_qa_model(BUILTIN, seed=0)
    texts = [("who was wet ?", CONTEXT), ("who ?", "the dog was wet ."), ("where ?", " ".join([CONTEXT] * 3))]
    windows = encode_windows(texts, tokenizer, 32, 8)
    contexts = [c for _, c in texts]
    one, many = (answer_questions(model, windows, contexts, size) for size in (1, 32))
    assert one.texts == many.texts and one.margins == pytest.approx(many.margins, abs=1e-4)


def test_logits_that_are_not_finite_are_a_failure(tokenizer):
    model = oracle(tokenizer, {"small": float("nan")}, {"cat": 2.0})
    with pytest.raises(Failure, match="not finite"):
        ask(model, tokenizer, [("who ?", CONTEXT)])


# The model


def test_a_reader_has_the_encoder_of_a_classifier_and_a_head_of_its_own():
    reader, classifier = load_qa_model(BUILTIN, seed=0), load_encoder(BUILTIN, 2, seed=0)
    theirs = {n: p for n, p in classifier.bert.state_dict().items() if not n.startswith("pooler.")}
    ours = reader.bert.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)
    assert reader.qa_outputs.weight.shape == (2, 64) and not reader.qa_outputs.bias.any()
    assert torch.equal(reader.qa_outputs.weight, load_qa_model(BUILTIN, seed=0).qa_outputs.weight)
    assert not torch.equal(reader.qa_outputs.weight, load_qa_model(BUILTIN, seed=1).qa_outputs.weight)
    assert torch.equal(
        renew_head(load_qa_model(BUILTIN, 0), 1).qa_outputs.weight,
        load_qa_model(BUILTIN, 1).qa_outputs.weight,
    )


@pytest.mark.parametrize(("save", "load"), [(save_model, load_model), (save_packed, load_packed)])
def test_a_reader_is_kept_and_comes_back(tmp_path, tokenizer, save, load):
    reader = load_qa_model(BUILTIN, seed=0)
    save(reader, tmp_path)
    again = load(tmp_path)
    inputs = tokenizer("who ?", CONTEXT, return_tensors="pt")
    with torch.no_grad():
        assert torch.equal(reader(**inputs).start_logits, again(**inputs).start_logits)
        assert torch.equal(reader(**inputs).end_logits, again(**inputs).end_logits)


def test_a_window_without_a_token_of_the_context_gives_no_span():
    score, first, last = best_span(np.zeros(4), np.zeros(4), [(0, 0)] * 4)
    assert (score, first, last) == (-np.inf, 0, 0)
