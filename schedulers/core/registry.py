"""Schedules by name: register one, list them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schedulers.core.aliases import ALIASES
from schedulers.core.base import Schedule, own_fields

REGISTRY: dict[str, type[Schedule]] = {}


def register(name: str):
    """Class decorator that makes a Schedule known by `name`; @dataclass(frozen=True) is applied where it is missing.

    ValueError if the name can't be written in a spec or belongs to another class, or if the class is no Schedule,
    overrides neither `scale` nor `__call__`, or has a parameter named like something every Schedule has.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][\w-]*", name) or name in ("all", "torch"):
        raise ValueError(
            f'{name!r} can\'t name a schedule: write @register("name") with letters, digits, _ or -'
        )

    def add(cls):
        if not (isinstance(cls, type) and issubclass(cls, Schedule)):
            raise ValueError(f"{name}: {cls!r} is not a subclass of Schedule")
        if cls.scale is Schedule.scale and cls.__call__ is Schedule.__call__:
            raise ValueError(f"{name}: override scale(self, t), the lr over the peak lr at step t")
        taken = ALIASES.get(name) or REGISTRY.get(name)
        # the same class again is fine: a notebook cell run twice, a file loaded after an edit
        if taken and (
            name in ALIASES or (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__)
        ):
            owner = (
                f"an alias of {taken}"
                if name in ALIASES
                else f"taken by {taken.__module__}.{taken.__qualname__}"
            )
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


def list_schedules() -> list[str]:
    """The names of the registered schedules, sorted; without aliases and torch: names."""
    return sorted(REGISTRY)
