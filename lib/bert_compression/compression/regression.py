"""Regression targets as two classes, so that losses between distributions serve regression tasks, too.

A target such as STS-B's, from 0 to 5, becomes the probability of "similar" by Platt scaling (Dasgupta et al.
2023, section 4), and the single logit of a model becomes the logits of two classes. Book: methods/taylor.
"""

import torch

from bert_compression.checks import checked
from bert_compression.errors import BadInput

# The target that is as similar as not: the middle of STS-B's range. A model's answer is its logit and this.
PLATT_CENTRE = 2.5


@checked
def platt_scaling(targets: torch.Tensor) -> torch.Tensor:
    """How probable is "similar" at each regression target? 1 / (1 + exp(-(target - 2.5))), of any shape;
    between 0.076 and 0.924 for targets from 0 to 5."""
    return torch.sigmoid(targets - PLATT_CENTRE)


@checked
def as_classes(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and labels as losses between distributions take them.

    A regression task has one logit an example, (batch, 1), and targets (batch,): these become the logits of
    two classes, 0 and the given one, (batch, 2), and distributions by `platt_scaling`, (batch, 2). Logits of
    several classes with class numbers or distributions come back as they are. Raises BadInput for one
    with the other.
    """
    if logits.ndim != 2 or logits.shape[:1] != labels.shape[:1]:
        raise BadInput(
            "logits must have the shape (batch, classes) and labels as many rows, not "
            f"{tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    regression = logits.shape[1] == 1
    if regression != (labels.is_floating_point() and labels.ndim == 1):
        answers, given = f"{logits.shape[1]} classes", "regression targets"
        if regression:
            answers, given = "one logit", "classes"
        raise BadInput(
            f"the model answers with {answers} an example and the labels are {given}: one task or the other"
        )
    if not regression:
        if labels.ndim > 1 and (labels.shape != logits.shape or not labels.is_floating_point()):
            raise BadInput(
                f"labels must be classes (batch,) or distributions {tuple(logits.shape)}, not "
                f"{labels.dtype} of the shape {tuple(labels.shape)}"
            )
        return logits, labels
    similar = platt_scaling(labels)
    return torch.cat([torch.zeros_like(logits), logits], dim=1), torch.stack([1 - similar, similar], dim=1)
