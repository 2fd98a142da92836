"""One process at a time trains a run."""

import subprocess
import sys

import pytest
from helpers import ROOT

from nanosched import locks
from nanosched.locks import lock_run

HOLD = """
import sys
from pathlib import Path
from nanosched.locks import lock_run
sys.argv = ["train.py"]
with lock_run(Path({folder!r})):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """A process that has the lock of tmp_path / "run"."""
    code = HOLD.format(folder=str(tmp_path / "run"))
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, **pipes) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_who_has_it_is_said_in_one_line(held, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "WAIT_S", 0)
    for _ in range(2):
        with pytest.raises(ValueError, match=f"run is being trained by train.py, process {held.pid}: wait"):
            lock_run(tmp_path / "run")


def test_it_ends_with_its_process(held, tmp_path):
    held.kill()
    with lock_run(tmp_path / "run"):
        pass
    with lock_run(tmp_path / "run"):
        pass
