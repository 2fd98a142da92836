"""A command as people expect it: bad input is one line and exit code 2, Ctrl-C is quiet."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import gc
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from .errors import quoted

BAD_INPUT, STOPPED = 2, 130  # exit codes; 1 is for runs that failed
HINTS = {"--resume": "the same command goes on where it stopped", "--lr_scheduler": "give --schedulers"}
CLOSED = (errno.EPIPE, errno.ENOSPC, errno.EIO)  # what standard output may answer


class CommandParser(argparse.ArgumentParser):
    """argparse that refuses in one line and names the nearest option."""

    def __init__(self, description: str):
        form = argparse.RawDescriptionHelpFormatter
        super().__init__(description=description, formatter_class=form, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        words = message.split()
        unknown = words[2] if message.startswith("unrecognized arguments: ") else None
        fail(self.explain(unknown.partition("=")[0]) if unknown else message)

    def explain(self, option: str) -> str:
        """What is wrong with an option that is none, and what to give instead."""
        if option in HINTS:
            return f"there is no {option}: {HINTS[option]}"
        if not option.startswith("-"):
            return f"{quoted(option)} stands alone: give it after the option that it belongs to"
        near = difflib.get_close_matches(option, self._option_string_actions, n=1)
        return f"there is no {option}: " + (
            f"did you mean {near[0]}?" if near else "--help lists the options"
        )


class Refusal(SystemExit):
    """The end of a command, with the line that it printed."""

    def __init__(self, line: str, code: int):
        super().__init__(code)
        self.line = line

    def __str__(self) -> str:
        return self.line


def fail(message: object, code: int = BAD_INPUT) -> NoReturn:
    """Print "error: message" as one line to standard error and exit.

    What standard output answered is raised again: `run_command` has the words for it.
    """
    if is_closed_output(message):
        raise message
    line = "error: " + " ".join(str(message).split("\n"))
    print(line, file=sys.stderr)
    raise Refusal(line, code)


def run_command(main: Callable[[], int | None]) -> NoReturn:
    """Call `main` and exit with what it returns.

    Ctrl-C exits with STOPPED; an output that can't be written any more is one line and BAD_INPUT.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = exit_code(main)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        code = STOPPED
    except OSError as e:
        if not is_closed_output(e):
            raise
        silence(sys.stdout)
        fail(f"can't write the output: {e.strerror}; what is trained is kept")
    gc.freeze()  # or Python looks for garbage once more in all that was imported: half a second with torch
    sys.exit(code)


def is_closed_output(error: object) -> bool:
    """Whether this is standard output's: it has no file name."""
    return isinstance(error, OSError) and error.errno in CLOSED and error.filename is None


def exit_code(main: Callable[[], int | None]) -> int | None:
    """What `main` returns, or exits with: --help does."""
    try:
        return main()
    except SystemExit as e:
        return e.code


def silence(stream):
    """Let what is still to be written to `stream` vanish, so that nothing fails at the end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
