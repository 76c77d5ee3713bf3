"""Models of few bits: a training step against one in full precision, and BERT-base packed and loaded.

    python -m benchmarks.few_bits

First the packed model must answer as before to the last bit, and a quantized student must follow the same
loss as the plain one with its rounded weights does, up to the rounding of activations; or the exit status is
1. Then they are compared, in seconds of one processor core, and in memory and bytes. What misses its target
is printed, and no failure.
"""

import copy
import statistics
import sys
import tempfile
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification

from benchmarks.representation import measured, timed
from bert_compression.compression import (
    StatesAndLogits,
    dequantize,
    load_packed,
    quantize,
    save_packed,
    stored_parts,
)
from bert_compression.experiments.environment import threads
from bert_compression.models import MINILM, load_encoder

STEP_TARGET = 1.25  # times as long as a step in full precision, at most
SECONDS_TARGET, MEMORY_TARGET = 5.0, 2048.0  # to pack or to load BERT-base; MiB
BYTES_TARGET = 1.03  # times what bits, scales and unquantized parts take, at most
APART = 0.05  # of the loss, by which rounded activations may move it
ROUNDS, BATCH, TOKENS = 9, 32, 64


def compare_steps() -> tuple[list[str], tuple]:
    """What differs, and the row of the table: MiniLM with 1-bit weights and in full precision, in turn."""
    teacher = load_encoder(MINILM, 2, seed=0)
    plain = load_encoder(MINILM, 2, seed=1).train()
    rounded = quantize(copy.deepcopy(plain), "per_token", weight_bits=1, parts="encoder").train()
    draws = torch.Generator().manual_seed(0)
    batch = {
        "input_ids": torch.randint(1000, 20000, (BATCH, TOKENS), generator=draws),
        "token_type_ids": torch.zeros(BATCH, TOKENS, dtype=torch.long),
        "attention_mask": torch.ones(BATCH, TOKENS, dtype=torch.long),
        "labels": torch.zeros(BATCH, dtype=torch.long),
    }
    objective = StatesAndLogits(teacher)
    with torch.no_grad():
        with_rounding = objective(rounded.eval(), batch).item()
        without = objective(dequantize(rounded).eval(), batch).item()
    differences = []
    if abs(with_rounding - without) > APART * without:
        differences.append(f"the loss is {with_rounding:.4g}, and {without:.4g} with plain layers")

    def step(model) -> None:
        model.zero_grad()
        objective(model.train(), batch).backward()

    pairs = [(timed(lambda: step(rounded))[0], timed(lambda: step(plain))[0]) for _ in range(ROUNDS)]
    ours, other = (statistics.median(each) for each in zip(*pairs[1:], strict=True))
    ratio = statistics.median(one / two for one, two in pairs[1:])
    return differences, (
        "a 1-bit step / in full precision",
        ours,
        other,
        ratio,
        "<= 1.25",
        ratio <= STEP_TARGET,
    )


def pack_bert_base() -> tuple[list[str], list[tuple]]:
    """What differs, and the rows of the table: BERT-base with 1-bit weights, to disk and back."""
    torch.manual_seed(0)
    config = BertConfig(num_labels=2)
    plain = BertForSequenceClassification(config).eval()
    model = quantize(plain, "per_token", weight_bits=1, parts="encoder")
    ids = {"input_ids": torch.arange(1000, 1016).unsqueeze(0)}
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        saving, saving_memory, size = measured(lambda: save_packed(model, folder))
        loading, loading_memory, loaded = measured(lambda: load_packed(Path(folder)))
        same = torch.equal(loaded(**ids).logits, model(**ids).logits)
    must = sum(stored_parts(model.config, 1).values())
    rows = [
        (
            "packing BERT-base",
            saving,
            SECONDS_TARGET,
            saving / SECONDS_TARGET,
            "<= 1.00",
            saving <= SECONDS_TARGET,
        ),
        (
            "loading it",
            loading,
            SECONDS_TARGET,
            loading / SECONDS_TARGET,
            "<= 1.00",
            loading <= SECONDS_TARGET,
        ),
        *(
            (
                f"MiB to {what} / 2,048",
                memory,
                MEMORY_TARGET,
                memory / MEMORY_TARGET,
                "<= 1.00",
                memory <= MEMORY_TARGET,
            )
            for what, memory in (("pack", saving_memory), ("load", loading_memory))
        ),
        (
            "MiB of the file / of its parts",
            size / 2**20,
            must / 2**20,
            size / must,
            "<= 1.03",
            size / must <= BYTES_TARGET,
        ),
    ]
    return [] if same else ["the packed model answers otherwise"], rows


def main() -> int:
    with threads(1):
        different, step = compare_steps()
        different_packed, packed = pack_bert_base()
    for line in different + different_packed:
        print(f"results differ: {line}", file=sys.stderr)
    if different or different_packed:
        return 1
    print(f"{'':<34}{'ours':>9}{'other':>9}{'ratio':>8}{'target':>9}  met")
    for what, ours, other, ratio, target, met in (step, *packed):
        print(f"{what:<34}{ours:>9.3g}{other:>9.3g}{ratio:>8.2f}{target:>9}  {'yes' if met else 'no'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
