"""Exercises on methods: each checker with the book's own function and the mistakes that are made most."""

from collections.abc import Callable

import torch
from torch.nn.functional import kl_div, log_softmax, softmax

from bert_compression.compression import SymmetricGrid, binarize, fake_quantize, kl_loss
from bert_compression.workshop.checks import Check, Mistake

INTEGERS = (
    "These are the integers. *Fake* quantization goes on in floating point: multiply by the scale again."
)
NOT_ROUNDED = "Nothing is rounded: it returns what it was given."


def _kd_loss(student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """The library's `kl_loss` as the learner is to write it."""
    return kl_loss(student_logits, teacher_logits, temperature)


def _torch_kl(s, t, temperature, factor, reduction="batchmean", of_student=None, of_teacher=None):
    """torch's kl_div as most write it, with what may be wrong about it."""
    student = log_softmax(s / (of_student or temperature), dim=-1)
    teacher = softmax(t / (of_teacher or temperature), dim=-1)
    if reduction == "mean":  # torch announces that its own will change
        return factor * kl_div(student, teacher, reduction="sum") / s.numel()
    return factor * kl_div(student, teacher, reduction=reduction)


check_kd_loss = Check(
    part=2,
    name="kd_loss",
    reference=_kd_loss,
    cases=(
        (
            torch.tensor([[1.0, -0.5, 0.3], [0.2, 0.1, -1.0]], requires_grad=True),
            torch.tensor([[2.0, -1.0, 0.5], [-0.3, 1.2, 0.4]]),
            2.0,
        ),
        (
            torch.tensor([[0.4, -0.4], [-2.0, 1.0], [0.1, 0.3], [1.5, 1.0]], requires_grad=True),
            torch.tensor([[3.0, -2.0], [-1.0, 1.5], [0.6, -0.2], [0.0, 0.5]]),
            4.0,
        ),
    ),
    mistakes=(
        Mistake(
            lambda s, t, T: _torch_kl(t, s, T, T**2),
            "The two are exchanged: this is KL(student ‖ teacher). In torch the student's log-probabilities "
            "come first, the teacher's probabilities second: `kl_div(student, teacher)`.",
        ),
        Mistake(
            lambda s, t, T: _torch_kl(s, t, T, T**2, "mean"),
            "You average over classes, too, which is what torch does unless told otherwise. The divergence "
            'is a sum over classes and a mean over texts: `reduction="batchmean"`.',
        ),
        Mistake(
            lambda s, t, T: _torch_kl(s, t, T, T**2, "sum"),
            "This is the sum over the batch: a larger batch would mean a larger step. Take the mean over "
            'texts: `reduction="batchmean"`.',
        ),
        Mistake(
            lambda s, t, T: _torch_kl(s, t, T, 1),
            "The factor T² is missing. Dividing logits by T makes the gradients smaller by about T²; the "
            "factor puts that right.",
        ),
        Mistake(
            lambda s, t, T: _torch_kl(s, t, T, T),
            "You multiply by T, not by T². One T comes from the derivative of logits / T; where does the "
            "second come from?",
        ),
        Mistake(
            lambda s, t, T: _torch_kl(s, t, 1, 1),
            "The temperature is not used at all. Divide both logits by it before the softmax.",
        ),
        Mistake(
            lambda s, t, T: _torch_kl(s, t, 1, T**2),
            "The temperature is only in the factor. Divide both logits by it before the softmax.",
        ),
        Mistake(
            lambda s, t, T: _torch_kl(s, t, T, T**2, of_teacher=1),
            "Only the student's logits are divided by T. The teacher needs the same temperature.",
        ),
        Mistake(
            lambda s, t, T: _torch_kl(s, t, T, T**2, of_student=1),
            "Only the teacher's logits are divided by T. The student needs the same temperature.",
        ),
        Mistake(
            lambda s, t, T: T**2 * kl_div(softmax(s / T, -1), softmax(t / T, -1), reduction="batchmean"),
            "`kl_div` wants log-probabilities of the student: `log_softmax` instead of `softmax`.",
        ),
        Mistake(
            lambda s, t, T: (
                T**2 * kl_div(log_softmax(s / T, -1), log_softmax(t / T, -1), reduction="batchmean")
            ),
            "`kl_div` takes the teacher's probabilities, unless you say `log_target=True`. You gave it "
            "log-probabilities.",
        ),
        Mistake(
            lambda s, t, T: ((s - t) ** 2).mean(),
            "This is the squared difference of logits. It is another loss; here the divergence is asked.",
        ),
    ),
)


def _on_a_grid(x: torch.Tensor, scale: torch.Tensor, largest: int) -> torch.Tensor:
    return (x / scale).round().clamp(-largest, largest) * scale


def _largest(bits: int) -> int:
    return 2 ** (bits - 1) - 1


def _up_to(size: Callable, says: str) -> Mistake:
    """The grid's largest integer stands for `size` of the numbers, which is the wrong one."""
    return Mistake(lambda x, b: _on_a_grid(x, size(x) / _largest(b), _largest(b)), says)


def _too_small(size: Callable, says: str) -> tuple[Mistake, Mistake]:
    """The same where some numbers are larger than `size`: with those cut off, and without."""

    def uncut(x: torch.Tensor, bits: int) -> torch.Tensor:
        scale = size(x) / _largest(bits)
        return (x / scale).round() * scale

    return _up_to(size, says), Mistake(uncut, says)


check_fake_quantize = Check(
    part=3,
    name="fake_quantize",
    reference=fake_quantize,
    # The largest number is a negative one.
    cases=(
        (torch.tensor([[0.63, -1.7, 0.11], [0.94, -0.32, 0.05]]), 8),
        (torch.tensor([0.9, -2.0, 0.45, 1.3, -0.2, 0.71]), 4),
    ),
    mistakes=(
        *_too_small(
            lambda x: x.abs().mean(),
            "Your scale comes from the mean. What is above the mean is cut off, or needs more bits. The "
            "scale must let the largest size in: `x.abs().max()`.",
        ),
        *_too_small(
            torch.max,
            "Your scale comes from the largest number. Here a negative number is larger in size: it is cut "
            "off, or needs more bits. Take `x.abs().max()`.",
        ),
        Mistake(
            lambda x, b: _on_a_grid(x, x.abs().max() / 2 ** (b - 1), 2 ** (b - 1)),
            "You reach up to 2^(bits−1). Of 8 bits that is 128, which does not fit beside −128 to 127: the "
            "largest is 2^(bits−1) − 1.",
        ),
        Mistake(
            lambda x, b: _on_a_grid(x, x.abs().max() / 2 ** (b - 1), _largest(b)),
            "Your scale divides by 2^(bits−1), but the largest integer is 2^(bits−1) − 1. So the largest "
            "number is cut off.",
        ),
        Mistake(
            lambda x, b: _on_a_grid(x, x.abs().max() / (2**b - 1), 2**b - 1),
            "You use all 2^bits steps on each side of zero. One bit is for the sign: the largest integer is "
            "2^(bits−1) − 1.",
        ),
        Mistake(
            lambda x, b: (x / (x.abs().max() / _largest(b))).round(),
            INTEGERS,
        ),
        Mistake(
            lambda x, b: (x / (x.abs().max() / _largest(b))).floor() * (x.abs().max() / _largest(b)),
            "You round down. That moves every weight to the left: `round` instead of `floor` or `//`.",
        ),
        Mistake(
            lambda x, b: (x / (x.abs().max() / _largest(b))).trunc() * (x.abs().max() / _largest(b)),
            "You cut off what is behind the decimal point, as `int` does. That makes every weight smaller: "
            "use `round`.",
        ),
        Mistake(lambda x, b: x, NOT_ROUNDED),
    ),
)

check_binarize = Check(
    part=3,
    name="binarize",
    reference=binarize,
    cases=(
        (torch.tensor([[1.0, -3.0], [4.0, -8.0]]),),
        (torch.tensor([[0.2, -0.7, 0.4], [-0.1, 0.9, 0.6]]),),
    ),
    mistakes=(
        Mistake(
            lambda w: w.sign(),
            "These are the signs. All weights now have the size 1, which is far too large: give them their "
            "mean size.",
        ),
        Mistake(
            lambda w: w.sign() * w.abs().max(),
            "Your scale is the largest size, so nearly all weights grow. With two values left, the best one "
            "is the mean size.",
        ),
        Mistake(
            lambda w: w.sign() * w.mean(),
            "Your scale is the mean of the weights, in which plus and minus cancel. Take the mean of their "
            "sizes: `abs` first.",
        ),
        Mistake(
            lambda w: w.sign() * w.pow(2).mean().sqrt(),
            "Your scale is the root of the mean square. The one that stays nearest to the weights is the "
            "mean of their sizes.",
        ),
        Mistake(
            lambda w: w.sign() * w.abs().mean(dim=-1, keepdim=True),
            "You have a scale for each row. That is a good idea, and comes later; here one scale is asked.",
        ),
        Mistake(lambda w: w.abs().mean() * torch.ones_like(w), "The sign is lost: all weights are positive."),
    ),
)


def per_row(weight: torch.Tensor, bits: int) -> torch.Tensor:
    """The nearest values to each row that so many bits can hold."""
    return SymmetricGrid(bits, per_row=True).round(weight)


check_per_row = Check(
    part=3,
    name="per_row",
    reference=per_row,
    # Square, so that the wrong axis gives wrong numbers and not an error. In each row, the largest number is
    # a negative one.
    cases=(
        (torch.tensor([[0.63, -1.7, 0.11], [0.14, -0.32, 0.05], [-4.1, 0.9, 2.3]]), 4),
        (torch.tensor([[0.9, -2.0], [-0.31, 0.12]]), 3),
    ),
    mistakes=(
        _up_to(
            lambda w: w.abs().amax(dim=0),
            "You have a scale for each column. A row is one line of the matrix, so its largest size is found "
            "along the last axis: `dim=-1`.",
        ),
        _up_to(
            lambda w: w.abs().max(),
            "You have one scale for the whole matrix, as in `fake_quantize`. Each row needs one of its own.",
        ),
        *_too_small(
            lambda w: w.abs().amax(dim=-1),
            "The largest sizes are those of the rows, but they are laid along the columns: keep the axis "
            "with `keepdim=True`.",
        ),
        *_too_small(
            lambda w: w.amax(dim=-1, keepdim=True),
            "Your scale comes from the largest number of a row. Here a negative number is larger in size: it "
            "is cut off, or needs more bits. Take `abs` first.",
        ),
        *_too_small(
            lambda w: w.abs().mean(dim=-1, keepdim=True),
            "Your scale comes from the mean of a row. What is above the mean is cut off, or needs more bits. "
            "The scale must let the largest size in.",
        ),
        Mistake(
            lambda w, b: (w / w.abs().amax(dim=-1, keepdim=True) * _largest(b)).round(),
            INTEGERS,
        ),
        Mistake(lambda w, b: w, NOT_ROUNDED),
    ),
)
