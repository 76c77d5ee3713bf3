"""Windows over contexts: all of the context is read, and answers are found where they stand."""

from itertools import pairwise

import pytest

from bert_compression.errors import BadInput
from bert_compression.models import load_tokenizer
from bert_compression.tasks.windows import NO_ANSWER, answer_positions, encode_windows

WORDS = "the old dog chased the small cat in the garden . the cat was never wet . the farmer loved the dog ."
LONG = " ".join([WORDS] * 3)


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("builtin-bert")


def words(tokenizer, windows, at):
    return tokenizer.convert_ids_to_tokens(windows.ids[at])


def stretch(windows, at, context):
    """What a window sees of the context."""
    seen = [place for place in windows.places[at] if place != (0, 0)]
    return context[seen[0][0] : seen[-1][1]]


def test_what_fits_is_one_window_question_first(tokenizer):
    windows = encode_windows([("who was wet ?", "the dog was wet .")], tokenizer, 32, 8)
    assert " ".join(words(tokenizer, windows, 0)) == "[CLS] who was wet ? [SEP] the dog was wet . [SEP]"
    assert windows.segments == [[0] * 6 + [1] * 6]
    assert windows.places[0] == [(0, 0)] * 6 + [(0, 3), (4, 7), (8, 11), (12, 15), (16, 17), (0, 0)]
    assert windows.question == [0] and windows.truncated == 0 and len(windows) == 1


@pytest.mark.parametrize("stride", [0, 3, 8])
def test_windows_overlap_by_the_stride_and_leave_no_word_out(tokenizer, stride):
    texts = [("who was wet ?", LONG), ("who ?", WORDS), ("where was the cat ?", LONG)]
    windows = encode_windows(texts, tokenizer, 32, stride)
    assert max(windows.lengths) == 32
    assert windows.question == sorted(windows.question) and set(windows.question) == {0, 1, 2}
    for question, (_, context) in enumerate(texts):
        seen = [
            [place for place in places if place != (0, 0)]
            for places, owner in zip(windows.places, windows.question, strict=True)
            if owner == question
        ]
        everything = [(m, m + len(w)) for m, w in zip(_starts(context), context.split(), strict=True)]
        assert sorted({place for window in seen for place in window}) == everything
        for before, after in pairwise(seen):
            assert before[len(before) - stride :] == after[:stride]


def _starts(text):
    at = 0
    for word in text.split():
        at = text.index(word, at)
        yield at
        at += len(word)


def test_an_answer_is_found_in_every_window_that_holds_all_of_it(tokenizer):
    begin = LONG.index("never wet", 150)
    windows = encode_windows([("how was the cat ?", LONG)], tokenizer, 32, 8)
    positions = answer_positions(windows, [(begin, begin + len("never wet"))])
    found = 0
    for at, (first, last) in enumerate(positions):
        places = [place for place in windows.places[at] if place != (0, 0)]
        holds = places[0][0] <= begin and places[-1][1] >= begin + 9
        assert ((first, last) != NO_ANSWER) == holds
        if holds:
            assert words(tokenizer, windows, at)[first : last + 1] == ["never", "wet"]
            found += 1
    assert 0 < found < len(positions)


def test_an_answer_within_a_word_takes_the_whole_word(tokenizer):
    windows = encode_windows([("who ?", "the farmer loved it .")], tokenizer, 32, 8)
    assert answer_positions(windows, [(4, 8)]) == answer_positions(windows, [(4, 10)]) == [(5, 5)]
    assert answer_positions(windows, [(0, 10)]) == [(4, 5)]
    assert answer_positions(windows, [None]) == [NO_ANSWER]


def test_a_long_question_is_cut_to_a_quarter_and_counted(tokenizer):
    windows = encode_windows([("was the dog wet " * 50 + "?", WORDS), ("who ?", WORDS)], tokenizer, 32, 4)
    assert windows.truncated == 1
    assert " ".join(words(tokenizer, windows, 0)).startswith(
        "[CLS] was the dog wet was the dog wet [SEP] the"
    )
    assert max(windows.lengths) == 32


@pytest.mark.parametrize("stride", [-1, 21, 200])
def test_windows_that_never_move_on_are_refused(tokenizer, stride):
    with pytest.raises(BadInput, match=f"^windows of 32 tokens hold 21 .* not by {stride}$"):
        encode_windows([("who ?", WORDS)], tokenizer, 32, stride)


def test_the_tokens_are_those_of_a_pair_that_is_encoded_whole(tokenizer):
    from bert_compression.tasks.batching import encode

    texts = [("who was wet ?", WORDS), ("who ?", WORDS)]
    windows, whole = encode_windows(texts, tokenizer, 64, 8), encode(texts, tokenizer, 64)
    assert (windows.ids, windows.segments) == (whole.ids, whole.segments)
    assert windows.batch([0, 1])["input_ids"].tolist() == whole.batch([0, 1])["input_ids"].tolist()


def test_the_first_window_of_each_question_stands_for_it(tokenizer):
    texts = [("who was wet ?", LONG), ("who ?", WORDS), ("where was the cat ?", LONG)]
    windows = encode_windows(texts, tokenizer, 32, 4)
    firsts = windows.first_of_each()
    assert len(firsts) == 3 < len(windows)
    for question in range(3):
        assert firsts.ids[question] == windows.ids[windows.question.index(question)]
