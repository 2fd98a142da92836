"""What the tests of training share: one small real text, one tiny model, and the two ways to run a script."""

import inspect
import os
import runpy
import sys
from types import SimpleNamespace

import pytest
from helpers import ROOT, TINY, write_toml
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # no test is about time
settings.load_profile("untimed")
os.environ["COLUMNS"] = "200"  # tables with all their columns, whatever the terminal
os.environ["OMP_NUM_THREADS"] = "1"  # before torch: on tensors this small, threads only wait for each other


def pytest_xdist_auto_num_workers(config):
    """Whole folders are spread over the cores; files that are named run here, where nothing has to start."""
    return 0 if any(".py" in name for name in config.args) else None


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory):
    """No test reads or writes the user's cache."""
    cache = tmp_path_factory.mktemp("cache")
    before = os.environ.get("NANOSCHED_CACHE")
    os.environ["NANOSCHED_CACHE"] = str(cache)
    yield cache
    os.environ.pop("NANOSCHED_CACHE") if before is None else os.environ.update(NANOSCHED_CACHE=before)


@pytest.fixture(autouse=True)
def registry():
    """Schedules and files that a test registers or loads are gone after it."""
    from schedulers.core.load import _sources
    from schedulers.core.registry import REGISTRY

    kept = [(known, dict(known)) for known in (REGISTRY, _sources)]
    yield
    for known, before in kept:
        known.clear()
        known.update(before)


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    """A real text of about 100,000 characters: the source of argparse."""
    import argparse

    path = tmp_path_factory.mktemp("text") / "argparse.txt"
    path.write_text(inspect.getsource(argparse), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny(text):
    """The settings of a run of 12 steps that takes 20 ms."""
    return dict(TINY, dataset=str(text))


@pytest.fixture(scope="session")
def dataset(text, session_cache):
    from data import open_dataset

    return open_dataset(str(text), "char")


@pytest.fixture
def toml(tmp_path, tiny):
    """Writes tmp_path/tiny.toml: the tiny settings with some changed."""
    return lambda **changes: write_toml(tmp_path, **{**tiny, **changes})


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """The script as a user runs it in tmp_path, but in this process and on one core."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # so that compare.py starts no processes
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)

    def run(script, *args):
        monkeypatch.setattr(sys, "argv", [script, *map(str, args)])
        capsys.readouterr()
        code, last = 0, ""
        try:
            runpy.run_path(str(ROOT / script), run_name="__main__")
        except SystemExit as e:  # as Python ends: a text goes to stderr and means 1
            code, last = (1, e.code) if isinstance(e.code, str) else (e.code or 0, "")
        said = capsys.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err + last)

    return run


@pytest.fixture
def no_figures(monkeypatch):
    """compare.py draws no figures: they take it longer than all the rest, and have tests of their own."""
    from analysis import write

    pages = [page for page in write.PAGES if not page.name.startswith("figures/")]
    monkeypatch.setattr(write, "PAGES", pages)
