"""All tasks by name."""

from bert_compression.errors import BadInput
from bert_compression.tasks.glue import GLUE
from bert_compression.tasks.task import Task


def _questions(name: str, rows: dict[str, int], hub: tuple[str, ...] = ()) -> Task:
    """A set of questions whose answers are spans; models are asked those of its last split."""
    return Task(
        name,
        columns=("question", "context"),
        labels=(),
        hub=hub,
        rows=rows,
        evaluated=(list(rows)[-1],),
        scores=("answer_f1", "exact_match"),
        spans=True,
        folder=f"sets/{name}",
    )


TASKS = {
    task.name: task
    for task in (
        *GLUE,
        Task(
            "imdb",
            columns=("text",),
            labels=("negative", "positive"),
            hub=("imdb",),
            rows={"train": 25_000, "test": 25_000},
            evaluated=("test",),
            long=True,
            line_break="<br />",
            folder="sets/imdb",
        ),
        _questions("squad2", {"train": 130_319, "validation": 11_873}, hub=("squad_v2",)),
        # Unlike SQuAD's: on news (in the form of MRQA 2019), reviews and policies; "films" is built in.
        _questions("newsqa", {"validation": 4_212}, hub=("lucadiliello/newsqa",)),
        _questions("subjqa", {"dev_test": 5_764}),
        _questions("policyqa", {"test": 4_152}),
        _questions("films", {"validation": 500}),
    )
}


def get_task(name: str) -> Task:
    """The task of that name. Raises BadInput, naming the known ones."""
    if name not in TASKS:
        raise BadInput(f"unknown task {name!r}: choose one of {', '.join(TASKS)}")
    return TASKS[name]
