"""A dataset by name, ready to train on: `open_dataset("shakespeare")`."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from .batches import window_ends
from .corpora import NAMES, cache_folder, existing_path, get_corpus, resolve, shakespeare_file, stamp
from .errors import DataError
from .progress import to_stderr
from .shards import (
    MANIFEST,
    PROGRESS,
    Tokens,
    check_shard,
    fingerprint,
    is_shard_folder,
    make_manifest,
    read_json,
    split_of,
    write_json,
)
from .tokenizers import check_tokenizer, get_tokenizer

FINEWEB_TOKENS = 100_000_000  # when fineweb is opened without having been prepared


@dataclass(frozen=True)
class Dataset:
    name: str  # resolved: "pystdlib" where "auto" came to that
    tokenizer: str
    vocab_size: int
    fingerprint: str  # hex; the same content has the same one on every machine
    train: Tokens
    val: Tokens
    folder: Path
    manifest: dict

    def decode(self, ids):
        """The text (str) of token ids."""
        return get_tokenizer(self.tokenizer, self.manifest["vocab"]).decode(ids)

    def check_windows(self, batch_size, block_size):
        """DataError where a split has too little text for one window of block_size tokens."""
        for tokens in (self.train, self.val):
            window_ends(tokens, batch_size, block_size)

    def verify(self):
        """Reads every shard once; DataError for another checksum than the manifest's, or a token beyond vocab_size."""
        for entry in self.manifest["files"]:
            path = self.folder / entry["name"]
            found = check_shard(path, self.vocab_size)["sha256"]
            if found != entry["sha256"]:
                raise DataError(
                    f"{path}: damaged: sha256 {found[:12]}..., expected {entry['sha256'][:12]}...; delete the folder "
                    "and prepare it again"
                )


def open_dataset(name="auto", tokenizer="char", cache=None, say=to_stderr):
    """The dataset, prepared into the cache where it isn't yet, and every token of it checked.

    Args:
        name: auto, shakespeare, fineweb (its first 100M tokens), pystdlib, pystdlib:site; or a path to a text file, to
            a folder of parquet or jsonl files with a `text` column, or to a folder of shards.
        tokenizer: "char", "byte" or "gpt2"; for a folder of shards, the one they were made with.
        cache: a folder; default $NANOSCHED_CACHE, else $XDG_CACHE_HOME/nanosched, else ~/.cache/nanosched.
        say: takes a line (str) when there is something to tell; standard error by default.
    Returns:
        a Dataset.
    Raises:
        DataError: it can't be had, or something in it is wrong; the message says what to do.
    """
    from .prepare import SHARD_TOKENS, prepare_corpus  # here, for the reason given in __init__

    check_tokenizer(tokenizer)
    cache = cache_folder(cache)
    corpus, folder, manifest_file = locate(resolve(name, cache, say), tokenizer, cache)
    if not manifest_file.exists():
        if corpus is None:
            write_json(manifest_file, adopt(folder, tokenizer))
            return load(folder, manifest_file, tokenizer)  # adopt has read every token
        prepare_corpus(
            corpus, tokenizer, folder, FINEWEB_TOKENS if corpus.streamed else None, SHARD_TOKENS, say
        )
    dataset = load(folder, manifest_file, tokenizer)
    dataset.verify()
    return dataset


def find_dataset(name="auto", tokenizer="char", cache=None):
    """The Dataset as from `open_dataset` where that has been called before, else None.

    Nothing is prepared, fetched or verified. "auto" is shakespeare where it is cached, else pystdlib.
    """
    check_tokenizer(tokenizer)
    cache = cache_folder(cache)
    if name == "auto":
        name = "shakespeare" if shakespeare_file(cache).exists() else "pystdlib"
    _, folder, manifest_file = locate(name, tokenizer, cache)
    return load(folder, manifest_file, tokenizer) if manifest_file.exists() else None


def locate(name, tokenizer, cache):
    """(corpus, folder of its shards, their manifest), there or not yet; the corpus is None for a folder of shards."""
    if name not in NAMES and is_shard_folder(existing_path(name)):
        folder = existing_path(name)
        return None, folder, locate_manifest(folder, tokenizer, cache)
    corpus = get_corpus(name, cache)
    # a changed source has another folder
    key = hashlib.sha256(f"{corpus.name}\0{corpus.source}\0{tokenizer}".encode()).hexdigest()[:16]
    folder = cache / f"{corpus.name.replace(':', '-')}-{tokenizer}-{key}"
    return corpus, folder, folder / MANIFEST


def locate_manifest(folder, tokenizer, cache):
    """The manifest of a folder of shards; for llm.c's and modded-nanogpt's, which have none, ours in the cache."""
    if (folder / MANIFEST).exists():
        return folder / MANIFEST
    if (folder / PROGRESS).exists():
        raise DataError(
            f"{folder}: not prepared to the end; run python -m data.prepare again with the same arguments"
        )
    return cache / f"{folder.name}-{tokenizer}-{stamp(shard_files(folder))[:16]}.json"


def shard_files(folder):
    """The .bin files with train or val in their names, sorted; DataError unless there are both."""
    files = sorted(file for file in folder.glob("*.bin") if split_of(file))
    for split in ("train", "val"):
        if split not in map(split_of, files):
            raise DataError(
                f"{folder}: no .bin file with {split} in its name; both train and val shards are needed"
            )
    return files


def adopt(folder, tokenizer):
    """A manifest for shards that came without one, every token of them read."""
    if tokenizer == "char":
        way_out = "use --tokenizer gpt2 or byte"
        raise DataError(f"{folder}: has no manifest.json, so char's vocabulary is not known; {way_out}")
    vocab_size = get_tokenizer(tokenizer).vocab_size
    files = [check_shard(file, vocab_size) for file in shard_files(folder)]
    return make_manifest(folder.name, tokenizer, vocab_size, None, files)


def load(folder, manifest_file, tokenizer):
    """The Dataset that a manifest describes; DataError where it and the headers of the shards don't agree."""
    manifest = read_json(manifest_file)
    check_manifest(manifest, manifest_file)
    if manifest["tokenizer"] != tokenizer:
        made_with = manifest["tokenizer"]
        raise DataError(
            f"{folder}: its tokenizer is {made_with}, not {tokenizer}; use --tokenizer {made_with}"
        )
    train, val = (
        Tokens([folder / entry["name"] for entry in manifest["files"] if entry["split"] == split])
        for split in ("train", "val")
    )
    return Dataset(
        manifest["dataset"],
        tokenizer,
        manifest["vocab_size"],
        manifest["fingerprint"],
        train,
        val,
        folder,
        manifest,
    )


def check_manifest(manifest, where):
    """DataError unless the manifest has what is read from it and its fingerprint is that of its checksums."""
    try:
        expected = fingerprint(manifest["files"], manifest["tokenizer"], manifest["vocab"])
        intact = manifest["fingerprint"] == expected and {"dataset", "vocab_size"} <= manifest.keys()
    except (KeyError, TypeError, AttributeError):
        intact = False
    if not intact:
        raise DataError(
            f"{where}: damaged or not written by data.prepare; delete it and prepare the data again"
        )
