"""What all tests share: one thread, no hub, the real data where there are any, projects of their own."""

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


@pytest.fixture(scope="session")
def tiny_bert():
    """Makes a small BERT in evaluation mode; its random weights lie far apart, so that every change shows."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    sizes = {
        "vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4,
        "intermediate_size": 64, "max_position_embeddings": 64, "initializer_range": 0.2, "num_labels": 2,
    }  # fmt: skip

    def make(seed: int = 0, **changes):
        torch.manual_seed(seed)
        return BertForSequenceClassification(BertConfig(**{**sizes, **changes})).eval()

    return make


@pytest.fixture(scope="session")
def tiny_texts():
    """Makes random encoded texts of given lengths for that BERT; `.batch(indices)` gives its inputs."""
    import torch

    from bert_compression.tasks.batching import Encoded

    def make(lengths=(12, 9, 7, 12, 10, 4), seed: int = 0) -> Encoded:
        random = torch.Generator().manual_seed(seed)
        ids = [torch.randint(1, 100, (length,), generator=random).tolist() for length in lengths]
        return Encoded(ids, [[0] * length for length in lengths], truncated=0, pad_id=0)

    return make


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """A machine from which nothing can be reached, with an empty cache; lists what was tried to reach."""
    import socket

    import huggingface_hub.constants

    from bert_compression import devices as hub

    attempts = []

    def refuse(address, *_, **__):
        attempts.append(address)
        raise OSError("unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    hub.hub_answers.cache_clear()
    yield attempts
    hub.hub_answers.cache_clear()


def settle(folder, monkeypatch):
    """Make `folder` the project that is worked in, its store empty, the profiles small."""
    (folder / "lib" / "bert_compression").mkdir(parents=True)
    (folder / "_config.yml").write_text("title: Tiny\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BERT_COMPRESSION_STORE", str(folder / "store"))
    monkeypatch.delenv("BERT_COMPRESSION_DATA", raising=False)
    import tiny_profile

    tiny_profile.shrink(monkeypatch.setitem, monkeypatch.setattr)


@pytest.fixture
def house(tmp_path, monkeypatch):
    """The working directory: a project of the test's own."""
    settle(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def toys(house, monkeypatch):
    """Toy kinds in the places of all kinds, in a project of the test's own."""
    import tiny_profile

    return tiny_profile.Toys(monkeypatch.setitem)


@pytest.fixture(scope="session")
def measured(tmp_path_factory):
    """The project in which the small Table 3 is measured; its store holds the models."""
    return tmp_path_factory.mktemp("table")


@pytest.fixture(scope="session")
def measured_table(measured):
    """A small Table 3, really measured, once for all tests: its records and gold labels."""
    from bert_compression.experiments.kinds import cost
    from bert_compression.papers import loyalty, measure

    with pytest.MonkeyPatch.context() as monkeypatch:
        settle(measured, monkeypatch)
        monkeypatch.setattr(cost, "ROUNDS", {1: 4, 32: 2})
        return measure(loyalty.TABLE_3, profile="smoke", quiet=True)


@pytest.fixture(scope="session")
def table(measured_table):
    """The records of that table."""
    return list(measured_table.records)
