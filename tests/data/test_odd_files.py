"""Only regular files are read: nothing waits for a pipe or reads a device to its end."""

import os
import socket
from pathlib import Path

import pytest
from helpers import one_line

from data import DataError, corpora, find_dataset, open_dataset
from data.prepare import main

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def a_socket(path):
    here = os.getcwd()
    os.chdir(path.parent)  # its name may have 107 characters
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


def loop(path):
    path.symlink_to(path)


def dangling(path):
    path.symlink_to(path.parent / "nothing")


def a_folder(path):
    path.mkdir()


ODD = [pipe, device, a_socket, loop, dangling, a_folder]


def refused(call):
    with pytest.raises(DataError) as error:
        call()
    return one_line(error)


@pytest.mark.parametrize("make", [pipe, device, a_socket, loop, dangling])
@pytest.mark.parametrize("name", ["data", "data.txt", "data.jsonl", "data.parquet"])
def test_as_the_dataset(tmp_path, make, name):
    make(tmp_path / name)
    for look in (open_dataset, find_dataset):
        told = refused(lambda look=look: look(str(tmp_path / name), "byte"))
        assert "not a regular file" in told or "neither a name nor an existing file" in told


@pytest.mark.parametrize("make", ODD)
def test_among_the_documents(tmp_path, make):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"text": "one"}\n{"text": "two 2"}\n')
    make(folder / "b.jsonl")
    assert "b.jsonl: can't be read" in refused(lambda: open_dataset(str(folder), "byte"))


@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("which", ["train", "val", "manifest"])
def test_among_the_shards(book, make, which):
    folder = open_dataset(str(book), "byte").folder
    path = folder / "manifest.json" if which == "manifest" else next(folder.glob(f"*_{which}_*"))
    path.unlink()
    make(path)
    if which == "manifest" and make in (loop, dangling):  # none at all, as in llm.c's folders
        assert open_dataset(str(folder), "byte").vocab_size == 256
    else:
        assert f"{path}: can't be read" in refused(lambda: open_dataset(str(folder), "byte"))


def test_a_file_that_says_it_is_empty_is(tmp_path):
    if not Path("/proc/cpuinfo").exists():
        pytest.skip("there is no /proc here")
    assert "has no text" in refused(lambda: open_dataset("/proc/cpuinfo", "byte"))


def test_a_text_larger_than_the_memory(tmp_path):
    path = tmp_path / "large.txt"
    path.touch()
    os.truncate(path, 2**42)
    for look in (open_dataset, find_dataset):
        told = refused(lambda look=look: look(str(path), "byte"))
        assert "4.4 TB takes at least 26 TB of memory" in told and "jsonl" in told


def test_memory_that_nobody_knows_refuses_nothing(book, monkeypatch):
    monkeypatch.setattr(corpora, "room", lambda device: None)
    assert open_dataset(str(book), "byte").vocab_size == 256


@pytest.mark.parametrize(
    "name", ["a\nb.txt", "\u202etxt.b", "\x1b[31m.txt", "x" * 250, "\udcff.txt", "é" * 120]
)
@pytest.mark.parametrize("kind", ["text", "folder", "shards"])
def test_odd_names(tmp_path, name, kind, book):
    """A name has 255 bytes at most; what is made of it is no longer, and what is said of it is one line."""
    path = tmp_path / name
    if kind == "text":
        path.write_bytes(book.read_bytes())
    elif kind == "folder":
        path.mkdir()
        (path / "a.jsonl").write_text('{"text": "one"}\n{"text": "two 2"}\n')
    else:
        (open_dataset(str(book), "byte").folder).rename(path)
        (path / "manifest.json").unlink()
    lines = []
    dataset = open_dataset(str(path), "byte", say=lines.append)
    assert dataset.name.isprintable() and lines == []
    assert find_dataset(str(path), "byte").fingerprint == dataset.fingerprint
    dataset.train.files[0].write_text("")
    assert refused(lambda: open_dataset(str(path), "byte")).isprintable()


@pytest.mark.parametrize("name", ["~nobody-of-this-name/x", "x\0y", "x" * 5000, "\n", "\udcff"])
def test_names_of_nothing(name, capsys, tmp_path):
    for look in (open_dataset, find_dataset):
        told = refused(lambda look=look: look(name, "byte"))
        assert told.isprintable() and len(told) < 300
    assert main([name, "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1
