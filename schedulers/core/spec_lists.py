"""Several schedules as one text: `wsd:cooldown=0.4,shape=sqrt, cosine lab/mine.py`, or `all`."""

from __future__ import annotations

import os
import re

from nanosched.errors import quoted, shortened
from schedulers.core.load import load_file
from schedulers.core.registry import REGISTRY, list_schedules, spelling
from schedulers.core.specs import split_commas, split_name, split_outside_brackets


def split_specs(text: str) -> list[str]:
    """The specs of a list, with commas or spaces between them, whose parameters contain commas too.

    A piece `k=v` belongs to the spec before it, unless it is a path that ends in .py:
    "wsd:cooldown=0.4,shape=sqrt cosine,lab=1/mine.py" -> ["wsd:cooldown=0.4,shape=sqrt", "cosine",
    "lab=1/mine.py"].

    Args:
        text: NAME[:k=v,...][,NAME...], names in any case; "all" is every schedule of AdamW's that needs
            no fitted law, in alphabetical order. The path of a file that exists may have spaces, but needs
            commas around it.

    Returns:
        The specs in their order, the same one once, with the names as they are registered.

    Raises:
        ValueError: an empty piece, or a parameter that no schedule is before.
    """
    specs = []
    for piece in split_pieces(text):
        if not piece:
            write = "write NAME[:k=v,...][,NAME...], or all"
            raise ValueError(f"{quoted(text)} has an empty piece: {write}")
        if not is_parameter(piece):
            specs.append(piece)
        elif specs and split_name(specs[-1])[1] is not None:
            specs[-1] += "," + piece
        else:
            write = shortened(f"{specs[-1] if specs else 'NAME'}:{piece}")
            raise ValueError(f"{quoted(piece)} belongs to no schedule: write {write}")
    classes = {name: REGISTRY[name] for name in list_schedules()}
    everything = [n for n, cls in classes.items() if cls.optimizer == "adamw" and not cls.needs_law]
    specs = [s for spec in specs for s in (everything if spec.lower() == "all" else [registered(spec)])]
    return list(dict.fromkeys(specs))


def split_pieces(text: str) -> list[str]:
    """Split at commas and spaces, but for those in brackets and for the spaces around = and :."""
    pieces = []
    for piece in split_commas(text):
        words = " ".join(piece.split())
        if " " not in words or names_a_file(piece):
            pieces.append(piece)
        else:
            pieces += split_outside_brackets(re.sub(" ?([=:]) ?", r"\1", words), " ")
    return pieces


def names_a_file(piece: str) -> bool:
    """Whether the path of a schedule's file, or a single schedule's last value, is a file that is there."""
    name, last_value = split_name(piece)[0], piece.rpartition("=")[2].strip()
    paths = [name] if " " in name.strip() else [name, last_value]
    return any(os.path.isfile(os.path.expanduser(path)) for path in paths)


def is_parameter(piece: str) -> bool:
    """Whether a piece of a comma list is `k=v`; a path may have an equals sign too."""
    is_file = split_name(piece)[0].endswith(".py")
    return "=" in piece and ":" not in piece.split("=")[0] and not is_file


def registered(spec: str) -> str:
    """The spec with its name as it is registered."""
    name, rest = split_name(spec)
    return join_name(spelling(name), rest)


def join_name(name: str, rest: str | None) -> str:
    return name if rest is None else f"{name}:{rest}"


def resolve(text: str) -> list[str]:
    """`split_specs`, with each path replaced by the names its file registers.

    "lab/mine.py:k=2" -> ["mine:k=2"].

    Args:
        text: as in `split_specs`.

    Returns:
        The specs in their order, the same one once.

    Raises:
        ValueError: as `split_specs`; a file that can't be used.
    """
    specs = []
    for spec in split_specs(text):
        name, rest = split_name(spec)
        names = load_file(name) if name.endswith(".py") else [name]
        specs += [join_name(n, rest) for n in names]
    return list(dict.fromkeys(map(registered, specs)))  # a name may be that of a file further on
