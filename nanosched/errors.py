"""Errors for people: one line that names the argument, the value and what to do instead."""

from .visible import visible

QUOTED = 100  # characters of what was given, at most
FIRST_LINE = 300


def not_allowed(name: str, value: object, allowed: str) -> ValueError:
    """The error every wrong argument gives: its name, its value and what is allowed, in one line."""
    return ValueError(f"{name}={quoted(value)} is not allowed: {allowed}")


def quoted(value: object) -> str:
    """What was given, as an error quotes it.

    Args:
        value: anything; a text is given its quotes, and what can't be printed is escaped.

    Returns:
        its repr in one line; one of more than 100 characters has "..." in its middle.
    """
    try:
        return shortened(repr(value))
    except Exception:  # an int of more than 4,300 digits, lists nested too deep, a user's own __repr__
        return f"a {type(value).__name__} that can't be shown"


def shortened(text: str, most: int = QUOTED) -> str:
    """The text in one line of at most `most` characters: the middle gives way, what can't be printed too."""
    head = most * 3 // 5
    tail = most - 3 - head
    if len(text) > most:
        text = f"{text[:head]}...{text[-tail:]}"
    text = visible(text)
    return text if len(text) <= most else f"{text[:head]}...{text[-tail:]}"


def first_line(error: BaseException) -> str:
    """The first line of an exception's message, for quoting it inside a one-line message."""
    return shortened((str(error).strip() or type(error).__name__).splitlines()[0], FIRST_LINE)
