"""Neighbours and CKA: against a search in the matrix of all pairs, and against the arithmetic of torch_cka.

    python -m benchmarks.representation

First both sides must find the same neighbours, the same Jaccard, and CKA to 1e-6, or the exit status is 1.
Then they are compared, in seconds of one processor core, so that what else runs on the machine hits both
alike, and in memory. What misses its target is printed, and no failure.

torch_cka goes from pair of layers to pair of layers. For each it computes Gram matrices, and of those the
unbiased products that Nguyen et al. 2021 print as equation 3, in float32. Here this is written from the
equation.
"""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from bert_compression.experiments.environment import peak_memory_mib, reset_peak_memory
from bert_compression.metrics.representation import linear_cka_matrix, nearest_neighbours, neighbour_jaccard
from bert_compression.timing import threads

POINTS, WIDTH, K = 10_000, 384, 50
SECONDS_TARGET = 10.0  # for two models of that size, of one core
MEMORY_TARGET = 1024.0  # MiB, of the same
LAYERS, INPUTS, FEATURES = 13, 512, 768
CKA_TARGET = 5.0  # times as fast as torch_cka's arithmetic
DIFFERENCE = 1e-6  # of CKA, at most
ROUNDS = 9  # of the comparison of CKA; the median counts


def timed(run: Callable[[], object]) -> tuple[float, object]:
    """Processor seconds that a call takes, and what it gives."""
    start = time.process_time()
    result = run()
    return time.process_time() - start, result


def measured(run: Callable[[], object]) -> tuple[float, float, object]:
    """Processor seconds of a call, by how many MiB it drove up the memory in use, and what it gives."""
    reset_peak_memory()
    before = peak_memory_mib()
    seconds, result = timed(run)
    return seconds, peak_memory_mib() - before, result


def all_pairs_neighbours(vectors: np.ndarray) -> np.ndarray:
    """The K nearest of each point, in no order, from the matrix of all cosines."""
    short = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    far = short @ -short.T
    np.fill_diagonal(far, 2)
    return np.argpartition(far, K, axis=1)[:, :K]


def all_pairs_jaccard(a: np.ndarray, b: np.ndarray) -> float:
    sets = (map(set, all_pairs_neighbours(vectors).tolist()) for vectors in (a, b))
    return float(np.mean([len(x & y) / len(x | y) for x, y in zip(*sets, strict=True)]))


def compare_neighbours() -> tuple[list[str], list[tuple]]:
    """What differs, and the rows of the table."""
    random = np.random.default_rng(0)
    causes = random.normal(size=(POINTS, 20))
    a, b = (
        (causes @ random.normal(size=(20, WIDTH)) + random.normal(size=(POINTS, WIDTH))).astype(np.float32)
        for _ in range(2)
    )
    differences = []
    few = a[: POINTS // 5].astype(np.float64)
    if not np.array_equal(np.sort(nearest_neighbours(few, K)), np.sort(all_pairs_neighbours(few))):
        differences.append("other neighbours than in the matrix of all pairs")
    seconds, memory, ours = measured(lambda: neighbour_jaccard(a, b, K))
    # In float64, as ours: in float32 some neighbours would be others.
    naive_seconds, naive_memory, naive = measured(
        lambda: all_pairs_jaccard(a.astype(np.float64), b.astype(np.float64))
    )
    if not np.isclose(ours, naive, rtol=1e-9):
        differences.append(f"a Jaccard of {ours} and, from all pairs, {naive}")
    print(f"{POINTS:,} points of {WIDTH} features in two models, K = {K}: Jaccard {ours:.4f}")
    return differences, [
        ("neighbours, seconds", seconds, naive_seconds, f"<= {SECONDS_TARGET:g}", seconds <= SECONDS_TARGET),
        ("neighbours, MiB", memory, naive_memory, f"<= {MEMORY_TARGET:g}", memory <= MEMORY_TARGET),
    ]


def unbiased_product(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Nguyen et al. 2021, equation 3, of two Gram matrices whose diagonals are 0."""
    n = len(one)
    ones = torch.ones(n, 1)
    trace = torch.trace(one @ other)
    sums = (ones.T @ one @ ones) * (ones.T @ other @ ones) / ((n - 1) * (n - 2))
    return (trace + sums - 2 / (n - 2) * (ones.T @ one @ other @ ones)).squeeze() / (n * (n - 3))


def pairwise_cka(layers_a: list[torch.Tensor], layers_b: list[torch.Tensor]) -> np.ndarray:
    found = np.empty((len(layers_a), len(layers_b)))
    for i, x in enumerate(layers_a):
        one = (x @ x.T).fill_diagonal_(0)
        own = unbiased_product(one, one)
        for j, y in enumerate(layers_b):
            other = (y @ y.T).fill_diagonal_(0)
            between, others = unbiased_product(one, other), unbiased_product(other, other)
            found[i, j] = between / torch.sqrt(own * others)
    return found


def model(seed: int, inputs: torch.Tensor) -> list[torch.Tensor]:
    """Layers that each change the one before a little."""
    random = torch.Generator().manual_seed(seed)
    layers = [inputs]
    for _ in range(LAYERS - 1):
        mixed = layers[-1] @ torch.randn(FEATURES, FEATURES, generator=random) / FEATURES**0.5
        layers.append(layers[-1] + 0.5 * torch.tanh(mixed))
    return layers


def compare_cka() -> tuple[list[str], list[tuple]]:
    """What differs, and the row of the table."""
    inputs = torch.randn(INPUTS, FEATURES, generator=torch.Generator().manual_seed(0))
    a, b = model(1, inputs), model(2, inputs)
    arrays = [x.numpy() for x in a], [x.numpy() for x in b]
    pairs = []
    for _ in range(ROUNDS):
        seconds, ours = timed(lambda: linear_cka_matrix(*arrays, unbiased=True))
        pairs.append((seconds, timed(lambda: pairwise_cka(a, b))))
    theirs = pairs[0][1][1]
    apart = float(np.abs(ours - theirs).max())
    print(
        f"{LAYERS} x {LAYERS} layers, {INPUTS} x {FEATURES}: CKA from {ours.min():.3f} to {ours.max():.3f}, "
        f"at most {apart:.0e} apart"
    )
    seconds, others = (statistics.median(each) for each in zip(*((s, t) for s, (t, _) in pairs), strict=True))
    row = ("CKA, seconds", seconds, others, f"{CKA_TARGET:g} x", others / seconds >= CKA_TARGET)
    return [f"CKA differs by {apart:.1e}"] if not apart < DIFFERENCE else [], [row]


def main() -> int:
    with threads(1):  # NumPy's as well: threads that wait for each other spend processor seconds
        different, rows = compare_neighbours()
        different_cka, row = compare_cka()
    for line in different + different_cka:
        print(f"results differ: {line}", file=sys.stderr)
    if different or different_cka:
        return 1
    print(f"\n{'':<24}{'ours':>9}{'other':>9}{'ratio':>8}{'target':>9}  met")
    for what, ours, other, target, met in rows + row:
        print(f"{what:<24}{ours:>9.3g}{other:>9.3g}{other / ours:>8.1f}{target:>9}  {'yes' if met else 'no'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
