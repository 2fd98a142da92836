"""Schedules by name: register one, list them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nanosched.errors import quoted
from schedulers.core.aliases import ALIASES
from schedulers.core.base import Schedule, own_fields
from schedulers.core.messages import given_path

REGISTRY: dict[str, type[Schedule]] = {}
RESERVED = ("all", "list", "torch")


def register(name: str):
    """Class decorator that makes a Schedule known by a name; adds @dataclass(frozen=True) if missing.

    Args:
        name: letters, digits, _ or -, not beginning with a digit, in any case; not all, list or torch.

    Returns:
        The decorator, which returns the class.

    Raises:
        ValueError: the name can't be written in a spec or belongs to another class; the class is no Schedule,
            overrides neither `scale` nor `__call__`, or has a parameter named like something every Schedule
            has.
    """
    fits = isinstance(name, str) and re.fullmatch(r"[A-Za-z_][\w-]*", name)
    if not fits or name.lower() in RESERVED:
        allowed = 'write @register("name") with letters, digits, _ or -, but not all, list or torch'
        raise ValueError(f"{quoted(name)} can't name a schedule: {allowed}")

    def add(cls):
        if not (isinstance(cls, type) and issubclass(cls, Schedule)):
            raise ValueError(f"{name}: {quoted(cls)} is not a subclass of Schedule")
        if cls.scale is Schedule.scale and cls.__call__ is Schedule.__call__:
            raise ValueError(f"{name}: override scale(self, t), the lr over the peak lr at step t")
        if owner := owner_of(name, cls):
            raise ValueError(f"the schedule name {name!r} is {owner}: choose another")
        if "__dataclass_params__" not in cls.__dict__:
            cls = dataclass(frozen=True)(cls)
        for f in own_fields(cls):
            if hasattr(Schedule, f.name):
                raise ValueError(f"{name}: the parameter {f.name!r} hides Schedule.{f.name}: rename it")
        cls.name = name
        REGISTRY[name] = cls
        return cls

    return add


def owner_of(name: str, cls: type) -> str:
    """Who has the name, "" for nobody and for the same class: a notebook cell run twice, a file edited."""
    taken = spelling(name)
    if taken in ALIASES:
        return f"an alias of {ALIASES[taken]}"
    other = REGISTRY.get(taken)
    if other is None or (other.__module__, other.__qualname__) == (cls.__module__, cls.__qualname__):
        return ""
    return f"taken by {given_path(other) or f'{other.__module__}.{other.__qualname__}'}"


def spelling(name: str) -> str:
    """The name of a schedule or an alias as it is registered: names ignore case; an unknown one stays."""
    return {known.lower(): known for known in (*ALIASES, *REGISTRY)}.get(name.lower(), name)


def list_schedules() -> list[str]:
    """The names of the registered schedules, sorted; without aliases and torch: names."""
    return sorted(REGISTRY)
