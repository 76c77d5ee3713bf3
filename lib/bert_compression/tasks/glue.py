"""What each task asks: its text columns, its labels, and what the hub calls it."""

from bert_compression.errors import BadInput
from bert_compression.tasks.task import Task

TASKS = {
    task.name: task
    for task in (
        Task(
            "sst2",
            columns=("sentence",),
            labels=("negative", "positive"),
            hub=("glue", "sst2"),
            rows={"train": 67_349, "validation": 872},
        ),
        Task(
            "mnli",
            columns=("premise", "hypothesis"),
            labels=("entailment", "neutral", "contradiction"),
            hub=("glue", "mnli"),
            rows={"train": 392_702, "validation_matched": 9_815, "validation_mismatched": 9_832},
            evaluated=("validation_matched", "validation_mismatched"),
            attacked=1,  # TextFooler's code changes the hypothesis only
        ),
    )
}


def get_task(name: str) -> Task:
    """The task of that name. Raises BadInput, naming the known ones."""
    if name not in TASKS:
        raise BadInput(f"unknown task {name!r}: choose one of {', '.join(TASKS)}")
    return TASKS[name]
