"""Files of a known size: a pipe or a device would be waited for, or read, without an end."""

from __future__ import annotations

import stat
from errno import EFBIG, EINVAL
from pathlib import Path

KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def regular_size(path: Path) -> int:
    """The size of a regular file.

    Args:
        path: the file, or a link to it.

    Returns:
        bytes.

    Raises:
        OSError: it is not there, or something that only looks like a file.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "none")
        raise OSError(EINVAL, f"it is {kind}, not a regular file", str(path))
    return status.st_size


def read_regular(path: Path, most: int) -> bytes:
    """What a regular file holds.

    Args:
        path: the file, or a link to it.
        most: bytes that it may have.

    Returns:
        its content, as long as its size says: files of /proc count as empty.

    Raises:
        OSError: it is not there, can't be read, is no regular file or too large.
    """
    size = regular_size(path)
    if size > most:
        raise OSError(EFBIG, f"it has {size:,} bytes, at most {most:,} are read", str(path))
    with open(path, "rb") as file:
        return file.read(size)
