"""Run a user's code: what it raises becomes one line, and what takes long says so."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager

from schedulers.core.messages import Refused, reason

SILENT_S = 3.0  # seconds until the first line that says what is being waited for


@contextmanager
def guarded(where: Callable[[], str], keep: type[ValueError] = Refused):
    """Whatever the block raises, sys.exit() included, becomes a Refused: one line that begins with `where()`.

    Ctrl-C stays KeyboardInterrupt; one that the block raises itself doesn't.

    Args:
        where: says, after the error, what was being done: "mine fails at step 7".
        keep: errors that are for people already: they keep their words.
    """
    with ctrl_c_noted() as pressed:
        try:
            yield
        except keep as error:
            raise Refused(reason(error)) from error
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and pressed:
                raise
            raise Refused(f"{where()}: {reason(error)}") from error


@contextmanager
def ctrl_c_noted():
    """Yields a list that has an item once Ctrl-C was pressed, which does what it always does."""
    pressed, before = [], signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield pressed  # no Ctrl-C arrives here
        return

    def on_press(signum, frame):
        pressed.append(signum)
        before(signum, frame)

    signal.signal(signal.SIGINT, on_press)
    try:
        yield pressed
    finally:
        if signal.getsignal(signal.SIGINT) is on_press:  # what it did may have been to take its own place
            signal.signal(signal.SIGINT, before)


@contextmanager
def still(doing: Callable[[], str]):
    """Say on stderr what the block is still doing, after some seconds and then at doubling intervals."""
    done = threading.Event()

    def say():
        wait = SILENT_S
        while not done.wait(wait):
            print(f"still {doing()} ... (Ctrl-C stops it)", file=sys.stderr, flush=True)
            wait *= 2

    threading.Thread(target=say, daemon=True).start()
    try:
        yield
    finally:
        done.set()
