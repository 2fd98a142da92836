"""What the tests of data/ share: no network, a cache of their own, one small real text."""

import http.server
import inspect
import threading

import pytest


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    """Every test has its own cache, and a proxy that refuses whatever would go out."""
    for name in ("no_proxy", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("NANOSCHED_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def serve(monkeypatch):
    """Starts a server with this handler; gives its url."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *args: None)
    servers = []

    def start(handler):
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def book(tmp_path):
    """A text of about 100,000 characters: the source of argparse."""
    import argparse

    path = tmp_path / "book.txt"
    path.write_text(inspect.getsource(argparse), encoding="utf-8")
    return path
