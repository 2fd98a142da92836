"""A cache is never needed: where it can't be written, a temporary folder stands in for it."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, one_line

from data import DataError, batch, find_dataset, open_dataset, shakespeare, stand_in, tokenizers
from data.corpora import cache_folder
from data.shards import write_shard


@pytest.fixture
def no_cache(tmp_path, monkeypatch):
    """A file in the place of the cache folder: that stops root too."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NANOSCHED_CACHE", str(tmp_path / "file" / "cache"))
    return tmp_path / "file" / "cache"


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "web"
    folder.mkdir()
    for split in ("train", "val"):
        write_shard(folder / f"web_{split}_000000.bin", np.arange(900).astype(np.uint16))
    return folder


def test_a_text_is_prepared_all_the_same(book, no_cache, tmp_path):
    lines = []
    dataset = open_dataset(str(book), "byte", say=lines.append)
    assert dataset.fingerprint == open_dataset(str(book), "byte", cache=tmp_path / "writable").fingerprint
    assert batch(dataset.train, dataset.fingerprint, 0, 0, 2, 8)[0].shape == (2, 8)
    assert find_dataset(str(book), "byte").folder == open_dataset(str(book), "byte", say=lines.append).folder
    (line,) = lines
    assert str(no_cache) in line and "can't be written: Not a directory" in line and "temporary" in line


def test_shards_without_a_manifest_are_read_all_the_same(shards, no_cache, tmp_path):
    lines = []
    dataset = open_dataset(shards, "gpt2", say=lines.append)
    assert dataset.fingerprint == open_dataset(shards, "gpt2", cache=tmp_path / "writable").fingerprint
    assert dataset.folder == shards and len(lines) == 1
    assert sorted(path.suffix for path in shards.iterdir()) == [".bin", ".bin"]


def test_a_download_is_used_all_the_same(monkeypatch, no_cache, book):
    monkeypatch.setattr(shakespeare, "fetch", lambda way_out: book.read_bytes())
    monkeypatch.setattr(shakespeare, "SHA256", shakespeare.hashlib.sha256(book.read_bytes()).hexdigest())
    lines = []
    dataset = open_dataset("auto", say=lines.append)
    assert dataset.name == find_dataset("auto").name == "shakespeare" and len(lines) == 1
    assert dataset.fingerprint == open_dataset(str(book)).fingerprint


@pytest.mark.parametrize("writes", [0, 1, 2, 4])
def test_a_disk_that_is_full_at_any_write(book, tmp_path, monkeypatch, writes):
    cache, replace, done = cache_folder(), os.replace, []

    def full(source, target):
        if cache in Path(target).parents:
            done.append(target)
            if len(done) > writes:
                raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    lines = []
    dataset = open_dataset(str(book), "byte", say=lines.append)
    assert "No space left on device" in lines[0] and len(lines) == 1
    monkeypatch.undo()
    assert dataset.fingerprint == open_dataset(str(book), "byte", cache=tmp_path / "other").fingerprint


def test_a_file_system_without_locks(book, monkeypatch):
    import filelock

    acquire, cache = filelock.FileLock.acquire, cache_folder()

    def unsupported(self, *args, **kwargs):
        if cache in Path(self.lock_file).parents:
            raise NotImplementedError("FileSystem does not appear to support flock")
        return acquire(self, *args, **kwargs)

    monkeypatch.setattr(filelock.FileLock, "acquire", unsupported)
    lines = []
    assert open_dataset(str(book), "byte", say=lines.append).vocab_size == 256
    assert "flock" in lines[0] and len(lines) == 1


def test_documents_need_no_cache_of_the_library_that_reads_them(tmp_path, no_cache, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(no_cache))
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"text": "one"}\n{"text": "two 2"}\n')
    assert open_dataset(str(folder), "byte", cache=tmp_path / "cache").vocab_size == 256


def test_no_room_anywhere_is_one_line(book, no_cache, monkeypatch):
    def nowhere(**_):
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(stand_in.tempfile, "mkdtemp", nowhere)
    with pytest.raises(DataError, match="No usable temporary directory found; set TMPDIR"):
        open_dataset(str(book), "byte")


def test_nobody_has_a_home(book, monkeypatch):
    for name in ("NANOSCHED_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def homeless(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    assert cache_folder() == cache_folder() and cache_folder().is_dir()
    assert open_dataset(str(book), "byte").vocab_size == 256


def test_the_stand_in_is_removed_at_the_end(book, no_cache, tmp_path):
    code = "import sys, data; print(data.open_dataset(sys.argv[1], 'byte').folder)"
    done = subprocess.run(
        [sys.executable, "-c", code, book],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    folder = Path(done.stdout.strip())
    assert folder.parent.parent == tmp_path and not folder.parent.exists()
    assert done.stderr.count("\n") == 1 and "until this process ends" in done.stderr


def test_gpt2_is_downloaded_where_its_folder_cannot_be_written(monkeypatch, capsys, no_cache):
    tiktoken = pytest.importorskip("tiktoken")

    def get_encoding(name):
        if os.environ["TIKTOKEN_CACHE_DIR"]:
            os.makedirs(os.environ["TIKTOKEN_CACHE_DIR"])
        return f"encoding of {name}"

    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(no_cache))
    monkeypatch.setattr(tiktoken, "get_encoding", get_encoding)
    monkeypatch.setattr(tokenizers, "why_unreachable", lambda url: None)
    assert tokenizers.load_gpt2() == "encoding of gpt2"
    err = capsys.readouterr().err
    assert str(no_cache) in err and "Not a directory" in err and err.count("\n") == 1


def test_an_out_folder_has_no_stand_in(book, no_cache):
    from data.prepare import prepare

    with pytest.raises(DataError, match="can't be written") as error:
        prepare(book, "byte", no_cache)
    one_line(error)
