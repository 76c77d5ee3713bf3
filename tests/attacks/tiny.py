"""A tiny BERT over the built-in language, with random weights: it answers at once and is easily fooled."""

from dataclasses import dataclass
from random import Random
from types import SimpleNamespace

import torch

from bert_compression.attacks.victim import Victim
from bert_compression.smoke import language

TASK = SimpleNamespace(name="sst2", columns=("sentence",), labels=("negative", "positive"), attacked=0)
PAIRS = SimpleNamespace(name="pairs", columns=("premise", "hypothesis"), labels=("yes", "no"), attacked=1)
MAX_LENGTH = 64


@dataclass(frozen=True)
class Examples:
    texts: tuple[tuple[str, ...], ...]
    labels: tuple[int, ...]


def tiny_tokenizer():
    """One token a word of the built-in language, in small letters; every other word is unknown."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *language.FUNCTION_WORDS, *language.CONCEPT_OF]
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys(words))}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    core.normalizer, core.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        model_max_length=MAX_LENGTH,
        pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
    )  # fmt: skip


def tiny_bert(vocabulary_size: int, seed: int):
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=vocabulary_size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=MAX_LENGTH, initializer_range=0.3, num_labels=2,
    )  # fmt: skip
    return BertForSequenceClassification(config).eval()


def labelled(model, tokenizer, texts, wrong_every: int = 6) -> Examples:
    """Examples that the model answers rightly, but for every n-th (0: for none)."""
    victim = Victim(model, tokenizer, MAX_LENGTH)
    answers = [int(victim.alone(text).argmax()) for text in texts]
    labels = [1 - a if wrong_every and i % wrong_every == 0 else a for i, a in enumerate(answers)]
    columns = [(text,) if isinstance(text, str) else text for text in texts]
    return Examples(tuple(columns), tuple(labels))


def sentences(count: int, seed: int = 0) -> list[str]:
    rng = Random(seed)
    reviews = [language.sample_review(rng, rng.choice((1, -1))) for _ in range(count)]
    return [language.wording(language.review_pattern(review, rng), rng) for review in reviews]


def batch_dependent(forward):
    """A model's forward as it would be with an activation range taken over the whole batch."""

    def wrapped(**inputs):
        output = forward(**inputs)
        scale = output.logits.abs().max() / 3
        output.logits = (output.logits / scale).round() * scale
        return output

    return wrapped
