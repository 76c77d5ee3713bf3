"""The kinds of jobs, by name. Each is a function of its work, with a version and the number of model passes.

A module here holds kinds that belong together: what makes training data (`data`) and models (`transform`,
`train`), what asks models (`predict`, `attack`, `cost`), what compares them (`compare`).
"""

from bert_compression.experiments.kinds import attack, compare, cost, data, predict, train, transform
from bert_compression.experiments.kinds.work import KINDS, Kind, Outcome, Work

__all__ = [
    "KINDS",
    "Kind",
    "Outcome",
    "Work",
    "attack",
    "compare",
    "cost",
    "data",
    "predict",
    "train",
    "transform",
]
