"""How loyal is a compressed model to the one that it was made from? Any two classifiers, on any texts: how
much their answers differ, in which direction, on which texts, against what noise, and at what price."""

from bert_compression.compare.answers import Answers, load_answers, save_answers
from bert_compression.compare.comparison import Comparison, compare
from bert_compression.compare.data import Dataset, read_data, texts_digest
from bert_compression.compare.gate import Decision, Requirement, exit_status, parse
from bert_compression.compare.measures import Measure, Slice
from bert_compression.compare.models import Classifier, open_classifier

__all__ = [
    "Answers",
    "Classifier",
    "Comparison",
    "Dataset",
    "Decision",
    "Measure",
    "Requirement",
    "Slice",
    "compare",
    "exit_status",
    "load_answers",
    "open_classifier",
    "parse",
    "read_data",
    "save_answers",
    "texts_digest",
]
