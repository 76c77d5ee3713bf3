"""What a running job is handed, what it hands back, and how a function becomes a kind of job."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch.nn import Module

from bert_compression.compression import batch_dependent, load_model
from bert_compression.errors import BadInput
from bert_compression.models import load_tokenizer
from bert_compression.tasks import (
    Encoded,
    Examples,
    Task,
    Windows,
    answer_positions,
    encode,
    encode_windows,
    first_span,
)

LOGITS = "logits.npz"  # of `predict`: "logits", (examples, classes)
EXAMPLES = "examples.json"  # of `examples` and `augment`: "texts" and "labels"


@dataclass(frozen=True)
class Work:
    """Parameters, the task, the folders of the input jobs, an empty folder for the job's own artifacts."""

    params: dict
    task: Task
    inputs: Mapping[str, Path]
    folder: Path
    examples: Examples | None
    data_folder: Path | None  # of a folder source, for word resources that lie beside the examples
    progress: Callable[[int, int], None]

    def model(self, name: str = "model") -> Module:
        """The model that an input job made, in evaluation mode."""
        return load_model(self.inputs[name])

    def logits(self, name: str) -> np.ndarray:
        """Logits that an input job predicted, (examples, classes)."""
        return self.arrays(name, LOGITS)["logits"]

    def arrays(self, name: str, file: str) -> dict[str, np.ndarray]:
        """The arrays in a file that an input job left, by name."""
        with np.load(self.inputs[name] / file, allow_pickle=False) as arrays:
            return dict(arrays)

    def read_examples(self, name: str) -> Examples:
        """The examples that an input job left."""
        told = json.loads((self.inputs[name] / EXAMPLES).read_text(encoding="utf-8"))
        return Examples(tuple(map(tuple, told["texts"])), tuple(told["labels"]))

    def batch_size(self, model: Module) -> int:
        """How many texts the model sees at a time: one where its answers depend on the batch, unless the job
        is to show just that (parameter `batched`)."""
        return 1 if self.one_at_a_time(model) else 32

    def one_at_a_time(self, model: Module) -> bool:
        return batch_dependent(model) and not self.params.get("batched", False)

    def encoded(self, examples: Examples | None = None) -> Encoded:
        """Examples as tokens, the job's unless told; of extractive QA, which may have several rows each, as
        `windows`."""
        if self.task.spans:
            return self.windows()
        texts = (examples or self.examples).texts
        return encode(texts, load_tokenizer(self.params["encoder"]), self.params["max_length"])

    def windows(self) -> Windows:
        """The job's questions, each beside every window of its context."""
        tokenizer = load_tokenizer(self.params["encoder"])
        return encode_windows(
            self.examples.texts, tokenizer, self.params["max_length"], self.params["stride"]
        )

    def targets(self, encoded: Encoded) -> list:
        """What training aims at, for each row of the encoded examples: a label, or of extractive QA the first
        and last token of the answer."""
        if not isinstance(encoded, Windows):
            return list(self.examples.labels)
        spans = [first_span(label) for label in self.examples.labels]
        if not any(spans):
            raise BadInput("none of the questions to train on has an answer: nothing can be learnt from them")
        return answer_positions(encoded, spans)


@dataclass(frozen=True)
class Outcome:
    """Numbers for the record: fractions in [0, 1], counts, seconds; and arrays with a value an example."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    per_example: Mapping[str, np.ndarray | list] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """A kind of job. `version` is bumped on purpose when a change can move one of its numbers: records of an
    earlier version are stale. `passes(params, rows)` says how many examples go through a model when the data
    hold `rows`; a step forward and back counts three. `on_processor` says that the model stays there, even
    where there is a GPU."""

    name: str
    run: Callable[[Work], Outcome]
    version: int
    passes: Callable[[dict, int], float]
    on_processor: bool


KINDS: dict[str, Kind] = {}


def kind(
    version: int,
    passes: Callable[[dict, int], float] = lambda params, rows: 0,
    on_processor: bool = False,
) -> Callable:
    """Make a function of `Work` the kind of job that bears its name."""

    def register(run: Callable[[Work], Outcome]) -> Callable[[Work], Outcome]:
        KINDS[run.__name__] = Kind(run.__name__, run, version, passes, on_processor)
        return run

    return register
