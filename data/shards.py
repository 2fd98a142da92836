"""Token files in llm.c's format, and the manifest that names them.

A shard is 256 little-endian int32 (magic 20240520, version 1, number of tokens, zeros), then uint16 tokens
(karpathy/llm.c, dev/data/data_common.py). `manifest.json` beside them holds their tokenizer and checksums.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from nanosched.errors import quoted
from nanosched.files import atomic
from nanosched.regular import read_regular, regular_size

from .errors import DataError, reading, writing

MAGIC, VERSION, HEADER_BYTES = 20240520, 1, 1024
MANIFEST, PROGRESS = "manifest.json", "progress.json"
MAX_JSON = 100_000_000  # bytes; 10B tokens have a manifest of 0.2M


class Tokens:
    """The shards of one split, in order. `len()` is the number of tokens.

    Args:
        files: the shards.

    Attributes:
        files: the shards, a list of Paths.
        counts: int64 (shards,), the number of tokens of each.

    Raises:
        DataError: a header is not llm.c's, or the size of a file doesn't fit it.
    """

    def __init__(self, files: Iterable[str | Path]):
        self.files = [Path(file) for file in files]
        self.counts = np.array([read_header(file) for file in self.files], np.int64)

    def __len__(self) -> int:
        return int(self.counts.sum())

    def shard(self, index: int) -> np.ndarray:
        """One shard's tokens, uint16 (tokens,), memory-mapped."""
        return np.memmap(self.files[index], "<u2", "r", offset=HEADER_BYTES)

    def windows(self, index: int, starts: np.ndarray, length: int) -> np.ndarray:
        """Pieces of one shard, read: to map it takes ten times as long, and no file is left open.

        Args:
            index: of the shard.
            starts: where each begins, in tokens, integers (n,).
            length: of each, in tokens.

        Returns:
            uint16 (n, length).

        Raises:
            DataError: the file ends before one does, or can't be read.
        """
        path, rows = self.files[index], np.empty((len(starts), length), "<u2")
        with reading(path, "copy or prepare it again"), open(path, "rb", buffering=0) as file:
            for row, start in zip(rows, starts):
                file.seek(HEADER_BYTES + 2 * int(start))
                if file.readinto(row) != row.nbytes:
                    raise DataError(f"{path}: truncated while it was in use; copy or prepare it again")
        return rows


def open_shards(folder: Path, entries: Iterable[dict]) -> Tokens:
    """The shards that a manifest or a progress file lists.

    Args:
        folder: of the shards.
        entries: as from `write_shard`.

    Returns:
        them as Tokens.

    Raises:
        DataError: one is missing or no shard, or has another number of tokens.
    """
    entries = list(entries)
    tokens = Tokens(folder / entry["name"] for entry in entries)
    for file, entry, count in zip(tokens.files, entries, tokens.counts.tolist()):
        if count != entry["tokens"]:
            raise DataError(
                f"{file}: damaged: it has {count:,} tokens, expected {quoted(entry['tokens'])}; delete its "
                "folder and prepare the data again"
            )
    return tokens


def file_name(name: str) -> str:
    """The name of a dataset in the names of its files, which a file system limits to 255 bytes."""
    return name.encode("utf-8", "replace")[:120].decode("utf-8", "ignore")


def write_shard(path: Path, tokens: np.ndarray) -> dict:
    """Writes a shard, whole or not at all.

    Args:
        path: the file.
        tokens: uint16 (n,), n < 2**31.

    Returns:
        Its entry for the manifest: name, split, tokens, sha256.

    Raises:
        DataError: there are too many tokens, or the disk doesn't take them.
    """
    if len(tokens) >= 2**31:
        raise DataError(
            f"{path}: {len(tokens):,} tokens are too many for a shard; give the text as several documents"
        )
    header = np.zeros(256, "<i4")
    header[:3] = MAGIC, VERSION, len(tokens)
    body = np.ascontiguousarray(tokens, "<u2").data.cast("B") if len(tokens) else b""
    digest = hashlib.sha256()
    with writing(path), atomic(path) as temporary, open(temporary, "wb") as file:
        for part in (header.tobytes(), body):
            file.write(part)
            digest.update(part)
    return {"name": path.name, "split": split_of(path), "tokens": len(tokens), "sha256": digest.hexdigest()}


