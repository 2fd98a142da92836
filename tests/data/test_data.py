"""Corpora, tokenizers, shards, datasets and batches, on real text."""

import errno
import os
import pickle
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, one_line
from hypothesis import example, given
from hypothesis import strategies as st

from data import (
    DataError,
    batch,
    corpora,
    covering_batches,
    find_dataset,
    open_dataset,
    prefetch,
    validation_batches,
)
from data.shards import Tokens, check_shard, read_header, write_shard
from data.tokenizers import GPT2, Byte, Char, char_vocabulary

SHARED = Path(__file__).parents[3] / "shared" / "data"
SHAKESPEARE = SHARED / "tinyshakespeare.txt"
STDLIB = Path(os.__file__).parent


# --- import


def test_import_needs_only_numpy():
    heavy = {
        "torch",
        "datasets",
        "tiktoken",
        "rich",
        "pyarrow",
        "pooch",
        "requests",
        "filelock",
        "data.prepare",
    }
    code = f"import sys, data; print({heavy} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).strip() == "set()"


# --- tokenizers


@given(st.text())
@example("\r\n\u2028 \x00 \U0001f600 e\u0301")
def test_byte_and_char_round_trip(text):
    char = Char(char_vocabulary([text]))
    for tokenizer in (Byte(), char):
        ids = tokenizer.encode(text)
        assert ids.dtype == np.uint16 and tokenizer.decode(ids) == text
    assert len(char.encode(text)) == len(text) and char.vocab_size == len(set(text))


def test_char_takes_lone_surrogates_and_byte_replaces_them():
    text = "a\ud800b"
    assert Char(char_vocabulary([text])).decode(Char(char_vocabulary([text])).encode(text)) == text
    assert Byte().decode(Byte().encode(text)) == "a?b"


def test_char_ids_are_nanogpts():
    text = (STDLIB / "this.py").read_text()
    vocab = sorted(set(text))
    assert Char(char_vocabulary([text])).encode(text).tolist() == [vocab.index(c) for c in text]


@pytest.mark.parametrize("unknown", ["b", "\x00", "\U0010ffff"])
def test_char_names_an_unknown_character(unknown):
    with pytest.raises(DataError) as error:
        Char("ac").encode("aca" + unknown)
    assert repr(unknown) in one_line(error)


def test_char_refuses_more_characters_than_a_shard_has_ids():
    characters = [chr(i) for i in range(0x10000, 0x10000 + 65536)]
    assert Char(char_vocabulary(characters[:-1])).encode(characters[65534])[0] == 65534
    with pytest.raises(DataError, match="65,536.*byte"):
        char_vocabulary(characters)


def test_a_name_means_the_same_in_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shard_folder(tmp_path / "fineweb")
    assert find_dataset("fineweb", "gpt2") is None
    assert open_dataset("./fineweb", "gpt2").name == "fineweb"


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.exists(), reason="tinyshakespeare.txt and GPT-2's BPE files are not here")
def test_gpt2_on_shakespeare(monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(SHARED / "tiktoken"))
    dataset = open_dataset(str(SHAKESPEARE), "gpt2")
    assert len(dataset.train) + len(dataset.val) == 338_025
    assert dataset.vocab_size == 50257
    assert dataset.decode(dataset.train.shard(0)[:4]) == "First Citizen:\n"


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.exists(), reason="GPT-2's BPE files are not here")
@pytest.mark.parametrize(
    "odd", ["", "<|endoftext|>", "a<|endoftext|>b", "<|endoftext|", "|>", "\ud800", "\udc00"]
)
def test_gpt2_of_many_texts_is_that_of_each(monkeypatch, odd):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(SHARED / "tiktoken"))
    texts = [odd, "one  ", odd, odd, "\n two", " three" + odd, odd]
    expected = [GPT2()._encoding.encode_ordinary(text) for text in texts]
    separated = [[50256, *ids] if ids else [] for ids in expected]
    assert [ids.tolist() for ids in GPT2().encode_many(texts)] == separated
    assert [GPT2().encode(text).tolist() for text in texts] == expected


