"""Errors for people: one line that names the argument, the value and what to do instead."""


def not_allowed(name: str, value: object, allowed: str) -> ValueError:
    """The error every wrong argument gives: its name, its value and what is allowed, in one line."""
    return ValueError(f"{name}={value!r} is not allowed: {allowed}")


def first_line(error: Exception) -> str:
    """The first line of an exception's message, for quoting it inside a one-line message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
