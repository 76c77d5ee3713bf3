"""What Dasgupta et al. 2023 claim of their Table 2, each sentence in our words, and what the algebra says."""

import math
from functools import partial
from statistics import fmean

from bert_compression.papers.taylor.tables import LARGE, MIDDLE, QUOTED, SMALL, STUDENTS, TABLE_2
from bert_compression.report.claims import Claim
from bert_compression.report.estimators import difference_of_spreads, interaction
from bert_compression.report.reported import reported_value

BETTER = "For every student, the Taylor loss gives better scores than vanilla distillation does."
SMALL_SETS = "On the small sets the Taylor loss is better than other distillation."
WEAK_TEACHER = "The Taylor loss does as well with a teacher that is not fine-tuned."
MORE_FOR_FEW = "The gain over vanilla distillation is larger on the small sets than on the larger ones."
BEATS_OTHERS = "On the small sets the Taylor loss is better than MobileBERT, TinyBERT and DistilBERT."
LOSES_TO_TINYBERT = "On the larger sets TinyBERT is better."
STEADIER = "With a teacher that is not fine-tuned, trainings on a small set lie nearer to each other."
IDENTITY = "The Taylor loss teaches the same as cross-entropy without a teacher."
MATTERS = "The squared loss depends on its teacher: a fine-tuned one teaches more."

# How many points two models may be apart and still count as no different. Fixed before there was any record:
# less than half of the smallest gain over vanilla distillation that the paper reports for a small set and the
# larger students.
MARGIN = 1.0


def _more_for_few(student: str) -> float:
    """By how much the paper's gain is larger in the mean of its small sets than of its larger ones, of those
    whose two numbers are of one metric."""
    small, large = (
        [
            reported_value(TABLE_2, TABLE_2.row(f"taylor_untuned_{student}"), TABLE_2.column(task))
            - reported_value(TABLE_2, TABLE_2.row(f"kl_{student}"), TABLE_2.column(task))
            for task in tasks
        ]
        for tasks in (SMALL, LARGE)
    )
    return fmean(gain for gain in small if not math.isnan(gain)) - fmean(large)


TABLE_2_CLAIMS: tuple[Claim, ...] = (
    *(
        Claim(
            f"taylor_better_{student}_{task}",
            sentence,
            "section 4",
            TABLE_2,
            task,
            f"taylor_untuned_{student}",
            f"kl_{student}",
        )
        for sentence, tasks in ((BETTER, LARGE), (SMALL_SETS, SMALL))
        for student in STUDENTS
        for task in tasks
    ),
    *(
        Claim(
            f"taylor_more_for_few_{student}",
            MORE_FOR_FEW,
            "section 4",
            TABLE_2,
            (*SMALL, *LARGE),
            f"taylor_untuned_{student}",
            f"kl_{student}",
            estimator=interaction(SMALL, LARGE),
            asked=f"mean of the small sets less that of the larger ones, student {STUDENTS[student]}",
            printed=partial(_more_for_few, student),
        )
        for student in STUDENTS
    ),
    *(
        Claim(
            f"taylor_beats_{other.lower()}_{task}",
            BEATS_OTHERS,
            "section 4",
            TABLE_2,
            task,
            f"taylor_untuned_{student}",
            other.lower(),
        )
        for student, others in QUOTED.items()
        for other in others
        for task in SMALL
    ),
    *(
        Claim(
            f"taylor_loses_to_{other.lower()}_{task}",
            LOSES_TO_TINYBERT,
            "section 4",
            TABLE_2,
            task,
            other.lower(),
            f"taylor_untuned_{student}",
        )
        for student, others in QUOTED.items()
        for other in others
        if other.startswith("TinyBERT")
        for task in LARGE
    ),
    *(
        Claim(
            f"taylor_steadier_{task}",
            STEADIER,
            "sections 3 and 5",
            TABLE_2,
            task,
            f"kl_{MIDDLE}",
            f"taylor_untuned_{MIDDLE}",
            estimator=difference_of_spreads,
            asked=f"{TABLE_2.column(task).label}, spread over seeds, student {STUDENTS[MIDDLE]}",
            printed=lambda: math.nan,
        )
        for task in SMALL
    ),
    *(
        Claim(
            f"taylor_weak_teacher_{task}",
            WEAK_TEACHER,
            "sections 2.1 and 3",
            TABLE_2,
            task,
            f"taylor_untuned_{MIDDLE}",
            f"taylor_{MIDDLE}",
            MARGIN,
        )
        for task in SMALL
    ),
    *(
        Claim(
            f"taylor_identity_{student}_{task}",
            IDENTITY,
            "not in the text",
            TABLE_2,
            task,
            f"taylor_untuned_{student}",
            f"ce_{student}",
            MARGIN,
        )
        for student in STUDENTS
        for task in (*LARGE, *SMALL)
    ),
    *(
        Claim(
            f"taylor_squares_{task}",
            MATTERS,
            "not in the text",
            TABLE_2,
            task,
            f"squares_{MIDDLE}",
            f"squares_untuned_{MIDDLE}",
        )
        for task in SMALL
    ),
)

CLAIMS = TABLE_2_CLAIMS
