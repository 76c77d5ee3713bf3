"""What public functions refuse: an argument that is not of the kind that the function says, in one line.

`checked` compares the arguments of a function, or the fields of a dataclass, with their annotations. What a
kind cannot say, a range or a shape, stands in the function; what several functions check follows below.
"""

import inspect
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property, wraps
from math import inf
from numbers import Integral, Real
from typing import Any, TypeVar, Union, get_args, get_origin

import numpy as np
import torch
from numpy.typing import ArrayLike

from bert_compression.errors import BadInput, shown

F = TypeVar("F", bound=Callable)
LARGEST = 1e100  # of numbers that are squared and added up
MOST_RESAMPLES = 1_000_000
MOST = sys.float_info.max  # of a number: beyond lie infinity, and whole numbers that are no float
RECTANGLE = "a rectangle of finite numbers, truth values or words"
NAMES: dict[Any, tuple[str, str]] = {  # of one, of many
    bool: ("True or False", "truth values"),
    int: ("a whole number", "whole numbers"),
    float: ("a finite number", "finite numbers"),
    str: ("a text", "texts"),
    torch.Tensor: ("a tensor of finite numbers", "tensors of finite numbers"),
    torch.nn.Module: ("a model", "models"),
    ArrayLike: (RECTANGLE, "rectangles of finite numbers, truth values or words"),
    None: ("None", "None"),
    type(None): ("None", "None"),
}
PLAIN = (type(None), bool, Real, complex, str, bytes, list, tuple, set, dict, np.ndarray, torch.Tensor)


def checked(asked: F) -> F:
    """The function, or the class, which refuses arguments of another kind than its annotations say.

    Raises BadInput, naming the argument. A whole number is no truth value, and a number is finite; a tensor
    is finite unless it carries a gradient, of which the loss tells. In the place of an object of a library
    that is imported for its types alone, whatever is no plain data will do; see `has`.
    """
    if isinstance(asked, type):
        asked.__init__ = checked(asked.__init__)  # type: ignore[misc]
        return asked
    kinds = _Kinds(asked)

    @wraps(asked)
    def function(*args: object, **kwargs: object) -> object:
        of_arguments = kinds.of_arguments
        for name, value in (*zip(kinds.positional, args, strict=False), *kwargs.items()):
            kind = of_arguments.get(name, Any)
            if kind is not Any and not _fits(value, kind):
                raise BadInput(f"{name} must be {_named(kind)}, not {shown(value)}")
        return asked(*args, **kwargs)

    return function  # type: ignore[return-value]


class _Kinds:
    """The annotations of a function's arguments, looked up when it is first called: some are names of
    libraries that are not imported before."""

    def __init__(self, function: Callable):
        self._names, self._parameters = (
            inspect.unwrap(function).__globals__,
            inspect.signature(function).parameters,
        )
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self.positional = [name for name, each in self._parameters.items() if each.kind in kinds]

    @cached_property
    def of_arguments(self) -> dict[str, Any]:
        found = {}
        for name, parameter in self._parameters.items():
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                kind = self._known(parameter.annotation)
                if kind not in (Any, object, parameter.empty):
                    found[name] = kind
        return found

    def _known(self, kind: Any) -> Any:
        if not isinstance(kind, str):
            return kind
        try:
            return eval(kind, self._names)
        except NameError:  # imported for the types alone
            return getattr(sys.modules.get("transformers"), kind, kind)


