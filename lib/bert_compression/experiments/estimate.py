"""About how long will a job take, on this machine or on a GPU that is not at hand?

From arithmetic: examples through the model, times twice the parameters of its layers, times the tokens of a
typical text, over what the machine sustains; and Python around each batch. Where the store already holds
records of the same kind and encoder, corrected by how far the arithmetic was off for those.
"""

import statistics
from collections.abc import Callable, Iterator

from bert_compression.experiments.job import Job
from bert_compression.experiments.machines import Machine, this_processor
from bert_compression.experiments.plan import passes_of, rows_of
from bert_compression.models import BUILTIN, MINILM

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
BATCH = {"attack": 4, "weakness": 16, "cost": 7}
# Queries of an attack, as a share of those that `passes` counts: lesser word resources offer less.
ASKED = {"builtin": 0.2, "folder": 0.4}
OVERHEAD_SECONDS = 0.2  # of any job: reading and writing models
FAKE_QUANTIZED = 3  # so much longer is Python around a layer that rounds weights and activations
INT8 = 3  # so much faster than fp32 are int8 kernels
# Of the word resources, a text that is attacked; theirs are a sentence encoder and a tagger. Our assumption:
# they need downloads, and have not been run.
WORDS_SECONDS = {"genuine": 0.3}
# These leave their model on the processor even where there is a GPU, as int8 kernels do.
ON_PROCESSOR = ("head_prune", "calibrate", "cost")


def predicted_seconds(
    jobs: list[Job],
    known: list[dict],
    gpu: Machine | None = None,
    threads: int | None = None,
    rows: Callable[[Job], int] = rows_of,
) -> dict[str, float]:
    """Seconds for each job, by identity, on this machine's processor with that number of threads; with `gpu`,
    on that what runs on a GPU. `known` holds records measured on the same machine; `rows` says how many
    examples a job reads."""
    by_key = {record["key"]: record for record in known}

    def formula(job: Job, examples: int) -> float:
        machine = gpu if gpu and not on_processor(job) else this_processor(threads)
        return _formula(job, examples, machine)

    shapes = {_shape(job) for job in jobs}
    ratios: dict[tuple, list[float]] = {}
    for record in known:
        job, examples = job_of(record, by_key), record["data"]["rows"] if record["data"] else 0
        if record["status"] == "ok" and _shape(job) in shapes:
            for method in (record["method"], None):
                ratio = record["seconds"] / formula(job, examples)
                ratios.setdefault((_shape(job), method), []).append(ratio)
    corrections = {one: statistics.median(values) for one, values in ratios.items()}

    def correction(job: Job) -> float:
        shape = _shape(job)
        return corrections.get((shape, job.method), corrections.get((shape, None), 1.0))

    return {job.identity: formula(job, rows(job)) * correction(job) for job in jobs}


def wall_seconds(jobs: list[Job], seconds: dict[str, float], workers: int) -> float:
    """How long will that many workers need together? No less than an even share, nor than the longest chain
    of jobs that wait for each other. `jobs` come inputs first."""
    ends: dict[str, float] = {}
    for job in jobs:
        begin = max((ends.get(needed.identity, 0.0) for needed in job.inputs.values()), default=0.0)
        ends[job.identity] = begin + seconds[job.identity]
    return max(sum(seconds.values()) / workers, *ends.values(), 0.0)


def on_processor(job: Job) -> bool:
    """Does the job leave a GPU idle?"""
    return job.kind in ON_PROCESSOR or mode_of(job) == "int8" or not passes_of(job, 1)


def _formula(job: Job, rows: int, machine: Machine) -> float:
    params = job.params
    passes = passes_of(job, rows) * ASKED.get(params.get("resources", ""), 1)
    millions, layers = _size(job)
    training, answering = TOKENS.get(params.get("task", ""), (39, 39))
    tokens = training if params.get("split") == "train" else answering
    calls = passes / _batch(job) * (FAKE_QUANTIZED if mode_of(job) in ("ema", "dynamic") else 1)
    rate = machine.bf16 if params.get("precision") == "auto" else machine.fp32
    computing = passes * 2e6 * millions * tokens / (rate * INT8 if mode_of(job) == "int8" else rate)
    words = WORDS_SECONDS.get(params.get("resources", ""), 0.0) * rows
    return OVERHEAD_SECONDS + words + calls * layers * machine.layer_seconds + computing


def _batch(job: Job) -> int:
    """Texts are given alone to a model whose answers depend on their company; see `answers_alone`."""
    alone = mode_of(job) in ("dynamic", "int8") and not job.params.get("in_company")
    if alone and job.kind in ("predict", "attack", "transfer"):
        return 1
    return job.params.get("batch_size") or BATCH.get(job.kind, 32)


def _size(job: Job) -> tuple[float, float]:
    """Of the model that the job reads: millions of parameters in its layers, and layers."""
    *before, first = _chain(job)
    millions, layers = ENCODERS.get(first.params.get("encoder", ""), ENCODERS["bert-base-uncased"])
    for made in before[1:]:
        millions, layers = millions * made.params.get("keep", 1), layers * made.params.get("keep", 1)
    return millions, layers


def mode_of(job: Job) -> str | None:
    """How the model that the job reads, or makes, is quantized."""
    return next((made.params.get("mode") for made in _chain(job) if made.kind == "quantize"), None)


def _chain(job: Job | None) -> Iterator[Job]:
    """The job and those that made its model, back to the pretrained encoder."""
    while job:
        yield job
        job = job.inputs.get("model")


def job_of(record: dict, by_key: dict[str, dict]) -> Job:
    """The job of a record, with those of its inputs that are known, by their keys."""
    inputs = {name: job_of(by_key[key], by_key) for name, key in record["inputs"].items() if key in by_key}
    return Job(record["kind"], record["params"], inputs, record["method"])


def _shape(job: Job) -> tuple:
    """Jobs of one shape differ in amounts only; records of an older library may have shapes of their own."""
    return job.kind, job.params.get("encoder"), mode_of(job), frozenset(job.params)
