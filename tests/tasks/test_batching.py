"""From texts to padded batches: nothing lost, nothing twice, as little padding as may be."""

import pytest
import torch

from bert_compression.models import load_tokenizer
from bert_compression.tasks.batching import Encoded, encode, shuffled_batches, sorted_batches


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("builtin-bert")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


LENGTHS = torch.randint(3, 60, (2000,), generator=seeded(0)).tolist()


# Encoding


def test_a_text_becomes_cls_its_tokens_and_sep(tokenizer):
    encoded = encode([("the acting was great",), ("great",)], tokenizer, max_length=16)
    words = tokenizer.convert_ids_to_tokens(encoded.ids[0])
    assert words == ["[CLS]", "the", "acting", "was", "great", "[SEP]"]
    assert encoded.lengths == [6, 3] and len(encoded) == 2
    assert encoded.segments == [[0] * 6, [0] * 3]
    assert encoded.pad_id == tokenizer.pad_token_id


def test_a_pair_gets_segment_ids_and_a_single_text_none(tokenizer):
    pair = encode([("the acting", "was great")], tokenizer, max_length=16)
    assert tokenizer.convert_ids_to_tokens(pair.ids[0])[3] == "[SEP]"
    assert pair.segments == [[0, 0, 0, 0, 1, 1, 1]]
    assert encode([("the acting was great",)], tokenizer, max_length=16).segments == [[0] * 6]


def test_a_text_of_ten_thousand_words_is_cut_and_counted(tokenizer):
    long = " ".join(["great"] * 10_000)
    encoded = encode([("the acting",), (long,), ("great",)], tokenizer, max_length=128)
    assert encoded.truncated == 1
    assert encoded.lengths == [4, 128, 3]
    assert encoded.ids[1][-1] == tokenizer.sep_token_id


def test_a_text_that_just_fits_is_not_counted(tokenizer):
    exact, over = " ".join(["great"] * 14), " ".join(["great"] * 15)
    assert encode([(exact,)], tokenizer, max_length=16).truncated == 0
    assert encode([(over,)], tokenizer, max_length=16).truncated == 1
    assert encode([(exact,)], tokenizer, 16).ids == encode([(over,)], tokenizer, 16).ids


def test_a_pair_that_is_too_long_is_cut_and_counted(tokenizer):
    encoded = encode([("great " * 20, "great"), ("great", "great")], tokenizer, max_length=16)
    assert encoded.truncated == 1 and encoded.lengths == [16, 5]
    assert encoded.segments[0][-2:] == [1, 1]  # the longer text gave way, not the shorter


# Padding


def test_a_batch_is_padded_to_its_own_longest_text():
    encoded = Encoded([[2, 5, 3], [2, 3], [2, 5, 6, 7, 8, 3]], [[0] * 3, [0] * 2, [0, 0, 0, 1, 1, 1]], 0, 9)
    batch = encoded.batch([1, 0])
    assert batch["input_ids"].tolist() == [[2, 3, 9], [2, 5, 3]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch["token_type_ids"].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert encoded.batch([1, 2])["input_ids"].shape == (2, 6)
    assert encoded.batch([1, 2])["token_type_ids"].tolist() == [[0] * 6, [0, 0, 0, 1, 1, 1]]


# Order


@pytest.mark.parametrize("size", [1, 7, 32, 2000, 5000])
def test_every_example_is_in_one_batch_and_no_batch_is_too_large(size):
    for batches in (sorted_batches(LENGTHS, size), shuffled_batches(LENGTHS, size, seeded(1))):
        assert sorted(index for batch in batches for index in batch) == list(range(len(LENGTHS)))
        assert max(map(len, batches)) <= size
        assert len(batches) == -(-len(LENGTHS) // size)


def test_sorted_batches_begin_with_the_longest_and_keep_equals_in_order():
    assert sorted_batches([3, 9, 5, 9, 1], 2) == [[1, 3], [2, 0], [4]]
    lengths = [LENGTHS[index] for batch in sorted_batches(LENGTHS, 32) for index in batch]
    assert lengths == sorted(LENGTHS, reverse=True)


def test_one_seed_gives_one_order_and_another_seed_or_epoch_another():
    generator = seeded(1)
    first, second = (shuffled_batches(LENGTHS, 32, generator) for _ in range(2))
    assert shuffled_batches(LENGTHS, 32, seeded(1)) == first
    assert first != second
    assert first != shuffled_batches(LENGTHS, 32, seeded(2))


def test_shuffled_batches_hold_texts_of_like_length_in_no_order_of_length():
    batches = shuffled_batches(LENGTHS, 8, seeded(3))
    padded = sum(len(batch) * max(LENGTHS[i] for i in batch) for batch in batches)
    assert padded < 1.05 * sum(LENGTHS)
    unsorted = [range(start, start + 8) for start in range(0, len(LENGTHS), 8)]
    assert sum(8 * max(LENGTHS[i] for i in batch) for batch in unsorted) > 1.5 * sum(LENGTHS)
    longest = torch.tensor([max(LENGTHS[i] for i in batch) for batch in batches], dtype=torch.float)
    position = torch.arange(len(longest), dtype=torch.float)
    assert abs(torch.corrcoef(torch.stack([longest, position]))[0, 1]) < 0.2
