"""A shard is read to its end once, and again only after a change."""

import io
import json
import os
import shutil

import numpy as np
import pytest
from helpers import one_line

from data import DataError, open_dataset, shards
from data.shards import HEADER_BYTES, write_shard


@pytest.fixture
def bytes_read(monkeypatch):
    """{name of a shard: bytes read from it} since it was last cleared."""
    counts = {}

    class Counted(io.FileIO):
        def read(self, size=-1):
            content = super().read(size)
            counts[os.path.basename(self.name)] = counts.get(os.path.basename(self.name), 0) + len(content)
            return content

    def counting_open(path, mode):
        return Counted(path, mode) if mode == "rb" else open(path, mode)

    monkeypatch.setattr(shards, "open", counting_open, raising=False)
    return counts


@pytest.fixture
def folder(tmp_path):
    """A folder as llm.c leaves it: shards and nothing else."""
    folder = tmp_path / "web"
    folder.mkdir()
    for name in ("web_train_000000.bin", "web_train_000001.bin", "web_val_000000.bin"):
        write_shard(folder / name, np.arange(5000).astype(np.uint16))
    return folder


def read_in_full(folder, counts):
    """Names of the shards that were read beyond their header."""
    return sorted(f.name for f in folder.glob("*.bin") if counts.get(f.name, 0) >= f.stat().st_size)


def test_text_is_verified_once(book, bytes_read):
    folder = open_dataset(str(book), "byte").folder
    assert len(read_in_full(folder, bytes_read)) == 2
    bytes_read.clear()
    open_dataset(str(book), "byte")
    assert read_in_full(folder, bytes_read) == []
    assert set(bytes_read.values()) == {HEADER_BYTES}  # the headers are checked at every start


def test_shards_without_a_manifest_are_verified_once(folder, bytes_read):
    before = sorted(folder.iterdir())
    open_dataset(str(folder), "gpt2")
    assert len(read_in_full(folder, bytes_read)) == 3
    assert all(count < 2 * os.path.getsize(folder / name) for name, count in bytes_read.items())
    bytes_read.clear()
    open_dataset(str(folder), "gpt2")
    assert read_in_full(folder, bytes_read) == [] and sorted(folder.iterdir()) == before


def test_only_the_shard_that_changed_is_read_again(book, bytes_read):
    dataset = open_dataset(str(book), "byte")
    file = dataset.val.files[0]
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    bytes_read.clear()
    open_dataset(str(book), "byte")
    assert read_in_full(dataset.folder, bytes_read) == [file.name]
    bytes_read.clear()
    open_dataset(str(book), "byte")
    assert read_in_full(dataset.folder, bytes_read) == []


def test_a_changed_shard_is_refused_every_time(book):
    file = open_dataset(str(book), "byte").val.files[0]
    content = bytearray(file.read_bytes())
    content[HEADER_BYTES] ^= 1
    file.write_bytes(content)
    for _ in range(2):
        with pytest.raises(DataError, match="damaged: sha256") as error:
            open_dataset(str(book), "byte")
        assert file.name in one_line(error)


def test_another_checksum_in_the_manifest_is_refused(book, bytes_read):
    folder = open_dataset(str(book), "byte").folder
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][0]["sha256"] = "0" * 64
    manifest["fingerprint"] = shards.fingerprint(manifest["files"], "byte", None)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    bytes_read.clear()
    with pytest.raises(DataError, match="damaged: sha256"):
        open_dataset(str(book), "byte")
    assert read_in_full(folder, bytes_read) == [manifest["files"][0]["name"]]


def test_shards_before_a_damaged_one_need_no_second_reading(book, bytes_read):
    dataset = open_dataset(str(book), "byte")
    for file in dataset.folder.glob("*.bin"):
        os.utime(file, ns=(0, 10**18))
    last = dataset.folder / dataset.manifest["files"][-1]["name"]
    last.write_bytes(last.read_bytes()[:-2] + b"\0\0")
    with pytest.raises(DataError, match="damaged"):
        open_dataset(str(book), "byte")
    bytes_read.clear()
    with pytest.raises(DataError, match="damaged"):
        open_dataset(str(book), "byte")
    assert read_in_full(dataset.folder, bytes_read) == [last.name]


@pytest.mark.parametrize("content", ["{", "[1]", '"text"', '{"book.txt_val_000000.bin": 3}'])
def test_a_damaged_memory_is_as_none(book, tmp_path, content, bytes_read):
    folder = open_dataset(str(book), "byte").folder
    (memory,) = (tmp_path / "cache" / "verified").iterdir()
    intact = json.loads(memory.read_text())
    memory.write_text(content)
    bytes_read.clear()
    open_dataset(str(book), "byte")
    assert len(read_in_full(folder, bytes_read)) == 2
    assert json.loads(memory.read_text()) == intact


def test_a_cache_that_cannot_be_written_remembers_nothing(book, tmp_path, bytes_read):
    folder = open_dataset(str(book), "byte").folder
    shutil.rmtree(tmp_path / "cache" / "verified")
    (tmp_path / "cache" / "verified").write_text("a file, which stops root too")
    for _ in range(2):
        bytes_read.clear()
        open_dataset(str(book), "byte")
        assert len(read_in_full(folder, bytes_read)) == 2
