"""The workshop's notebooks, and what a learner types into them."""

import nbformat
import numpy as np
import pytest
import torch
from torch.nn.functional import kl_div, log_softmax, softmax

from bert_compression.workshop import material


@pytest.fixture(scope="session")
def notebooks(project):
    """The notebooks by name."""
    paths = sorted((project / "notebooks" / "workshop").glob("*.ipynb"))
    return {path.stem: nbformat.read(path, as_version=4) for path in paths}


@pytest.fixture(scope="session")
def typed():
    """Runs the cell of a function, with what the notebook has imported, and gives the function."""

    def run(source: str, name: str):
        names = {"np": np, "torch": torch, "kl_div": kl_div, "log_softmax": log_softmax, "softmax": softmax}
        exec(source, names)
        return names[name]

    return run


@pytest.fixture(scope="session")
def small_models(tmp_path_factory):
    """A store of the tests' own, in which the small models are made once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("BERT_COMPRESSION_STORE", str(tmp_path_factory.mktemp("store")))
        material._session.cache_clear()
        yield material.small_models()
        material._session.cache_clear()
