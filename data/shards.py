"""Token files in llm.c's format, and the manifest that names them.

A shard is 256 little-endian int32 (magic 20240520, version 1, number of tokens, zeros), then uint16 tokens
(karpathy/llm.c, dev/data/data_common.py). `manifest.json` beside them holds the tokenizer and a sha256 for each.
"""

import hashlib
import json
import os
import re
import threading
from pathlib import Path

import numpy as np

from .errors import DataError

MAGIC, VERSION, HEADER_BYTES = 20240520, 1, 1024
MANIFEST, PROGRESS = "manifest.json", "progress.json"


class Tokens:
    """The shards of one split, in order. `len()` is the number of tokens, `counts` int64 (shards,) theirs each."""

    def __init__(self, files):
        self.files = [Path(file) for file in files]
        self.counts = np.array([read_header(file) for file in self.files], np.int64)

    def __len__(self):
        return int(self.counts.sum())

    def shard(self, index):
        """One shard's tokens, uint16 (tokens,), memory-mapped anew each time: a thousand shards hold no files open."""
        return np.memmap(self.files[index], "<u2", "r", offset=HEADER_BYTES)


def write_shard(path, tokens):
    """Writes uint16 `tokens` (n,) to `path`; returns its entry for the manifest."""
    if len(tokens) >= 2**31:
        raise DataError(
            f"{path}: {len(tokens):,} tokens are too many for a shard; give the text as several documents"
        )
    header = np.zeros(256, "<i4")
    header[:3] = MAGIC, VERSION, len(tokens)
    body = np.ascontiguousarray(tokens, "<u2").data.cast("B") if len(tokens) else b""
    write_atomically(path, [header.tobytes(), body])
    digest = hashlib.sha256(header.tobytes())
    digest.update(body)
    return {"name": path.name, "split": split_of(path), "tokens": len(tokens), "sha256": digest.hexdigest()}


def write_atomically(path, chunks):
    """Writes the chunks (bytes) to `path`, whole or not at all; DataError where the disk doesn't take them."""
    # process and thread in the name: two writers of one file never share a temporary
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        way_out = "free some space or choose another folder"
        raise DataError(f"{path}: can't be written: {error.strerror}; {way_out}") from error


def read_header(path):
    """The number of tokens in a shard; DataError unless the header is llm.c's and the size fits it."""
    try:
        with open(path, "rb") as file:
            header = file.read(HEADER_BYTES)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        way_out = "delete its folder and prepare the data again"
        raise DataError(f"{path}: can't be read: {error.strerror}; {way_out}") from error
    magic, version, count = np.frombuffer(header.ljust(12, b"\0")[:12], "<i4").tolist()
    if magic != MAGIC:
        raise DataError(
            f"{path}: not a shard in llm.c's format (magic {magic}, expected {MAGIC}); make shards with "
            "python -m data.prepare"
        )
    if version != VERSION:
        raise DataError(
            f"{path}: shard version {version}, expected {VERSION} (uint16 tokens); prepare the data again"
        )
    if count < 0 or size != HEADER_BYTES + 2 * count:
        state = "truncated" if size < HEADER_BYTES + 2 * count else "has trailing bytes"
        raise DataError(
            f"{path}: {state}: {size:,} bytes, expected {HEADER_BYTES + 2 * count:,} for the {count:,} tokens of its "
            "header; copy or prepare it again"
        )
    return count


def check_shard(path, vocab_size):
    """The manifest entry of a shard after one pass over it; DataError for a token id not below vocab_size."""
    count = read_header(path)
    digest, largest = hashlib.sha256(), 0
    with open(path, "rb") as file:
        digest.update(file.read(HEADER_BYTES))
        while chunk := file.read(2**24):
            digest.update(chunk)
            largest = max(largest, int(np.frombuffer(chunk, "<u2").max()))
    if largest >= vocab_size:
        raise DataError(
            f"{path}: token {largest}, expected ids below {vocab_size}; the file is damaged, or another tokenizer "
            "made it: copy it again or use that one"
        )
    return {"name": path.name, "split": split_of(path), "tokens": count, "sha256": digest.hexdigest()}


def split_of(path):
    """'train' or 'val', whichever comes last in the name (`interval_train_000000.bin` is train), or None."""
    return (re.findall("train|val", path.name) or [None])[-1]


def is_shard_folder(path):
    return os.path.isdir(path) and (
        any(path.glob("*.bin")) or (path / MANIFEST).exists() or (path / PROGRESS).exists()
    )


def fingerprint(files, tokenizer, vocab):
    """sha256 (hex) over the checksums of the shards, train first, each in order, and what their ids mean."""
    ordered = [
        [split, entry["sha256"]] for split in ("train", "val") for entry in files if entry["split"] == split
    ]
    return hashlib.sha256(json.dumps([ordered, tokenizer, vocab]).encode()).hexdigest()


def make_manifest(dataset, tokenizer, vocab_size, vocab, files, **more):
    """The manifest (dict): everything that has to be known to train on a folder of shards."""
    return {
        "dataset": dataset,
        "tokenizer": tokenizer,
        "vocab_size": vocab_size,
        "vocab": vocab,
        **more,
        "files": files,
        "fingerprint": fingerprint(files, tokenizer, vocab),
    }


def write_json(path, content):
    write_atomically(path, [json.dumps(content, indent=1).encode()])


def read_json(path):
    """What write_json wrote, or None where there is no such file; DataError where it can't be read."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: can't be read as JSON; delete its folder and prepare the data again"
        ) from error
