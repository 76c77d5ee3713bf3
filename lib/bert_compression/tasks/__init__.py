"""What is asked of a model, and where examples come from."""

from bert_compression.tasks.batching import Encoded, encode, shuffled_batches, sorted_batches
from bert_compression.tasks.catalogue import TASKS, get_task
from bert_compression.tasks.examples import Examples
from bert_compression.tasks.sources import Source, load_examples, open_source
from bert_compression.tasks.task import Task

__all__ = [
    "TASKS",
    "Encoded",
    "Examples",
    "Source",
    "Task",
    "encode",
    "get_task",
    "load_examples",
    "open_source",
    "shuffled_batches",
    "sorted_batches",
]
