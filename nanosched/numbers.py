"""Lists of numbers, as the command line and TOML give them."""

from __future__ import annotations

from .errors import not_allowed


def read_numbers(name: str, given, kind: type) -> list:
    """The numbers of "0,1,2" or of TOML's [0, 1, 2], each once.

    Args:
        name: of the setting, for the error.
        given: str, a number, or a list of numbers.
        kind: int or float; a float's list may hold whole numbers.

    Raises:
        ValueError: one line; something in it is no such number, or there is none.
    """
    try:
        pieces = given.split(",") if isinstance(given, str) else given if isinstance(given, list) else [given]
        numbers = [number_of(piece, kind) for piece in pieces]
    except (TypeError, ValueError, OverflowError):
        numbers = []
    if not numbers:
        example = "whole numbers, such as 0,1,2" if kind is int else "numbers, such as 3e-4,6e-4"
        raise not_allowed(name, given, f"give {example}")
    return list(dict.fromkeys(numbers))


def number_of(piece, kind: type):
    if isinstance(piece, str) or kind is float and type(piece) is int:
        return kind(piece)
    if type(piece) is not kind:
        raise TypeError(piece)
    return piece
