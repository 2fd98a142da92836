"""How far a long preparation is: a bar on a terminal, now and then a line elsewhere."""

import sys
import time
from contextlib import contextmanager


def to_stderr(line):
    print(line, file=sys.stderr, flush=True)


def progress(name, total, say):
    """A context that gives a function to call with the tokens done; `total` (int) is all there are, None if unknown."""
    return bar(name, total) if sys.stderr.isatty() else lines(name, say)


@contextmanager
def bar(name, total):
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = "{task.description}", BarColumn(), TextColumn("{task.fields[done]}"), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task, rate = shown.add_task(name, total=total, done=""), Rate()
        yield lambda tokens: shown.update(task, completed=tokens, done=rate(tokens))


@contextmanager
def lines(name, say):
    rate, last = Rate(), time.monotonic()

    def update(tokens):
        nonlocal last
        if time.monotonic() - last > 30:
            last = time.monotonic()
            say(f"{name}: {rate(tokens)}")

    yield update


class Rate:
    """Tokens done and tokens a second since the first call, in words."""

    def __init__(self):
        self.first = None

    def __call__(self, tokens):
        self.first = self.first or (tokens, time.monotonic())
        seconds = time.monotonic() - self.first[1]
        rate = f", {(tokens - self.first[0]) / seconds / 1e6:.2f}M/s" if seconds > 0 else ""
        return f"{tokens / 1e6:.1f}M tokens{rate}"
