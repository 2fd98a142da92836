"""Calls in processes of their own, forked from this one: none waits for another, or falls with it."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeVar

from nanosched.interrupt import unheard_by_children

T = TypeVar("T")


def at_once() -> int:
    """How many calls to make at a time: one for each core, and 1 where a fork isn't safe.

    A forked process has all that this one has in memory, but none of its threads, which may have held a lock.
    torch and CUDA don't matter to calls that leave them alone: torch's own DataLoader forks too. On macOS the
    system's linear algebra can't be forked, and Windows has no fork.
    """
    safe = sys.platform == "linux" and threading.active_count() == 1
    return len(os.sched_getaffinity(0)) if safe else 1


def call_each(calls: Iterable[Callable[[], T]], n: int, advance: Callable[[], None]) -> list[T | None]:
    """What each call returns, in their order; None where its process died. Ctrl-C ends them all.

    Args:
        calls: functions that raise nothing, and return what can be pickled; each is asked for when there is
            room for it.
        n: how many at a time; 1 is one after another in this process.
        advance: called after each.
    """
    returned, running = [], {}  # pipe -> (place, process)

    def hear():
        for pipe in wait(list(running)):
            place, process = running.pop(pipe)
            with suppress(EOFError, OSError), pipe:  # it died
                returned[place], said = pipe.recv()
                print(said, end="", file=sys.stderr)
            process.join()
            advance()

    try:
        for place, call in enumerate(calls):
            returned.append(None)
            while len(running) == n:
                hear()
            with unheard_by_children():
                if n > 1 and (pipe_and_process := fork(call)):
                    pipe, process = pipe_and_process
                    running[pipe] = place, process
                    continue
            returned[place] = call()
            advance()
        while running:
            hear()
    finally:
        for _, process in running.values():
            process.terminate()
            process.join()
    return returned


def fork(call: Callable[[], T]) -> tuple[Connection, BaseProcess] | None:
    """A process that makes the call, and where its answer comes from; None where the system has no room."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=answer, args=(call, theirs), daemon=True)
    try:
        process.start()
    except OSError:
        ours.close()
        return None
    finally:
        theirs.close()  # so that the pipe ends with the process
    return ours, process


def answer(call: Callable[[], T], pipe: Connection):
    """In the new process: send what the call returns, and what it says on standard error."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a file that is half written is deleted
    with redirect_stderr(io.StringIO()) as said:
        pipe.send((call(), said.getvalue()))
