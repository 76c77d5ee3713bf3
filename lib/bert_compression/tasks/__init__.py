"""What is asked of a model, and where examples come from."""

from bert_compression.tasks.augmentation import augmented, words_of
from bert_compression.tasks.baselines import trivial_baselines
from bert_compression.tasks.batching import Encoded, encode, shuffled_batches, sorted_batches
from bert_compression.tasks.catalogue import TASKS, Task, get_task
from bert_compression.tasks.examples import Examples, first_span, gold_texts
from bert_compression.tasks.sources import FolderSource, Source, load_examples, open_source
from bert_compression.tasks.windows import Windows, answer_positions, encode_windows

__all__ = [
    "TASKS",
    "Encoded",
    "Examples",
    "FolderSource",
    "Source",
    "Task",
    "Windows",
    "answer_positions",
    "augmented",
    "encode",
    "encode_windows",
    "first_span",
    "get_task",
    "gold_texts",
    "load_examples",
    "open_source",
    "shuffled_batches",
    "sorted_batches",
    "trivial_baselines",
    "words_of",
]
