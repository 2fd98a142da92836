"""A dataset by name, ready to train on: `open_dataset("shakespeare")`."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from nanosched.visible import visible

from . import ready
from .batches import window_ends
from .corpora import NAMES, Corpus, cache_folder, existing_path, get_corpus, resolve, stamp
from .errors import DataError
from .manifest import read_manifest
from .preparation import SHARD_TOKENS, prepare_corpus
from .progress import to_stderr
from .shakespeare import shakespeare_file
from .shards import (
    MANIFEST,
    PROGRESS,
    Tokens,
    file_name,
    is_shard_folder,
    make_manifest,
    open_shards,
    split_of,
    write_json,
)
from .stand_in import kept, places
from .tokenizers import check_tokenizer, get_tokenizer
from .verified import check_once, verified_shards

FINEWEB_TOKENS = 100_000_000  # when fineweb or fineweb10B is opened without having been prepared


@dataclass(frozen=True)
class Dataset:
    """Tokens to train on.

    Args:
        name: resolved: "pystdlib" where "auto" came to that.
        tokenizer: its name.
        vocab_size: every token is below it.
        fingerprint: hex; the same content has the same one on every machine.
        train: the shards of the train split.
        val: the shards of the val split.
        folder: of the shards.
        manifest: as from `make_manifest`.
    """

    name: str
    tokenizer: str
    vocab_size: int
    fingerprint: str
    train: Tokens
    val: Tokens
    folder: Path
    manifest: dict

    def decode(self, ids: np.ndarray) -> str:
        """The text of token ids, an integer array (n,)."""
        return get_tokenizer(self.tokenizer, self.manifest["vocab"]).decode(ids)

    def check_windows(self, batch_size: int, block_size: int) -> None:
        """DataError where a split has too little text for one window of block_size tokens."""
        for tokens in (self.train, self.val):
            window_ends(tokens, batch_size, block_size)

    def verify(self, cache: Path) -> None:
        """Reads every shard that has changed since it was read before.

        Args:
            cache: the folder that remembers which those are.

        Raises:
            DataError: a checksum is not the manifest's, or a token not below vocab_size.
        """
        with verified_shards(self.folder, cache) as verified:
            for expected in self.manifest["files"]:
                path = self.folder / expected["name"]
                entry = check_once(path, self.vocab_size, verified, expected)
                if entry["sha256"] != expected["sha256"]:
                    raise DataError(
                        f"{path}: damaged: sha256 {entry['sha256'][:12]}..., expected "
                        f"{expected['sha256'][:12]}...; delete the folder and prepare it again"
                    )


def open_dataset(
    name: str | Path = "auto",
    tokenizer: str | None = None,
    cache: str | Path | None = None,
    say: Callable[[str], None] = to_stderr,
) -> Dataset:
    """The dataset, prepared into the cache where it isn't yet, and every token of it checked.

    A shard is read once: at the next start it is read again only if its size, its mtime or its checksum in
    the manifest is another. Where the cache can't be written, what would lie there is kept in a temporary
    folder until this process ends.

    Args:
        name: auto, shakespeare, fineweb (its first 100M tokens), fineweb10B (its first train and val shard),
            pystdlib, pystdlib:site; or a path to a text file, to a folder of parquet or jsonl files with a
            `text` column, or to a folder of shards.
        tokenizer: "char", "byte" or "gpt2"; default the one that shards were made with, else char.
        cache: a folder; default $NANOSCHED_CACHE, else $XDG_CACHE_HOME/nanosched, else ~/.cache/nanosched.
        say: takes a line when there is something to tell; standard error by default.

    Returns:
        A Dataset.

    Raises:
        DataError: it can't be had, or something in it is wrong; the message says what to do.
    """
    tokenizer = checked_tokenizer(name, tokenizer)
    cache = cache_folder(cache)
    name = resolve(name, cache, say)
    corpus, folder, manifest_file = locate(name, tokenizer, cache, say)
    if not os.path.exists(manifest_file):
        if corpus is None:
            manifest = adopt(folder, tokenizer, cache)
            manifest_file = kept(cache, partial(write_manifest, manifest, manifest_file.name), say)
        else:
            folder = kept(cache, partial(prepare_into, corpus, tokenizer, folder.name, say), say)
            manifest_file = folder / MANIFEST
    dataset = load(corpus, folder, manifest_file, tokenizer)
    dataset.verify(cache)
    return dataset


def find_dataset(
    name: str | Path = "auto", tokenizer: str | None = None, cache: str | Path | None = None
) -> Dataset | None:
    """The Dataset that `open_dataset` gave before; nothing is prepared, fetched or verified.

    Args:
        name: as for `open_dataset`; "auto" is shakespeare where it is cached, else pystdlib.
        tokenizer: as for `open_dataset`.
        cache: as for `open_dataset`.

    Returns:
        A Dataset, or None where there is none yet.

    Raises:
        DataError: there is no such name or path, or the manifest and the headers of the shards don't agree.
    """
    tokenizer = checked_tokenizer(name, tokenizer)
    folders = places(cache_folder(cache))
    if name == "auto":
        cached = any(os.path.exists(shakespeare_file(cache)) for cache in folders)
        name = "shakespeare" if cached else "pystdlib"
    for cache in folders:
        corpus, folder, manifest_file = locate(name, tokenizer, cache)
        if os.path.exists(manifest_file):
            return load(corpus, folder, manifest_file, tokenizer)
    return None


def tokenizer_of(name: str | Path) -> str | None:
    """The tokenizer that a dataset can't be had without.

    Args:
        name: as for `open_dataset`.

    Returns:
        what its manifest says, for a folder of shards that has one; gpt2 for fineweb10B; None for all else.

    Raises:
        DataError: there is no such path, or its manifest is damaged.
    """
    if name in NAMES:
        return ready.TOKENIZER if name == ready.NAME else None
    manifest_file = existing_path(name) / MANIFEST
    return read_manifest(manifest_file)["tokenizer"] if os.path.exists(manifest_file) else None


def vocab_size_of(name: str | Path, tokenizer: str) -> int:
    """The vocabulary that a dataset has in a tokenizer; char's is known once the text has been read.

    Args:
        name: as for `open_dataset`, which prepares it if need be.
        tokenizer: "char", "byte" or "gpt2".

    Raises:
        DataError: as `open_dataset`.
    """
    if tokenizer != "char":
        return get_tokenizer(tokenizer).vocab_size
    name = resolve(name, cache_folder(None), say=lambda line: None)  # the text that `open_dataset` will take
    return (find_dataset(name, tokenizer) or open_dataset(name, tokenizer)).vocab_size


def checked_tokenizer(name: str | Path, tokenizer: str | None) -> str:
    """The tokenizer asked for, else the dataset's own, else char; DataError for an unknown one."""
    tokenizer = tokenizer_of(name) or "char" if tokenizer is None else tokenizer
    check_tokenizer(tokenizer)
    return tokenizer


