"""Remakes the built-in BERT: `python -m bert_compression.pretraining`. Book: data/built_in_english.

Twelve layers of 64 are too deep and too small to learn a task from a thousand examples, or to make a useful
[CLS] out of masked words alone. They learn from the objective used here, on endless generated texts:

- from [CLS], which discourse marker fits? Of a review, what the reviewer would open with, "sadly" or
  "happily"; of two statements, what would stand between them, "namely", "so", "perhaps" or "no"; and so on
  for the other kinds of text (`MARKERS`).
- which words were masked, in a quarter of the batches, with a weight of 0.2.

The markers say what the tasks ask later, so this is intermediate supervision and no substitute for
pretraining on raw text. Validation texts are never shown, nor is any rare synonym.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random

import safetensors.torch
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from bert_compression.tasks import language
from bert_compression.tasks.acceptability import sample_sentence
from bert_compression.tasks.builtin import is_held_out
from bert_compression.tasks.inferences import TOPICS, sample_pair
from bert_compression.tasks.paraphrases import equivalent
from bert_compression.tasks.questions import question_pattern, sample_answer, sample_questions
from bert_compression.tasks.statements import statement_pattern

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
VOCABULARY = (*SPECIAL, *language.FUNCTION_WORDS, *language.CONCEPT_OF)
TOKEN = {word: index for index, word in enumerate(VOCABULARY)}
NEVER_SHOWN = [TOKEN[word] for word, concept in language.CONCEPT_OF.items() if word in concept.rare]
# By kind of text, which stands for a question about it, and in the order of the task's labels. Between two
# statements "namely" fits where they say the same, and "so" where the second only follows.
MARKERS = {
    "reviews": ("sadly", "happily"),  # what the reviewer would open with
    "pairs of statements": ("so", "perhaps", "no", "namely"),  # what would stand between the two
    "pairs of questions": ("besides", "namely"),
    "questions with statements": ("well", "anyway"),
    "sentences": ("pardon", "right"),  # what a listener would say
}
KINDS = tuple(MARKERS)
KIND_OF_MARKER = [kind for kind, markers in enumerate(MARKERS.values()) for _ in markers]
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
STEPS = 12_000
BATCH = 32
LEARNING_RATE = 1e-3
WARM_UP = 0.08
SHARES = dict(zip(KINDS, (25, 35, 14, 12, 14), strict=True))
# Plain texts are where learning starts: reviews of one statement that nobody reports, pairs that differ in
# one thing, simple statements.
PLAIN_SHARE = 0.4
PLAIN = {"negated": 0.18, "contrast": 0.0, "reported": 0.0}
FULL = {"negated": 0.25, "contrast": 0.7, "reported": 0.4}
MASKED_BATCHES, MASKED_WORDS, MASKED_WEIGHT = 0.25, 0.15, 0.2

Document = tuple[tuple[str, ...], int]  # a text or two, and the index of the marker among all of all kinds


def document(rng: Random) -> Document:
    """A text or two that no validation set holds, without rare words, and the index of the marker."""
    plain = rng.random() < PLAIN_SHARE
    while True:
        kind = rng.choices(KINDS, list(SHARES.values()))[0]
        patterns, marker = _draw(kind, rng, plain)
        texts = tuple(language.wording(pattern, rng) for pattern in patterns)
        if not is_held_out("\n".join(texts)):
            return texts, KIND_OF_MARKER.index(KINDS.index(kind)) + marker


def _draw(kind: str, rng: Random, plain: bool) -> tuple[list[language.Pattern], int]:
    """A text or two of the kind, and the index of the marker among those of the kind."""
    topic = rng.choice(TOPICS)
    marker = rng.randrange(3 if kind == "pairs of statements" else 2)
    if kind == "reviews":
        review = language.sample_review(rng, 1 if marker else -1, **(PLAIN if plain else FULL))
        return [language.review_pattern(review, rng)], marker
    if kind == "pairs of statements":
        pair = sample_pair(rng, topic, marker, plain)
        return [statement_pattern(each, rng) for each in pair], 3 if equivalent(*pair) else marker
    if kind == "pairs of questions":
        asked = sample_questions(rng, topic, same=marker == 1, plain=plain)
        return [question_pattern(each, rng) for each in asked], marker
    if kind == "questions with statements":
        question, statement = sample_answer(rng, topic, wanted=marker == 0, plain=plain)
        return [question_pattern(question, rng), statement_pattern(statement, rng)], marker
    return [sample_sentence(rng, topic, acceptable=marker == 1, plain=plain)], marker


def length(document: Document) -> int:
    """How many words its texts have together."""
    return sum(len(text.split()) for text in document[0])


def batches(rng: Random) -> Iterator[list[Document]]:
    """Endless batches of documents of like length: of 32 batches at a time, sorted, then shuffled."""
    while True:
        documents = sorted((document(rng) for _ in range(32 * BATCH)), key=length)
        pool = [documents[i : i + BATCH] for i in range(0, len(documents), BATCH)]
        rng.shuffle(pool)
        yield from pool


def encode(documents: Sequence[Document]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The encoder's inputs, each (size, longest), and the markers (size,)."""
    ids, segments = [], []
    for texts, _ in documents:
        parts = [[TOKEN[word] for word in (*text.split(), "[SEP]")] for text in texts]
        ids.append(torch.tensor([TOKEN["[CLS]"], *(token for part in parts for token in part)]))
        segments.append(torch.tensor([0] + [side for side, part in enumerate(parts) for _ in part]))
    padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
    inputs = {
        "input_ids": padded,
        "token_type_ids": torch.nn.utils.rnn.pad_sequence(segments, batch_first=True),
        "attention_mask": (padded != 0).long(),
    }
    return inputs, torch.tensor([marker for _, marker in documents])