def _fits(value: object, kind: Any) -> bool:
    """Is the value of that kind?"""
    if kind is ArrayLike:
        return _as_array(value) is not None
    if isinstance(kind, str):
        return (value is None and kind.endswith("| None")) or not isinstance(value, PLAIN)
    origin, inner = _parts(kind)
    if origin in (Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if kind in (None, type(None)):
        return value is None
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    if kind in (int, float):
        if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
            return False
        return bool(-MOST <= value <= MOST)  # type: ignore[operator]
    if kind is torch.Tensor:
        return isinstance(value, torch.Tensor) and _is_finite(value)
    if kind is Any or isinstance(kind, TypeVar):
        return True
    return _fits_class(value, origin or kind, inner)


@cache
def _parts(kind: Any) -> tuple[Any, tuple]:
    """What a kind is made of: asked at every call, of a few hundred annotations in all."""
    return get_origin(kind), get_args(kind)


def _fits_class(value: object, kind: type, inner: tuple) -> bool:
    if getattr(kind, "_is_protocol", False):
        return not isinstance(value, PLAIN)
    if kind is Callable:
        return callable(value)
    if kind is Sequence and isinstance(value, np.ndarray):
        return value.ndim > 0 and (not inner or all(_fits(each, inner[0]) for each in value))
    if not isinstance(value, kind) or (isinstance(value, str | bytes) and kind in (Sequence, Iterable)):
        return False
    if isinstance(value, Mapping) and len(inner) == 2:
        if inner[1] is torch.Tensor:  # batches: what is done with each looks at its numbers
            return all(isinstance(each, torch.Tensor) for each in value.values())
        return all(_fits(key, inner[0]) and _fits(each, inner[1]) for key, each in value.items())
    if isinstance(value, tuple) and inner and Ellipsis not in inner and kind is tuple:
        return len(value) == len(inner) and all(map(_fits, value, inner))
    if isinstance(value, list | tuple | Sequence) and inner:
        return all(_fits(each, inner[0]) for each in value)
    return True


def _is_finite(tensor: torch.Tensor) -> bool:
    if tensor.is_complex():
        return False
    return tensor.requires_grad or not tensor.is_floating_point() or bool(tensor.isfinite().all())


def _named(kind: Any, many: bool = False) -> str:
    """What is asked for, in words: one of that kind, or `many`."""
    if kind in NAMES:
        return NAMES[kind][many]
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_named(each, many) for each in inner))
    name = kind if isinstance(kind, str) else getattr(origin or kind, "__name__", str(kind)).lower()
    names = [_named(each, many=True) for each in inner if each is not Ellipsis and origin is not Callable]
    of_what = f" of {' and '.join(dict.fromkeys(names))}" if names else ""
    article = "an" if name[0].lower() in "aeio" else "a"
    return f"{name}s{of_what}" if many else f"{article} {name}{of_what}"


def in_range(value: float, name: str, low: float, high: float = inf) -> None:
    """Raises BadInput unless low <= value <= high."""
    if not low <= value <= high:
        must = f"lie in {low}..{high}" if high < inf else f"be {low} or more"
        raise BadInput(f"{name} must {must}, not {shown(value)}")


def has(value: object, name: str, *attributes: str) -> None:
    """Raises BadInput for an object without one of these attributes."""
    for attribute in attributes:
        if not hasattr(value, attribute):
            raise BadInput(f"{name} must have {attribute!r}, and {shown(value)} has not")


def check_draws(resamples: int, seed: int) -> None:
    """Raises BadInput for other numbers of resamples than can be drawn, and for a seed below 0."""
    in_range(resamples, "resamples", 1, MOST_RESAMPLES)
    in_range(seed, "seed", 0)


def one_of(value: str, name: str, choices: Iterable[str]) -> None:
    """Raises BadInput for another choice, naming those that there are."""
    choices = list(choices)
    if value not in choices:
        raise BadInput(f"unknown {name} {shown(value)}: choose one of {', '.join(choices)}")


