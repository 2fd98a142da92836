"""Every use of the network goes through here: a time limit, and retries only for what takes hours."""

import os
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import TypeVar

from nanosched.errors import first_line

from .chunks import Chunk, Position
from .errors import DataError

T = TypeVar("T")
WAITS = 1, 4, 15, 60  # seconds before each further try


def hub() -> str:
    """The address of the Hugging Face hub, or of what stands in for it."""
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"


def within(seconds: float, work: Callable[[], T]) -> T:
    """`work()` with a time limit, whatever it hangs on.

    It runs in a daemon thread, because a DNS lookup takes no timeout and can't be interrupted.

    Args:
        seconds: the limit.
        work: a function without arguments.

    Returns:
        What `work` returns.

    Raises:
        TimeoutError: there is no answer within `seconds`.
        Exception: what `work` raises.
    """
    answers = queue.SimpleQueue()

    def run():
        try:
            answers.put((work(), None))
        except Exception as error:
            answers.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        value, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} seconds") from None
    if error is not None:
        raise error
    return value


def why_unreachable(url: str, seconds: float = 8) -> str | None:
    """One short HEAD request, through the proxies of the environment.

    Args:
        url: the address.
        seconds: the time limit.

    Returns:
        The reason why nobody answers at `url`, or None when somebody does.
    """
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "nanosched"})
    # a new opener each time: urlopen would keep the proxies of its first call
    opener = urllib.request.build_opener()
    try:
        within(seconds, lambda: opener.open(request, timeout=seconds).close())
    except Exception as error:  # OSError, HTTPException or ValueError for what a network can do
        if isinstance(error, urllib.error.HTTPError) and error.code < 500:
            return None
        inner = getattr(error, "reason", None)  # what URLError wraps reads better without it
        return first_line(inner if isinstance(inner, Exception) else error)
    return None


def patiently(work: Callable[[], T], say: Callable[[str], None]) -> T:
    """`work()`, tried again after each of WAITS where the network broke off.

    Args:
        work: a function without arguments.
        say: takes a line before each further try.

    Returns:
        What `work` returns.

    Raises:
        Exception: what `work` raises at last, or what another try won't mend.
    """
    for wait in WAITS:
        try:
            return work()
        except Exception as error:
            if not may_pass(error):
                raise
            say(f"{first_line(error)}; trying again in {wait} s")
            time.sleep(wait)
    return work()


def patiently_read(
    read: Callable[[Position], Iterator[Chunk]], position: Position, say: Callable[[str], None]
) -> Iterator[Chunk]:
    """The chunks that `read` gives, gone on with after each of WAITS where the network broke off.

    Args:
        read: from a position on; it raises a DataError whose cause is the network's.
        position: of the first chunk.
        say: takes a line before each further try.

    Yields:
        Each chunk once.

    Raises:
        DataError: from `read`, at last or where another try won't mend it.
    """
    waits = iter(WAITS)
    while True:
        try:
            for chunk in read(position):
                yield chunk
                position, waits = chunk.after, iter(WAITS)
            return
        except DataError as error:
            cause = error.__cause__
            wait = next(waits, None)
            if cause is None or not may_pass(cause) or wait is None:
                raise
            say(f"{first_line(cause)}; trying again in {wait} s")
            time.sleep(wait)


def may_pass(error: Exception) -> bool:
    """Whether it may be gone at the next try: not an answer such as 404, and not the disk's."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return status in (408, 429) or status >= 500
    return not is_local(error)


def is_local(error: Exception) -> bool:
    """Whether the disk raised it: libraries raise OSErrors of their own for the network, without a number."""
    network = isinstance(error, (ConnectionError, TimeoutError)) or hasattr(error, "response")
    return isinstance(error, OSError) and error.errno is not None and not network