def locate(
    name: str | Path, tokenizer: str, cache: Path, say: Callable[[str], None] = to_stderr
) -> tuple[Corpus | None, Path, Path]:
    """(corpus, folder of its shards, their manifest), there or not yet; no corpus for a folder of shards."""
    if name not in NAMES and is_shard_folder(existing_path(name)):
        folder = existing_path(name)
        return None, folder, locate_manifest(folder, tokenizer, cache)
    corpus = get_corpus(name, cache, say)
    # a changed source has another folder
    key = hashlib.sha256(f"{corpus.name}\0{corpus.source}\0{tokenizer}".encode()).hexdigest()[:16]
    folder = cache / f"{file_name(corpus.name).replace(':', '-')}-{tokenizer}-{key}"
    return corpus, folder, folder / MANIFEST


def locate_manifest(folder: Path, tokenizer: str, cache: Path) -> Path:
    """The manifest of a folder of shards; for llm.c's, which have none, ours in the cache."""
    if os.path.exists(folder / MANIFEST):
        return folder / MANIFEST
    if os.path.exists(folder / PROGRESS):
        raise DataError(
            f"{folder}: not prepared to the end; run python -m data.prepare again with the same arguments"
        )
    name = file_name(visible(folder.name))
    return cache / f"{name}-{tokenizer}-{stamp(shard_files(folder))[:16]}.json"


def prepare_into(corpus: Corpus, tokenizer: str, name: str, say: Callable[[str], None], cache: Path) -> Path:
    """The folder `name` of the cache with the shards of the corpus; of an endless one, the first tokens."""
    max_tokens = FINEWEB_TOKENS if corpus.streamed else None
    return prepare_corpus(corpus, tokenizer, cache / name, max_tokens, SHARD_TOKENS, say)


def write_manifest(manifest: dict, name: str, cache: Path) -> Path:
    """The file `name` of the cache with the manifest."""
    write_json(cache / name, manifest)
    return cache / name


def shard_files(folder: Path) -> list[Path]:
    """The .bin files with train or val in their names, sorted; DataError unless there are both."""
    files = sorted(file for file in folder.glob("*.bin") if split_of(file))
    for split in ("train", "val"):
        if split not in map(split_of, files):
            raise DataError(
                f"{folder}: no .bin file with {split} in its name; both train and val shards are needed"
            )
    return files


def adopt(folder: Path, tokenizer: str, cache: Path) -> dict:
    """A manifest for shards that came without one, every token of them read."""
    if tokenizer == "char":
        way_out = "use --tokenizer gpt2 or byte"
        raise DataError(f"{folder}: has no manifest.json, so char's vocabulary is not known; {way_out}")
    vocab_size = get_tokenizer(tokenizer).vocab_size
    with verified_shards(folder, cache) as verified:
        files = [check_once(file, vocab_size, verified) for file in shard_files(folder)]
    return make_manifest(visible(folder.name), tokenizer, vocab_size, None, files)


def load(corpus: Corpus | None, folder: Path, manifest_file: Path, tokenizer: str) -> Dataset:
    """The Dataset that a manifest describes; DataError where it is another's, or the shards don't agree."""
    manifest = read_manifest(manifest_file)
    name, used = manifest["dataset"], manifest["tokenizer"]
    if used != tokenizer:
        raise DataError(f"{folder}: its tokenizer is {used}, not {tokenizer}; use --tokenizer {used}")
    if corpus and (corpus.name, corpus.source) != (name, manifest.get("source")):
        raise DataError(f"{folder}: has other data than {corpus.name}; delete it")
    splits = [
        open_shards(folder, [entry for entry in manifest["files"] if entry["split"] == split])
        for split in ("train", "val")
    ]
    return Dataset(
        name, tokenizer, manifest["vocab_size"], manifest["fingerprint"], *splits, folder, manifest
    )
