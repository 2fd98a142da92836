"""Shards that were read to their end before: the 20 GB of 10B tokens are not hashed at every start."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import DataError, reading
from .shards import check_shard, read_json, write_json

CLOCK_TICK = 0.02  # seconds; two changes of a file within one may have the same mtime


@contextmanager
def verified_shards(folder: Path, cache: Path) -> Iterator[dict]:
    """{name: what was verified} of the shards of a folder, for `check_once` to read and to add to.

    It is kept in the cache, also after an error inside. Where that can't be written, nothing is remembered.
    """
    file = cache / "verified" / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}.json"
    before = None
    with suppress(DataError):
        before = read_json(file)
    verified = dict(before) if isinstance(before, dict) else {}
    try:
        yield verified
    finally:
        if verified != before:
            with suppress(DataError):
                write_json(file, verified)


def check_once(path: Path, vocab_size: int, verified: dict, entry: dict | None = None) -> dict:
    """`check_shard`, unless a shard of this size and mtime was found before to be what `entry` says.

    Args:
        path: the shard.
        vocab_size: every token is to be below it.
        verified: from `verified_shards`.
        entry: what the manifest says about the shard; None reads it in any case.

    Returns:
        What the manifest has to say about it.

    Raises:
        DataError: as from `check_shard`.
    """
    state = file_state(path, vocab_size)
    if entry is not None and verified.get(path.name) == {**entry, **state}:
        return entry
    entry = check_shard(path, vocab_size)
    verified[path.name] = {**entry, **state}
    return entry


def file_state(path: Path, vocab_size: int) -> dict:
    """What a shard must still be for its last verification to hold."""
    with reading(path, "delete its folder and prepare the data again"):
        stat = path.stat()
    if 0 <= time.time() - stat.st_mtime < CLOCK_TICK:
        time.sleep(CLOCK_TICK)  # whatever changes it from now on changes its mtime
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "vocab_size": vocab_size}
