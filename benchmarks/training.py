"""The training loop against the stock one, and a distillation step against a fine-tuning step.

    python -m benchmarks.training [--data FOLDER] [--examples 2000]

First both sides must do the same, or the exit status is 1: an epoch of either loop takes as many steps on the
same examples and ends within three points of the same accuracy; distillation with all weight on the gold
labels has the very losses of fine-tuning, and the cached logits are what the teacher answers. Then they are
compared, in seconds of one processor core (of the clock where there is a GPU), so that what else runs on
the machine hits both alike. A ratio that misses its target is printed, and no failure.
"""

import argparse
import copy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from bert_compression.compression.distillation import Distillation, Objective
from bert_compression.compression.layers import truncate
from bert_compression.devices import has_bf16
from bert_compression.errors import BadInput
from bert_compression.inference import predict_logits
from bert_compression.models import MINILM, load_encoder, load_tokenizer
from bert_compression.tasks.batching import Encoded, encode, shuffled_batches
from bert_compression.tasks.catalogue import get_task
from bert_compression.tasks.examples import Examples
from bert_compression.tasks.sources import load_examples, open_source
from bert_compression.training import CrossEntropy, TrainingSettings, train

MAX_LENGTH = 128
SETTINGS = TrainingSettings(epochs=1, batch_size=32, learning_rate=1e-4, bf16=has_bf16())
EPOCH_TARGET = 2.0  # times as fast as the stock Trainer, at least
STEP_TARGET = 1.10  # times as long as a step of fine-tuning, at most
POINTS = 0.03  # by how much the accuracies of equal trainings may differ
ROUNDS, STEPS = 9, 8  # of the comparison of steps


