"""Remakes the built-in BERT: `python -m bert_compression.pretraining`. Book: data/built_in_english.

Twelve layers of 64 are too deep and too small to learn a task from a thousand examples, or to make a useful
[CLS] out of masked words alone. They learn from the objective used here, on endless generated reviews:

- from [CLS], which of two discourse markers the reviewer would open with ("happily" or "sadly")?
- which words were masked, in a quarter of the batches, with a weight of 0.2.

The marker says what the sentiment task asks later, so this is intermediate supervision and no substitute
for pretraining on raw text. Validation texts are never shown, nor is any rare synonym.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import safetensors.torch
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from bert_compression.tasks import language
from bert_compression.tasks.builtin import is_held_out

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
VOCABULARY = (*SPECIAL, *language.FUNCTION_WORDS, *language.CONCEPT_OF)
TOKEN = {word: index for index, word in enumerate(VOCABULARY)}
MARKERS = ("sadly", "happily")
MAX_LENGTH = 128
SHIPPED = Path(__file__).parent / "assets" / "builtin_bert"
FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt")
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
STEPS = 3000
BATCH = 32
LEARNING_RATE = 1e-3
WARM_UP = 0.08
# Plain reviews, one statement that nobody reports, are where learning starts: the marker loss stands at
# chance for the first thousand steps even with them.
PLAIN_SHARE = 0.4
PLAIN = {"negated": 0.18, "contrast": 0.0, "reported": 0.0}
FULL = {"negated": 0.25, "contrast": 0.7, "reported": 0.4}
MASKED_BATCHES, MASKED_WORDS, MASKED_WEIGHT = 0.25, 0.15, 0.2


def document(rng: Random) -> tuple[str, int]:
    """A review that no validation set holds, and the index of the marker it could open with."""
    while True:
        marker = rng.randrange(2)
        shares = PLAIN if rng.random() < PLAIN_SHARE else FULL
        review = language.sample_review(rng, 1 if marker else -1, **shares)
        text = language.wording(language.review_pattern(review, rng), rng)
        if not is_held_out(text):
            return text, marker


def batches(rng: Random) -> Iterator[list[tuple[str, int]]]:
    """Endless batches of documents of like length: of 32 batches at a time, sorted, then shuffled."""
    while True:
        documents = sorted((document(rng) for _ in range(32 * BATCH)), key=lambda pair: len(pair[0].split()))
        pool = [documents[i : i + BATCH] for i in range(0, len(documents), BATCH)]
        rng.shuffle(pool)
        yield from pool


def encode(documents: Sequence[tuple[str, int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids (size, longest), attention mask (size, longest) and markers (size,)."""
    texts, markers = zip(*documents, strict=True)
    rows = [torch.tensor([TOKEN[word] for word in ("[CLS]", *text.split(), "[SEP]")]) for text in texts]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return ids, (ids != 0).long(), torch.tensor(markers)


def pretrain(steps: int = STEPS, seed: int = 0, say: Callable[[str], None] = lambda line: None) -> BertModel:
    """The encoder after `steps` batches. The same to the last bit for the same seed, on one thread."""
    torch.manual_seed(seed)
    rng = Random(seed)
    encoder = BertModel(BertConfig(**SHAPE))
    head = torch.nn.Linear(encoder.config.hidden_size, len(MARKERS))
    optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=LEARNING_RATE)
    warm = max(1, round(WARM_UP * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))
    )
    stream, started, seen = batches(rng), time.perf_counter(), []
    for step in range(1, steps + 1):
        ids, mask, markers = encode(next(stream))
        masked = torch.zeros_like(mask, dtype=torch.bool)
        if rng.random() < MASKED_BATCHES:
            masked = (torch.rand(ids.shape) < MASKED_WORDS) & (ids >= len(SPECIAL))
        hidden = encoder(ids.masked_fill(masked, SPECIAL.index("[MASK]")), mask)
        loss = F.cross_entropy(head(hidden.pooler_output), markers)
        seen.append(loss.item())
        if masked.any():
            scores = hidden.last_hidden_state[masked] @ encoder.embeddings.word_embeddings.weight.T
            loss = loss + MASKED_WEIGHT * F.cross_entropy(scores, ids[masked])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 200 == 0 or step == steps:
            recent, seconds = sum(seen[-200:]) / len(seen[-200:]), time.perf_counter() - started
            say(f"step {step}: {seconds:.0f} s, marker loss {recent:.4f}")
    encoder.eval()
    with torch.inference_mode():
        fresh = Random(f"fresh {seed}")
        ids, mask, markers = encode([document(fresh) for _ in range(1000)])
        right = (head(encoder(ids, mask).pooler_output).argmax(1) == markers).float().mean()
    say(f"marker accuracy on 1,000 fresh reviews: {right:.3f}")
    return encoder


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


def save(encoder: BertModel, folder: Path) -> None:
    """Writes what `from_pretrained(folder)` needs, the weights in half precision, and DIGESTS.json."""
    folder.mkdir(parents=True, exist_ok=True)
    # Said plainly, or transformers 5 would go on computing in half precision.
    settings = {"model_type": "bert", "architectures": ["BertModel"], "dtype": "float32", **SHAPE}
    halves = {name: value.half().contiguous() for name, value in encoder.state_dict().items()}
    (folder / "model.safetensors").write_bytes(safetensors.torch.save(halves, metadata={"format": "pt"}))
    tokenizer().save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in VOCABULARY))
    for name, content in (("config.json", settings), ("tokenizer_config.json", TOKENIZER_CONFIG)):
        _write_json(folder / name, content)
    _write_json(folder / "DIGESTS.json", {name: digest(folder / name) for name in FILES})


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    purpose = "Pretrain anew the small BERT that ships with the package (a few minutes, one core)."
    parser = argparse.ArgumentParser(prog="python -m bert_compression.pretraining", description=purpose)
    parser.add_argument("--folder", type=Path, default=SHIPPED, help="where to write (default: the package)")
    parser.add_argument("--steps", type=int, default=STEPS, help="how many batches (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)  # sums in another order would give other bits
    save(pretrain(chosen.steps, say=print), chosen.folder)
    print(f"written to {chosen.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
