"""Words that errors share."""

from __future__ import annotations

import difflib
import sys

from nanosched.errors import first_line, shortened


class Refused(ValueError):
    """An error for people: one line that says already which schedule it is about."""


def nearest(name, options) -> str:
    """'; did you mean 'x'?' for a name that is nearly one of the options, else nothing."""
    options = {str(option).lower(): option for option in options}
    close = difflib.get_close_matches(str(name).lower(), options, n=1)
    return f"; did you mean {options[close[0]]!r}?" if close else ""


def title(schedule) -> str:
    """How errors name a schedule or its class: "wsd"; "lab/mine.py: mine" if it is from a user's file."""
    path, name = given_path(schedule), schedule.name or type(schedule).__name__
    return f"{path}: {name}" if path else name


def given_path(schedule) -> str:
    """The path of the user's file that a schedule is from, as it was given; "" for any other."""
    return getattr(sys.modules.get(schedule.__module__), "given_path", "")


def reason(error: BaseException) -> str:
    """An exception in one line."""
    kind = shortened(type(error).__name__)
    if isinstance(error, SyntaxError):
        where = f"line {error.lineno}: " if error.lineno else ""
        return f"{where}SyntaxError: {shortened(str(error.msg))}"
    try:
        text = first_line(error)
    except Exception:  # its own __str__ fails
        text = kind
    return text if isinstance(error, ValueError) or text == kind else f"{kind}: {text}"
