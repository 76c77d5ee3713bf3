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
    )
}


def get_task(name: str) -> Task:
    """The task of that name. Raises BadInput, naming the known ones."""
    if name not in TASKS:
        raise BadInput(f"unknown task {name!r}: choose one of {', '.join(TASKS)}")
    return TASKS[name]
