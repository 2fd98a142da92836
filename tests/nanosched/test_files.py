"""Files that are there whole or not at all."""

import os
import subprocess
import sys
import threading

import pytest

from nanosched.files import atomic, delete_leftovers


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "new folder" / "run.json"
    with atomic(path) as temporary:
        temporary.write_text("whole")
        assert temporary in path.parent.glob(".*.tmp") and not path.exists()
    assert path.read_text() == "whole" and list(path.parent.iterdir()) == [path]


def test_an_exception_leaves_what_was_there(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("before")
    with pytest.raises(KeyError), atomic(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_two_threads_that_write_one_file_have_a_temporary_each(tmp_path):
    path, both_open, temporaries = tmp_path / "run.json", threading.Barrier(2, timeout=10), []

    def write(text):
        with atomic(path) as temporary:
            temporaries.append(temporary)
            temporary.write_text(text)
            both_open.wait()

    threads = [threading.Thread(target=write, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(temporaries)) == 2
    assert path.read_text() in ("one", "two") and list(tmp_path.iterdir()) == [path]


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_only_what_a_killed_process_left_half_written_is_deleted(tmp_path, dead):
    kept = [
        ".notes.tmp",  # somebody else's
        ".swap.1.tmp",
        f"run.json.{dead}.1.tmp",
        f".run.json.{dead}.1.tmp.bak",
        f".run.json.{os.getpid()}.{threading.get_ident()}.tmp",  # this one's
        ".run.json.1.140000000000000.tmp",  # of a process that runs
        f"below/.run.json.{dead}.1.tmp",
    ]
    left = [
        f".run.json.{dead}.140000000000000.tmp",
        f".a.b.c.{dead}.1.tmp",
        f".run.json.{os.getpid()}.1.tmp",  # in a container, the next process has the same number
        ".run.json.999999999999999999.1.tmp",
    ]
    (tmp_path / "below").mkdir()
    for name in kept + left:
        (tmp_path / name).write_text("half")
    delete_leftovers(tmp_path)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")) == sorted(kept)
    delete_leftovers(tmp_path / "none")
