"""What a job runs on, and with how many threads."""

import numpy as np
import torch
from threadpoolctl import threadpool_info

from bert_compression.experiments.environment import threads


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
