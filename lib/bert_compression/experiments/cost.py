"""About how long will a job take, on this machine or on a GPU that is not at hand, and what does a plan cost?

Where records tell of the same job on as many examples, as long as it took then; where they tell of the same
kind and encoder, from these: their seconds, in proportion to what arithmetic says of either job. Where they
tell nothing, as of a GPU that is not there, from arithmetic alone:
examples through the model, times twice the parameters of its layers, times the tokens of a typical text, over
what the machine sustains; and Python around each batch.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache

import torch

from bert_compression.devices import has_bf16
from bert_compression.experiments.environment import processor
from bert_compression.experiments.job import Job
from bert_compression.experiments.kinds import KINDS
from bert_compression.experiments.plan import passes_of, rows_of
from bert_compression.experiments.profiles import Profile
from bert_compression.experiments.progress import duration
from bert_compression.experiments.steps import minds_its_batch, quantization_of
from bert_compression.models import BUILTIN, MINILM
from bert_compression.timing import threads

# Parameters of the layers (12 d^2 a layer for BERT's shape), in millions, and layers. Attention's own
# products add a share of tokens / 6 d to twice these: 1 % for BERT-base on 40 tokens.
ENCODERS = {
    BUILTIN: (0.6, 12),
    MINILM: (10.6, 6),
    "google/bert_uncased_L-2_H-128_A-2": (0.4, 2),
    "huawei-noah/TinyBERT_General_4L_312D": (4.7, 4),
    "distilbert-base-uncased": (42.5, 6),
    "huawei-noah/TinyBERT_General_6L_768D": (42.5, 6),
    "google/bert_uncased_L-4_H-256_A-4": (3.1, 4),
    "google/bert_uncased_L-8_H-512_A-8": (25.2, 8),
    "bert-base-uncased": (85.0, 12),
    "bert-large-uncased": (302.0, 24),
}
# Of a text to train on and of one to answer, in BERT's word pieces: means. SST-2 trains on phrases; of
# questions and reviews as much as a window holds, and 1.1 windows a question are counted as one.
TOKENS = {
    **{"sst2": (13, 25), "mnli": (39, 39), "qqp": (31, 30), "qnli": (50, 51)},
    **{"mrpc": (53, 53), "rte": (70, 68), "stsb": (28, 31), "cola": (11, 12)},
    **{"imdb": (120, 120), "squad2": (180, 180), "newsqa": (380, 380)},
    **{"subjqa": (360, 360), "policyqa": (145, 145), "films": (80, 80)},
}
# Examples that share a call of the model: the attack asks about the substitutes of one word.
BATCH = {"textfooler": 4, "bert_attack": 16, "textbugger": 16, "cost": 7}
# Queries of an attack, as a share of those that `passes` counts: lesser word resources offer less.
ASKED = {"builtin": 0.2, "folder": 0.4}
OVERHEAD_SECONDS = 0.2  # of any job: reading and writing models
FAKE_QUANTIZED = 3  # so much longer is Python around a layer that rounds weights and activations
INT8 = 3  # so much faster than fp32 are int8 kernels
# Of the word resources, a text that is attacked; theirs are a sentence encoder and a tagger. Our assumption:
# they need downloads, and have not been run.
WORDS_SECONDS = {"genuine": 0.3}


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
# Assumed of every processor: what one of ours took for a layer too small to compute anything, batch by batch.
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
    for _ in range(4):
        start = clock()
        (a @ b)[0, 0].item()  # which waits for the product
        seconds.append((clock() - start) / workers)
    return 2 * rows * 768 * 3072 / min(seconds) / 3


def _gpu_there() -> bool:
    return torch.cuda.is_available()


def predicted_seconds(
    jobs: Sequence[Job],
    known: Sequence[Mapping],
    gpu: Machine | None = None,
    threads: int | None = None,
    rows: Callable[[Job], int] = rows_of,
) -> dict[str, float]:
    """Seconds for each job, by identity, on this machine's processor with that number of threads; with `gpu`,
    on that what runs on a GPU. Of the `known` records those count that were measured there; `rows` says how
    many examples a job reads."""
    by_key = {record["key"]: record for record in known}
    there = gpu.name if gpu else None

    def formula(job: Job, examples: int) -> float:
        machine = gpu if gpu and not on_processor(job) else this_processor(threads)
        return _formula(job, examples, machine)

    shapes = {_shape(job) for job in jobs}
    took: dict[tuple, list[float]] = {}
    ratios: dict[tuple, list[float]] = {}
    for record in known:
        job, examples = job_of(record, by_key), record["data"]["rows"] if record["data"] else 0
        if record["status"] != "ok" or _shape(job) not in shapes:
            continue
        if record["hardware"]["gpu"] == there or on_processor(job):
            took.setdefault((record["identity"], examples), []).append(record["seconds"])
            for method in (record["method"], None):
                ratio = record["seconds"] / formula(job, examples)
                ratios.setdefault((_shape(job), method), []).append(ratio)
    corrections = {one: statistics.median(values) for one, values in ratios.items()}

    def correction(job: Job) -> float:
        shape = _shape(job)
        return corrections.get((shape, job.method), corrections.get((shape, None), 1.0))

    def seconds(job: Job, examples: int) -> float:
        if same := took.get((job.identity, examples)):
            return statistics.median(same)
        return formula(job, examples) * correction(job)

    return {job.identity: seconds(job, rows(job)) for job in jobs}


def wall_seconds(jobs: Sequence[Job], seconds: Mapping[str, float], workers: int) -> float:
    """How long will that many workers need together? No less than an even share, nor than the longest chain
    of jobs that wait for each other. `jobs` come inputs first."""
    ends: dict[str, float] = {}
    for job in jobs:
        begin = max((ends.get(needed.identity, 0.0) for needed in job.inputs.values()), default=0.0)
        ends[job.identity] = begin + seconds[job.identity]
    return max(sum(seconds.values()) / workers, *ends.values(), 0.0)


def on_processor(job: Job) -> bool:
    """Does the job leave a GPU idle? int8 kernels do."""
    return KINDS[job.kind].on_processor or quantization_of(job) == "int8" or not passes_of(job, 1)


def _formula(job: Job, rows: int, machine: Machine) -> float:
    params = job.params
    passes = passes_of(job, rows) * ASKED.get(params.get("resources", ""), 1)
    millions, layers = _size(job)
    training, answering = TOKENS.get(job.task, (39, 39))
    tokens = training if params.get("split") == "train" else answering
    if params.get("padded"):
        tokens = params["max_length"]  # padding and all
    calls = passes / _batch(job) * (FAKE_QUANTIZED if quantization_of(job) in ("ema", "dynamic") else 1)
    rate = machine.bf16 if params.get("precision") == "bf16" else machine.fp32
    computing = passes * 2e6 * millions * tokens / (rate * INT8 if quantization_of(job) == "int8" else rate)
    words = WORDS_SECONDS.get(params.get("resources", ""), 0.0) * rows
    return OVERHEAD_SECONDS + words + calls * layers * machine.layer_seconds + computing


def _batch(job: Job) -> int:
    """Texts are given one at a time to a model whose answers depend on their batch; see `batch_dependent`."""
    alone = minds_its_batch(job) and not (job.params.get("batched") or job.params.get("protocol"))
    if alone and job.kind in ("predict", "cls_states", "attack", "transfer"):
        return 1
    return job.params.get("batch_size") or BATCH.get(job.params.get("recipe", job.kind), 32)


def _size(job: Job) -> tuple[float, float]:
    """Of the model that the job reads: millions of parameters in its layers, and layers."""
    *before, first = _chain(job)
    millions: float
    layers: float
    millions, layers = ENCODERS.get(first.params.get("encoder", ""), ENCODERS["bert-base-uncased"])
    for made in reversed(before[1:]):  # a list of layers counts those that the steps before it left
        keep = made.params.get("keep", 1)
        share = len(keep) / layers if isinstance(keep, list) else keep
        millions, layers = millions * share, layers * share
    return millions, layers


def _chain(job: Job | None) -> Iterator[Job]:
    """The job and those that made its model, back to the pretrained encoder."""
    while job:
        yield job
        job = job.inputs.get("model")


def job_of(record: Mapping, by_key: Mapping[str, Mapping]) -> Job:
    """The job of a record, with those of its inputs that are known, by their keys."""
    inputs = {name: job_of(by_key[key], by_key) for name, key in record["inputs"].items() if key in by_key}
    return Job(record["kind"], record["params"], inputs, record["method"])


def _shape(job: Job) -> tuple:
    """Jobs of one shape differ in amounts only; records of an older library may have shapes of their own."""
    return job.kind, job.params.get("encoder"), quantization_of(job), frozenset(job.params)


# What else the hours rest on.
ASSUMED = f"attacks: {WORDS_SECONDS['genuine']} s a text for TextFooler's own word resources, never run here"


@dataclass(frozen=True)
class Time:
    """On a machine, in that number of processes."""

    seconds: float
    workers: int
    machine: str

    def __str__(self) -> str:
        processes = f", in {self.workers} processes" if self.workers > 1 else ""
        return f"{duration(self.seconds)} on {self.machine}{processes}"

    def data(self) -> dict:
        """The same as plain values."""
        return {"seconds": round(self.seconds, 1), "workers": self.workers, "machine": self.machine}


@dataclass(frozen=True)
class Hours:
    """By kind of job: of a GPU, and of the processor for what leaves the GPU idle, such as int8 kernels."""

    gpu: Machine
    processor: str
    gpu_hours: dict[str, float]
    cpu_hours: dict[str, float]

    def basis(self) -> list[str]:
        """What the hours rest on, line by line."""
        return [
            f"GPU: {self.gpu.name}, {self.gpu.assumed or 'as fast as measured here'}",
            f"CPU: {self.processor}, for int8 kernels, pruning, calibration and timing",
            ASSUMED,
        ]

    def __str__(self) -> str:
        gpu, cpu = (3600 * sum(hours.values()) for hours in (self.gpu_hours, self.cpu_hours))
        there = duration(gpu) if gpu >= 60 else "under a minute"
        beside = f" and {duration(cpu)} on the processor" if cpu >= 60 else ""
        return f"{there} on {self.gpu.name}{beside}"

    def data(self) -> dict:
        """The same as plain values."""
        return {
            "gpu": asdict(self.gpu),
            "processor": self.processor,
            "gpu_hours": sum(self.gpu_hours.values()),
            "cpu_hours": sum(self.cpu_hours.values()),
            "gpu_hours_by_kind": self.gpu_hours,
            "cpu_hours_by_kind": self.cpu_hours,
            "basis": self.basis(),
        }


def hours(jobs: list[Job], seconds: dict[str, float], gpu: Machine, processor: str) -> Hours:
    """The predicted seconds of the jobs added up by kind and by where they run: that GPU, that processor."""
    by_kind: dict[bool, dict[str, float]] = {False: {}, True: {}}
    for job in jobs:
        there = by_kind[on_processor(job)]
        there[job.kind] = there.get(job.kind, 0.0) + seconds[job.identity] / 3600
    return Hours(gpu, processor, by_kind[False], by_kind[True])


def wants_gpu(profile: Profile) -> bool:
    """Is the profile's encoder too large for a processor: BERT-base or larger?"""
    return ENCODERS[profile.encoder][0] >= ENCODERS["bert-base-uncased"][0]
