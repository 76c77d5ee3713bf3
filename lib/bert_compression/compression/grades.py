"""Tasks that ask for a grade, as two classes, so that losses between distributions serve them, too.

A grade such as STS-B's, from 0 to 5, becomes the probability of "similar" by Platt scaling (Dasgupta et al.
2023, section 4), and the single logit of a model becomes the logits of two classes. Book: methods/taylor.
"""

import torch

from bert_compression.errors import BadInput

CENTRE = 2.5  # the grade that is as similar as not: the middle of STS-B's range


def platt_scaling(grades: torch.Tensor) -> torch.Tensor:
    """How probable is "similar" at each grade? 1 / (1 + exp(-(grade - 2.5))), of any shape; between 0.076 and
    0.924 for grades from 0 to 5."""
    return torch.sigmoid(grades - CENTRE)


def as_classes(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and labels as losses between distributions take them.

    A graded task has one logit an example, (batch, 1), and grades (batch,): these become the logits of two
    classes, 0 and the given one, (batch, 2), and distributions by `platt_scaling`, (batch, 2). Logits of
    several classes with class numbers or distributions come back as they are. Raises BadInput for one
    beside the other.
    """
    graded = logits.shape[1] == 1
    if graded != (labels.is_floating_point() and labels.ndim == 1):
        ask, give = ("one logit", "classes") if graded else (f"{logits.shape[1]} classes", "grades")
        raise BadInput(
            f"the model answers with {ask} an example and the labels are {give}: one task or the other"
        )
    if not graded:
        return logits, labels
    similar = platt_scaling(labels)
    return torch.cat([torch.zeros_like(logits), logits], dim=1), torch.stack([1 - similar, similar], dim=1)
