"""The six models of Rai et al. 2024, Compressed models are NOT miniature versions of large models, and the
compressed models of Xu et al. 2021 as a paper on miniatures would see them."""

from dataclasses import replace

from bert_compression.report.layouts import Layout, Measure, Part, Row
from bert_compression.report.papers.loyalty_tables import TABLE_1

METHODS = ("large", "base", "distil", "medium", "mini", "tiny")
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
        Row(method, f"{method} ({paper})", "", short=method)
        for method, paper in zip(METHODS, PAPERS, strict=True)
    ),
    measures=tuple(Measure(name, label, "answer") for name, label in _SCORES.items()),
    parts=(Part("scores", "How well the six models answer the questions of SQuAD 2.0.", tuple(_SCORES)),),
)

# What an attack on reviews takes. Degradation: points of accuracy, and their share of what there was.
WEAKNESS = Layout(
    name="miniature_weakness",
    title="Weakness",
    task="imdb",
    rows=tuple(Row(method, method, "") for method in METHODS),
    measures=(
        Measure("clean_accuracy", "Accuracy before", "weakness"),
        Measure("after_attack_accuracy", "Accuracy after", "weakness"),
        Measure("degradation", "Degradation", "weakness", unit="points"),
        Measure("relative_degradation", "Degradation, relative", "weakness"),
        Measure("queries_mean", "Queries", "weakness", 1.0, 1, "a review"),
        Measure("words_changed_mean", "Words changed", "weakness", 1.0, 1, "a fooled review"),
    ),
    parts=(
        Part(
            "all",
            "What the attack takes from six models: accuracy on the attacked reviews before and after, and "
            "the difference in points and as a share of the accuracy before.",
            (
                *("clean_accuracy", "after_attack_accuracy", "degradation", "relative_degradation"),
                *("queries_mean", "words_changed_mean"),
            ),
        ),
    ),
)

# How alike a model is to the teacher that it comes from, and what it is worth in use.
_ALIKE = (
    Measure("label_loyalty", "Label loyalty", "loyalty"),
    Measure("probability_loyalty", "Probability loyalty", "loyalty"),
    Measure("error_jaccard", "Errors in common", "in_common"),
    Measure("neighbour_jaccard_50", "Neighbours in common", "alike"),
    Measure("cka_last", "CKA, last layer", "alike"),
    Measure("outlier_jaccard", "Outliers in common", "in_common"),
)
_IN_USE = (
    Measure("accuracy", "Accuracy", "predict"),
    Measure("calibration_error", "Calibration error", "calibration"),
    Measure("after_attack_accuracy", "After-attack accuracy", "attack"),
    Measure("speedup_batch_1", "Speed-up", "cost", 1.0, 2, "×"),
    Measure("stored_bytes", "Stored size", "cost", 1 / 2**20, 2, "MiB"),
)
ALIKE = tuple(measure.name for measure in _ALIKE)
_TEACHER, *_STUDENTS = (replace(row, reported="") for row in TABLE_1.rows)
SAME_MODEL = Layout(
    name="miniature_same_model",
    title="The same model?",
    task="mnli",
    rows=(
        replace(_TEACHER, given=dict.fromkeys(ALIKE, 1.0)),
        Row("other_seed", "Teacher, another seed", "", short="another seed", stands_for="teacher"),
        *_STUDENTS,
    ),
    measures=(*_ALIKE, *_IN_USE),
    parts=(
        Part(
            "all",
            "Every compressed model of Table 1 on MNLI by all measures at once: first how alike it is to its "
            "teacher, then what it is worth in use.",
            tuple(measure.name for measure in (*_ALIKE, *_IN_USE)),
        ),
    ),
)
