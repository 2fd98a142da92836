"""Where the cache can't be written, a temporary folder stands in for it: a cache is never needed."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from .errors import CantWrite, writing

T = TypeVar("T")
STAND_INS: dict[Path, Path] = {}  # by the cache that they stand in for


def kept(cache: Path, make: Callable[[Path], T], say: Callable[[str], None]) -> T:
    """What is made in the cache, or else in its stand-in.

    Args:
        cache: the cache folder.
        make: a function of a folder, which it writes to.
        say: takes a line where it is the stand-in for the first time.

    Returns:
        what `make` returns.

    Raises:
        DataError: what `make` raises; a CantWrite only if the stand-in can't be written either.
    """
    if cache not in STAND_INS:
        try:
            return make(cache)
        except CantWrite as error:
            stand_in(cache)
            reason = str(error).split(";")[0]
            say(f"{reason}; it is kept in a temporary folder until this process ends")
    return make(STAND_INS[cache])


def places(cache: Path) -> list[Path]:
    """Where something that is cached may lie: the cache and, if this process has one, its stand-in."""
    return [cache, *([STAND_INS[cache]] if cache in STAND_INS else [])]


def stand_in(cache: Path) -> Path:
    """A folder that is removed when this process ends; CantWrite where there is no room for it."""
    if cache not in STAND_INS:
        with writing(Path("the folder for temporary files"), "set TMPDIR to a folder that can be written"):
            STAND_INS[cache] = Path(tempfile.mkdtemp(prefix="nanosched-"))
        atexit.register(shutil.rmtree, STAND_INS[cache], ignore_errors=True)
    return STAND_INS[cache]
