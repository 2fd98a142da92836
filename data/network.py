"""Every use of the network goes through here: one try, a time limit, no retries."""

import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TypeVar

from nanosched.errors import first_line

T = TypeVar("T")


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