def test_gpt2_without_its_files_or_a_network(monkeypatch, tmp_path, book):
    tiktoken = pytest.importorskip("tiktoken")
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(DataError) as error:
        open_dataset(str(book), "gpt2")
    assert "TIKTOKEN_CACHE_DIR" in one_line(error) and "byte" in one_line(error)


def test_unknown_tokenizer_names_the_nearest(book):
    with pytest.raises(DataError, match="did you mean gpt2"):
        open_dataset(str(book), "gpt-2")


# --- names and files


@pytest.mark.parametrize(
    "name, near", [("shakespear", "shakespeare"), ("finweb", "fineweb"), ("pystdlib:sites", "pystdlib:site")]
)
def test_unknown_name_names_the_nearest(name, near):
    for look in (open_dataset, find_dataset):
        with pytest.raises(DataError, match=f"did you mean {near}?"):
            look(name)


@pytest.mark.parametrize(
    "content, problem", [(b"", "no text"), (b"abc\xff", "byte 3 is 0xff"), (b"a", "too little text")]
)
def test_text_file_that_is_none(tmp_path, content, problem):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=problem) as error:
        open_dataset(str(path), "byte")
    one_line(error)


def test_no_name_is_no_dataset():
    with pytest.raises(DataError, match="the names are auto, shakespeare"):
        open_dataset("")


