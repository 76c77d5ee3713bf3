"""Asking once whether the hub is there, and not at all where that was forbidden."""

import os
import socketserver
import threading

import huggingface_hub.constants
import pytest

from bert_compression import devices as hub

ANSWERS = {
    "page": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no such page": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "broken": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "nonsense": b"\x00\xff who is there?\r\n\r\n",
}


@pytest.fixture
def endpoint(monkeypatch):
    """Serves one of `ANSWERS` (others: silence) at a port of its own, as the hub; lists what it was asked."""
    asked, ended = [], threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            asked.append(self.rfile.readline())
            if self.server.says in ANSWERS:
                self.wfile.write(ANSWERS[self.server.says])
            else:
                ended.wait()

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def serve(says):
        server.says = says
        address = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
        return asked

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr(hub, "PATIENCE", 0.2)
    hub.hub_answers.cache_clear()
    yield serve
    ended.set()
    server.shutdown()
    server.server_close()
    hub.hub_answers.cache_clear()


@pytest.mark.parametrize("says", ["page", "no such page"])
def test_a_hub_that_answers_is_asked_once_at_its_own_port_and_then_used(endpoint, says):
    asked = endpoint(says)
    hub.use_hub_or_cache()
    hub.use_hub_or_cache()
    assert asked == [b"HEAD / HTTP/1.1\r\n"]
    assert not huggingface_hub.constants.HF_HUB_OFFLINE and os.environ["HF_HUB_OFFLINE"] == "0"


@pytest.mark.parametrize("says", ["nothing", "nonsense", "broken"])
def test_a_hub_that_is_silent_or_talks_nonsense_is_asked_once_and_then_left_alone(endpoint, says):
    asked = endpoint(says)
    hub.use_hub_or_cache()
    hub.use_hub_or_cache()
    assert len(asked) == 1
    assert huggingface_hub.constants.HF_HUB_OFFLINE and os.environ["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "nonsense", "http://[1"])
def test_an_address_where_nobody_is_holds_nothing_up(endpoint, monkeypatch, address):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    assert not hub.hub_answers()


def test_where_the_user_forbids_the_hub_nobody_asks(endpoint, monkeypatch):
    asked = endpoint("page")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert not hub.hub_answers()
    assert asked == []
