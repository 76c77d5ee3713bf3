"""The cost of attacking ten compressed models, against that of attacking one: what the attack shares.

    python -m benchmarks.attack_sharing [--data FOLDER] [--texts 10]

Ten variants of one model of MNLI (quantized, pruned, truncated, disturbed) are attacked on the same texts,
one after the other, with one set of word resources. What counts is what an attack costs beyond the answers
of the model: seconds of one processor core, less those inside its forward calls. Each result must be that of
an attack with resources that know nothing yet, or the exit status is 1. A ratio that misses its target is
printed, and no failure.

The built-in language has nothing worth sharing: it knows its synonyms. Without a data folder it is therefore
given the sentence encoder of the word resources from a folder, and pairs long enough for it to look at.
"""

import argparse
import copy
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from bert_compression.attacks import AttackResult, BuiltinResources, FolderResources, Resources, attack
from bert_compression.attacks.resources import SAME_ANGLE, WINDOW, MiniLM
from bert_compression.compression import batch_dependent, prune_heads, quantize, truncate
from bert_compression.errors import BadInput
from bert_compression.inference import predict_logits
from bert_compression.models import MINILM, load_encoder, load_tokenizer
from bert_compression.tasks import Examples, encode, get_task, load_examples, open_source
from bert_compression.training import CrossEntropy, TrainingSettings, train

TARGET = 3.0  # times what one model costs, for all ten together
MAX_LENGTH = 128


class CheckedBuiltin(BuiltinResources):
    """The built-in synonyms, each checked by the sentence encoder that a folder's resources use."""

    min_similarity = SAME_ANGLE

    def __init__(self):
        super().__init__()
        self._encoder = MiniLM()

    def encode(self, sentences: Sequence[str]) -> torch.Tensor:
        return self._encoder(sentences)


def disturbed(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Every weight moved, by a twentieth of its matrix's spread."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in (p for p in model.parameters() if p.ndim > 1):
            weight += 0.05 * weight.std() * torch.randn(weight.shape, generator=generator)
    return model


VARIANTS: dict[str, Callable[[torch.nn.Module], torch.nn.Module]] = {
    "the model itself": lambda model: model,
    "int8": lambda model: quantize(model, "int8"),
    "dynamic ranges": lambda model: quantize(model, "dynamic"),
    "a head of each layer pruned": lambda model: prune_heads(model, {layer: [0] for layer in range(6)}),
    "five layers": lambda model: truncate(model, 5),
    **{f"disturbed, {seed}": lambda model, seed=seed: disturbed(model, seed) for seed in range(5)},
}


@dataclass(frozen=True)
class Cost:
    """Seconds of an attack on one processor core: all of them, and those inside the model."""

    total: float
    forward: float

    @property
    def beyond(self) -> float:
        return self.total - self.forward


def attacked(model, tokenizer, examples: Examples, resources: Resources) -> tuple[AttackResult, Cost]:
    """An attack on all texts, and what it costs."""
    inside = 0.0

    def enter(*_) -> None:
        nonlocal inside
        inside -= time.process_time()

    def leave(*_) -> None:
        nonlocal inside
        inside += time.process_time()

    hooks = [model.register_forward_pre_hook(enter), model.register_forward_hook(leave)]
    start = time.process_time()
    try:
        result = attack(
            model,
            tokenizer,
            examples,
            resources,
            task=get_task("mnli"),
            max_length=MAX_LENGTH,
            one_at_a_time=batch_dependent(model),
        )
    finally:
        for hook in hooks:
            hook.remove()
    return result, Cost(time.process_time() - start, inside)


def main(data: Path | None, count: int) -> int:
    torch.set_num_threads(1)
    task, source = get_task("mnli"), open_source(data, builtin=data is None)
    training = load_examples(source, task, "train", 400)
    tokenizer, model = load_tokenizer(MINILM), load_encoder(MINILM, len(task.labels), seed=0)
    settings = TrainingSettings(epochs=1, batch_size=32, learning_rate=1e-4)
    train(
        model, encode(training.texts, tokenizer, MAX_LENGTH), list(training.labels), CrossEntropy(), settings
    )
    texts = load_examples(source, task, task.evaluated[0], count if data else None).texts
    if not data:
        texts = tuple(pair for pair in texts if len(" ".join(pair).split()) > WINDOW)[:count]
    # Labelled as the model answers, so that no pair is skipped as wrong from the start.
    answers = predict_logits(model, encode(texts, tokenizer, MAX_LENGTH)).argmax(axis=1)
    examples = Examples(texts, tuple(answers.tolist()))

    def resources() -> Resources:
        return FolderResources(data) if data else CheckedBuiltin()

    attacked(model, tokenizer, examples, resources())  # so that nothing is imported while the clock runs
    shared = resources()
    rows = []
    for name, change in VARIANTS.items():
        variant = change(copy.deepcopy(model)).eval()
        together, alone = (attacked(variant, tokenizer, examples, each) for each in (shared, resources()))
        if together[0] != alone[0]:
            print(f"{name}: another result with shared resources than with its own", file=sys.stderr)
            return 1
        rows.append((name, sum(alone[0].queries), together[1], alone[1]))

    print(f"{count} pairs ({source.name}), {len(rows)} models, each with the result of resources of its own")
    print(f"\n{'seconds beyond the forward passes':<36}{'queries':>9}{'shared':>9}{'own':>9}{'forward':>9}")
    for name, queries, cost, own in rows:
        print(f"{name:<36}{queries:>9}{cost.beyond:>9.2f}{own.beyond:>9.2f}{own.forward:>9.2f}")
    ten = sum(cost.beyond for *_, cost, _ in rows)
    one = sum(own.beyond for *_, own in rows) / len(rows)
    met = "met" if ten <= TARGET * one else "not met"
    print(
        f"\nten models cost {ten:.2f}, {ten / one:.1f} times one; target: at most {TARGET:.0f} times: {met}"
    )
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="a data folder; without one, the built-in language")
    parser.add_argument("--texts", type=int, default=10, help="how many validation pairs to attack")
    arguments = parser.parse_args()
    try:
        sys.exit(main(arguments.data, arguments.texts))
    except BadInput as error:
        print(error, file=sys.stderr)
        sys.exit(2)
