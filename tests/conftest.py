"""What all tests share: one thread, no hub, and the real data where there are any."""

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The tests run side by side; more threads each would only take turns."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's folder."""
    return PROJECT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """A folder with real data (glue/sst2/... as parquet), or a skip where there is none."""
    folder = Path(os.environ.get("BERT_COMPRESSION_DATA") or PROJECT.parent / "shared" / "data")
    if not (folder / "glue").is_dir():
        pytest.skip("no real data: name a folder in BERT_COMPRESSION_DATA")
    return folder