def pretrain(steps: int = STEPS, seed: int = 0, say: Callable[[str], None] = lambda line: None) -> BertModel:
    """The encoder after `steps` batches. The same to the last bit for the same seed, on one thread."""
    torch.manual_seed(seed)
    rng = Random(seed)
    encoder = BertModel(BertConfig(**SHAPE))
    head = torch.nn.Linear(encoder.config.hidden_size, len(KIND_OF_MARKER))
    optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=LEARNING_RATE, fused=True)
    warm = max(1, round(WARM_UP * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))
    )
    stream, started, seen = batches(rng), time.perf_counter(), []
    for step in range(1, steps + 1):
        inputs, markers = encode(next(stream))
        ids = inputs["input_ids"]
        masked = torch.zeros_like(ids, dtype=torch.bool)
        if rng.random() < MASKED_BATCHES:
            masked = (torch.rand(ids.shape) < MASKED_WORDS) & (ids >= len(SPECIAL))
        hidden = encoder(**{**inputs, "input_ids": ids.masked_fill(masked, SPECIAL.index("[MASK]"))})
        loss = F.cross_entropy(_scores(head, hidden.pooler_output, markers), markers)
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
    with torch.no_grad():
        # Choosing masked words has pushed the vectors of all that never occur the same way.
        encoder.embeddings.word_embeddings.weight[NEVER_SHOWN] = 0
        fresh = Random(f"fresh {seed}")
        inputs, markers = encode([document(fresh) for _ in range(2000)])
        scores = _scores(head, encoder(**inputs).pooler_output, markers)
    right = (scores.argmax(1) == markers).float()
    for index, kind in enumerate(KINDS):
        chosen = torch.tensor(KIND_OF_MARKER)[markers] == index
        say(f"marker accuracy on {int(chosen.sum()):,} fresh {kind}: {right[chosen].mean():.3f}")
    return encoder


def _scores(head: torch.nn.Linear, vectors: torch.Tensor, markers: torch.Tensor) -> torch.Tensor:
    """The head's score of every marker, (size, markers); minus infinity for markers of another kind."""
    kinds = torch.tensor(KIND_OF_MARKER)
    return head(vectors).masked_fill(kinds[markers][:, None] != kinds, -torch.inf)


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
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in VOCABULARY))
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
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    purpose = "Pretrain anew the small BERT that ships with the package (some ten minutes, one core)."
    parser = argparse.ArgumentParser(prog="python -m bert_compression.pretraining", description=purpose)
    parser.add_argument("--folder", type=Path, default=SHIPPED, help="where to write (default: the package)")
    parser.add_argument("--steps", type=int, default=STEPS, help="how many batches (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)  # sums in another order would give other bits
    save(pretrain(chosen.steps, say=print), chosen.folder, chosen.steps)
    print(f"written to {chosen.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
