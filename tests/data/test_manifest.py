"""Nothing in a manifest that decides a number can be changed unnoticed, whatever else the file holds."""

import copy
import itertools
import json
import os

import numpy as np
import pytest
from helpers import one_line
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from data import DataError, batch, find_dataset, open_dataset, tokenizer_of, validation_batches
from data.prepare import prepare
from data.shards import fingerprint

FREE = {
    "dataset",
    "source",
    "tokens_asked",
    "shard_tokens",
    "val_share",
}  # where it is given by its path

fuzzed = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=8), values, max_size=3),
    max_leaves=5,
)


@pytest.fixture(params=["char", "byte"])
def folder(request, book, tmp_path):
    """A prepared folder with two train shards of equal size."""
    folder = tmp_path / "docs"
    folder.mkdir()
    text = book.read_text()
    rows = [text[:9000], text[9000:18000], text[18000:27000]]
    (folder / "a.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    return prepare(folder, request.param, tmp_path / "out", shard_tokens=9000)


def numbers(dataset):
    """All that training takes from a dataset."""
    batches = [batch(dataset.train, dataset.fingerprint, 0, step, 4, 32) for step in range(3)]
    batches += validation_batches(dataset.val, 2, 4, 32)
    text = dataset.decode(np.arange(9))
    arrays = [array.tobytes() for pair in batches for array in pair]
    return dataset.vocab_size, dataset.fingerprint, dataset.tokenizer, text, arrays


def paths_of(value, path=()):
    """The path of every field and every entry below it."""
    items = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else [])
    for key, inner in items:
        yield path + (key,)
        yield from paths_of(inner, path + (key,))


def changed(manifest, path, value):
    manifest = copy.deepcopy(manifest)
    *outer, last = path
    place = manifest
    for key in outer:
        place = place[key]
    if value is DELETED:
        del place[last]
    else:
        place[last] = value
    return manifest


TIMES = itertools.count(10**18)
DELETED = object()
OTHERS = [
    DELETED,
    None,
    0,
    1,
    75,
    -1,
    1e300,
    True,
    "",
    "val",
    "train",
    "char",
    "byte",
    "../x",
    [],
    {},
    [None],
]


def refused(folder, manifest):
    """What both ways to open the folder say to this manifest; None where they take it."""
    (folder / "manifest.json").write_text(json.dumps(manifest))
    try:
        open_dataset(folder)
    except DataError as error:
        assert str(error).isprintable() and len(str(error)) < 500
        return str(error)
    return None


