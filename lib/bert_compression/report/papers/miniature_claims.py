"""What Rai et al. 2024 claim of each characteristic, in our words: a small model is no miniature.

The paper compares models with each other. Here the largest model with another seed stands beside them, or
the sentences could not be wrong: no two trainings give the same model.
"""

from bert_compression.report.claims import Claim
from bert_compression.report.layouts import Layout, Measure, Row
from bert_compression.report.likeness.weaknesses import ATTACKS
from bert_compression.report.papers.miniature_tables import METHODS

ERRORS = "A smaller model shares fewer errors with the largest than the largest with itself at another seed."
NEIGHBOURS = "So it is with the nearest neighbours of a question."
OUTLIERS = "So it is with the foreign questions that are found strange."
OTHER_ERRORS = "So it is with errors on one kind of question where their number is left out of account."
OTHER_OUTLIERS = "So it is with strange questions where their number is left out of account."
THEIRS, OURS = "key results", "ours: by association"
MEASURES = {
    "errors": ("Errors in common", ERRORS, THEIRS),
    "answerable_association": ("Questions with an answer, association of errors", OTHER_ERRORS, OURS),
    "unanswerable_association": ("Questions without an answer, association of errors", OTHER_ERRORS, OURS),
    "neighbours": ("50 nearest neighbours in common", NEIGHBOURS, THEIRS),
    "subjqa": ("Questions on reviews, flagged in common", OUTLIERS, THEIRS),
    "policyqa": ("Questions on privacy policies, flagged in common", OUTLIERS, THEIRS),
    "subjqa_association": ("Questions on reviews, association", OTHER_OUTLIERS, OURS),
    "policyqa_association": ("Questions on privacy policies, association", OTHER_OUTLIERS, OURS),
}

SMALLER_LOSES = "An attack takes a larger share of a smaller model's accuracy."
LIKENESS = Layout(
    name="miniature_likeness",
    title="these comparisons",
    task="squad2",
    rows=(
        Row(METHODS[0], f"{METHODS[0]} with itself", ""),
        *(Row(method, f"with {method}", "") for method in METHODS[1:]),
    ),
    measures=tuple(Measure(name, label, "") for name, (label, *_) in MEASURES.items()),
    parts=(),
)


def likeness_claims(measure: str) -> tuple[Claim, ...]:
    """Each of the smaller models beside the largest, in one of the `MEASURES`."""
    _, sentence, where = MEASURES[measure]
    return tuple(
        Claim(f"miniature_{measure}_{method}", sentence, where, measure, METHODS[0], method)
        for method in METHODS[1:]
    )


# The same models under attack.
ATTACKED = Layout(
    name="miniature_attacked",
    title="these attacks",
    task="imdb",
    rows=tuple(Row(method, method, "") for method in METHODS),
    measures=tuple(
        Measure(recipe, f"relative degradation by {label}", "") for recipe, label in ATTACKS.items()
    ),
    parts=(),
)


def weakness_claims(recipe: str) -> tuple[Claim, ...]:
    """Each of the smaller models beside the largest, under one of the `ATTACKS`."""
    return tuple(
        Claim(f"miniature_{recipe}_{method}", SMALLER_LOSES, THEIRS, recipe, method, METHODS[0])
        for method in METHODS[1:]
    )
