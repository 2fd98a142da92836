"""Schedules by name: register one, list them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schedulers.core.aliases import ALIASES
from schedulers.core.base import Schedule, own_fields

REGISTRY: dict[str, type[Schedule]] = {}


def register(name: str):
    """Class decorator that makes a Schedule known by a name; adds @dataclass(frozen=True) if missing.

    Args:
        name: letters, digits, _ or -, not beginning with a digit; neither "all" nor "torch".

    Returns:
        The decorator, which returns the class.

    Raises:
        ValueError: the name can't be written in a spec or belongs to another class; the class is no Schedule,
            overrides neither `scale` nor `__call__`, or has a parameter named like something every Schedule
            has.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][\w-]*", name) or name in ("all", "torch"):
        allowed = 'write @register("name") with letters, digits, _ or -'
        raise ValueError(f"{name!r} can't name a schedule: {allowed}")

    def add(cls):
        if not (isinstance(cls, type) and issubclass(cls, Schedule)):
            raise ValueError(f"{name}: {cls!r} is not a subclass of Schedule")
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
    if name in ALIASES:
        return f"an alias of {ALIASES[name]}"
    other = REGISTRY.get(name)
    if other is None or (other.__module__, other.__qualname__) == (cls.__module__, cls.__qualname__):
        return ""
    return f"taken by {other.__module__}.{other.__qualname__}"


def list_schedules() -> list[str]:
    """The names of the registered schedules, sorted; without aliases and torch: names."""
    return sorted(REGISTRY)