def timed(run: Callable[[], object]) -> tuple[float, object]:
    """Seconds that a call takes, and what it gives."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    start = clock()
    result = run()
    return clock() - start, result


def stock_epoch(model, examples: Examples, tokenizer, batches: list[list[int]]) -> int:
    """An epoch of these batches with Hugging Face's Trainer: fp32, every text padded to 128 tokens.

    Returns the steps taken.
    """
    from transformers import PrinterCallback, Trainer, TrainingArguments

    class SameBatches(Trainer):
        def get_train_dataloader(self) -> DataLoader:
            return DataLoader(self.train_dataset, batch_sampler=batches, collate_fn=self.data_collator)

    texts = [text for (text,) in examples.texts]
    padded = tokenizer(texts, truncation=True, padding="max_length", max_length=MAX_LENGTH)
    rows = [
        {**{name: values[i] for name, values in padded.items()}, "labels": label}
        for i, label in enumerate(examples.labels)
    ]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=SETTINGS.epochs,
            per_device_train_batch_size=SETTINGS.batch_size,
            learning_rate=SETTINGS.learning_rate,
            weight_decay=SETTINGS.weight_decay,
            warmup_steps=round(SETTINGS.warmup * len(batches)),
            seed=SETTINGS.seed,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        trainer = SameBatches(model=model, args=arguments, train_dataset=rows)
        trainer.remove_callback(PrinterCallback)
        done = trainer.train()
    model.to("cpu").eval()
    return done.global_step


def compare_epochs(source, count: int) -> tuple[list[str], tuple, torch.nn.Module, Encoded, list[int]]:
    """What differs, the row of the table, and the model that our epoch has trained, with its examples."""
    task, tokenizer = get_task("sst2"), load_tokenizer(MINILM)
    training = load_examples(source, task, "train", count)
    validation = load_examples(source, task, "validation")
    encoded, asked = (encode(each.texts, tokenizer, MAX_LENGTH) for each in (training, validation))
    labels, gold = list(training.labels), np.array(validation.labels)
    ours, stock = (
        load_encoder(MINILM, len(task.labels), seed=0),
        load_encoder(MINILM, len(task.labels), seed=0),
    )

    seconds, result = timed(lambda: train(ours, encoded, labels, CrossEntropy(), SETTINGS))
    order = torch.Generator().manual_seed(SETTINGS.seed)  # as our loop draws it
    batches = shuffled_batches(encoded.lengths, SETTINGS.batch_size, order)
    stock_seconds, stock_steps = timed(lambda: stock_epoch(stock, training, tokenizer, batches))

    differences = []
    if stock_steps != result.steps:
        differences.append(f"the Trainer took {stock_steps} steps, our loop {result.steps}")
    accuracies = [float((predict_logits(m, asked).argmax(axis=1) == gold).mean()) for m in (ours, stock)]
    if abs(accuracies[0] - accuracies[1]) > POINTS:
        differences.append(
            "the accuracies after it are {:.1%} (ours) and {:.1%} (Trainer)".format(*accuracies)
        )
    print(
        f"{len(labels)} sentences ({source.name}), {result.steps} steps; accuracy afterwards "
        f"{accuracies[0]:.1%} (ours, {'bf16' if SETTINGS.bf16 else 'fp32'}) and {accuracies[1]:.1%} (Trainer)"
    )
    ratio = stock_seconds / seconds
    row = ("an epoch of MiniLM / Trainer's", seconds, stock_seconds, ratio, ">= 2.00", ratio >= EPOCH_TARGET)
    return differences, row, ours, encoded, labels


def compare_steps(teacher, encoded: Encoded, labels: list[int]) -> tuple[list[str], tuple]:
    """What differs, and the row of the table: a step of distillation and one of fine-tuning in turn."""
    count = min(len(encoded), STEPS * SETTINGS.batch_size)
    some = Encoded(encoded.ids[:count], encoded.segments[:count], 0, encoded.pad_id)
    cached = torch.from_numpy(predict_logits(teacher, some))
    student = truncate(teacher, teacher.config.num_hidden_layers // 2)

    def steps(model, objective: Objective):
        extras = {name: cached for name in objective.needs}
        return train(model, some, labels[:count], objective, SETTINGS, extras=extras)

    differences = []
    with torch.inference_mode():
        live = torch.cat([teacher(**some.batch([row])).logits for row in range(min(count, 32))])
    if not torch.allclose(live, cached[: len(live)], atol=1e-3):
        differences.append("the cached logits are not what the teacher answers")
    gold = [steps(copy.deepcopy(student), each).losses for each in (CrossEntropy(), Distillation(alpha=0.0))]
    if not np.allclose(*gold, rtol=1e-4, atol=1e-5):
        differences.append("distillation with all weight on the gold labels is not fine-tuning")

    plain, distilled = copy.deepcopy(student), copy.deepcopy(student)
    pairs = []
    for _ in range(ROUNDS):
        plain_seconds, _ = timed(lambda: steps(plain, CrossEntropy()))
        pairs.append((timed(lambda: steps(distilled, Distillation()))[0], plain_seconds))
    a_step = count / SETTINGS.batch_size
    ours, other = (statistics.median(each) / a_step for each in zip(*pairs, strict=True))
    ratio = statistics.median(kd / fine for kd, fine in pairs)
    return differences, (
        "a KD step / one of fine-tuning",
        ours,
        other,
        ratio,
        "<= 1.10",
        ratio <= STEP_TARGET,
    )


def main(data: Path | None, count: int) -> int:
    torch.set_num_threads(1)
    source = open_source(data, builtin=data is None)
    different, epoch, teacher, encoded, labels = compare_epochs(source, count)
    different_steps, step = compare_steps(teacher, encoded, labels)
    for line in different + different_steps:
        print(f"results differ: {line}", file=sys.stderr)
    if different or different_steps:
        return 1
    print(f"\n{'seconds of':<32}{'ours':>9}{'other':>9}{'ratio':>8}{'target':>9}  met")
    for what, ours, other, ratio, target, met in (epoch, step):
        print(f"{what:<32}{ours:>9.3g}{other:>9.3g}{ratio:>8.2f}{target:>9}  {'yes' if met else 'no'}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="a data folder; without one, the built-in language")
    parser.add_argument("--examples", type=int, default=2000, help="how many training examples")
    arguments = parser.parse_args()
    try:
        sys.exit(main(arguments.data, arguments.examples))
    except BadInput as error:
        print(error, file=sys.stderr)
        sys.exit(2)
