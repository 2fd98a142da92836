"""Text to shards: splits, resuming to the byte, errors in one line."""

import hashlib
import itertools
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, one_line

from data import DataError, corpora, find_dataset, network, open_dataset, preparation, tables
from data.chunks import Chunk
from data.prepare import main, parse_count, prepare
from data.shards import Tokens, write_shard
from data.tokenizers import TOKENIZERS

DELETED = object()
SHARED = Path(__file__).parents[3] / "shared" / "data"
DOCUMENTS = [p.read_text(encoding="utf-8") for p in sorted(Path(os.__file__).parent.glob("*.py"))[:60]]


def write_jsonl(folder, documents, column="text"):
    folder.mkdir()
    rows = [json.dumps({"id": i, column: text}) for i, text in enumerate(documents)]
    half = len(rows) // 2
    (folder / "0.jsonl").write_text("\n".join(rows[:half]) + "\n")
    (folder / "1.jsonl").write_text("\n".join(rows[half:]) + "\n")
    return folder


@pytest.fixture
def documents(tmp_path):
    return write_jsonl(tmp_path / "docs", DOCUMENTS)


def contents(folder):
    return {p.name: p.read_bytes() for p in Path(folder).iterdir() if p.name != ".lock"}


def tokens_of(folder, split):
    files = sorted(Path(folder).glob(f"*_{split}_*.bin"))
    return [Tokens([file]).shard(0) for file in files]


# --- what is written


def test_the_first_documents_of_pystdlib_go_to_val_while_it_has_under_ten_percent(tmp_path):
    out = prepare("pystdlib", "byte", tmp_path / "out")
    train, val = bytearray(), bytearray()
    for text in corpora.get_corpus("pystdlib", tmp_path).documents():
        part = val if 10 * len(val) < len(train) + len(val) else train
        part += b"\n" + text.encode() if text else b""
    assert np.concatenate(tokens_of(out, "train")).astype(np.uint8).tobytes() == train
    assert np.concatenate(tokens_of(out, "val")).astype(np.uint8).tobytes() == val
    assert 0.08 < len(val) / (len(train) + len(val)) < 0.2


def documents_of(folder, split):
    """The documents of a split, each a line: none has a line end in it."""
    tokens = np.concatenate(tokens_of(folder, split)).astype(np.uint8)
    return tokens.tobytes().decode().split("\n")[1:]


def test_a_hash_of_its_text_decides_on_each_document_of_a_folder(tmp_path):
    texts = [f"document {i} of many" for i in range(5000)]
    out = prepare(write_jsonl(tmp_path / "docs", texts), "byte", tmp_path / "out", shard_tokens=20_000)
    val = [
        text
        for text in texts
        if int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) / 2**64 < corpora.TABLES_VAL
    ]
    assert documents_of(out, "val") == val and 400 < len(val) < 600
    assert documents_of(out, "train") == [text for text in texts if text not in set(val)]


def test_no_document_moves_with_more_tokens_or_another_order(tmp_path):
    texts = [f"document {i} of many" for i in range(3000)]
    docs = write_jsonl(tmp_path / "docs", texts)
    turned = write_jsonl(tmp_path / "turned", texts[::-1])
    folders = [
        prepare(docs, "byte", tmp_path / "less", tokens=20_010),  # its last document is cut
        prepare(docs, "byte", tmp_path / "more"),
        prepare(turned, "byte", tmp_path / "other", tokens=40_010),
    ]
    train, val = (
        set().union(*(documents_of(folder, split)[:-1] for folder in folders)) for split in ("train", "val")
    )
    assert len(train) > 2500 and len(val) > 250 and not train & val


