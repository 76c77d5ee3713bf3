"""What Rai et al. 2024 claim of each characteristic, in our words: a small model is no miniature.

The paper compares models with each other. Here the largest model with another seed stands next to them, or
the sentences could not be wrong: no two trainings give the same model.
"""

from collections.abc import Callable, Iterator
from functools import partial

from bert_compression.papers.miniature.classifiers import CLASSIFIERS, NAMES, flagged_texts, wrong_labels
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
from bert_compression.report.estimators import difference_over_seeds, relative_degradation
from bert_compression.report.overlaps import (
    Sets,
    neighbours_around,
    of_neighbours,
    of_sets,
    overlap_around,
)
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
SHARED_ERRORS = "Of their errors a smaller model and the largest share between {} and {} %."
SHARED_NEIGHBOURS = "Of its nearest neighbours a question has between {} and {} % in common in both."
DETECTS = "The largest model tells foreign questions from its own better than a smaller one does."
CLASSIFIERS_ERR = "A smaller classifier shares fewer errors with the largest than the largest with itself."
CLASSIFIERS_NEAR = "So it is with the nearest neighbours of the texts that classifiers read."
CLASSIFIERS_ODD = "So it is with the foreign texts that classifiers flag as out of distribution."
CLASSIFIERS_LOSE = "TextFooler takes a larger share of a smaller classifier's accuracy."
CLASSIFIERS_DETECT = "The largest classifier tells foreign texts from its own better than a smaller one does."
BY_ASSOCIATION = " Their number is left out of account."
THEIRS, OURS, OF_CLASSIFIERS = "key results", "ours: by association", "ours: of classifiers"


def _overlap(
    name: str,
    asked: str,
    sentence: str,
    table: Table,
    column: str,
    read: Callable[[Source], Sets],
    association: bool = False,
    where: str = "",
) -> tuple[Claim, ...]:
    """Of each smaller model: it overlaps less with the largest than that one with itself."""
    return tuple(
        Claim(
            f"miniature_{name}_{other}",
            sentence,
            where or (OURS if association else THEIRS),
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


def _printed_range(what: str) -> tuple[float, float]:
    """The least and the most that the paper prints of a characteristic, in percent."""
    lines = reported("miniature", "miniature_key_results").set_index("characteristic")
    return 100 * float(lines.value_low[what]), 100 * float(lines.value_high[what])


def _in_range(
    name: str, sentence: str, table: Table, column: str, sides: tuple[str, str], estimator, bounds
) -> Claim:
    """A number of percent lies in the paper's range: no further from its middle than its ends."""
    low, high = bounds
    other = next(side for side in sides if side != LARGEST)
    return Claim(
        name,
        sentence.format(f"{low:g}", f"{high:g}"),
        THEIRS,
        table,
        column,
        *sides,
        margin=(high - low) / 2,
        estimator=estimator,
        labels=(f"{LARGEST} with {other}", f"the middle of the range, {(low + high) / 2:g}"),
        asked="in percent",
        printed=lambda: 0.0,
    )


OF_ERRORS, OF_NEIGHBOURS = map(_printed_range, ("prediction_errors", "data_representation"))
ERRORS_CLAIMS = (
    *(
        _in_range(
            f"miniature_errors_range_{other}",
            SHARED_ERRORS,
            ERRORS,
            "exact_match",
            (other, LARGEST),
            overlap_around(wrong_answers, sum(OF_ERRORS) / 2),
            OF_ERRORS,
        )
        for other in SMALLER
    ),
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
    _in_range(
        f"miniature_neighbours_range_{other}",
        SHARED_NEIGHBOURS,
        REPRESENTATION,
        f"neighbours_{other}",
        (LARGEST, other),
        neighbours_around(sum(OF_NEIGHBOURS) / 2),
        OF_NEIGHBOURS,
    )
    for other in SMALLER
) + tuple(
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
) + tuple(
    Claim(
        f"miniature_{foreign}_detects_{other}",
        DETECTS,
        "key results, read one way",
        DISTRIBUTION,
        f"{foreign}_{NEAREST}_auroc",
        LARGEST,
        other,
        estimator=difference_over_seeds,
        asked=f"{about}, AUROC, over seeds alone",
    )
    for foreign, about in ABOUT.items()
    for other in SMALLER
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


def _of_classifiers(task: str) -> Iterator[Claim]:
    """What the paper asks of models that answer questions, of the same models as classifiers."""
    table, on = CLASSIFIERS[task], f"on {NAMES[task]}"
    wrong, odd = partial(wrong_labels, task=task), partial(flagged_texts, task=task)
    less_odd, fewer = CLASSIFIERS_ODD + BY_ASSOCIATION, CLASSIFIERS_ERR + BY_ASSOCIATION
    for name, sentence, column, what, read, association in (
        ("errors", CLASSIFIERS_ERR, "accuracy", "error overlap", wrong, False),
        ("errors_association", fewer, "accuracy", "association of errors", wrong, True),
        ("flags", CLASSIFIERS_ODD, "auroc", "OOD overlap", odd, False),
        ("flags_association", less_odd, "auroc", "association of OOD flags", odd, True),
    ):
        yield from _overlap(
            f"{task}_{name}", f"{what} {on}", sentence, table, column, read, association, OF_CLASSIFIERS
        )
    near, shared = f"neighbour_jaccard_{PER_POINT}", f"{PER_POINT} nearest neighbours shared"
    attacked, loss = "after_attack_accuracy", "relative degradation by TextFooler"
    for other in SMALLER:
        sides = LARGEST, other
        for name, sentence, column, what, estimator, (first, second), labels in (
            ("neighbours", CLASSIFIERS_NEAR, near, shared, of_neighbours, sides, _labels(other)),
            (
                "detects",
                CLASSIFIERS_DETECT,
                "auroc",
                "AUROC, over seeds alone",
                difference_over_seeds,
                sides,
                None,
            ),
            ("textfooler", CLASSIFIERS_LOSE, attacked, loss, relative_degradation, sides[::-1], None),
        ):
            yield Claim(
                f"miniature_{task}_{name}_{other}",
                sentence,
                OF_CLASSIFIERS,
                table,
                column,
                first,
                second,
                estimator=estimator,
                labels=labels,
                asked=f"{what} {on}",
            )


CLAIMS = (
    *ERRORS_CLAIMS,
    *REPRESENTATION_CLAIMS,
    *DISTRIBUTION_CLAIMS,
    *WEAKNESSES_CLAIMS,
    *(claim for task in CLASSIFIERS for claim in _of_classifiers(task)),
)
