"""Files written in processes of their own: the order, one that fails, one that dies, and Ctrl-C."""

import os
import signal
import subprocess
import sys
import threading
from functools import partial

import pytest
from helpers import ROOT

from analysis import processes
from analysis.processes import at_once, call_each
from analysis.write import Writer, write_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux alone")


def call_all(calls, n):
    advanced = []
    return call_each(calls, n, lambda: advanced.append(1)), len(advanced)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_what_is_returned_comes_in_the_order_of_the_calls(n):
    first_ends_last = [partial(wait_and_return, seconds) for seconds in (0.1, 0.0, 0.05)]
    returned, advanced = call_all(first_ends_last, n)
    assert [seconds for seconds, _ in returned] == [0.1, 0.0, 0.05] and advanced == 3
    assert len({process for _, process in returned}) == (1 if n == 1 else 3)


def wait_and_return(seconds):
    threading.Event().wait(seconds)
    return seconds, os.getpid()


def test_a_process_that_dies_takes_no_other_with_it(capfd):
    def say():
        print("said", file=sys.stderr)
        return 1

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    assert call_all([say, die, say], n=2) == ([1, None, 1], 3)
    assert capfd.readouterr().err == "said\nsaid\n"


def test_where_no_process_can_be_had_this_one_does_it(monkeypatch):
    def refuse():
        raise BlockingIOError("too many processes")

    monkeypatch.setattr(os, "fork", refuse)
    assert call_all([os.getpid, os.getpid], n=2) == ([os.getpid()] * 2, 2)


def test_a_process_with_threads_is_not_forked(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5})
    monkeypatch.setattr(processes.threading, "active_count", lambda: 1)
    assert at_once() == 3
    monkeypatch.setattr(processes.threading, "active_count", lambda: 2)
    assert at_once() == 1


@pytest.mark.parametrize("n", [1, 2])
def test_files_that_fail_are_a_line_each(n, tmp_path, capsys):
    def write(comparison, out):
        return [out / "good"]

    def fail(comparison, out):
        raise ValueError("no\ngood")

    writers = [Writer("good", write), Writer("bad", fail, imports=("no_such_module",)), Writer("good", write)]
    if n > 1:
        writers.append(Writer("dead", lambda comparison, out: os._exit(1)))
    written = write_files(writers, None, tmp_path, n=n)
    assert written.paths == [tmp_path / "good"] * 2 and not written.complete
    bad, *dead = capsys.readouterr().err.splitlines()
    assert bad == f"error: can't write {tmp_path / 'bad'}: ValueError: no; what is trained is kept"
    assert all("dead: its process died" in line for line in dead) and len(dead) == n - 1


def test_ctrl_c_ends_all_quietly_and_leaves_no_half_file(tmp_path):
    script = f"""
import os, threading
from analysis.processes import call_each
from nanosched.command import run_command
from nanosched.files import atomic

def write():
    with atomic({str(tmp_path / "file")!r}) as temporary:
        temporary.write_text("half")
        os.write(2, b"%d\\n" % os.getpid())
        threading.Event().wait(60)

run_command(lambda: call_each([write] * 3, 2, print))
"""
    command = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    children = [int(command.stderr.readline()) for _ in range(2)]
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=20)
    assert (command.returncode, out, err) == (130, "", "\nStopped.\n")
    assert list(tmp_path.iterdir()) == []
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
