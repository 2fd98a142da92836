"""A setting: a dataclass field that carries its help text and its limits."""

from __future__ import annotations

import math
from dataclasses import Field, field

from .errors import not_allowed

MOST = 10**15  # of any whole number; a float holds it exactly


def setting(default, help: str, low=None, above=None, below=None, choices=(), metavar=""):
    """A dataclass field from whose metadata its check, its error and its line of `--help` are made.

    Args:
        default: bool, int, float or str; its type is the setting's.
        help: one short sentence, with the unit.
        low: the smallest number allowed.
        above, below: numbers that the setting may not reach.
        choices: tuple of str, the words allowed.
        metavar: what stands for the value in --help; default by its type.

    Returns:
        what `dataclasses.field` returns.
    """
    if isinstance(default, bool):
        choices = ("true", "false")
    return field(
        default=default,
        metadata=dict(help=help, low=low, above=above, below=below, choices=choices, metavar=metavar),
    )


def checked(f: Field, value):
    """The value in the setting's type: TOML and Python know the type, the command line gives text.

    Args:
        f: a field made by `setting`.
        value: what was given for it. Case doesn't matter where there are choices.

    Returns:
        bool, int, float or str: the type of the setting's default.

    Raises:
        ValueError: one line with the setting's name, the value and what is allowed.
    """
    if f.metadata["choices"] and isinstance(value, str):
        value = value.lower()
    try:
        value = CONVERT[type(f.default)](value)
        if not _within(value, f.metadata):
            raise ValueError
    except (TypeError, ValueError, KeyError, OverflowError):
        raise not_allowed(f.name, value, f"give {allowed(f)}") from None
    if type(value) is int and value > MOST:
        raise not_allowed(f.name, value, f"give at most {MOST:,}")
    return value


def allowed(f: Field) -> str:
    """What a setting may be, in words: "a whole number of at least 1"."""
    limits, kind = f.metadata, type(f.default)
    if limits["choices"]:
        *others, last = limits["choices"]
        return f"{', '.join(others)} or {last}"
    if kind is str:
        return "a text"
    if limits["below"] is not None:
        return f"a number from {limits['low']} to below {limits['below']}"
    number = "a whole number" if kind is int else "a finite number"
    return (
        f"{number} above {limits['above']}"
        if limits["low"] is None
        else f"{number} of at least {limits['low']}"
    )


def metavar(f: Field) -> str:
    """What stands for the setting's value in `--help`: its choices, N (whole number) or X (any)."""
    if f.metadata["choices"]:
        return f"{{{','.join(f.metadata['choices'])}}}"
    return f.metadata["metavar"] or {int: "N", float: "X", str: "NAME_OR_PATH"}[type(f.default)]


def _within(value, limits) -> bool:
    low, above, below = limits["low"], limits["above"], limits["below"]
    if limits["choices"]:
        return str(value).lower() in limits["choices"]
    return (
        (low is None or value >= low)
        and (above is None or value > above)
        and (below is None or value < below)
    )


def _float(value) -> float:
    """A finite number; Python counts True as 1, a setting doesn't."""
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError
    return number


def _int(value) -> int:
    """A whole number, also one written as 1e3 or 300.0."""
    number = _float(value)
    if number != int(number):
        raise ValueError
    return int(number)


def _bool(value) -> bool:
    return {"true": True, "false": False}[str(value).lower()]


def _str(value) -> str:
    """A text; TOML's true and false count as the words."""
    if not isinstance(value, (str, bool)):
        raise TypeError
    return str(value).lower() if isinstance(value, bool) else value


CONVERT = {bool: _bool, int: _int, float: _float, str: _str}
