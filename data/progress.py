"""How far a long preparation is: a bar on a terminal, now and then a line elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Update = Callable[[int], None]  # takes the tokens that are done


def to_stderr(line: str) -> None:
    """A line for the person, at once."""
    print(line, file=sys.stderr, flush=True)


def progress(name: str, total: int | None, say: Callable[[str], None]) -> AbstractContextManager[Update]:
    """Shows how far it is.

    Args:
        name: what is being prepared.
        total: all the tokens there are, None if unknown.
        say: takes a line every 30 s where standard error is no terminal.

    Returns:
        A context that gives a function to call with the tokens done.
    """
    return bar(name, total) if sys.stderr.isatty() else lines(name, say)


@contextmanager
def bar(name: str, total: int | None) -> Iterator[Update]:
    """A bar that goes away at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = "{task.description}", BarColumn(), TextColumn("{task.fields[done]}"), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as display:
        task, rate = display.add_task(name, total=total, done=""), Rate()
        yield lambda tokens: display.update(task, completed=tokens, done=rate(tokens))


@contextmanager
def lines(name: str, say: Callable[[str], None]) -> Iterator[Update]:
    """A line every 30 s."""
    rate, last = Rate(), time.monotonic()

    def update(tokens):
        nonlocal last
        if time.monotonic() - last > 30:
            last = time.monotonic()
            say(f"{name}: {rate(tokens)}")

    yield update


class Rate:
    """Tokens done and tokens per second since the first call, in words."""

    def __init__(self):
        self.first = None

    def __call__(self, tokens: int) -> str:
        self.first = self.first or (tokens, time.monotonic())
        seconds = time.monotonic() - self.first[1]
        rate = f", {(tokens - self.first[0]) / seconds / 1e6:.2f}M/s" if seconds > 0 else ""
        return f"{tokens / 1e6:.1f}M tokens{rate}"
