"""What a running job is handed, and what it hands back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bert_compression.compression.storage import load_model
from bert_compression.errors import BadInput
from bert_compression.models import load_tokenizer
from bert_compression.tasks.batching import Encoded, encode
from bert_compression.tasks.examples import Examples, first_span
from bert_compression.tasks.task import Task
from bert_compression.tasks.windows import Windows, answer_positions, encode_windows

if TYPE_CHECKING:
    from torch.nn import Module

LOGITS = "logits.npz"
ADVERSARIAL = "adversarial.json"  # a text an example, "" where none fooled the model


@dataclass(frozen=True)
class Work:
    """Parameters, the task, the folders of the input jobs, an empty folder for the job's own artifacts."""

    params: dict
    task: Task
    inputs: dict[str, Path]
    folder: Path
    examples: Examples | None
    data_folder: Path | None  # of a folder source, for word resources that lie beside the examples
    progress: Callable[[int, int], None]

    def input_model(self, name: str = "model") -> "Module":
        """The model that an input job made, in evaluation mode."""
        return load_model(self.inputs[name])

    def input_logits(self, name: str) -> np.ndarray:
        """Logits that an input job predicted, (examples, classes)."""
        with np.load(self.inputs[name] / LOGITS, allow_pickle=False) as arrays:
            return arrays["logits"]

    def encoded(self) -> Encoded:
        """The job's examples as tokens; of questions, which may have several rows each, as `windows`."""
        if self.task.spans:
            return self.windows()
        return encode(self.examples.texts, load_tokenizer(self.params["encoder"]), self.params["max_length"])

    def windows(self) -> Windows:
        """The job's questions, each beside every window of its context."""
        tokenizer = load_tokenizer(self.params["encoder"])
        return encode_windows(
            self.examples.texts, tokenizer, self.params["max_length"], self.params["stride"]
        )

    def targets(self, encoded: Encoded) -> list:
        """What training aims at, for each row of the encoded examples: a label, or of questions the first and
        last token of the answer."""
        if not isinstance(encoded, Windows):
            return list(self.examples.labels)
        spans = [first_span(label) for label in self.examples.labels]
        if not any(spans):
            raise BadInput("none of the questions to train on has an answer: nothing can be learnt from them")
        return answer_positions(encoded, spans)


@dataclass(frozen=True)
class Outcome:
    """Numbers for the record: fractions in [0, 1], counts, seconds; and compact values an example each."""

    metrics: dict[str, float] = field(default_factory=dict)
    per_example: dict[str, str | list] = field(default_factory=dict)


def digits(labels: Iterable[int]) -> str:
    """Small class numbers as a string, one digit an example."""
    return "".join(str(int(label)) for label in labels)
