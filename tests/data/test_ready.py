"""fineweb10B from a hub on loopback: as many shards as needed, each whole and checked, or one line."""

import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from helpers import ROOT, one_line

from data import DataError, find_dataset, network, open_dataset, ready, tokenizer_of
from data.prepare import main, prepare
from data.shards import write_shard

huggingface_hub = pytest.importorskip("huggingface_hub")
TOKENS = 100_000  # of each shard here


@pytest.fixture
def shards(tmp_path):
    """The hub's folder: one val shard, four of train."""
    folder, rng = tmp_path / "hub", np.random.default_rng(0)
    for name in ready.FILES[:5]:
        write_shard(folder / name, rng.integers(0, 50257, TOKENS).astype(np.uint16))
    return folder


class Hub(http.server.BaseHTTPRequestHandler):
    """Answers for one repository as the hub does; `requests` and what goes wrong are set on a subclass."""

    folder, requests, told = None, [], {}
    most = 10**9  # bytes after which a connection breaks

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        name = self.path.rpartition("/")[2]
        if self.path in ("/", ""):
            return self.headers_of(200, 0)
        file = self.folder / name
        if not self.path.startswith(f"/datasets/{ready.REPO}/resolve/main/") or not file.exists():
            return self.headers_of(404, 0)
        content = file.read_bytes()
        start = int(self.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        if body:
            self.requests.append((name, start))
        length = self.told.get("length", len(content))
        etag = self.told.get("etag", hashlib.sha256(content).hexdigest())
        self.headers_of(206 if start else 200, length - start, etag, length)
        if body:
            self.wfile.write(content[start : start + self.most])
            if len(content) - start > self.most:
                self.connection.close()

    def headers_of(self, status, length, etag="", size=0):
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Linked-Size", str(size))
        if status == 404:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.end_headers()

    def log_message(self, *args): ...


@pytest.fixture
def hub(shards, serve, monkeypatch):
    """The handler class of a running hub, to be told what goes wrong."""

    class Here(Hub):
        folder, requests, told = shards, [], {}

    monkeypatch.setenv("HF_ENDPOINT", serve(Here))
    monkeypatch.setattr(network, "WAITS", (0, 0))
    getattr(huggingface_hub, "close_session", int)()  # a session keeps the proxies that it began with
    yield Here
    getattr(huggingface_hub, "close_session", int)()


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_as_many_shards_as_the_tokens_need(hub, shards, tmp_path):
    out = prepare("fineweb10B", "gpt2", tmp_path / "out", tokens=2 * TOKENS + 1, say=pytest.fail)
    assert names(out) == [*sorted(ready.FILES[:3]), "manifest.json"]
    assert all((out / name).read_bytes() == (shards / name).read_bytes() for name in ready.FILES[:3])
    dataset = open_dataset(out)
    assert (len(dataset.train), len(dataset.val)) == (2 * TOKENS, TOKENS) and dataset.tokenizer == "gpt2"
    asked = len(hub.requests)
    prepare("fineweb10B", "gpt2", out, tokens=2 * TOKENS + 1)
    assert len(hub.requests) == asked == 3


def test_by_name_it_is_the_first_shard(hub, monkeypatch):
    monkeypatch.setattr("data.dataset.FINEWEB_TOKENS", TOKENS)
    assert find_dataset("fineweb10B", "gpt2") is None and tokenizer_of("fineweb10B") == "gpt2"
    dataset = open_dataset("fineweb10B")
    assert [file.name for file in dataset.train.files] == ["fineweb_train_000001.bin"]
    assert find_dataset("fineweb10B", "gpt2").fingerprint == dataset.fingerprint
    hub.folder = None  # nothing more is asked for
    assert open_dataset("fineweb10B").fingerprint == dataset.fingerprint


def test_a_folder_copied_from_elsewhere_is_the_same_data(hub, shards, tmp_path):
    out = prepare("fineweb10B", "gpt2", tmp_path / "out", tokens=5 * TOKENS)
    assert open_dataset(shards, "gpt2").fingerprint == open_dataset(out).fingerprint


def test_a_connection_that_breaks_is_gone_on_with(hub, shards, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 4096)  # of 10 MB: what is kept
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.most = 2 * TOKENS // 3
    out = prepare("fineweb10B", "gpt2", tmp_path / "out", tokens=TOKENS)
    assert all((out / name).read_bytes() == (shards / name).read_bytes() for name in ready.FILES[:2])
    assert max(start for _, start in hub.requests) >= hub.most  # not from the start again


def test_shards_that_are_there_are_not_fetched_again(hub, shards, tmp_path):
    missing = shards / ready.FILES[3]
    missing.rename(tmp_path / "later")
    out = tmp_path / "out"
    with pytest.raises(DataError, match=f"{missing.name} of .* could not be downloaded .*404"):
        prepare("fineweb10B", "gpt2", out, tokens=5 * TOKENS)
    assert names(out) == [*sorted(ready.FILES[:3]), "progress.json"]
    (tmp_path / "later").rename(missing)
    hub.requests.clear()
    lines = []
    prepare("fineweb10B", "gpt2", out, tokens=5 * TOKENS, say=lines.append)
    assert [name for name, _ in hub.requests] == ready.FILES[3:5]
    assert lines == [f"{out}: going on after {3 * TOKENS:,} tokens"]


KILLED = """
import os, signal, sys
from data.prepare import prepare
replace, calls = os.replace, 0
def kill(source, target):
    global calls
    calls += 1
    if calls == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = kill
prepare("fineweb10B", "gpt2", sys.argv[1], 300_000)
"""


def test_killed_it_goes_on_to_the_same_folder(hub, tmp_path):
    whole = prepare("fineweb10B", "gpt2", tmp_path / "whole", tokens=300_000)
    out = tmp_path / "out"
    for at in (2, 3, 4):
        killed = subprocess.run([sys.executable, "-c", KILLED, out, str(at)], cwd=ROOT)
        assert killed.returncode == -signal.SIGKILL
    prepare("fineweb10B", "gpt2", out, tokens=300_000, say=lambda line: None)
    assert {name: (out / name).read_bytes() for name in names(out)} == {
        name: (whole / name).read_bytes() for name in names(whole)
    }


def damaged(folder, at, content):
    """The val shard with other bytes at a place."""
    path = folder / ready.FILES[0]
    raw = bytearray(path.read_bytes())
    raw[at : at + len(content)] = content
    path.write_bytes(raw)


@pytest.mark.parametrize(
    "spoil, told, problem",
    [
        (lambda f: os.truncate(f / ready.FILES[0], 5000), {}, "truncated: 5,000 bytes, expected 201,024"),
        (lambda f: os.truncate(f / ready.FILES[0], 5000), {"length": 201_024}, "could not be downloaded"),
        (lambda f: damaged(f, 0, b"\1"), {}, "not a shard in llm.c's format"),
        (lambda f: damaged(f, 5000, b"\xff\xff"), {}, "token 65535, expected ids below 50257"),
        (lambda f: None, {"etag": "f" * 64}, "damaged on its way: sha256 .* the hub has ffffffffffff"),
        (lambda f: (f / ready.FILES[0]).unlink(), {}, "could not be downloaded .*404"),
    ],
)
def test_what_is_wrong_is_one_line_and_not_kept(hub, shards, tmp_path, monkeypatch, spoil, told, problem):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    spoil(shards)
    hub.told = told
    with pytest.raises(DataError, match=problem) as error:
        prepare("fineweb10B", "gpt2", tmp_path / "out", say=lambda line: None)
    one_line(error)
    assert names(tmp_path / "out") == ["progress.json"]


def test_without_the_hubs_checksum_the_shard_itself_is_checked(hub, tmp_path):
    hub.told = {"etag": "c" * 40}
    assert len(open_dataset(prepare("fineweb10B", "gpt2", tmp_path / "out", tokens=1)).val) == TOKENS


def test_a_server_that_fails_is_tried_again_up_to_a_limit(hub, tmp_path, monkeypatch):
    failures = []

    def fails(self, body):
        failures.append(self.path)
        self.headers_of(500 if len(self.path) > 1 else 200, 0)

    monkeypatch.setattr(hub, "answer", fails)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    lines = []
    with pytest.raises(DataError, match="could not be downloaded .*500") as error:
        prepare("fineweb10B", "gpt2", tmp_path / "out", say=lines.append)
    one_line(error)
    assert len(lines) == len(network.WAITS) and all("trying again in 0 s" in line for line in lines)


def test_no_network_says_what_to_do(tmp_path, capsys):
    assert main(["fineweb10B", "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "can't be reached" in err and "--dataset" in err


def test_it_has_one_tokenizer(hub, tmp_path):
    with pytest.raises(DataError, match="fineweb10B: its tokenizer is gpt2, not byte; use --tokenizer gpt2"):
        prepare("fineweb10B", "byte", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_disk_that_is_full_says_so(hub, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ready, "download", full)
    with pytest.raises(DataError, match="can't be written: No space left on device; free some space"):
        prepare("fineweb10B", "gpt2", tmp_path / "out", say=pytest.fail)
    assert json.loads((tmp_path / "out" / "progress.json").read_text())["files"] == []
