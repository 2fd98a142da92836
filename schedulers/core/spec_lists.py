"""Several schedules as one text: `wsd:cooldown=0.4,shape=sqrt,cosine,lab/mine.py`, or `all`."""

from __future__ import annotations

from schedulers.core.load import load_file
from schedulers.core.registry import REGISTRY, list_schedules
from schedulers.core.specs import split_commas, split_name


def split_specs(text: str) -> list[str]:
    """The specs of a comma list whose parameters contain commas too.

    A piece `k=v` belongs to the spec before it, unless it is a path that ends in .py:
    "wsd:cooldown=0.4,shape=sqrt,cosine,lab=1/mine.py" -> ["wsd:cooldown=0.4,shape=sqrt", "cosine",
    "lab=1/mine.py"].

    Args:
        text: NAME[:k=v,...][,NAME...]; "all" is every schedule that needs no fitted law, in alphabetical
            order.

    Returns:
        The specs in their order, the same one once.

    Raises:
        ValueError: an empty piece, or a parameter that no schedule is before.
    """
    specs = []
    for piece in split_commas(text):
        if not piece:
            raise ValueError(f"{text!r} has an empty piece: write NAME[:k=v,...][,NAME...], or all")
        if not is_parameter(piece):
            specs.append(piece)
        elif specs and split_name(specs[-1])[1] is not None:
            specs[-1] += "," + piece
        else:
            before = specs[-1] if specs else "NAME"
            raise ValueError(f"{piece!r} belongs to no schedule: write {before}:{piece}")
    everything = [name for name in list_schedules() if not REGISTRY[name].needs_law]
    specs = [s for spec in specs for s in (everything if spec == "all" else [spec])]
    return list(dict.fromkeys(specs))


def is_parameter(piece: str) -> bool:
    """Whether a piece of a comma list is `k=v`; a path may have an equals sign too."""
    is_file = split_name(piece)[0].endswith(".py")
    return "=" in piece and ":" not in piece.split("=")[0] and not is_file


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
        specs += [n if rest is None else f"{n}:{rest}" for n in names]
    return list(dict.fromkeys(specs))
