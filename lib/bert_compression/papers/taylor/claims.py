"""What Dasgupta et al. 2023 claim of their Table 2, each sentence in our words, and what the algebra says."""

from bert_compression.papers.taylor.tables import LARGE, MIDDLE, SMALL, STUDENTS, TABLE_2
from bert_compression.report.claims import Claim

BETTER = "For every student, the Taylor loss gives better scores than vanilla distillation does."
SMALL_SETS = "On the small sets the Taylor loss is better than other distillation."
WEAK_TEACHER = "The Taylor loss does as well with a teacher that is not fine-tuned."
IDENTITY = "The Taylor loss teaches the same as cross-entropy without a teacher."
MATTERS = "The squared loss depends on its teacher: a fine-tuned one teaches more."

# How many points two models may be apart and still count as no different. Fixed before there was any record:
# less than half of the smallest gain over vanilla distillation that the paper reports for a small set and the
# larger students.
MARGIN = 1.0

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
