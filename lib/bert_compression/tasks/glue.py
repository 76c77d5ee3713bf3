"""GLUE's tasks (Wang et al. 2019) but for WNLI: text columns, labels, scores, and what the hub calls them."""

from bert_compression.tasks.task import Task

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
        grades=(0.0, 5.0),
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
