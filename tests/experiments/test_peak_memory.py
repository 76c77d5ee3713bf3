"""What records say of the machine."""

import sys

import numpy as np
import pytest

from bert_compression.experiments.environment import peak_memory_mib, reset_peak_memory


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
