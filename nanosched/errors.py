"""Errors for people: one line that names the argument, the value and what to do instead."""


def not_allowed(name, value, allowed):
    """The error every wrong argument gives: its name, its value and what is allowed, in one line."""
    return ValueError(f"{name}={value!r} is not allowed: {allowed}")
