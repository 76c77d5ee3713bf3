"""The scores that GLUE asks for."""

from numpy.typing import ArrayLike

from bert_compression.metrics._checks import paired_labels


def accuracy(gold_labels: ArrayLike, predicted_labels: ArrayLike) -> float:
    """How often is the answer right?

    The share of examples whose predicted label equals the gold label, in [0, 1]; 1 is best.
    Both arrays have the shape (examples,).

    >>> accuracy([0, 1, 1, 0], [0, 1, 0, 0])
    0.75

    Raises BadInput for arrays of different length, of more than one dimension, or empty.
    Book: metrics/accuracy.
    """
    gold, predicted = paired_labels(gold_labels, predicted_labels, ("gold_labels", "predicted_labels"))
    return float((gold == predicted).mean())