def test_no_field_that_decides_a_number_can_be_changed(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    expected = numbers(open_dataset(folder))
    for path in list(paths_of(manifest)):
        before = manifest
        for key in path:
            before = before[key]
        for value in [*OTHERS, f"{before}x", [before]]:
            if value == before and type(value) is type(before):
                continue
            told = refused(folder, changed(manifest, path, value))
            if told is None:
                assert path[0] in FREE, (path, value)
                assert numbers(open_dataset(folder)) == expected


def test_entries_can_be_neither_swapped_nor_left_out_nor_added(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    train = [i for i, entry in enumerate(manifest["files"]) if entry["split"] == "train"]
    first, second = train[:2]
    for name in ("name", "tokens", "sha256", "split"):
        other = copy.deepcopy(manifest)
        files = other["files"]
        files[first][name], files[second][name] = files[second][name], files[first][name]
        assert refused(folder, other) if other != manifest else True
    for files in (manifest["files"][1:], manifest["files"] * 2, manifest["files"][::-1], []):
        assert refused(folder, manifest | dict(files=files)) or files == manifest["files"]
    assert refused(folder, manifest | dict(files=manifest["files"] + [{"name": "x", "split": None}]))


def test_a_vocab_size_of_another_model_is_refused(folder):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    other = manifest["vocab_size"] + 10
    path.write_text(json.dumps(manifest | dict(vocab_size=other)))
    for look in (open_dataset, find_dataset):
        with pytest.raises(DataError, match=f"vocab_size is {other}, expected {other - 10}") as error:
            look(folder)
        assert str(path) in one_line(error)


def test_a_proof_made_anew_is_another_dataset_or_refused(folder):
    """Whoever computes the fingerprint again has other run ids, or a contradiction to what lies on disk."""
    manifest = json.loads((folder / "manifest.json").read_text())
    before = find_dataset(folder)
    turned = manifest["vocab"] and manifest["vocab"][::-1]
    for files, vocab in ((manifest["files"][::-1], manifest["vocab"]), (manifest["files"], turned)):
        proof = fingerprint(files, manifest["tokenizer"], vocab)
        if refused(folder, manifest | dict(files=files, vocab=vocab, fingerprint=proof)) is None:
            same = (files, vocab) == (manifest["files"], manifest["vocab"])
            assert same or find_dataset(folder).fingerprint != before.fingerprint


def test_a_cached_folder_of_other_data_is_not_taken_for_this(book, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text(book.read_text()[::-1])
    mine, theirs = (open_dataset(str(path), "byte").folder for path in (book, other))
    mine.rename(tmp_path / "moved")
    theirs.rename(mine)
    for look in (open_dataset, find_dataset):
        with pytest.raises(DataError, match="has other data than book.txt; delete it"):
            look(str(book), "byte")


def test_a_folder_says_its_tokenizer(folder, book, tmp_path):
    used = json.loads((folder / "manifest.json").read_text())["tokenizer"]
    assert tokenizer_of(folder) == tokenizer_of(str(folder)) == used
    assert open_dataset(folder).tokenizer == find_dataset(str(folder)).tokenizer == used
    for name in ("auto", "shakespeare", "pystdlib:site", "fineweb", str(book), str(tmp_path)):
        assert tokenizer_of(name) is None
    assert open_dataset(str(book)).tokenizer == "char"
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match="damaged"):
        tokenizer_of(folder)


@seed(12)
@fuzzed
@given(data=st.data())
def test_a_manifest_of_any_content_is_right_or_one_line(book, data):
    dataset = open_dataset(str(book), "byte")
    file = dataset.folder / "manifest.json"
    intact = file.read_bytes()
    manifest = json.loads(intact)
    path = data.draw(st.sampled_from(list(paths_of(manifest))))
    text = data.draw(
        st.one_of(
            JSON.map(lambda value: json.dumps(changed(manifest, path, value))),
            JSON.map(json.dumps),
            st.text(max_size=20),
            st.sampled_from(["[" * 5000, '{"a":' * 5000, "9" * 5000, intact.decode()[:-9]]),
        )
    )
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        for look in (find_dataset, open_dataset):
            found = look(str(book), "byte")
            assert (found.vocab_size, found.fingerprint) == (256, dataset.fingerprint)
            assert np.array_equal(found.train.counts, dataset.train.counts)
    except DataError as error:
        assert str(error).isprintable() and len(str(error)) < 500
    finally:
        file.write_bytes(intact)


@seed(12)
@fuzzed
@given(
    header=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
    at=st.integers(0, 1400),
    noise=st.binary(max_size=40),
    cut=st.integers(0, 1400),
)
def test_a_shard_of_any_content_is_the_same_or_one_line(tmp_path, header, at, noise, cut):
    text = tmp_path / "text.txt"
    if not text.exists():
        text.write_text("to be or not " * 20)
    dataset = open_dataset(str(text), "byte")
    file = dataset.train.files[0]
    intact = file.read_bytes()
    content = np.array(header, "<i4").tobytes() + intact[4 * len(header) :]
    content = (content[:at] + noise + content[at + len(noise) :])[:cut]
    file.write_bytes(content)
    os.utime(file, ns=(0, next(TIMES)))  # what was just changed is waited for
    try:
        found = open_dataset(str(text), "byte")
        assert content == intact and found.fingerprint == dataset.fingerprint
    except DataError as error:
        assert str(error).isprintable() and str(file) in str(error)
    finally:
        file.write_bytes(intact)
        os.utime(file, ns=(0, next(TIMES)))
