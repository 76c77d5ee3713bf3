"""Remakes the built-in BERT: `python -m bert_compression.smoke.pretraining`. Book: data/built_in_english.

Twelve layers of 64 are too deep and too small to learn a task from a thousand examples, or to make a useful
[CLS] out of masked words alone. They learn from the objective used here, on endless generated texts:

- from [CLS], which discourse marker fits? Of a review, what the reviewer would open with, "sadly" or
  "happily"; of two statements, what would stand between them, "namely", "so", "perhaps" or "no"; and so on
  for the other kinds of text (`MARKERS`).
- from the last hidden states, where in a passage does the answer to a question begin and end? At [CLS] where
  the passage does not answer it.
- which words were masked, in a quarter of the batches, with a weight of 0.2.

The markers and spans say what the tasks ask later, so this is intermediate supervision and no substitute for
pretraining on raw text. The texts are in `pretraining_texts`.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from random import Random

import safetensors.torch
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from bert_compression.smoke import language
from bert_compression.smoke.pretraining_texts import BATCH, KIND_OF_MARKER, KINDS, Document, batches, document

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
VOCABULARY = (*SPECIAL, *language.FUNCTION_WORDS, *language.CONCEPT_OF)
TOKEN = {word: index for index, word in enumerate(VOCABULARY)}
NEVER_SHOWN = [TOKEN[word] for word, concept in language.CONCEPT_OF.items() if word in concept.rare]
MAX_LENGTH = 128
SHIPPED = Path(__file__).parent / "assets" / "builtin_bert"
FILES = (
    *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"),
    "recipe.json",
)
# Twelve layers, so that layer numbers mean what they mean in the papers; 0.44 million parameters.
SHAPE = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 64,
    "num_hidden_layers": 12,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": MAX_LENGTH,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "initializer_range": 0.045,
}
STEPS = 14_000
LEARNING_RATE = 1e-3
WARM_UP = 0.08
MASKED_BATCHES, MASKED_WORDS, MASKED_WEIGHT = 0.25, 0.15, 0.2
NOT_ASKED = (-100, -100)  # which cross-entropy leaves out


def encode(documents: Sequence[Document]) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor]:
    """The encoder's inputs, each (size, longest), the markers (size,), and the first and last tokens of the
    spans (size, 2), `NOT_ASKED` of a document without a passage."""
    ids, segments = [], []
    for texts, _, _ in documents:
        parts = [[TOKEN[word] for word in (*text.split(), "[SEP]")] for text in texts]
        ids.append(torch.tensor([TOKEN["[CLS]"], *(token for part in parts for token in part)]))
        segments.append(torch.tensor([0] + [side for side, part in enumerate(parts) for _ in part]))
    padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
    inputs = {
        "input_ids": padded,
        "token_type_ids": torch.nn.utils.rnn.pad_sequence(segments, batch_first=True),
        "attention_mask": (padded != 0).long(),
    }
    markers = torch.tensor([each.marker for each in documents])
    return inputs, markers, torch.tensor([each.span or NOT_ASKED for each in documents])


def pretrain(steps: int = STEPS, seed: int = 0, say: Callable[[str], None] = lambda line: None) -> BertModel:
    """The encoder after `steps` batches. The same to the last bit for the same seed, on one thread."""
    torch.manual_seed(seed)
    rng = Random(seed)
    encoder = BertModel(BertConfig(**SHAPE))
    head = torch.nn.Linear(encoder.config.hidden_size, len(KIND_OF_MARKER))
    span_head = torch.nn.Linear(encoder.config.hidden_size, 2)
    parameters = [*encoder.parameters(), *head.parameters(), *span_head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, fused=True)
    warm = max(1, round(WARM_UP * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))
    )
    stream, started, seen = batches(rng), time.perf_counter(), []
    for step in range(1, steps + 1):
        inputs, markers, spans = encode(next(stream))
        ids = inputs["input_ids"]
        masked = torch.zeros_like(ids, dtype=torch.bool)
        if rng.random() < MASKED_BATCHES:
            masked = (torch.rand(ids.shape) < MASKED_WORDS) & (ids >= len(SPECIAL))
        hidden = encoder(**{**inputs, "input_ids": ids.masked_fill(masked, SPECIAL.index("[MASK]"))})
        marker_loss = F.cross_entropy(_scores(head, hidden.pooler_output, markers), markers)
        places = _places(span_head, hidden.last_hidden_state, inputs["attention_mask"])
        # Every document weighs the same, so that a batch of few passages learns little from them.
        span_loss = F.cross_entropy(places, spans, reduction="sum") / spans.numel()
        loss = marker_loss + span_loss
        seen.append((marker_loss.item(), span_loss.item()))
        if masked.any():
            scores = hidden.last_hidden_state[masked] @ encoder.embeddings.word_embeddings.weight.T
            loss = loss + MASKED_WEIGHT * F.cross_entropy(scores, ids[masked])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 200 == 0 or step == steps:
            recent, seconds = torch.tensor(seen[-200:]).mean(dim=0), time.perf_counter() - started
            say(f"step {step}: {seconds:.0f} s, marker loss {recent[0]:.4f}, span loss {recent[1]:.4f}")
    encoder.eval()
    with torch.no_grad():
        # Choosing masked words has pushed the vectors of all that never occur the same way.
        encoder.embeddings.word_embeddings.weight[NEVER_SHOWN] = 0
        fresh = Random(f"fresh {seed}")
        inputs, markers, spans = encode([document(fresh) for _ in range(2000)])
        hidden = encoder(**inputs)
        scores = _scores(head, hidden.pooler_output, markers)
        places = _places(span_head, hidden.last_hidden_state, inputs["attention_mask"])
    right = (scores.argmax(1) == markers).float()
    for index, kind in enumerate(KINDS):
        chosen = torch.tensor(KIND_OF_MARKER)[markers] == index
        say(f"marker accuracy on {int(chosen.sum()):,} fresh {kind}: {right[chosen].mean():.3f}")
    asked = spans[:, 0] >= 0
    exact = (places.argmax(dim=1) == spans)[asked].all(dim=1).float()
    say(f"exact spans in these passages: {exact.mean():.3f}")
    return encoder


def _scores(head: torch.nn.Linear, vectors: torch.Tensor, markers: torch.Tensor) -> torch.Tensor:
    """The head's score of every marker, (size, markers); minus infinity for markers of another kind."""
    kinds = torch.tensor(KIND_OF_MARKER)
    return head(vectors).masked_fill(kinds[markers][:, None] != kinds, -torch.inf)