def test_shards_end_with_a_document(documents, tmp_path):
    out = prepare(documents, "char", tmp_path / "out", shard_tokens=200_000)
    manifest = json.loads((out / "manifest.json").read_text())
    shards = tokens_of(out, "train")
    newline = manifest["vocab"].index("\n")
    assert len(shards) > 3
    assert all(len(shard) >= 200_000 for shard in shards[:-1]) and all(
        shard[0] == newline for shard in shards
    )
    whole = prepare(documents, "char", tmp_path / "whole")
    for split in ("train", "val"):
        assert np.array_equal(np.concatenate(tokens_of(out, split)), np.concatenate(tokens_of(whole, split)))


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.exists(), reason="GPT-2's BPE files are not here")
def test_gpt2_puts_endoftext_before_each_document(documents, tmp_path, monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(SHARED / "tiktoken"))
    out = prepare(documents, "gpt2", tmp_path / "out")
    ids = np.concatenate(tokens_of(out, "train") + tokens_of(out, "val"))
    assert ids[0] == 50256 and (ids == 50256).sum() == sum(bool(text) for text in DOCUMENTS)
    dataset = open_dataset(str(out), "gpt2")
    assert DOCUMENTS[0].startswith(dataset.decode(dataset.train.shard(0)[1:200]))


