"""Files that are there whole or not at all."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = re.compile(r"\..+\.(\d{1,18})\.(\d{1,18})\.tmp")  # as `atomic` names it


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


def delete_leftovers(folder: Path):
    """Delete what `atomic` left in this folder, but not below it, in processes that were killed.

    Args:
        folder: it need not be there.
    """
    if os.name == "nt" or not folder.is_dir():  # Windows can't say whether a process is alive
        return
    for path in folder.iterdir():
        if (writer := TEMPORARY.fullmatch(path.name)) and not alive(*map(int, writer.groups())):
            path.unlink(missing_ok=True)


def alive(process: int, thread: int) -> bool:
    """Whether a thread of this process, or any of another one, may still write."""
    if process == os.getpid():  # in a container, a process that was killed often had the same number
        return thread in {other.ident for other in threading.enumerate()}
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        pass
    return True
