"""How long do two ways of doing a thing take, next to each other? Timed in turn, so that neither a drift of
the machine's speed nor what the first call leaves in the caches favours one."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

WARM_UP = 2  # rounds that are not counted


@contextmanager
def threads(number: int | None) -> Iterator[None]:
    """Compute with that many threads inside, torch and NumPy alike, and with as many as before afterwards;
    None changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        with threadpool_limits(number, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


def in_turn(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call, round by round, after some rounds that warm up. The order is turned about from
    round to round: who comes second finds warm caches."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for _ in range(rounds + WARM_UP):
        for name in names:
            start = time.perf_counter()
            runs[name]()
            seconds[name].append(time.perf_counter() - start)
        names.reverse()
    return {name: taken[WARM_UP:] for name, taken in seconds.items()}


def speedup(before: Sequence[float], after: Sequence[float]) -> float:
    """How many times as fast is the second? The median of `speedups`."""
    return statistics.median(speedups(before, after))


def speedups(before: Sequence[float], after: Sequence[float]) -> list[float]:
    """How many times as fast the second is, from two neighbouring rounds each, in which either was first
    once: of these two, the geometric mean of the ratios."""
    ratios = [b / a for b, a in zip(before, after, strict=True)]
    return [math.sqrt(one * other) for one, other in zip(ratios[::2], ratios[1::2], strict=True)]
