"""From texts to padded batches. Batches hold texts of like length, so that nothing is padded to a fixed one:
on short sentences that is worth 4 to 20 times the speed of padding to 128 or 512."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import torch

from bert_compression.checks import checked, in_range
from bert_compression.errors import BadInput

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


MOST_TOKENS = 1_000_000  # of a text, or texts of a batch


@checked
@dataclass(frozen=True)
class Encoded:
    """Token ids and segment ids of each example, and how many texts were cut to the model's length."""

    ids: list  # of token ids a text
    segments: list
    truncated: int
    pad_id: int

    def __post_init__(self):
        try:
            lengths, others = ([len(row) for row in rows] for rows in (self.ids, self.segments))
            types = set(map(type, chain(chain.from_iterable(self.ids), chain.from_iterable(self.segments))))
        except TypeError as error:
            raise BadInput("ids and segments must be lists of lists of whole numbers") from error
        if not types <= {int}:
            raise BadInput("ids and segments must be whole numbers, one for each token")
        if lengths != others:
            raise BadInput("each text must have as many segment ids as token ids")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> list[int]:
        return [len(ids) for ids in self.ids]

    def batch(self, indices: Sequence[int], length: int | None = None) -> dict[str, torch.Tensor]:
        """The model's inputs for these examples, each (batch, length), by default that of the longest."""
        length = max(length or 0, *(len(self.ids[i]) for i in indices))

        def padded(rows: list[list[int]], fill: int) -> torch.Tensor:
            return torch.tensor([rows[i] + [fill] * (length - len(rows[i])) for i in indices])

        mask = torch.tensor([[1] * len(self.ids[i]) + [0] * (length - len(self.ids[i])) for i in indices])
        return {
            "input_ids": padded(self.ids, self.pad_id),
            "token_type_ids": padded(self.segments, 0),
            "attention_mask": mask,
        }


@checked
def encode(
    texts: Sequence[tuple[str, ...]], tokenizer: "PreTrainedTokenizerBase", max_length: int
) -> Encoded:
    """Tokenize texts (one or two columns) once. Longer ones are cut to `max_length` tokens, and counted.

    Raises BadInput for no text, rows of different length, and a `max_length` that leaves no room for a word.
    """
    if not len(texts) or {len(row) for row in texts} not in ({1}, {2}):
        raise BadInput("texts must be rows of one text each, or of two each, and at least one row")
    special = tokenizer.num_special_tokens_to_add(pair=len(texts[0]) == 2)
    in_range(max_length, "max_length", special + 1, MOST_TOKENS)
    columns = [list(column) for column in zip(*texts, strict=True)]
    cut = tokenizer(*columns, truncation=True, max_length=max_length, return_token_type_ids=True)
    full = [i for i, ids in enumerate(cut["input_ids"]) if len(ids) == max_length]
    truncated = 0
    if full:
        whole = tokenizer(*([column[i] for i in full] for column in columns), verbose=False)
        truncated = sum(len(ids) > max_length for ids in whole["input_ids"])
    return Encoded(cut["input_ids"], cut["token_type_ids"], truncated, tokenizer.pad_token_id)


@checked
def sorted_batches(lengths: Sequence[int], size: int) -> list[list[int]]:
    """All examples in batches of like length, longest first, so that memory runs out at once or never.
    Raises BadInput for batches of less than one example."""
    in_range(size, "the size of a batch", 1)
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    return [order[start : start + size] for start in range(0, len(order), size)]


@checked
def shuffled_batches(lengths: Sequence[int], size: int, generator: torch.Generator) -> list[list[int]]:
    """One epoch: random batches of like length in random order.

    Examples are shuffled, sorted by length within windows of 50 batches, and the batches shuffled: random
    enough to train on, and nearly free of padding. Raises BadInput for batches of less than one example.
    """
    order = torch.randperm(len(lengths), generator=generator).tolist()
    in_range(size, "the size of a batch", 1)
    window = 50 * size
    batches = []
    for start in range(0, len(order), window):
        part = sorted(order[start : start + window], key=lambda i: lengths[i])
        batches += [part[at : at + size] for at in range(0, len(part), size)]
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
