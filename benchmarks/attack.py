"""Queries per second of the attack: TextAttack's own model wrapper against ours, on the same model.

    python -m benchmarks.attack [--data FOLDER] [--texts 10]

First both must give the same outcomes, adversarial texts and query counts, or the exit status is 1. Then
they are compared: text by text in turn, in seconds of one processor core, so that what else runs on the
machine hits both alike. A ratio that misses its target is printed, and no failure.

What depends on text alone (candidates, sentence encodings) is worked out before by "ours, the first model",
which is how the first of many attacked models fares; the others find it ready.
"""

import argparse
import sys
import time
from pathlib import Path

import torch

from bert_compression.attacks.environment import import_textattack
from bert_compression.attacks.resources import BuiltinResources, FolderResources, Resources
from bert_compression.attacks.run import TextResult, attack_text
from bert_compression.attacks.textfooler import textfooler
from bert_compression.attacks.victim import Victim
from bert_compression.errors import BadInput
from bert_compression.metrics.robustness import FOOLED
from bert_compression.models import MINILM, load_encoder, load_tokenizer
from bert_compression.tasks import encode, get_task, load_examples, open_source
from bert_compression.training import CrossEntropy, TrainingSettings, train

TARGET = 10  # times the stock wrapper's queries per second
MAX_LENGTH = 128


class Run:
    """Attacks texts one by one through a wrapper, and adds up the processor seconds."""

    def __init__(self, wrapper, resources: Resources, task):
        self.attacker, self.task = textfooler(wrapper, resources, task.columns, task.attacked), task
        self.results: list[TextResult] = []
        self.seconds = 0.0

    def attack(self, texts: tuple[str, ...], label: int) -> None:
        start = time.process_time()
        self.results.append(attack_text(self.attacker, texts, label, self.task, MAX_LENGTH))
        self.seconds += time.process_time() - start


def main(data: Path | None, count: int) -> int:
    torch.set_num_threads(1)
    task, source = get_task("sst2"), open_source(data, builtin=data is None)
    training = load_examples(source, task, "train", 400)
    attacked = load_examples(source, task, "validation", count)
    tokenizer, model = load_tokenizer(MINILM), load_encoder(MINILM, num_labels=2, seed=0)
    settings = TrainingSettings(epochs=2, batch_size=32, learning_rate=1e-4)
    train(model, encode(training.texts, tokenizer, MAX_LENGTH), training.labels, CrossEntropy(), settings)

    resources = FolderResources(data) if data else BuiltinResources()
    stock_wrapper = import_textattack().models.wrappers.HuggingFaceModelWrapper(model, tokenizer)
    runs = {
        "ours, the first model": Run(Victim(model, tokenizer, MAX_LENGTH), resources, task),
        "TextAttack's wrapper": Run(stock_wrapper, resources, task),
        "ours": Run(Victim(model, tokenizer, MAX_LENGTH), resources, task),
    }
    for texts, label in zip(attacked.texts, attacked.labels, strict=True):
        for run in runs.values():
            run.attack(texts, label)

    stock, ours = runs["TextAttack's wrapper"], runs["ours"]
    for row, found in enumerate(zip(*(run.results for run in runs.values()), strict=True)):
        if len(set(found)) > 1:
            print(f"row {row} differs: {dict(zip(runs, found, strict=True))}", file=sys.stderr)
            return 1
    queries = sum(one.queries for one in ours.results)
    fooled = sum(one.outcome == FOOLED for one in ours.results)
    print(f"{count} texts ({source.name}), {fooled} fooled, {queries} queries, all results equal\n")
    print(f"{'':<24}{'seconds':>9}{'queries/s':>12}{'ratio':>8}")
    for name, run in runs.items():
        ratio = stock.seconds / run.seconds
        print(f"{name:<24}{run.seconds:>9.1f}{queries / run.seconds:>12.1f}{ratio:>8.1f}")
    met = "met" if stock.seconds / ours.seconds >= TARGET else "not met"
    print(f"\ntarget for ours: a ratio of at least {TARGET}: {met}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="a data folder; without one, the built-in language")
    parser.add_argument("--texts", type=int, default=10, help="how many validation texts to attack")
    arguments = parser.parse_args()
    try:
        sys.exit(main(arguments.data, arguments.texts))
    except BadInput as error:
        print(error, file=sys.stderr)
        sys.exit(2)
