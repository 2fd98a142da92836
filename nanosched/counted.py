"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """ "1 run", "2,000 runs"."""
    return f"{number:,} {noun}" + "s" * (number != 1)