def test_relative_paths_are_found_from_elsewhere(book, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    dataset = open_dataset(book.name, "byte", cache="here")
    monkeypatch.chdir(ROOT)
    assert dataset.folder.is_absolute() and batch(dataset.train, "f", 0, 0, 1, 8)[0].shape == (1, 8)


def test_text_keeps_its_line_ends(tmp_path):
    path = tmp_path / "dos.txt"
    path.write_bytes(b"one\r\ntwo\r\n" * 20)
    dataset = open_dataset(str(path))
    assert (
        dataset.decode(dataset.train.shard(0)) + dataset.decode(dataset.val.shard(0)) == "one\r\ntwo\r\n" * 20
    )


def test_changed_file_is_not_served_stale(book):
    first = open_dataset(str(book), "byte")
    book.write_text(book.read_text().replace("argument", "ARGUMENT"))
    assert find_dataset(str(book), "byte") is None
    assert open_dataset(str(book), "byte").fingerprint != first.fingerprint


def test_pystdlib_is_sorted_and_has_no_tests():
    names = list(corpora.python_files(with_site=False))
    assert names == sorted(names) and "argparse.py" in names
    assert not [n for n in names if "site-packages" in n or n.startswith(("test/", "idlelib/"))]
    assert any(n.startswith("site-packages/") for n in corpora.python_files(with_site=True))


def test_find_dataset_is_quick_and_prepares_nothing(tmp_path):
    start = time.monotonic()
    assert find_dataset("fineweb", "gpt2") is None and find_dataset("auto") is None
    assert time.monotonic() - start < 0.5
    assert not (tmp_path / "cache").exists()


def test_cache_folder(monkeypatch, tmp_path):
    assert corpora.cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("NANOSCHED_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert corpora.cache_folder() == tmp_path / "nanosched"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert corpora.cache_folder() == Path.home() / ".cache" / "nanosched"


# --- shards


def test_shard_is_llm_cs_format(tmp_path):
    ids = Byte().encode((STDLIB / "argparse.py").read_text())
    path = tmp_path / "code_train_000000.bin"
    entry = write_shard(path, ids)
    raw = path.read_bytes()
    assert struct.unpack("<256i", raw[:1024]) == (20240520, 1, len(ids)) + (0,) * 253
    assert raw[1024:] == struct.pack(f"<{len(ids)}H", *ids)
    assert check_shard(path, 256) == entry
    assert np.array_equal(Tokens([path]).shard(0), ids)
    assert os.listdir(tmp_path) == [path.name]


def patch(path, offset, content):
    raw = bytearray(path.read_bytes())
    raw[offset : offset + len(content)] = content
    path.write_bytes(raw)


DAMAGE = {
    "magic": (lambda p: patch(p, 0, struct.pack("<i", 20240522)), "magic 20240522, expected 20240520"),
    "version": (lambda p: patch(p, 4, struct.pack("<i", 2)), "version 2, expected 1"),
    "negative count": (lambda p: patch(p, 8, struct.pack("<i", -1)), "bytes, expected"),
    "truncated": (lambda p: os.truncate(p, p.stat().st_size - 2), "truncated: .* bytes, expected"),
    "header only": (lambda p: os.truncate(p, 100), "truncated: 100 bytes"),
    "empty": (lambda p: os.truncate(p, 0), "magic 0"),
    "trailing": (lambda p: p.write_bytes(p.read_bytes() + b"\0"), "trailing bytes"),
    "missing": (lambda p: p.unlink(), "No such file"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_header_is_found_before_training(book, damage):
    spoil, message = DAMAGE[damage]
    path = open_dataset(str(book), "byte").train.files[0]
    spoil(path)
    for look in (
        read_header,
        lambda _: open_dataset(str(book), "byte"),
        lambda _: find_dataset(str(book), "byte"),
    ):
        with pytest.raises(DataError, match=message) as error:
            look(path)
        assert str(path) in one_line(error)


def test_one_changed_token_is_found(book):
    path = open_dataset(str(book), "byte").val.files[0]
    patch(path, 1024, b"\x01\x00")
    with pytest.raises(DataError, match="sha256") as error:
        open_dataset(str(book), "byte")
    assert path.name in one_line(error)


def shard_folder(folder, train=5000, val=700, high=50256):
    """A folder as llm.c leaves it: shards and nothing else."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for split, n in (("train", train), ("val", val)):
        for i in range(2):
            ids = rng.integers(0, high, n + i, endpoint=True).astype(np.uint16)
            write_shard(folder / f"fineweb_{split}_{i:06d}.bin", ids)
    return folder


def test_folder_of_llm_c_shards(tmp_path):
    folder = shard_folder(tmp_path / "web")
    assert find_dataset(str(folder), "gpt2") is None
    dataset = open_dataset(str(folder), "gpt2")
    assert (len(dataset.train), len(dataset.val), dataset.vocab_size) == (10_001, 1_401, 50257)
    assert [file.name for file in dataset.train.files] == [
        "fineweb_train_000000.bin",
        "fineweb_train_000001.bin",
    ]
    for look in (find_dataset, open_dataset):
        assert look(str(folder), "gpt2").fingerprint == dataset.fingerprint
    assert not list(folder.glob("*.json"))
    with pytest.raises(DataError, match="--tokenizer gpt2 or byte"):
        open_dataset(str(folder), "char")


def test_token_beyond_the_vocabulary_is_found(tmp_path):
    folder = shard_folder(tmp_path / "web", high=50257)
    write_shard(folder / "fineweb_val_000001.bin", np.array([1, 50257], np.uint16))
    with pytest.raises(DataError, match="token 50257, expected ids below 50257") as error:
        open_dataset(str(folder), "gpt2")
    one_line(error)


@pytest.mark.parametrize("split", ["train", "val"])
def test_folder_of_shards_without_a_split(tmp_path, split):
    folder = shard_folder(tmp_path / "web")
    for file in folder.glob(f"*_{split}_*"):
        file.unlink()
    with pytest.raises(DataError, match=f"no .bin file with {split}"):
        open_dataset(str(folder), "gpt2")


def test_fingerprint_is_of_the_content(book, tmp_path):
    dataset = open_dataset(str(book), "byte")
    (dataset.folder / "manifest.json").unlink()
    (dataset.folder / "progress.json").unlink(missing_ok=True)
    assert (
        open_dataset(str(dataset.folder), "byte", cache=tmp_path / "other").fingerprint == dataset.fingerprint
    )
    other = tmp_path / "other.txt"
    other.write_text(book.read_text() + ".")
    assert open_dataset(str(other), "byte").fingerprint != dataset.fingerprint


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"files": 3, "tokenizer": "byte", "vocab": null}'])
def test_damaged_manifest(book, content):
    (open_dataset(str(book), "byte").folder / "manifest.json").write_text(content)
    with pytest.raises(DataError, match="manifest.json") as error:
        open_dataset(str(book), "byte")
    one_line(error)


def test_edited_manifest(book):
    manifest = open_dataset(str(book), "char").folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"vocab": "\\n', '"vocab": "\\t'))
    with pytest.raises(DataError, match="damaged"):
        find_dataset(str(book), "char")


# --- batches


@pytest.fixture
def tokens(tmp_path):
    """Three shards that count up without a repeat, so that a token tells where it is from."""
    files, first = [], 0
    for i, n in enumerate((40, 8, 400)):
        files.append(tmp_path / f"t_train_{i:06d}.bin")
        write_shard(files[-1], np.arange(first, first + n).astype(np.uint16))
        first += n
    return Tokens(files)


def test_batch_shapes_and_shift(tokens):
    x, y = batch(tokens, "f", 0, 0, 16, 8)
    assert x.shape == y.shape == (16, 8) and x.dtype == y.dtype == np.int64
    # also: no window crosses a shard, where the count would go on, but the shard of 8 has no window of 9
    assert np.array_equal(y, x + 1)
    assert not np.isin(y[:, -1], [40, 41, 42, 43, 44, 45, 46, 47]).any()


def test_a_shard_that_shrinks_in_use_is_one_line(tokens):
    os.truncate(tokens.files[2], 1024)
    with pytest.raises(DataError, match=f"{tokens.files[2].name}: truncated while it was in use") as error:
        batch(tokens, "f", 0, 0, 16, 8)
    one_line(error)
    tokens.files[2].unlink()
    with pytest.raises(DataError, match="No such file"):
        batch(tokens, "f", 0, 0, 16, 8)


def test_batch_is_a_pure_function(tokens):
    again = [batch(tokens, "f", 3, step, 4, 8)[0] for step in (7, 2, 7)]
    assert np.array_equal(again[0], again[2]) and not np.array_equal(again[0], again[1])
    for other in (("f", 4, 7), ("g", 3, 7), ("f", 3, 8), ("f", 3, 7 + 2**32)):
        assert not np.array_equal(again[0], batch(tokens, *other, 4, 8)[0])
    long, next_ = (batch(tokens, "f", 3, step, 64, 8)[0] for step in (7, 8))
    # no draw is used in two steps
    assert not any(np.array_equal(long[i:], next_[: 64 - i]) for i in range(60))
    assert np.array_equal(again[0][:2], batch(tokens, "f", np.int64(3), np.int64(7), 2, 8)[0])


def test_batch_never_changes(tokens):
    # runs are identified by these numbers: a change here makes every stored run wrong
    assert batch(tokens, "f", 0, 0, 6, 8)[0][:, 0].tolist() == [17, 93, 199, 335, 316, 271]


def test_every_window_is_equally_likely(tokens):
    block = 8
    starts = np.concatenate([batch(tokens, "f", 0, step, 256, block)[0][:, 0] for step in range(400)])
    allowed = np.r_[0 : 40 - block, 48 : 448 - block]
    values, counts = np.unique(starts, return_counts=True)
    assert np.array_equal(values, allowed)
    expected = len(starts) / len(allowed)
    chi2 = ((counts - expected) ** 2 / expected).sum()
    dof = len(allowed) - 1
    assert abs(chi2 - dof) < 5 * (2 * dof) ** 0.5


def test_too_little_text_names_the_numbers(tokens):
    assert batch(tokens, "f", 0, 0, 1, 399)[0].shape == (1, 399)
    for call in (lambda: batch(tokens, "f", 0, 0, 1, 400), lambda: validation_batches(tokens, 1, 1, 400)):
        with pytest.raises(DataError, match="block_size 400 needs 401 .* has 400"):
            call()


@pytest.mark.parametrize(
    "name, sizes", [("batch_size", (0, 8)), ("block_size", (4, 0)), ("block_size", (4, -1))]
)
def test_impossible_sizes(tokens, name, sizes):
    with pytest.raises(DataError, match=name):
        batch(tokens, "f", 0, 0, *sizes)


def test_covering_batches_predict_every_token_once(tokens):
    batches = covering_batches(tokens, 10**9, 3, 8)
    x, y = (np.concatenate(arrays) for arrays in zip(*batches))
    shards = [tokens.shard(index) for index in range(len(tokens.counts))]
    predicted = [shard[1 : 1 + (len(shard) - 1) // 8 * 8] for shard in shards]  # whole windows only
    assert np.array_equal(y.ravel(), np.concatenate(predicted))
    assert np.array_equal(x[:, 1:], y[:, :-1]) and {len(rows) for rows, _ in batches[:-1]} == {3}


def test_covering_batches_of_fewer_tokens_are_spread_evenly(tokens):
    all_rows = np.concatenate([x for x, _ in covering_batches(tokens, 10**9, 3, 8)])
    for most, rows in ((1, 1), (8 * 5 + 7, 5), (10**9, len(all_rows))):
        chosen = np.concatenate([x for x, _ in covering_batches(tokens, most, 3, 8)])
        assert np.array_equal(chosen, all_rows[np.arange(rows) * len(all_rows) // rows])


def test_validation_batches_are_fixed_and_spread(tokens):
    batches = validation_batches(tokens, 4, 8, 8)
    assert len(batches) == 4
    starts = np.concatenate([x[:, 0] for x, _ in batches])
    allowed = np.r_[0 : 40 - 8, 48 : 448 - 8].tolist()
    gaps = np.diff([allowed.index(s) for s in starts])
    assert starts[0] == 0 and set(gaps) <= {13, 14}
    assert np.array_equal(batches, validation_batches(tokens, 4, 8, 8))


def test_dataset_can_be_sent_to_another_process(book):
    dataset = open_dataset(str(book), "byte")
    sent = pickle.dumps(dataset)
    assert len(sent) < 5000
    assert np.array_equal(
        batch(pickle.loads(sent).train, "f", 0, 0, 2, 8)[0], batch(dataset.train, "f", 0, 0, 2, 8)[0]
    )


def prefetch_threads():
    return [t for t in threading.enumerate() if t.name.startswith("prefetch")]


def test_prefetch_gives_the_same_batches(tokens):
    torch = pytest.importorskip("torch")

    def get(step):
        return batch(tokens, "f", 0, step, 4, 8)

    given_ = list(prefetch(get, range(3, 10), "cpu"))
    assert len(given_) == 7
    for step, (x, y) in zip(range(3, 10), given_):
        assert x.dtype == torch.int64 and np.array_equal((x, y), get(step))
    assert list(prefetch(get, [], "cpu")) == [] and not prefetch_threads()


def test_prefetch_makes_the_next_batch_meanwhile(tokens):
    pytest.importorskip("torch")
    made = threading.Event()

    def get(step):
        if step == 1:
            made.set()
        return batch(tokens, "f", 0, step, 4, 8)

    batches = prefetch(get, range(3))
    next(batches)
    assert made.wait(5)
    batches.close()


def test_prefetch_closed_early_leaves_no_thread(tokens):
    pytest.importorskip("torch")
    batches = prefetch(lambda step: batch(tokens, "f", 0, step, 4, 8), range(1000))
    next(batches)
    assert prefetch_threads()
    batches.close()
    assert not prefetch_threads()


def test_prefetch_raises_what_get_batch_raises(tokens):
    pytest.importorskip("torch")

    def get(step):
        if step == 2:
            raise OSError(errno.EIO, "disk")
        return batch(tokens, "f", 0, step, 4, 8)

    batches = prefetch(get, range(9))
    next(batches), next(batches)
    with pytest.raises(OSError, match="disk"):
        next(batches)
    assert not prefetch_threads()


@pytest.mark.skipif("not __import__('torch').cuda.is_available()")
def test_prefetch_on_cuda(tokens):

    def get(step):
        return batch(tokens, "f", 0, step, 4, 8)

    for step, (x, _) in enumerate(prefetch(get, range(50), "cuda")):
        assert x.is_cuda and np.array_equal(x.cpu().numpy(), get(step)[0])
