"""The memory that new processes can take."""

import os

from nanosched import memory
from nanosched.memory import free_memory


def test_linux_says_what_is_available(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text("MemTotal: 2000 kB\nMemFree: 10 kB\nMemAvailable:    1500 kB\n")
    assert free_memory() == 1500 * 1024


def test_elsewhere_it_is_the_free_pages_or_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")
    monkeypatch.setattr(os, "sysconf", dict(SC_AVPHYS_PAGES=3, SC_PAGE_SIZE=4096).__getitem__)
    assert free_memory() == 3 * 4096

    def unknown(name):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "sysconf", unknown)
    assert free_memory() is None


def test_here():
    assert free_memory() is None or free_memory() > 1_000_000
