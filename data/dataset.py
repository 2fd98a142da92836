"""A dataset by name, ready to train on: `open_dataset("shakespeare")`."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .batches import window_ends
from .corpora import NAMES, Corpus, cache_folder, existing_path, get_corpus, resolve, stamp
from .errors import DataError
from .preparation import SHARD_TOKENS, prepare_corpus
from .progress import to_stderr
from .shakespeare import shakespeare_file
from .shards import (
    MANIFEST,
    PROGRESS,
    Tokens,
    fingerprint,
    is_shard_folder,
    make_manifest,
    read_json,
    split_of,
    write_json,
)
from .tokenizers import check_tokenizer, get_tokenizer
from .verified import check_once, verified_shards

FINEWEB_TOKENS = 100_000_000  # when fineweb is opened without having been prepared


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
    tokenizer: str = "char",
    cache: str | Path | None = None,
    say: Callable[[str], None] = to_stderr,
) -> Dataset:
    """The dataset, prepared into the cache where it isn't yet, and every token of it checked.

    A shard is read once: at the next start it is read again only if its size, its mtime or its checksum in
    the manifest is another.

    Args:
        name: auto, shakespeare, fineweb (its first 100M tokens), pystdlib, pystdlib:site; or a path to a text
            file, to a folder of parquet or jsonl files with a `text` column, or to a folder of shards.
        tokenizer: "char", "byte" or "gpt2"; for a folder of shards, the one they were made with.
        cache: a folder; default $NANOSCHED_CACHE, else $XDG_CACHE_HOME/nanosched, else ~/.cache/nanosched.
        say: takes a line when there is something to tell; standard error by default.

    Returns:
        A Dataset.

    Raises:
        DataError: it can't be had, or something in it is wrong; the message says what to do.
    """
    check_tokenizer(tokenizer)
    cache = cache_folder(cache)
    corpus, folder, manifest_file = locate(resolve(name, cache, say), tokenizer, cache)
    if not manifest_file.exists():
        if corpus is None:
            write_json(manifest_file, adopt(folder, tokenizer, cache))
        else:
            max_tokens = FINEWEB_TOKENS if corpus.streamed else None
            prepare_corpus(corpus, tokenizer, folder, max_tokens, SHARD_TOKENS, say)
    dataset = load(folder, manifest_file, tokenizer)
    dataset.verify(cache)
    return dataset


def find_dataset(
    name: str | Path = "auto", tokenizer: str = "char", cache: str | Path | None = None
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
    check_tokenizer(tokenizer)
    cache = cache_folder(cache)
    if name == "auto":
        name = "shakespeare" if shakespeare_file(cache).exists() else "pystdlib"
    _, folder, manifest_file = locate(name, tokenizer, cache)
    return load(folder, manifest_file, tokenizer) if manifest_file.exists() else None


def locate(name: str | Path, tokenizer: str, cache: Path) -> tuple[Corpus | None, Path, Path]:
    """(corpus, folder of its shards, their manifest), there or not yet; no corpus for a folder of shards."""
    if name not in NAMES and is_shard_folder(existing_path(name)):
        folder = existing_path(name)
        return None, folder, locate_manifest(folder, tokenizer, cache)
    corpus = get_corpus(name, cache)
    # a changed source has another folder
    key = hashlib.sha256(f"{corpus.name}\0{corpus.source}\0{tokenizer}".encode()).hexdigest()[:16]
    folder = cache / f"{corpus.name.replace(':', '-')}-{tokenizer}-{key}"
    return corpus, folder, folder / MANIFEST


def locate_manifest(folder: Path, tokenizer: str, cache: Path) -> Path:
    """The manifest of a folder of shards; for llm.c's, which have none, ours in the cache."""
    if (folder / MANIFEST).exists():
        return folder / MANIFEST
    if (folder / PROGRESS).exists():
        raise DataError(
            f"{folder}: not prepared to the end; run python -m data.prepare again with the same arguments"
        )
    return cache / f"{folder.name}-{tokenizer}-{stamp(shard_files(folder))[:16]}.json"


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
    return make_manifest(folder.name, tokenizer, vocab_size, None, files)


def load(folder: Path, manifest_file: Path, tokenizer: str) -> Dataset:
    """The Dataset that a manifest describes; DataError where it and the headers of the shards don't agree."""
    manifest = read_json(manifest_file)
    check_manifest(manifest, manifest_file)
    if manifest["tokenizer"] != tokenizer:
        used = manifest["tokenizer"]
        raise DataError(f"{folder}: its tokenizer is {used}, not {tokenizer}; use --tokenizer {used}")
    train, val = (
        Tokens([folder / entry["name"] for entry in manifest["files"] if entry["split"] == split])
        for split in ("train", "val")
    )
    name, vocab_size = manifest["dataset"], manifest["vocab_size"]
    return Dataset(name, tokenizer, vocab_size, manifest["fingerprint"], train, val, folder, manifest)


def check_manifest(manifest: dict, where: Path) -> None:
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
