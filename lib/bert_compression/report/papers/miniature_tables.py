"""The six models of Rai et al. 2024, Compressed models are NOT miniature versions of large models."""

from bert_compression.report.layouts import Layout, Measure, Part, Row

NAMES = ("large", "base", "distil", "medium", "mini", "tiny")
METHODS = tuple(f"{name}_tuned" for name in NAMES)
PAPERS = ("BERT-large", "BERT-base", "Distil-BERT", "BERT-medium", "BERT-mini", "Tiny-BERT")

_SCORES = {
    "exact_match": "exact match",
    "answer_f1": "F1",
    "answered_f1": "F1, answerable",
    "refused": "no answer given, unanswerable",
}

LADDER = Layout(
    name="miniature_ladder",
    title="The ladder",
    task="squad2",
    rows=tuple(
        Row(method, f"{name} (the paper’s {paper})", "", short=name)
        for method, name, paper in zip(METHODS, NAMES, PAPERS, strict=True)
    ),
    measures=tuple(Measure(name, label, "answer") for name, label in _SCORES.items()),
    parts=(Part("scores", "How well the six models answer the questions of SQuAD 2.0.", tuple(_SCORES)),),
)
