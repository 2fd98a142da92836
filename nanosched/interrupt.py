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
