"""Asking once whether the hub is there, and not at all where that was forbidden."""

import os
import socket

import huggingface_hub.constants
import pytest

from bert_compression import devices as hub


@pytest.fixture
def network(monkeypatch):
    """Counts attempts to connect; `network["answers"]` says whether they succeed. All is put back."""
    state = {"answers": True, "addresses": []}

    class Connection:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    def connect(address, timeout):
        assert timeout <= 3
        state["addresses"].append(address)
        if not state["answers"]:
            raise TimeoutError
        return Connection()

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    hub.hub_answers.cache_clear()
    yield state
    hub.hub_answers.cache_clear()


def test_a_hub_that_answers_is_asked_once_and_then_used(network):
    hub.use_hub_or_cache()
    hub.use_hub_or_cache()
    assert network["addresses"] == [("huggingface.co", 443)]
    assert not huggingface_hub.constants.HF_HUB_OFFLINE and os.environ["HF_HUB_OFFLINE"] == "0"


def test_a_hub_that_is_silent_is_asked_once_and_then_left_alone(network):
    network["answers"] = False
    hub.use_hub_or_cache()
    hub.use_hub_or_cache()
    assert len(network["addresses"]) == 1
    assert huggingface_hub.constants.HF_HUB_OFFLINE and os.environ["HF_HUB_OFFLINE"] == "1"


def test_where_the_user_forbids_the_hub_nobody_asks(network, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert not hub.hub_answers()
    assert network["addresses"] == []
