"""What is wrong with a learner's function? A check runs it on a few inputs next to the book's own, and
compares what comes out with what the usual mistakes give.

A mistake is described by a function that makes it. So a message names a mistake only where the learner's
numbers are those of the mistake, on every input.
"""

import copy
import io
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
import torch

UNFINISHED = "It returns nothing yet. Write your lines in the place of `...`, and end with `return`."
PRINTS = "It prints, and returns nothing. Write `return ...` in the place of `print(...)`."
STAND_IN = "You tested the book's own function. Run the cell with your function again, then this one."
CHANGES = "It changes what it was given. Work on a copy: `a = a / b` instead of `a /= b`."
TUPLE = (
    "It returns a tuple: several values. Return one. A comma too many makes a tuple, and so does torch's "
    "`max` along an axis, where `amax` gives the values alone."
)
COMPLEX = "Its numbers are complex. Where do you take a root or a logarithm of something below zero?"
PERCENT = (
    "It is 100 times as large as it should be. Percent are for tables; a function of the book gives a "
    "fraction. Leave out the factor 100."
)
NO_GRADIENT = (
    "The number is right, but a dead end for training: no gradient leads back to the student. Stay with "
    "torch, and use no `.item()`, `.numpy()` or `.detach()` on what comes from the student."
)
OTHER_GRADIENT = (
    "The number is right, but its gradient is not: only a part of what comes from the student is followed "
    "back. Use no `.item()`, `.numpy()` or `.detach()` on it."
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
        """Print "right", or what is wrong and what to think about. Whatever the function does, this does
        not raise.

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
        found, given, printed = [], copy.deepcopy(self.cases), io.StringIO()
        try:
            with redirect_stdout(printed):
                found = [function(*case) for case in given]
        except (Exception, SystemExit) as error:
            return _stopped(error, function)
        finally:
            sys.stdout.write(printed.getvalue())  # it may be there to find an error
        if not all(_all_same(map(_array, a), map(_array, b)) for a, b in zip(given, self.cases, strict=True)):
            return CHANGES
        if wrong := _no_numbers(found, bool(printed.getvalue())):
            return wrong
        asked = copy.deepcopy(self.cases)
        expected = [self.reference(*case) for case in asked]
        numbers, right = [[_array(each) for each in results] for results in (found, expected)]
        if _all_same(numbers, right):
            return self._wrong_gradient(found, given, self._gradients(expected, asked))
        if _all_same([each / 100 for each in numbers], right):
            return PERCENT
        for mistake in self.mistakes:
            if _all_same(numbers, [_array(mistake.function(*copy.deepcopy(case))) for case in self.cases]):
                return mistake.says
        return self._unlike(numbers, right)

    def _gradients(self, results: Sequence, given: Sequence[tuple]) -> list[np.ndarray]:
        """Of each result, after each argument that asks for a gradient; zero where none leads there."""
        found: list[np.ndarray] = []
        for result, case, before in zip(results, given, self.cases, strict=True):
            # As they were: a function can change what asks, too.
            asking = [now for now, once in zip(case, before, strict=True) if _asks(once)]
            if asking and _asks(result):
                back = torch.autograd.grad(result.sum(), asking, allow_unused=True, materialize_grads=True)
            else:
                back = [torch.zeros_like(each) for each in asking]
            found += map(_array, back)
        return found

    def _wrong_gradient(self, results: Sequence, given: Sequence[tuple], right: Sequence[np.ndarray]) -> str:
        try:
            found = self._gradients(results, given)
        except RuntimeError as error:  # after an own `backward()`, or a change of what torch has kept
            return f"The number is right, but torch cannot go back from it: {_first_line(error)}"
        if _all_same(found, right):
            return ""
        return OTHER_GRADIENT if any(each.any() for each in found) else NO_GRADIENT

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


def _no_numbers(found: Sequence, printed: bool) -> str:
    """What to say of results that are no numbers, whatever the exercise."""
    if any(each is None or each is ... for each in found):
        return PRINTS if printed else UNFINISHED
    if any(isinstance(each, tuple) for each in found):
        return TUPLE
    for each in found:
        try:
            if np.iscomplexobj(_plain(each)):
                return COMPLEX
            _array(each)
        except Exception:  # of whatever somebody returns: numpy and torch refuse in many ways
            return f"It returns a {type(each).__name__}. A number or an array of numbers is wanted."
    return ""


def _stopped(error: BaseException, function: Callable) -> str:
    """Where the learner's function stopped, and why: the innermost line that is the learner's own."""
    file = getattr(getattr(function, "__code__", None), "co_filename", "")
    frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == file]
    where = f" in line {frames[-1].lineno} of its cell" if frames else ""
    line = f", `{frames[-1].line}`" if frames and frames[-1].line else ""
    why = _first_line(error)
    return f"It stops{where}{line}: {type(error).__name__}" + (f": {why}" if why else "")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _plain(value: Any) -> np.ndarray:
    """As numpy has it, with its own type."""
    return np.asarray(value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value)


def _array(value: Any) -> np.ndarray:
    array = _plain(value)
    if array.dtype.kind in "SU":
        raise TypeError("numpy would read the numbers in a text")
    return array.astype(np.float64)


def _asks(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.allclose(a, b, RELATIVE, ABSOLUTE, equal_nan=True)


def _all_same(first: Iterable[np.ndarray], second: Iterable[np.ndarray]) -> bool:
    return all(_same(a, b) for a, b in zip(first, second, strict=True))


def _shape(array: np.ndarray) -> str:
    return f"an array of the shape {array.shape}" if array.ndim else "one number"


def _short(value: Any) -> str:
    text = np.array2string(
        _array(value), separator=", ", formatter={"float_kind": lambda number: f"{number:.4g}"}
    )
    return " ".join(text.split())
