"""What a machine sustains on BERT: measured where it is at hand, else assumed and named."""

import time
from dataclasses import dataclass
from functools import cache

import torch

from bert_compression.devices import has_bf16
from bert_compression.experiments.environment import processor, threads


@dataclass(frozen=True)
class Machine:
    """Multiplications and additions a second (FLOP/s) that a whole model reaches, in either precision, and
    the seconds that Python needs around one layer for one batch, whatever the batch holds."""

    name: str
    bf16: float
    fp32: float
    layer_seconds: float
    assumed: str = ""  # on what, where nothing was measured


# What is assumed where no GPU is at hand. Peaks: NVIDIA's A100 data sheet, 312 TFLOP/s in bf16 and 19.5 in
# fp32 (torch leaves TF32 off). What of it a model reaches: NVIDIA's own fine-tuning of BERT-large on SQuAD
# (DeepLearningExamples, PyTorch/LanguageModeling/BERT, January 2022) at 384 tokens: 110.5 texts a second in
# mixed precision on one A100 are 77 TFLOP/s, 25 % of the peak; 12 in fp32 on a V100 are 8.3, 53 % of its.
# Python around a layer is ours: twice what the processor takes, for the launching of kernels.
A100 = Machine(
    name="NVIDIA A100 80GB",
    bf16=77e12,
    fp32=10e12,
    layer_seconds=5e-4,
    assumed="77 TFLOP/s in bf16, 25 % of its peak, as NVIDIA measured on BERT; 10 in fp32",
)
# Measured on a layer too small to compute anything, batch by batch.
PROCESSOR_LAYER_SECONDS = 2.5e-4


@cache
def this_processor(number: int | None) -> Machine:
    """This machine's processor, computing with that number of threads (None for what torch chooses)."""
    device = torch.device("cpu")
    with threads(number):
        fp32 = flop_per_second(device, torch.float32)
        bf16 = flop_per_second(device, torch.bfloat16) if not _gpu_there() and has_bf16() else fp32
    return Machine(processor(), bf16, fp32, PROCESSOR_LAYER_SECONDS)


@cache
def this_gpu() -> Machine | None:
    """This machine's GPU, or None."""
    if not _gpu_there():
        return None
    device = torch.device("cuda")
    fp32 = flop_per_second(device, torch.float32)
    bf16 = flop_per_second(device, torch.bfloat16) if has_bf16() else fp32
    return Machine(torch.cuda.get_device_name(), bf16, fp32, A100.layer_seconds)


def flop_per_second(device: torch.device, kind: torch.dtype) -> float:
    """What matrix products of a BERT layer's shape reach there, less what a whole model loses: two thirds."""
    on_processor = device.type == "cpu"
    rows = 768 if on_processor else 2**14  # a GPU needs more to be busy
    # Of the processor only the time that was ours counts: others may be at work on the machine.
    clock, workers = (time.process_time, torch.get_num_threads()) if on_processor else (time.perf_counter, 1)
    a = torch.randn(rows, 768, device=device, dtype=kind)
    b = torch.randn(768, 3072, device=device, dtype=kind)
    seconds = []
    for _ in range(8):
        start = clock()
        (a @ b)[0, 0].item()  # which waits for the product
        seconds.append((clock() - start) / workers)
    return 2 * rows * 768 * 3072 / min(seconds) / 3


def _gpu_there() -> bool:
    return torch.cuda.is_available()
