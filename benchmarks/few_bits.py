"""Models of few bits: a training step against one in full precision, and BERT-base packed and loaded.

    python -m benchmarks.few_bits

First the packed model must answer as before to the last bit, in a file of the bytes that it must have. And a
quantized student must have the loss and the gradients that the plain one with its rounded weights has: the
same where its activations are not rounded, and nearly the same where they are. Or the exit status is 1. Then
they are compared, in seconds of one processor core and in memory. Both hang on the machine and on what
else it does: what misses its target is printed, and no failure, as in all benchmarks.
"""

import copy
import statistics
import sys
import tempfile
from pathlib import Path

import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from benchmarks.representation import measured, timed
from bert_compression.compression import (
    Objective,
    StatesAndLogits,
    dequantize,
    load_packed,
    quantize,
    save_packed,
    stored_parts,
)
from bert_compression.compression.rounded_layers import QuantizedLinear
from bert_compression.models import MINILM, load_encoder
from bert_compression.timing import threads

STEP_TARGET = 1.25  # times as long as a step in full precision, at most
SECONDS_TARGET, MEMORY_TARGET = 5.0, 2048.0  # to pack or to load BERT-base; MiB
BYTES_MOST = 1.03  # times what bits, scales and unquantized parts take, with the names of these
SAME = 1e-5  # of loss and gradients, at most: the rounding of fp32
# How far 8-bit activations may move them: five times what was seen of MiniLM, 0.02 % and 0.2 %.
LOSS_APART, GRADIENT_APART = 0.001, 0.01
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
    differences = differences_of_steps(objective, rounded.eval(), batch)

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


def differences_of_steps(objective: Objective, rounded: nn.Module, batch: dict) -> list[str]:
    """What a step of the model does otherwise than one of plain layers with the same weights, which knows
    nothing of straight-through gradients."""
    unrounded = copy.deepcopy(rounded)
    for module in unrounded.modules():
        if isinstance(module, QuantizedLinear):
            module.input_quantizer = nn.Identity()
    loss, gradient = _step(objective, dequantize(rounded).eval(), batch)
    differences = []
    for model, what, loss_apart, gradient_apart in (
        (unrounded, "with activations as they are", SAME, SAME),
        (rounded, "with 8-bit activations", LOSS_APART, GRADIENT_APART),
    ):
        its_loss, its_gradient = _step(objective, model, batch)
        apart = ((its_gradient - gradient).norm() / gradient.norm()).item()
        if not abs(its_loss - loss) <= loss_apart * loss:
            differences.append(f"{what} the loss is {its_loss:.6g}, and {loss:.6g} with plain layers")
        if not apart <= gradient_apart:
            differences.append(f"{what} the gradient is {apart:.1e} of its size from that of plain layers")
    return differences


def _step(objective: Objective, model: nn.Module, batch: dict) -> tuple[float, torch.Tensor]:
    """The loss, and all gradients one after the other."""
    model.zero_grad()
    loss = objective(model, batch)
    loss.backward()
    found = [parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None]
    return loss.item(), torch.cat(found)


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
    ]
    differences = [] if same else ["the packed model answers otherwise"]
    return differences + other_bytes(size, must), rows


def other_bytes(size: int, must: int) -> list[str]:
    """What is wrong with the size of a file whose parts have so many bytes."""
    fits = must <= size <= BYTES_MOST * must
    return [] if fits else [f"the packed file has {size:,} bytes, and its parts {must:,}"]


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
