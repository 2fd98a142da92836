"""Who writes in a folder: one process at a time."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

WAIT_S = 5  # for a run: the workers of a comparison that was killed end a moment later


def lock_run(folder: Path, wait_s: float | None = None):
    """The lock of a run's folder, which whoever trains the run holds.

    Args:
        folder: of the run; made if it is not there.
        wait_s: seconds to wait for who has it; default 5.

    Returns:
        the lock, to release with `with`; it ends with its process, however that ends.

    Raises:
        ValueError: another process holds it; it says which.
        OSError: the folder can't be written in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return acquire(folder / ".lock", WAIT_S if wait_s is None else wait_s)
    except InUse as e:
        raise ValueError(
            f"{folder} is being trained by {e}: wait until that ends, or give another --out"
        ) from None


class InUse(Exception):
    """Somebody else has the lock; the message says who."""


def acquire(path: Path, wait_s: float = 0):
    """The lock on a file, to release with `with`; InUse if another process still has it after `wait_s`."""
    holder = "another process"
    with suppress(OSError, ValueError):
        holder = path.read_text().strip() or holder
    try:
        lock = FileLock(path).acquire(timeout=wait_s)
    except Timeout:
        raise InUse(holder) from None
    with suppress(OSError):  # a full disk takes no name, but the lock
        path.write_text(f"{Path(sys.argv[0]).name or 'python'}, process {os.getpid()}\n")
    return lock
