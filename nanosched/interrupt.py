"""Ctrl-C between two steps instead of within one."""

import signal
from contextlib import contextmanager


@contextmanager
def ctrl_c():
    """Yields a function: whether Ctrl-C was pressed. Pressed again, it interrupts at once as always."""
    pressed = []

    def on_press(signum, frame):
        pressed.append(signum)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, on_press)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def unheard_by_children():
    """Processes that are started within never hear of Ctrl-C, while they import neither: this one decides."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
