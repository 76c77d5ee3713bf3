"""What is wrong with a learner's function? A check runs it on a few inputs next to the book's own, and
compares what comes out with what the usual mistakes give.

A mistake is described by a function that makes it. So a message names a mistake only where the learner's
numbers are those of the mistake, on every input.
"""

import copy
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
import torch

UNFINISHED = "It returns nothing yet. Write your lines in the place of `...`, and end with `return`."
STAND_IN = "You tested the book's own function. Run the cell with your function again, then this one."
CHANGES = "It changes what it was given. Work on a copy: `a = a / b` instead of `a /= b`."
NO_GRADIENT = (
    "The number is right, but a dead end for training: no gradient leads back to the student. Stay with "
    "torch, and use no `.item()`, `.numpy()` or `.detach()` on what comes from the student."
)
WIDTH = 78  # characters of a line that a page of the book shows whole
RELATIVE, ABSOLUTE = 1e-4, 1e-6  # float32 and another order of sums are no mistake


@dataclass(frozen=True)
class Mistake:
    """A function that gets it wrong in a way that many do, and what to say about it."""

    function: Callable
    says: str


@dataclass(frozen=True)
class Check:
    """A checker for the function of one exercise; call it with the learner's function.

    `part` of the workshop and `name` say where the function belongs, `reference` is the book's own, `cases`
    are the arguments that both are called with.
    """

    part: int
    name: str
    reference: Callable
    cases: tuple[tuple, ...]
    mistakes: tuple[Mistake, ...]

    def __call__(self, function: Any) -> Callable:
        """Print "right", or what is wrong and what to think about. Never raises.

        Returns the function to go on with: the learner's where it is right, else the book's own, so that no
        later cell needs to wait for an exercise.
        """
        wrong = self.what_is_wrong(function)
        if not wrong:
            print(f"{self.name}: right.")
            return function
        print(fill(f"{self.name}: not yet. {wrong}", WIDTH, break_on_hyphens=False))
        print("Until it is right, the book's own function is used below.")
        return self.reference

    def what_is_wrong(self, function: Any) -> str:
        """One to three plain sentences; empty for a function that is right."""
        if function is self.reference:
            return STAND_IN
        if not callable(function):
            return f"`{self.name}` is no function. Run the cell with `def {self.name}(...)`, then this one."
        found = []
        for case in self.cases:
            given = copy.deepcopy(case)
            try:
                found.append(function(*given))
            except Exception as error:
                return _stopped(error, function)
            if not all(_same(_array(a), _array(b)) for a, b in zip(given, case, strict=True)):
                return CHANGES
        if any(each is None or each is ... for each in found):
            return UNFINISHED
        expected = [self.reference(*copy.deepcopy(case)) for case in self.cases]
        try:
            numbers = [_array(each) for each in found]
        except (TypeError, ValueError, RuntimeError):  # the last of a list of tensors with gradients
            return f"It returns a {type(found[0]).__name__}. A number or an array of numbers is wanted."
        right = [_array(each) for each in expected]
        if _all_same(numbers, right):
            wanted = any(map(_has_gradient, expected))
            return NO_GRADIENT if wanted and not all(map(_has_gradient, found)) else ""
        for mistake in self.mistakes:
            if _all_same(numbers, [_array(mistake.function(*copy.deepcopy(case))) for case in self.cases]):
                return mistake.says
        return self._unlike(numbers, right)

    def _unlike(self, numbers: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> str:
        """What to say of a mistake that nobody has foreseen: the first case that differs."""
        case, got, wanted = next(
            (c, n, r) for c, n, r in zip(self.cases, numbers, right, strict=True) if not _same(n, r)
        )
        if got.shape != wanted.shape:
            return (
                f"It returns {_shape(got)}, and {_shape(wanted)} is wanted. Over which axis do you sum or "
                "average?"
            )
        if np.isnan(got).any():
            return "Its result is not a number (NaN). Where do you divide by zero, or take log(0) or a root?"
        arguments = ", ".join(_short(each) for each in case)
        return (
            f"{self.name}({arguments}) is {_short(wanted)}, and yours gives {_short(got)}. Work this case "
            "out on paper."
        )


def _stopped(error: Exception, function: Callable) -> str:
    """Where the learner's function stopped, and why: the innermost line that is the learner's own."""
    file = getattr(getattr(function, "__code__", None), "co_filename", "")
    frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == file]
    where = f" in line {frames[-1].lineno} of its cell" if frames else ""
    line = f", `{frames[-1].line}`" if frames and frames[-1].line else ""
    why = (str(error).strip().splitlines() or [""])[0]
    return f"It stops{where}{line}: {type(error).__name__}: {why}"


def _array(value: Any) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    return np.asarray(value, dtype=np.float64)


def _has_gradient(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.allclose(a, b, RELATIVE, ABSOLUTE, equal_nan=True)


def _all_same(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> bool:
    return all(_same(a, b) for a, b in zip(first, second, strict=True))


def _shape(array: np.ndarray) -> str:
    return f"an array of the shape {array.shape}" if array.ndim else "one number"


def _short(value: Any) -> str:
    text = np.array2string(
        _array(value), separator=", ", formatter={"float_kind": lambda number: f"{number:.4g}"}
    )
    return " ".join(text.split())
