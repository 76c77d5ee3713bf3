"""What a job runs on: how many threads, and how much memory it takes."""

import sys

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from bert_compression.experiments.environment import peak_memory_mib, reset_peak_memory
from bert_compression.timing import threads


def of_numpy() -> set[int]:
    np.ones((2, 2)) @ np.ones((2, 2))  # so that its library is there
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_torch_and_numpy_compute_with_the_same_threads_and_go_back():
    before = torch.get_num_threads(), of_numpy()
    with threads(1):
        assert (torch.get_num_threads(), of_numpy()) == (1, {1})
    with threads(None):
        assert (torch.get_num_threads(), of_numpy()) == before
    assert (torch.get_num_threads(), of_numpy()) == before


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot count anew")
def test_a_peak_is_of_what_came_after_the_reset():
    reset_peak_memory()
    before = peak_memory_mib()
    # Small enough to lie on the heap, where the last one keeps the space of the others from being given back.
    arrays = [np.ones(8192) for _ in range(4000)]
    kept = arrays[-1]
    assert peak_memory_mib() > before + 200
    del arrays
    reset_peak_memory()
    assert peak_memory_mib() < before + 50 and kept.all()
