"""What the tests of data/ share: no network, a cache of their own, one small real text."""

import inspect

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
def book(tmp_path):
    """A text of about 100,000 characters: the source of argparse."""
    import argparse

    path = tmp_path / "book.txt"
    path.write_text(inspect.getsource(argparse), encoding="utf-8")
    return path
