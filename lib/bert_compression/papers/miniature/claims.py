"""What Rai et al. 2024 claim of each characteristic, in our words: a small model is no miniature.

The paper compares models with each other. Here the largest model with another seed stands next to them, or
the sentences could not be wrong: no two trainings give the same model.
"""

from collections.abc import Callable
from functools import partial

from bert_compression.papers.miniature.overlap import LARGEST, SMALLER, flagged, wrong_answers
from bert_compression.papers.miniature.tables import (
    ATTACK_NAMES,
    ATTACKS,
    DISTRIBUTION,
    ERRORS,
    NEAREST,
    PER_POINT,
    REPRESENTATION,
    WEAKNESSES,
)
from bert_compression.report.claims import Claim
from bert_compression.report.estimators import Sets, of_neighbours, of_sets, relative_degradation
from bert_compression.report.records import Source
from bert_compression.report.reported import reported
from bert_compression.report.tables import Table

FEWER_ERRORS = (
    "A smaller model shares fewer errors with the largest than the largest with itself at another seed."
)
FEWER_NEIGHBOURS = "So it is with the nearest neighbours of a question."
FEWER_OUTLIERS = "So it is with the questions that are flagged as out of distribution."
OTHER_ERRORS = "So it is with errors on one kind of question where their number is left out of account."
OTHER_OUTLIERS = "So it is with flagged questions where their number is left out of account."
SMALLER_LOSES = "An attack takes a larger share of a smaller model's accuracy."
THEIRS, OURS = "key results", "ours: by association"


def _overlap(
    name: str,
    asked: str,
    sentence: str,
    table: Table,
    column: str,
    read: Callable[[Source], Sets],
    association: bool = False,
) -> tuple[Claim, ...]:
    """Of each smaller model: it overlaps less with the largest than that one with itself."""
    return tuple(
        Claim(
            f"miniature_{name}_{other}",
            sentence,
            OURS if association else THEIRS,
            table,
            column,
            LARGEST,
            other,
            estimator=of_sets(read, association),
            labels=_labels(other),
            asked=asked,
        )
        for other in SMALLER
    )


def _labels(other: str) -> tuple[str, str]:
    return f"{LARGEST} with itself", f"with {other}"


ERRORS_CLAIMS = (
    *_overlap("errors", "error overlap", FEWER_ERRORS, ERRORS, "exact_match", wrong_answers),
    *(
        claim
        for name, answerable in (("answerable", True), ("unanswerable", False))
        for claim in _overlap(
            f"{name}_association",
            f"{name} questions, association of errors",
            OTHER_ERRORS,
            ERRORS,
            "exact_match",
            partial(wrong_answers, answerable=answerable),
            association=True,
        )
    ),
)

REPRESENTATION_CLAIMS = tuple(
    Claim(
        f"miniature_neighbours_{other}",
        FEWER_NEIGHBOURS,
        THEIRS,
        REPRESENTATION,
        (f"neighbours_{LARGEST}", f"neighbours_{other}"),
        LARGEST,
        other,
        estimator=of_neighbours,
        labels=_labels(other),
        asked=f"{PER_POINT} nearest neighbours shared",
    )
    for other in SMALLER
)

# What the questions of the sets are about that are out of distribution.
ABOUT = {"subjqa": "questions on reviews", "policyqa": "questions on privacy policies"}
DISTRIBUTION_CLAIMS = tuple(
    claim
    for suffix, sentence, what in (
        ("", FEWER_OUTLIERS, "OOD overlap"),
        ("_association", OTHER_OUTLIERS, "association of OOD flags"),
    )
    for foreign, about in ABOUT.items()
    for claim in _overlap(
        f"{foreign}{suffix}",
        f"{about}, {what}",
        sentence,
        DISTRIBUTION,
        f"{foreign}_{NEAREST}_flagged",
        partial(flagged, foreign=foreign),
        association=bool(suffix),
    )
)


def _printed_degradation() -> float:
    """What Tiny-BERT loses more than BERT-large, the only two of whom the paper prints a number."""
    lines = reported("miniature", "miniature_key_results").set_index("scope").value_low
    return float(lines["Tiny-BERT"] - lines["BERT-large"])


WEAKNESSES_CLAIMS = tuple(
    Claim(
        f"miniature_{attack}_{other}",
        SMALLER_LOSES,
        THEIRS,
        WEAKNESSES,
        f"{attack}_relative_degradation",
        other,
        LARGEST,
        estimator=relative_degradation,
        asked=f"relative degradation by {ATTACK_NAMES[attack]}",
        printed=_printed_degradation if (attack, other) == ("bert_attack", SMALLER[-1]) else None,
    )
    for attack in ATTACKS
    for other in SMALLER
)

CLAIMS = (*ERRORS_CLAIMS, *REPRESENTATION_CLAIMS, *DISTRIBUTION_CLAIMS, *WEAKNESSES_CLAIMS)
