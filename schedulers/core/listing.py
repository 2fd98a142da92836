"""What can be chosen: every schedule with its parameters and a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schedulers.core.aliases import ALIASES
from schedulers.core.base import Schedule, own_fields
from schedulers.core.load import load_file
from schedulers.core.messages import given_path
from schedulers.core.registry import REGISTRY
from schedulers.core.specs import format_value


@dataclass(frozen=True)
class ScheduleInfo:
    """What a user is told of a schedule before choosing it."""

    name: str
    aliases: tuple[str, ...]  # other codebases' names for it
    params: str  # "cooldown=0.2, shape=linear": its own parameters with their defaults
    summary: str  # a sentence


def describe_schedules(files=()) -> list[ScheduleInfo]:
    """Every registered schedule.

    Args:
        files: paths of users' files, which are loaded first; default none.

    Returns:
        A ScheduleInfo for each, sorted by name.

    Raises:
        ValueError: a file that can't be used.
    """
    for file in files:
        load_file(file)
    return [describe(name, REGISTRY[name]) for name in sorted(REGISTRY)]


def describe(name: str, cls: type[Schedule]) -> ScheduleInfo:
    aliases = tuple(sorted(alias for alias, ours in ALIASES.items() if ours == name))
    params = ", ".join(f"{f.name}={format_value(f.default)}" for f in own_fields(cls))
    return ScheduleInfo(name, aliases, params, first_sentence(cls))


def first_sentence(cls: type[Schedule]) -> str:
    """Of the docstring; of a class without one, the file it is from."""
    words = " ".join((cls.__doc__ or "").split())
    if not words or words.startswith(f"{cls.__name__}("):  # what @dataclass writes where there is none
        return f"From {given_path(cls) or cls.__module__}."
    return re.split(r"(?<=[.!?])\s", words, maxsplit=1)[0]
