"""What attacking ten compressed models costs, when one has been attacked: what depends on text alone is shared.

    python benchmarks/attack_sharing.py [--data FOLDER] [--texts 10]

Ten variants of one model of MNLI (quantized, pruned, truncated, disturbed) are attacked on the same texts, one
after the other, with one set of word resources. What counts is what an attack costs beyond the model's answers:
seconds of one processor core, less those inside the model's forward calls. Each model's result must be that of
an attack with resources that know nothing yet, or the exit status is 1. A ratio that misses its target is
printed, and no failure.
"""

import argparse
import copy
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from bert_compression.attacks.resources import BuiltinResources, FolderResources
from bert_compression.attacks.run import AttackResult, attack
from bert_compression.attacks.swaps import Resources
from bert_compression.compression import answers_alone, prune_heads, quantize, truncate
from bert_compression.errors import BadInput
from bert_compression.models import MINILM, load_encoder, load_tokenizer
from bert_compression.tasks import Examples, encode, get_task, load_examples, open_source
from bert_compression.training import CrossEntropy, TrainingSettings, train

TARGET = 3.0  # times what one model costs, for all ten together
MAX_LENGTH = 128


def disturbed(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Every weight moved by two hundredths of its matrix's spread."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in (p for p in model.parameters() if p.ndim > 1):
            weight += 0.02 * weight.std() * torch.randn(weight.shape, generator=generator)
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
            one_at_a_time=answers_alone(model),
        )
    finally:
        for hook in hooks:
            hook.remove()
    return result, Cost(time.process_time() - start, inside)


def main(data: Path | None, count: int) -> int:
    torch.set_num_threads(1)
    task, source = get_task("mnli"), open_source(data, builtin=data is None)
    training = load_examples(source, task, "train", 600)
    examples = load_examples(source, task, task.evaluated[0], count)
    tokenizer, model = load_tokenizer(MINILM), load_encoder(MINILM, len(task.labels), seed=0)
    settings = TrainingSettings(epochs=2, batch_size=32, learning_rate=1e-4)
    train(
        model, encode(training.texts, tokenizer, MAX_LENGTH), list(training.labels), CrossEntropy(), settings
    )

    def resources() -> Resources:
        return FolderResources(data) if data else BuiltinResources()

    attacked(model, tokenizer, examples, resources())  # so that nothing is imported while the clock runs
    shared = resources()
    rows, different = [], 0
    for name, change in VARIANTS.items():
        variant = change(copy.deepcopy(model)).eval()
        (result, cost), (alone, cost_alone) = (
            attacked(variant, tokenizer, examples, each) for each in (shared, resources())
        )
        if result != alone:
            different += 1
            print(f"{name}: another result with shared resources than with its own", file=sys.stderr)
        rows.append((name, sum(result.queries), cost, cost_alone))
    if different:
        return 1

    print(
        f"{len(examples)} pairs ({source.name}), {len(rows)} models, each with the result of its own resources\n"
    )
    print(f"{'beyond the forward passes, in seconds':<40}{'queries':>9}{'shared':>9}{'own':>9}{'forward':>9}")
    for name, queries, cost, own in rows:
        print(f"{name:<40}{queries:>9}{cost.beyond:>9.2f}{own.beyond:>9.2f}{cost.forward:>9.2f}")
    together = sum(cost.beyond for *_, cost, _ in rows)
    one = sum(own.beyond for *_, own in rows) / len(rows)
    met = "met" if together <= TARGET * one else "not met"
    print(f"{'all ten':<40}{'':>9}{together:>9.2f}{one * len(rows):>9.2f}")
    print(f"\nall ten cost {together / one:.1f} times one model; target: at most {TARGET}: {met}")
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
