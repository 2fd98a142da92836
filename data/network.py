"""Every use of the network goes through here: one try, a time limit, no retries."""

import queue
import threading
import urllib.error
import urllib.request

from .errors import first_line


def within(seconds, work):
    """`work()`, or TimeoutError after `seconds`, whatever it hangs on.

    It runs in a daemon thread, because a DNS lookup takes no timeout and can't be interrupted.
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


def fetch(url, seconds, method="GET"):
    """The body at `url` (bytes), through the proxies of the environment; OSError when it can't be had in time."""

    def get():
        # a new opener each time: urlopen would keep the proxies of its first call
        with urllib.request.build_opener().open(
            urllib.request.Request(url, method=method, headers={"User-Agent": "nanosched"}), timeout=seconds
        ) as answer:
            return answer.read()

    return within(seconds, get)


def why_unreachable(url, seconds=8):
    """One short HEAD request: the reason (str) why nobody answers at `url`, or None when somebody does."""
    try:
        fetch(url, seconds, method="HEAD")
    except (
        Exception
    ) as error:  # urllib raises OSError, HTTPException and ValueError for what a network can do
        if isinstance(error, urllib.error.HTTPError) and error.code < 500:
            return None
        inner = getattr(error, "reason", None)  # what URLError wraps reads better without it
        return first_line(inner if isinstance(inner, Exception) else error)
    return None
