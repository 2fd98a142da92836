"""What is raised where data can't be used."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nanosched.errors import first_line
from nanosched.visible import visible


class DataError(ValueError):
    """The data or an argument can't be used; in one line: what, which value, what to do instead."""

    def __init__(self, message: str):
        super().__init__(visible(message))  # a path may have a line end in it


class CantWrite(DataError):
    """A folder or a disk doesn't take what is to be written."""


@contextmanager
def reading(path: Path, way_out: str) -> Iterator[None]:
    """An OSError inside becomes a DataError: `path` can't be read, why, and the way out."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or first_line(error)}; {way_out}") from error


@contextmanager
def writing(path: Path, way_out: str = "free some space or choose another folder") -> Iterator[None]:
    """An OSError inside becomes a CantWrite: `path` can't be written, why, and the way out."""
    try:
        yield
    except (OSError, NotImplementedError) as error:  # the latter from file systems without locks
        reason = getattr(error, "strerror", None) or first_line(error)
        raise CantWrite(f"{path}: can't be written: {reason}; {way_out}") from error