def _as_array(values: object) -> np.ndarray | None:
    """What an array can be made of: numbers, truth values or words in a rectangle."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biufUO":
        array = values
    else:
        try:
            array = np.asarray(values)
        except (ValueError, TypeError, RuntimeError):  # ragged, or a tensor that carries a gradient
            return None
    return array if array.dtype.kind in "biufU" else None


def rectangle(values: ArrayLike, name: str) -> np.ndarray:
    """An array of finite numbers, truth values or words, of any shape."""
    found = _as_array(values)
    if found is None:
        raise BadInput(f"{name} must be {RECTANGLE}, not {shown(values)}")
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise BadInput(f"{name} holds NaN or infinite values")
    return found


def numbers(values: ArrayLike, name: str, axes: tuple[str, ...], most: float = LARGEST) -> np.ndarray:
    """A float64 array of finite numbers with these axes, none empty; their squares are numbers, too."""
    found = _as_array(values)
    if found is None or found.dtype.kind == "U":
        raise BadInput(f"{name} must be numbers in a rectangle, not {shown(values)}")
    if found.ndim != len(axes) or not found.size:
        shape = ", ".join(axes) if len(axes) > 1 else f"{axes[0]},"
        raise BadInput(f"{name} must have the shape ({shape}), not {found.shape}")
    x = found.astype(np.float64)
    if not np.isfinite(x).all():
        raise BadInput(f"{name} holds NaN or infinite values")
    if np.abs(x).max() > most:
        raise BadInput(f"{name} holds {np.abs(x).max():g}, of which no square is a number: take another unit")
    return x


def paired_labels(
    first: ArrayLike, second: ArrayLike, names: tuple[str, str]
) -> tuple[np.ndarray, np.ndarray]:
    """Two one-dimensional arrays of equal, non-zero length: of finite numbers, or both of words."""
    a, b = (rectangle(side, name) for side, name in zip((first, second), names, strict=True))
    for array, name in ((a, names[0]), (b, names[1])):
        if array.ndim != 1:
            raise BadInput(f"{name} must be one-dimensional (examples,), but its shape is {array.shape}")
    if len(a) != len(b):
        raise BadInput(
            f"{names[0]} has {len(a)} examples and {names[1]} has {len(b)}: they must answer the same"
        )
    if not len(a):
        raise BadInput(f"{names[0]} and {names[1]} are empty: a share of no examples is undefined")
    if (a.dtype.kind == "U") != (b.dtype.kind == "U"):
        raise BadInput(f"{names[0]} and {names[1]} must both be words, or both numbers")
    return a, b


def paired_numbers(
    first: ArrayLike, second: ArrayLike, names: tuple[str, str]
) -> tuple[np.ndarray, np.ndarray]:
    """The same of numbers alone, in float64."""
    a, b = paired_labels(first, second, names)
    return numbers(a, names[0], ("examples",), most=inf), numbers(b, names[1], ("examples",), most=inf)


def truth_values(values: np.ndarray, name: str) -> np.ndarray:
    """The array as truth values. Raises BadInput for numbers other than 0 and 1, and for words."""
    if values.dtype.kind == "U" or not np.isin(values, (0, 1)).all():
        raise BadInput(f"{name} must be truth values, one an example, such as predicted != gold")
    return values.astype(bool)


def counts(values: ArrayLike, name: str, axes: tuple[str, ...]) -> np.ndarray:
    """An array of whole numbers from 0."""
    x = numbers(values, name, axes)
    if x.min() < 0:
        raise BadInput(f"{name} must not be negative, but {x.min():g} was found")
    if (x != np.floor(x)).any():
        raise BadInput(f"{name} must be whole numbers, and {x[x != np.floor(x)][0]:g} is none")
    return x.astype(np.int64)


def distributions(probs: ArrayLike, name: str) -> np.ndarray:
    """A float64 array (examples, classes) whose rows are distributions, rescaled to sum to one exactly."""
    found = rectangle(probs, name)
    if found.ndim != 2 or not found.shape[0] or found.shape[1] < 2:
        raise BadInput(
            f"{name} must have the shape (examples, classes) with 2 classes or more, not {found.shape}"
        )
    p = numbers(found, name, ("examples", "classes"))
    totals = p.sum(axis=1, keepdims=True)
    if (p < 0).any() or (np.abs(totals - 1) > 1e-3).any():
        raise BadInput(
            f"each row of {name} must be a probability distribution; pass probabilities, not logits"
        )
    return p / totals


def feature_matrix(values: ArrayLike, name: str) -> np.ndarray:
    """An array (points, features) of finite numbers."""
    x = rectangle(values, name)
    if x.dtype.kind == "U":
        raise BadInput(f"{name} must be numbers, not words")
    if x.ndim != 2 or not x.size:
        raise BadInput(f"{name} must have the shape (points, features), not {x.shape}")
    if float(np.abs(x).max()) > LARGEST:
        raise BadInput(f"{name} holds {np.abs(x).max():g}, of which no square is a number: take another unit")
    return x


def check_k(k: int, others: int, of_what: str) -> None:
    """Raises BadInput unless there is a k-th nearest among so many others."""
    if not isinstance(k, int | np.integer) or not 0 < k <= others:
        raise BadInput(f"k must be a whole number from 1 to {others}, the number of {of_what}, not {k!r}")


def tails(confidence: float) -> list[float]:
    """The two quantiles between which this share of a distribution lies, as much on either side left out."""
    if not 0 < confidence < 1:
        raise BadInput(f"confidence must lie between 0 and 1, not {confidence!r}")
    return [(1 - confidence) / 2, (1 + confidence) / 2]
