"""Words that errors share."""

from __future__ import annotations

import difflib


def nearest(name, options) -> str:
    """'; did you mean 'x'?' for a name that is nearly one of the options, else nothing."""
    close = difflib.get_close_matches(str(name), list(options), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def reason(error: BaseException) -> str:
    """An exception in one line."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: SyntaxError: {error.msg}"
    text = (str(error.args[0]) if error.args else "").split("\n")[0]
    return text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"