def read_header(path: Path) -> int:
    """The number of tokens in a shard.

    Args:
        path: the file.

    Returns:
        What its header says.

    Raises:
        DataError: the file can't be read, its header is not llm.c's, or its size doesn't fit the header.
    """
    with reading(path, "delete its folder and prepare the data again"):
        size = regular_size(path)
        with open(path, "rb") as file:
            header = file.read(HEADER_BYTES)
    magic, version, count = np.frombuffer(header.ljust(12, b"\0")[:12], "<i4").tolist()
    if magic != MAGIC:
        raise DataError(
            f"{path}: not a shard in llm.c's format (magic {magic}, expected {MAGIC}); "
            "make shards with python -m data.prepare"
        )
    if version != VERSION:
        raise DataError(
            f"{path}: shard version {version}, expected {VERSION} (uint16 tokens); prepare the data again"
        )
    expected = HEADER_BYTES + 2 * count
    if count < 0 or size != expected:
        problem = "truncated" if size < expected else "has trailing bytes"
        raise DataError(
            f"{path}: {problem}: {size:,} bytes, expected {expected:,} for the {count:,} tokens of its "
            "header; copy or prepare it again"
        )
    return count


def check_shard(path: Path, vocab_size: int) -> dict:
    """Reads a shard to its end.

    Args:
        path: the file.
        vocab_size: every token is to be below it.

    Returns:
        Its entry for the manifest: name, split, tokens, sha256.

    Raises:
        DataError: as from `read_header`, or for a token that is not below vocab_size.
    """
    count = read_header(path)
    digest, largest = hashlib.sha256(), 0
    with reading(path, "delete its folder and prepare the data again"), open(path, "rb") as file:
        digest.update(file.read(HEADER_BYTES))
        while chunk := file.read(2**24):
            digest.update(chunk)
            largest = max(largest, int(np.frombuffer(chunk, "<u2").max()))
    if largest >= vocab_size:
        raise DataError(
            f"{path}: token {largest}, expected ids below {vocab_size}; the file is damaged, or another "
            "tokenizer made it: copy it again or use that one"
        )
    return {"name": path.name, "split": split_of(path), "tokens": count, "sha256": digest.hexdigest()}


def split_of(path: Path) -> str | None:
    """'train' or 'val', whichever comes last in the name (`interval_train_000000.bin` is train), or None."""
    return (re.findall("train|val", path.name) or [None])[-1]


def is_shard_folder(path: Path) -> bool:
    """Whether a folder has shards, finished or not."""
    return os.path.isdir(path) and (
        any(path.glob("*.bin")) or any(os.path.exists(path / name) for name in (MANIFEST, PROGRESS))
    )


def fingerprint(files: list[dict], tokenizer: str, vocab: str | None) -> str:
    """Identifies the content of a dataset: the same on every machine.

    Args:
        files: the manifest's entries.
        tokenizer: its name.
        vocab: char's vocabulary.

    Returns:
        sha256 (hex) over the checksums of the shards, train first, each in order, and what their ids mean.
    """
    ordered = [
        [split, entry["sha256"]] for split in ("train", "val") for entry in files if entry["split"] == split
    ]
    return hashlib.sha256(json.dumps([ordered, tokenizer, vocab]).encode()).hexdigest()


def make_manifest(
    dataset: str, tokenizer: str, vocab_size: int, vocab: str | None, files: list[dict], **more
) -> dict:
    """Everything that has to be known to train on a folder of shards.

    Args:
        dataset: the name of the corpus.
        tokenizer: its name.
        vocab_size: every token is below it.
        vocab: char's vocabulary.
        files: an entry per shard, as from `write_shard`.
        **more: what else is kept, such as the arguments it was prepared with.

    Returns:
        The manifest, with its fingerprint.
    """
    return {
        "dataset": dataset,
        "tokenizer": tokenizer,
        "vocab_size": vocab_size,
        "vocab": vocab,
        **more,
        "files": files,
        "fingerprint": fingerprint(files, tokenizer, vocab),
    }


def write_json(path: Path, content: dict) -> None:
    """Writes `content`, whole or not at all; DataError where the disk doesn't take it."""
    with writing(path), atomic(path) as temporary:
        temporary.write_bytes(json.dumps(content, indent=1).encode())


def read_json(path: Path) -> object:
    """What a JSON file holds, None where there is no such file; DataError where it can't be read."""
    if not os.path.exists(path):
        return None
    with reading(path, "delete its folder and prepare the data again"):
        content = read_regular(path, MAX_JSON)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: can't be read as JSON; delete its folder and prepare the data again"
        ) from error
