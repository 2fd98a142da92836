"""A table of text: the same rows go to the terminal, to Markdown and to the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextTable:
    """Headings and rows of text; the columns in `names` say what a row is about and stand at the left."""

    headings: list[str]
    rows: list[list[str]]
    names: tuple[str, ...] = ("schedule",)
    priorities: tuple[int, ...] = ()  # of the columns: the higher, the sooner it goes; none given is all 0