def test_parquet_and_jsonl_give_the_same_tokens(documents, tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "a [odd] *name"
    folder.mkdir()
    for i, part in enumerate((DOCUMENTS[:7], DOCUMENTS[7:])):
        pq.write_table(pa.table({"url": [""] * len(part), "text": part}), folder / f"{i}.parquet")
    assert open_dataset(str(folder), "char").fingerprint == open_dataset(str(documents), "char").fingerprint


def test_tokens_stops_at_exactly_that_many(documents, tmp_path):
    out = prepare(documents, "byte", tmp_path / "out", tokens=300_000, shard_tokens=100_000)
    whole = prepare(documents, "byte", tmp_path / "whole")
    assert sum(map(len, tokens_of(out, "train") + tokens_of(out, "val"))) == 300_000
    for split in ("train", "val"):
        part, all_ = (np.concatenate(tokens_of(folder, split)) for folder in (out, whole))
        assert np.array_equal(part, all_[: len(part)])


def test_a_stream_is_read_no_further_than_needed(tmp_path, monkeypatch):
    read = []

    def stream(say, position):
        for number in itertools.count():
            read.append(number)
            yield Chunk([f"{text}{number}" for text in DOCUMENTS], number)

    monkeypatch.setattr(corpora, "read_fineweb", stream)
    out = prepare("fineweb", "byte", tmp_path / "out", tokens=3_000_000)
    assert sum(map(len, tokens_of(out, "train") + tokens_of(out, "val"))) == 3_000_000
    assert len(read) <= 3_000_000 // sum(map(len, DOCUMENTS)) + 1 + 2 * os.cpu_count() + 1


@pytest.mark.parametrize("cores", [1, 3, 16])
def test_the_number_of_cores_changes_no_byte(documents, tmp_path, monkeypatch, cores):
    whole = contents(prepare(documents, out=tmp_path / "whole", **ARGUMENTS))
    monkeypatch.setattr("data.chunks.CHUNK", 10_000)
    monkeypatch.setattr("data.tables.CHUNK", 10_000)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert contents(prepare(documents, out=tmp_path / "out", **ARGUMENTS)) == whole


def test_gone_on_with_it_reads_nothing_that_was_before(tmp_path, monkeypatch):
    texts = [f"document {i} of many" for i in range(5000)]
    documents = write_jsonl(tmp_path / "docs", texts)
    monkeypatch.setattr(tables, "CHUNK", 5000)
    arguments = dict(tokenizer="byte", shard_tokens=20_000, say=lambda line: None)
    whole = contents(prepare(documents, out=tmp_path / "whole", **arguments))
    read, texts_of = [], tables.texts_of

    def counted(table, where):
        read.append(texts_of(table, where))
        return read[-1]

    monkeypatch.setattr(tables, "texts_of", counted)
    for write in (4, 7, 10):  # the first shards of both splits and what was done are 3 writes, and so on
        out = tmp_path / f"out{write}"
        stopped_at(write, documents, out, monkeypatch, arguments)
        read.clear()
        prepare(documents, out=out, **arguments)
        assert contents(out) == whole
        done = sum(map(len, (documents_of(out, "train"), documents_of(out, "val"))))
        assert done == 5000 and 0 < sum(map(len, read)) <= 5000 - 900 * (write // 3 - 1) + 256


def test_a_stream_that_breaks_off_is_gone_on_with(tmp_path, monkeypatch):
    texts = [f"document {i} of many" for i in range(3000)]
    files = corpora.table_files(write_jsonl(tmp_path / "docs", texts))
    monkeypatch.setattr(network, "WAITS", (0, 0))
    monkeypatch.setattr(tables, "CHUNK", 5000)
    starts = []

    def breaks(*args, position):
        """Gives three chunks, then the line is dead; every second time at once."""
        starts.append(position)
        if len(starts) % 2:
            yield from itertools.islice(tables.read_tables(files, position), 3)
        raise DataError("fineweb: can't be read") from ConnectionError("reset")

    monkeypatch.setattr(corpora, "stream", breaks)
    monkeypatch.setattr(corpora, "why_unreachable", lambda url: None)
    lines = []
    read = corpora.read_fineweb(lines.append, None)
    got = [text for chunk in itertools.islice(read, 10) for text in chunk.texts]
    assert got == texts[: len(got)] and len(got) > 2000
    assert set(lines) == {"reset; trying again in 0 s"} and len(starts) == 7


def test_a_stream_that_stays_broken_is_given_up(tmp_path, monkeypatch):
    def broken(*args, position):
        raise DataError("fineweb: can't be read (reset); run it again") from ConnectionError("reset")
        yield

    monkeypatch.setattr(network, "WAITS", (0, 0))
    monkeypatch.setattr(corpora, "stream", broken)
    monkeypatch.setattr(corpora, "why_unreachable", lambda url: None)
    lines = []
    with pytest.raises(DataError, match="can't be read .reset.; run it again") as error:
        prepare("fineweb", "byte", tmp_path / "out", say=lines.append)
    one_line(error)
    assert lines == ["reset; trying again in 0 s"] * 2


def test_a_stream_without_texts_is_not_tried_again(tmp_path, monkeypatch):
    folder = write_jsonl(tmp_path / "docs", DOCUMENTS[:4], column="content")
    files = corpora.table_files(folder)
    monkeypatch.setattr(corpora, "stream", lambda *args, position: tables.read_tables(files, position))
    monkeypatch.setattr(corpora, "why_unreachable", lambda url: None)
    with pytest.raises(DataError, match="no column named text"):
        prepare("fineweb", "byte", tmp_path / "out", say=pytest.fail)


def test_tokens_of_a_single_text_leave_a_tenth_for_val(tmp_path):
    (tmp_path / "text.txt").write_text(max(DOCUMENTS, key=len), encoding="utf-8")
    out = prepare(tmp_path / "text.txt", "byte", tmp_path / "out", tokens=10_000)
    assert [len(shard) for split in ("train", "val") for shard in tokens_of(out, split)] == [9_000, 1_000]


def test_val_is_capped(tmp_path, monkeypatch):
    monkeypatch.setattr("data.preparation.MAX_VAL_TOKENS", 1000)
    out = prepare("pystdlib", "byte", tmp_path / "out", tokens=300_000)
    val = np.concatenate(tokens_of(out, "val")).astype(np.uint8).tobytes()
    texts = corpora.get_corpus("pystdlib", tmp_path).documents()
    last = next(text.encode() for text in texts if text and val.endswith(b"\n" + text.encode()))
    assert len(val) - 1 - len(last) < 1000 <= len(val)


def test_prepared_folder_opens(documents, tmp_path):
    out = prepare(documents, "byte", tmp_path / "out")
    dataset = open_dataset(str(out), "byte")
    assert dataset.name == "docs" and dataset.fingerprint == find_dataset(str(out), "byte").fingerprint
    assert dataset.fingerprint == open_dataset(str(documents), "byte").fingerprint
    with pytest.raises(DataError, match="use --tokenizer byte"):
        open_dataset(str(out), "char")


# --- stopping and going on


ARGUMENTS = dict(tokenizer="char", tokens=900_000, shard_tokens=100_000)


def test_failure_at_any_write_resumes_to_the_same_bytes(documents, tmp_path, monkeypatch):
    whole = contents(prepare(documents, out=tmp_path / "whole", **ARGUMENTS))
    replace, calls = os.replace, 0

    def fail(source, target):
        nonlocal calls
        calls += 1
        if calls == fail_at:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    fail_at, failures = 1, 0
    while True:
        calls = 0
        try:
            prepare(documents, out=tmp_path / f"out{fail_at}", say=lambda line: None, **ARGUMENTS)
            break
        except DataError as error:
            assert "No space left" in str(error) and "\n" not in str(error)
        calls, out = -(10**9), tmp_path / f"out{fail_at}"
        assert "manifest.json" not in contents(out)
        assert contents(prepare(documents, out=out, say=lambda line: None, **ARGUMENTS)) == whole
        fail_at, failures = fail_at + 1, failures + 1
    assert failures >= 10  # every shard, the progress file after it, and the manifest


KILLED = """
import os, signal, sys
from data.prepare import prepare
replace, calls = os.replace, 0
def kill(source, target):
    global calls
    calls += 1
    if calls == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = kill
prepare(sys.argv[1], "char", sys.argv[2], 900_000, 100_000)
"""


@pytest.mark.parametrize("at", [1, 2, 7, 12])
def test_killed_process_goes_on_to_the_same_bytes(documents, tmp_path, at):
    whole = contents(prepare(documents, out=tmp_path / "whole", **ARGUMENTS))
    out, lines = tmp_path / "out", []
    killed = subprocess.run([sys.executable, "-c", KILLED, documents, out, str(at)], cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL
    if at > 1:
        with pytest.raises(DataError, match="not prepared to the end"):
            open_dataset(str(out), "char")
    prepare(documents, out=out, say=lines.append, **ARGUMENTS)
    assert contents(out) == whole
    assert bool(lines) == (at > 4)  # the first shard is in the progress file from the fourth write on
    assert (
        open_dataset(str(out), "char").fingerprint
        == open_dataset(str(tmp_path / "whole"), "char").fingerprint
    )


STOP = dict(ARGUMENTS, say=lambda line: None)


def stopped_at(write, documents, out, monkeypatch, arguments=STOP):
    """`out` after a preparation that failed at this write."""
    replace, calls = os.replace, itertools.count(1)

    def fail(source, target):
        if next(calls) == write:
            raise OSError(28, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patched, pytest.raises(DataError):
        patched.setattr(os, "replace", fail)
        prepare(documents, out=out, **arguments)


@pytest.mark.parametrize("key", ["position", "done", "vocab", "totals", "files", "shard_tokens", "checksum"])
def test_a_changed_progress_file_is_not_gone_on_from(documents, tmp_path, monkeypatch, key):
    monkeypatch.setattr(tables, "CHUNK", 10_000)
    monkeypatch.setattr(tables, "ROWS", 1)
    out = tmp_path / "out"
    stopped_at(7, documents, out, monkeypatch)
    state = json.loads((out / "progress.json").read_text())
    for value in (None, 3, [], DELETED):
        other = {k: v for k, v in state.items() if k != key} | ({} if value is DELETED else {key: value})
        (out / "progress.json").write_text(json.dumps(other))
        with pytest.raises(DataError, match="progress.json: damaged; delete"):
            prepare(documents, out=out, **STOP)


@pytest.mark.parametrize("content", ["{", "[]", "3", "[" * 5000, "9" * 5000, ""])
def test_a_progress_file_of_other_content(documents, tmp_path, monkeypatch, content):
    out = tmp_path / "out"
    stopped_at(7, documents, out, monkeypatch)
    (out / "progress.json").write_text(content)
    with pytest.raises(DataError, match="progress.json: .*prepare the data again") as error:
        prepare(documents, out=out, **STOP)
    one_line(error)


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("damage", [lambda p: p.unlink(), lambda p: os.truncate(p, 1030)])
def test_shards_that_are_gone_are_missed(documents, tmp_path, monkeypatch, done, damage):
    out = tmp_path / "out"
    if done:
        prepare(documents, out=out, **STOP)
    else:
        stopped_at(7, documents, out, monkeypatch)
    shard = min(out.glob("*_train_*.bin"))
    damage(shard)
    with pytest.raises(DataError, match=f"{shard.name}: .*again"):
        prepare(documents, out=out, **STOP)


def test_nothing_is_deleted_that_was_not_written_here(documents, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    foreign = [out / name for name in (".mine.tmp", ".notes.md.12.tmp", "a.tmp")]
    for path in foreign:
        path.write_text("mine")
    prepare(documents, out=out, **STOP)
    assert all(path.read_text() == "mine" for path in foreign)


def test_finished_folder_is_left_alone(documents, tmp_path, monkeypatch):
    out = prepare(documents, out=tmp_path / "out", **ARGUMENTS)
    before = {p.name: p.stat().st_mtime_ns for p in out.glob("[!.]*")}
    monkeypatch.setattr(corpora, "read_tables", pytest.fail)
    prepare(documents, out=out, **ARGUMENTS)
    assert {p.name: p.stat().st_mtime_ns for p in out.glob("[!.]*")} == before


@pytest.mark.parametrize(
    "change", [{"tokenizer": "byte"}, {"tokens": 500_000}, {"tokens": None}, {"shard_tokens": 50_000}]
)
def test_other_arguments_are_an_error(documents, tmp_path, change):
    out = prepare(documents, out=tmp_path / "out", **ARGUMENTS)
    with pytest.raises(DataError, match="was prepared with") as error:
        prepare(documents, out=out, **{**ARGUMENTS, **change})
    assert "\n" not in str(error.value)


def test_changed_source_is_an_error(documents, tmp_path):
    out = prepare(documents, out=tmp_path / "out", **ARGUMENTS)
    (documents / "1.jsonl").write_text('{"text": "new"}\n')
    with pytest.raises(DataError, match="other source files"):
        prepare(documents, out=out, **ARGUMENTS)


def test_folder_of_foreign_shards_is_not_written_to(documents, tmp_path):
    write_shard(tmp_path / "x_train_000000.bin", np.arange(9).astype(np.uint16))
    with pytest.raises(DataError, match="not prepared here"):
        prepare(documents, "byte", tmp_path)


def test_two_at_once(documents):
    code = "import sys, data; print(data.open_dataset(sys.argv[1], 'char').fingerprint)"
    command = [sys.executable, "-c", code, documents]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    fingerprints = [process.communicate(timeout=60)[0] for process in processes]
    assert fingerprints == [open_dataset(str(documents), "char").fingerprint + "\n"] * 3


# --- errors


def test_missing_text_column_names_those_there_are(tmp_path):
    folder = write_jsonl(tmp_path / "docs", DOCUMENTS[:4], column="content")
    with pytest.raises(DataError, match="there are id, content") as error:
        open_dataset(str(folder), "byte")
    assert "\n" not in str(error.value)


def test_what_an_earlier_version_began_is_not_gone_on_with(documents, tmp_path, monkeypatch):
    out = tmp_path / "out"
    stopped_at(7, documents, out, monkeypatch)
    state = preparation.read_progress(out)
    del state["position"]
    preparation.write_progress(state, out)
    with pytest.raises(DataError, match="begun by an earlier version; choose another --out or delete it"):
        prepare(documents, out=out, **STOP)


@pytest.mark.parametrize(
    "files, problem",
    [
        ({}, "neither parquet nor jsonl"),
        ({"a.jsonl": '{"text": "x"}\n', "b.parquet": "x"}, "both parquet and jsonl"),
        ({"a.jsonl": ""}, "is empty"),
        ({"a.jsonl": '{"text": "x"}\n{"text'}, "can't be read"),
        ({"a.parquet": "no parquet"}, "can't be read"),
        ({"a.jsonl": '{"text": 3}\n'}, "must be a string"),
        ({"a.jsonl": '{"text": "only one document"}\n'}, "too little text for a val split"),
    ],
)
def test_folder_that_cannot_be_used(tmp_path, files, problem):
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    with pytest.raises(DataError, match=problem) as error:
        open_dataset(str(folder), "byte")
    assert "\n" not in str(error.value)


def test_null_text_is_passed_over(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    rows = [{"text": text} for text in ("one", None, "", "two 2")]  # by its hash, the last is for val
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = open_dataset(str(folder), "byte")
    assert dataset.decode(dataset.train.shard(0)) + dataset.decode(dataset.val.shard(0)) == "\none\ntwo 2"


def test_char_refuses_a_stream():
    with pytest.raises(DataError, match="byte or gpt2"):
        open_dataset("fineweb", "char")


# --- command line


@pytest.mark.parametrize(
    "text, count", [("500", 500), ("500K", 500_000), ("1.5m", 1_500_000), ("10B", 10**10)]
)
def test_counts(text, count):
    assert parse_count("--tokens", text) == count


@pytest.mark.parametrize(
    "text", ["", " ", "1.5", "1e3", "-5", "nan", "1.0001K", "١٢", "9" * 5000, "1_000", "K"]
)
def test_no_counts(text):
    with pytest.raises(DataError, match="no count; write a whole number") as error:
        parse_count("--tokens", text)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("value", [0, -1, 1.5, 10**16, True, "many", math.nan, [1]])
@pytest.mark.parametrize("name", ["tokens", "shard_tokens"])
def test_counts_that_cannot_be(documents, tmp_path, name, value):
    with pytest.raises(DataError, match=f"{name} must be 1 or more, at most "):
        prepare(documents, "byte", tmp_path / "out", **{name: value})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments, named",
    [
        (["nothing_here"], "nothing_here"),
        (["pystdlib", "--tokens="], "--tokens ''"),
        (["pystdlib", "--tokens", "1.5"], "'1.5'"),
        (["pystdlib", "--shard-tokens", "2B"], "at most 1,000,000,000"),
        (["pystdlib", "--out="], "out ''"),
        (["pystdlib", "--tokens", "many"], "'many'"),
        (["pystdlib", "--tokens", "0"], "tokens must be 1 or more"),
        (["pystdlib", "--shard-tokens", "-5"], "--shard-tokens"),
        (["pystdlib", "--tokenizer", "gtp2"], "did you mean gpt2"),
    ],
)
def test_errors_are_one_line(tmp_path, capsys, arguments, named):
    assert main(["--out", str(tmp_path / "out"), *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1 and named in err


@pytest.mark.parametrize(
    "arguments", [["pystdlib"], ["--out", "x"], ["pystdlib", "--out", "x", "--token", "5"]]
)
def test_wrong_options_are_one_line(capsys, arguments):
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    err = capsys.readouterr().err
    assert exit.value.code == 2 and err.startswith("error: ") and err.count("\n") == 1


def test_help_says_what_can_be_given(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as exit:
        main(["--help"])
    told = capsys.readouterr().out
    assert exit.value.code == 0 and max(map(len, told.splitlines())) <= 80
    words = " ".join(told.split())
    for word in (*corpora.NAMES, *TOKENIZERS, "--out", "--tokens", "--shard-tokens", "parquet", "jsonl"):
        assert word in words
    assert words.count("; default ") == 3


def test_out_that_is_no_folder(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["pystdlib", "--tokenizer", "byte", "--out", str(tmp_path / "file" / "out")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1 and "can't be written" in err


def test_command_writes_a_dataset(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["pystdlib", "--tokenizer", "byte", "--tokens", "200K", "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert "200,000" in shown.out and shown.err == ""
    dataset = open_dataset(str(out), "byte")
    assert len(dataset.train) + len(dataset.val) == 200_000


FULL_DISK = """
import resource, sys
from data.prepare import main
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sys.exit(main(["pystdlib", "--tokenizer", "byte", "--out", sys.argv[1]]))
"""


def test_disk_that_takes_no_more(tmp_path):
    pytest.importorskip("resource")
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "out"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 2
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert "can't be written" in result.stderr
    assert not list((tmp_path / "out").glob(".*.tmp"))


def test_ctrl_c_says_how_to_go_on(tmp_path):
    # 100-token shards make it slow enough to be stopped halfway
    arguments = ["pystdlib", "--tokenizer", "byte", "--shard-tokens", "100", "--out", tmp_path / "out"]
    command = [sys.executable, "-m", "data.prepare", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("out/*_train_000003.bin")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.count("\n") == 1 and "goes on" in err
