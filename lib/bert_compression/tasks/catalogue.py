"""What a task is, and all tasks by name: GLUE (Wang et al. 2019) but for WNLI, reviews, extractive QA."""

from dataclasses import dataclass

from bert_compression.checks import checked
from bert_compression.errors import BadInput


@checked
@dataclass(frozen=True)
class Task:
    """A task in the hub's column names: classification, where label i of the data is `labels[i]`; regression,
    whose targets lie between the two numbers `regression`; or extractive QA (`spans`), where the answer is a
    stretch of the last column or nothing."""

    name: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    hub: tuple[str, ...]  # what `datasets` loads, (path, configuration); () where the hub has no such set
    rows: dict[str, int]  # of the official splits, to plan before any data is there
    evaluated: tuple[str, ...] = ("validation",)  # the splits that models answer, the main one first
    attacked: int = 0  # index of the only column that an attack may change
    scores: tuple[str, ...] = ("accuracy",)  # GLUE's, by their names in metrics.glue, the main one first
    regression: tuple[float, float] | None = None  # the two ends of the targets' range
    spans: bool = False
    long: bool = False  # texts of hundreds of words
    line_break: str = ""  # what ends a line in its texts, where that is no character
    folder: str = ""  # where its files lie below a data folder; glue/<name> unless told

    @property
    def outputs(self) -> int:
        """How many logits a model gives: for an example, or of spans for each token, to begin and to end."""
        return 2 if self.spans else len(self.labels) or 1


GLUE = (
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
    Task(
        "qqp",
        columns=("question1", "question2"),
        labels=("not_duplicate", "duplicate"),
        hub=("glue", "qqp"),
        rows={"train": 363_846, "validation": 40_430},
        scores=("f1", "accuracy"),
    ),
    Task(
        "qnli",
        columns=("question", "sentence"),
        labels=("entailment", "not_entailment"),
        hub=("glue", "qnli"),
        rows={"train": 104_743, "validation": 5_463},
    ),
    Task(
        "mrpc",
        columns=("sentence1", "sentence2"),
        labels=("not_equivalent", "equivalent"),
        hub=("glue", "mrpc"),
        rows={"train": 3_668, "validation": 408},
        scores=("f1", "accuracy"),
    ),
    Task(
        "rte",
        columns=("sentence1", "sentence2"),
        labels=("entailment", "not_entailment"),
        hub=("glue", "rte"),
        rows={"train": 2_490, "validation": 277},
    ),
    Task(
        "stsb",
        columns=("sentence1", "sentence2"),
        labels=(),
        regression=(0.0, 5.0),
        hub=("glue", "stsb"),
        rows={"train": 5_749, "validation": 1_500},
        scores=("pearson", "spearman"),
    ),
    Task(
        "cola",
        columns=("sentence",),
        labels=("unacceptable", "acceptable"),
        hub=("glue", "cola"),
        rows={"train": 8_551, "validation": 1_043},
        scores=("matthews", "accuracy"),
    ),
)


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


@checked
def get_task(name: str) -> Task:
    """The task of that name. Raises BadInput, naming the known ones."""
    if name not in TASKS:
        raise BadInput(f"unknown task {name!r}: choose one of {', '.join(TASKS)}")
    return TASKS[name]
