"""A masked language model for BERT-ATTACK: from the hub, or a head trained over an encoder that has none.

all-MiniLM-L6-v2 and the built-in BERT come without a head that guesses words. `masked_lm_over` puts BERT's
own over them, `training.train` fits it to texts without labels with the objective `MaskedWords`, and
`save_masked_lm` keeps it. Book: metrics/attacks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from bert_compression.checks import checked, in_range
from bert_compression.compression import encoder_layers, mask_words, model_inputs
from bert_compression.compression.storage import put_in_place
from bert_compression.errors import BadInput
from bert_compression.models import load_encoder, pretrained_from
from bert_compression.tasks.augmentation import WORD

if TYPE_CHECKING:
    from transformers import BertForMaskedLM, PreTrainedTokenizerBase


@checked
def masked_lm_over(encoder: str, tuned_layers: int = 1) -> "BertForMaskedLM":
    """The encoder under a new masked-word head, of which only the head and the topmost `tuned_layers` layers
    are to be trained.

    The head is BERT's: a dense layer, GELU, LayerNorm, and the encoder's own word embeddings to compare
    with. Nothing is drawn: the dense layer begins as the identity, so that a state is compared as it is.
    Raises BadInput for an encoder that is not to be had, and for more layers than it has.
    """
    from transformers import BertForMaskedLM

    pretrained = load_encoder(encoder, num_labels=2, seed=0).bert
    if not 0 <= tuned_layers <= pretrained.config.num_hidden_layers:
        raise BadInput(
            f"tuned_layers must lie in 0..{pretrained.config.num_hidden_layers} for {encoder!r}, "
            f"but is {tuned_layers}"
        )
    model = BertForMaskedLM(pretrained.config)
    model.bert.load_state_dict(pretrained.state_dict(), strict=False)  # all but the pooler, which is not used
    nn.init.eye_(model.cls.predictions.transform.dense.weight)
    model.tie_weights()
    model.bert.requires_grad_(False)
    for layer in encoder_layers(model)[pretrained.config.num_hidden_layers - tuned_layers :]:
        layer.requires_grad_(True)
    return model.eval()


@checked
@dataclass(frozen=True)
class MaskedWords:
    """The objective of such a model: cross-entropy of the words that BERT's rule has chosen (15 %, see
    `compression.layerwise.mask_words`), in the mean over them; 0 where it chose none.

    `mask_id` is [MASK]; `special_ids` are never chosen.
    """

    mask_id: int
    special_ids: Sequence[int]
    needs = ()

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        words = batch["input_ids"]
        special = torch.tensor(list(self.special_ids), device=words.device)
        vocabulary = student.config.vocab_size
        masked, chosen = mask_words(words, batch["attention_mask"], self.mask_id, special, vocabulary)
        states = student.bert(**model_inputs(student, {**batch, "input_ids": masked})).last_hidden_state
        # Scores of 30,522 words for every token would cost more than the encoder.
        scores = student.cls(states[chosen]).float()
        return cross_entropy(scores, words[chosen], reduction="sum") / chosen.sum().clamp(min=1)


@checked
@torch.inference_mode()
def masked_word_guesses(
    model: "BertForMaskedLM",
    tokenizer: "PreTrainedTokenizerBase",
    text: str,
    open_places: Sequence[bool],
    guesses: int,
    max_length: int,
) -> list[tuple[str, ...]]:
    """What does the model put in the place of each word of `words_of(text)`: its likeliest whole words.

    The text with the word masked stands as the first segment, the text as it is as the second, as in
    TinyBERT's data augmentation: so the model knows what is to be said otherwise. A word that is not open, or
    of several pieces, gets no guess, nor one that is cut off. Raises BadInput where `open_places` tells of
    another number of words.
    """
    in_range(guesses, "guesses", 1, model.config.vocab_size)
    in_range(max_length, "max_length", 5)
    if len(open_places) != len(WORD.findall(text)):
        words = len(WORD.findall(text))
        raise BadInput(f"open_places must tell of each of {words} words, and there are {len(open_places)}")
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, starts = encoded["input_ids"][: (max_length - 3) // 2], {}
    for place, (begin, end) in enumerate(encoded["offset_mapping"][: len(ids)]):
        starts[begin] = (place, end)
    found: list[tuple[str, ...]] = [() for _ in open_places]
    places: dict[int, int] = {}  # of a word, its token
    for number, match in enumerate(WORD.finditer(text)):
        place, end = starts.get(match.start(), (-1, -1))
        if open_places[number] and end == match.end():
            places[number] = place
    if not places:
        return found
    rows = []
    for place in places.values():
        masked = [*ids[:place], tokenizer.mask_token_id, *ids[place + 1 :]]
        rows.append([tokenizer.cls_token_id, *masked, tokenizer.sep_token_id, *ids, tokenizer.sep_token_id])
    device = next(model.parameters()).device
    inputs = torch.tensor(rows, device=device)
    segments = torch.tensor([0] * (len(ids) + 2) + [1] * (len(ids) + 1), device=device).expand_as(inputs)
    states = model.bert(input_ids=inputs, token_type_ids=segments).last_hidden_state
    chosen = states[torch.arange(len(rows)), torch.tensor(list(places.values())) + 1]
    best = model.cls(chosen).topk(guesses).indices.tolist()
    for number, row in zip(places, best, strict=True):
        words = tokenizer.convert_ids_to_tokens(row)
        found[number] = tuple(word for word in words if word.isalpha())
    return found


@checked
def save_masked_lm(model: "BertForMaskedLM", folder: str | Path) -> None:
    """Write config.json and model.safetensors into `folder`, for `load_masked_lm` to read."""
    with put_in_place(Path(folder)) as unfinished:
        model.save_pretrained(unfinished, safe_serialization=True)


@checked
def load_masked_lm(name: str | Path) -> "BertForMaskedLM":
    """The masked language model in a folder or of that name on the hub, in fp32 and evaluation mode; its
    tokenizer is that of the encoder.

    Raises BadInput where it is not to be had, only as a pickle, or has no head that guesses words.
    """
    from transformers import AutoModelForMaskedLM

    options = {"use_safetensors": True, "dtype": torch.float32, "output_loading_info": True}
    model, report = pretrained_from(AutoModelForMaskedLM, str(name), **options)
    # The last matrix is that of the embeddings, and files leave it out.
    missing = [key for key in report["missing_keys"] if ".decoder." not in key]
    if missing:
        raise BadInput(f"{str(name)!r} guesses no words ({missing[0]} is missing): train a head over it")
    return model.eval()
