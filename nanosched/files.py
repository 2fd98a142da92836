"""Files that are there whole or not at all."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """`with atomic("run.json") as temporary:` write to `temporary`; at the end it is renamed to `path`.

    Args:
        path: the file to write; its folder is made if it is not there.

    Yields:
        `.NAME.PID.THREAD.tmp` beside `path`, synced before it is renamed. After an exception it is gone and
        `path` is as it was.

    Raises:
        OSError: the disk doesn't take it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # process and thread in the name: two writers of one file never share a temporary
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
