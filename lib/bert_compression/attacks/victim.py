"""The model under attack, as TextAttack sees it: texts in, logits out, no work done twice.

TextAttack's own wrapper pads every query to the longest text that the model could read. This one pads to
the longest text of the batch, and never puts the same query to the model a second time.
"""

import hashlib
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from bert_compression.checks import checked, has, in_range
from bert_compression.compression import model_inputs
from bert_compression.tasks.batching import Encoded, encode, sorted_batches

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Answers that are kept, at some 500 bytes each. The oldest go first.
REMEMBERED = 2**17


@checked
class Victim:
    """Answers TextAttack's queries with a classifier.

    `model` is a transformers classifier, as it is or quantized or pruned in place; `tokenizer` is its
    tokenizer. Texts are cut to `max_length` tokens. With `one_at_a_time`, every text is a batch of
    its own: the answers of a batch-dependent model (activation ranges taken over the whole batch) hang on the
    other texts, and on padding: with `padded` each text is filled up to `max_length`, alone or not.

    Calling it with texts (strings, or tuples of strings for tasks about pairs) gives float32 logits of
    the shape (texts, classes). `forwards` and `texts_seen` count what was really computed.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        tokenizer: "PreTrainedTokenizerBase",
        max_length: int,
        one_at_a_time: bool = False,
        batch_size: int = 32,
        padded: bool = False,
    ):
        has(model, "model", "device")
        in_range(batch_size, "batch_size", 1)
        self.model = model  # TextAttack looks at its class
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.batch_size = 1 if one_at_a_time else batch_size
        self.padded_to = max_length if padded else None
        self.forwards = self.texts_seen = 0
        self._answers: dict[bytes, torch.Tensor] = {}

    def __call__(self, texts: Sequence[str | tuple[str, ...]]) -> torch.Tensor:
        encoded = self._encode(texts)
        # The key is what the model reads, so that texts that it cannot tell apart tie exactly.
        keys = [_digest(*inputs) for inputs in zip(encoded.ids, encoded.segments, strict=True)]
        answers = {key: self._answers[key] for key in keys if key in self._answers}
        new = list({key: index for index, key in enumerate(keys) if key not in answers}.values())
        for positions in sorted_batches([encoded.lengths[index] for index in new], self.batch_size):
            batch = [new[position] for position in positions]
            answers.update(zip((keys[index] for index in batch), self._forward(encoded, batch), strict=True))
        self._answers.update(answers)
        while len(self._answers) > REMEMBERED:
            self._answers.pop(next(iter(self._answers)))
        return torch.stack([answers[key] for key in keys])

    def alone(self, text: str | tuple[str, ...]) -> torch.Tensor:
        """The logits of one text, computed afresh as a batch of its own: shape (classes,)."""
        return self._forward(self._encode([text]), [0])[0]

    def characters_read(self, texts: tuple[str, ...], column: int) -> int:
        """How much of a column the model reads: the characters up to the end of the last token that fits."""
        cut = self.tokenizer(*texts, truncation=True, max_length=self.max_length, return_offsets_mapping=True)
        ends = zip(cut["offset_mapping"], cut.sequence_ids(0), strict=True)
        return max((end for (_, end), of_column in ends if of_column == column), default=0)

    def _encode(self, texts: Sequence[str | tuple[str, ...]]) -> Encoded:
        columns = [(text,) if isinstance(text, str) else tuple(text) for text in texts]
        return encode(columns, self.tokenizer, self.max_length)

    def _forward(self, encoded: Encoded, indices: Sequence[int]) -> torch.Tensor:
        self.forwards += 1
        self.texts_seen += len(indices)
        with torch.inference_mode():
            batch = encoded.batch(indices, self.padded_to)
            there = {name: tensor.to(self.model.device) for name, tensor in batch.items()}
            return self.model(**model_inputs(self.model, there)).logits.float().cpu()


def _digest(ids: list[int], segments: list[int]) -> bytes:
    """What the model reads, in 20 bytes: of a long review, the numbers themselves would take ten thousand."""
    return hashlib.sha1(array("i", [*ids, -1, *segments]).tobytes(), usedforsecurity=False).digest()