def _places(head: torch.nn.Linear, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The head's score of every token as a beginning and as an end, (size, tokens, 2); minus infinity for
    padding."""
    return head(states).masked_fill(mask[:, :, None] == 0, -torch.inf)


def tokenizer() -> Tokenizer:
    """Lower-cased whole words between [CLS] and [SEP]; a word outside the vocabulary becomes [UNK]."""
    tokens = Tokenizer(models.WordPiece(TOKEN, unk_token="[UNK]"))
    tokens.add_special_tokens(list(SPECIAL))
    tokens.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokens.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokens.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(token, TOKEN[token]) for token in ("[CLS]", "[SEP]")],
    )
    tokens.decoder = decoders.WordPiece()
    return tokens


TOKENIZER_CONFIG = {
    "tokenizer_class": "BertTokenizer",
    "do_lower_case": True,
    "model_max_length": MAX_LENGTH,
    **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")},
}


def recipe(steps: int) -> dict[str, object]:
    """What the weights are made with: the settings, and a digest of the first texts that are shown.

    It is kept beside the weights, so that a language or a setting that has changed since is noticed.
    """
    shown = json.dumps(list(islice(batches(Random(0)), 32)))
    return {
        "steps": steps,
        "batch": BATCH,
        "learning_rate": LEARNING_RATE,
        "warm_up": WARM_UP,
        "masked": [MASKED_BATCHES, MASKED_WORDS, MASKED_WEIGHT],
        "first_texts_sha256": hashlib.sha256(shown.encode()).hexdigest(),
    }


def save(encoder: BertModel, folder: Path, steps: int) -> None:
    """Writes what `from_pretrained(folder)` needs, the weights in half precision, with recipe and digests."""
    folder.mkdir(parents=True, exist_ok=True)
    # Said plainly, or transformers 5 would go on computing in half precision.
    settings = {"model_type": "bert", "architectures": ["BertModel"], "dtype": "float32", **SHAPE}
    halves = {name: value.half().contiguous() for name, value in encoder.state_dict().items()}
    (folder / "model.safetensors").write_bytes(safetensors.torch.save(halves, metadata={"format": "pt"}))
    tokenizer().save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in VOCABULARY), encoding="utf-8")
    contents = {
        "config.json": settings,
        "tokenizer_config.json": TOKENIZER_CONFIG,
        "recipe.json": recipe(steps),
    }
    for name, content in contents.items():
        _write_json(folder / name, content)
    _write_json(folder / "DIGESTS.json", {name: digest(folder / name) for name in FILES})


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    purpose = "Pretrain anew the small BERT that ships with the package (a quarter of an hour, one core)."
    parser = argparse.ArgumentParser(prog="python -m bert_compression.smoke.pretraining", description=purpose)
    parser.add_argument("--folder", type=Path, default=SHIPPED, help="where to write (default: the package)")
    parser.add_argument("--steps", type=int, default=STEPS, help="how many batches (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)  # sums in another order would give other bits
    save(pretrain(chosen.steps, say=print), chosen.folder, chosen.steps)
    print(f"written to {chosen.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
