"""Regression targets as two classes."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from bert_compression.compression import as_classes, platt_scaling
from bert_compression.errors import BadInput


def test_platt_scaling_at_the_ends_and_in_the_middle():
    low, middle, high = platt_scaling(torch.tensor([0.0, 2.5, 5.0], dtype=torch.float64)).tolist()
    assert middle == 0.5
    assert low == pytest.approx(1 / (1 + math.exp(2.5)), abs=1e-12) == pytest.approx(0.0759, abs=1e-4)
    assert high == pytest.approx(1 - low, abs=1e-12)


def test_cross_entropy_of_a_target_is_that_of_its_probability():
    logits, targets = torch.tensor([[1.0], [-2.0]]), torch.tensor([4.0, 0.5])
    loss = cross_entropy(*as_classes(logits, targets))
    torch.testing.assert_close(loss, binary_cross_entropy_with_logits(logits[:, 0], platt_scaling(targets)))
    # Least where the logit is the target, but for its middle.
    best = torch.tensor([[1.5], [-2.0]], requires_grad=True)
    cross_entropy(*as_classes(best, targets)).backward()
    assert best.grad.abs().max() < 1e-7


def test_classes_stay_as_they_are():
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    same_logits, same_labels = as_classes(logits, labels)
    assert same_logits is logits and same_labels is labels


@pytest.mark.parametrize(
    ("logits", "labels", "told"),
    [
        (torch.zeros(4, 1), torch.zeros(4).long(), "one logit an example and the labels are classes"),
        (torch.zeros(4, 2), torch.zeros(4), "2 classes an example and the labels are regression targets"),
    ],
)
def test_a_model_of_the_other_sort_of_task_is_told(logits, labels, told):
    with pytest.raises(BadInput, match=told):
        as_classes(logits, labels)
