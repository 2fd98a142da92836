"""Files that are there whole or not at all."""

import threading

import pytest

from nanosched.files import atomic


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
