"""A project of its own to run in, with small profiles; a whole table measured once; toy jobs."""

import pytest
import tiny_profile

from bert_compression.experiments import measure
from bert_compression.experiments.kinds import cost


def settle(folder, monkeypatch):
    """Make `folder` the project that is worked in, its store empty, the profiles small."""
    (folder / "lib" / "bert_compression").mkdir(parents=True)
    (folder / "_config.yml").write_text("title: Tiny\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BERT_COMPRESSION_STORE", str(folder / "store"))
    monkeypatch.delenv("BERT_COMPRESSION_DATA", raising=False)
    tiny_profile.shrink(monkeypatch.setitem, monkeypatch.setattr)


@pytest.fixture
def house(tmp_path, monkeypatch):
    """The working directory: a project of the test's own."""
    settle(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def toys(house, monkeypatch):
    """Toy kinds in the places of all kinds, in a project of the test's own."""
    return tiny_profile.Toys(monkeypatch.setattr)


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """All records of a small Table 3, really measured, once for all tests."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        settle(tmp_path_factory.mktemp("table"), monkeypatch)
        monkeypatch.setattr(cost, "ROUNDS", {1: 3, 32: 2})
        return measure("loyalty", "table_3", "smoke", quiet=True)
