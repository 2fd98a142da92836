"""Which seeds a comparison trains with: "0,1,2", "0-2", or TOML's [0, 1, 2]."""

from __future__ import annotations

import re

from .cli import check_seed
from .errors import not_allowed

EXAMPLE = "give whole numbers, such as 0,1,2 or 0-2"
MAX_SEEDS = 100_000  # of one comparison


def read_seeds(given: str | list, name: str = "seeds") -> list[int]:
    """The seeds, each once.

    Args:
        given: numbers and ranges with commas or spaces between them, or a list of ints.
        name: of the argument, for errors.

    Raises:
        ValueError: for anything else, and for a seed that torch can't tell from another one.
    """
    pieces = re.split(r"\s*,\s*|\s+", given.strip()) if isinstance(given, str) else given
    if not isinstance(pieces, list) or not pieces:
        raise not_allowed(name, given, EXAMPLE)
    seeds = [seed for piece in pieces for seed in read_piece(piece, given, name)]
    for seed in seeds:
        check_seed(name, seed)
    return list(dict.fromkeys(seeds))


def read_piece(piece: str | int, given: str | list, name: str) -> range:
    if type(piece) is int:
        return range(piece, piece + 1)
    match = re.fullmatch(r"(-?\d{1,20})(?:-(\d{1,20}))?", piece) if isinstance(piece, str) else None
    if not match:
        raise not_allowed(name, given, EXAMPLE)
    first = int(match[1])
    last = first if match[2] is None else int(match[2])
    if not 0 <= last - first < MAX_SEEDS:
        raise not_allowed(name, given, f"{EXAMPLE}, at most {MAX_SEEDS:,} of them")
    return range(first, last + 1)


def seeds_note(seeds: list[int]) -> str:
    """What to say of a single seed that reads like a number of seeds; else ""."""
    if len(seeds) > 1 or seeds[0] < 2:
        return ""
    count = seeds[0]
    few = ",".join(map(str, range(min(count, 4)))) + ",..." * (count > 4)
    return f"one seed, number {count}; for {count} seeds give {few} or 0-{count - 1}"
