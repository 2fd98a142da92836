"""A schedule that is longer than the run: the last learning rate is not the schedule's end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from nanosched.errors import not_allowed
from schedulers.core.base import Schedule
from schedulers.core.params import checked, param
from schedulers.core.specs import format_spec, parse


@dataclass(frozen=True)
class Stopped(Schedule):
    """The first T steps of a schedule over round(T / stop).

    What a schedule takes as a fraction (cooldown, milestones, periods by default) is then of the longer one;
    what it takes in steps, and the warmup, stay as they are.

    Args:
        whole: the schedule; its steps, peak_lr and warmup are made to fit.
        stop: the part of it that is trained, from 0.01 to 1; default 1.

    Raises:
        ValueError: a warmup longer than T, a stop outside its limits.

    References:
        modded-nanogpt, track 3, pull request 293: 3,040 steps of a schedule over 3,125.
    """

    whole: Schedule | None = None
    stop: float = param(1.0, low=0.01, high=1)

    name = property(lambda self: self.whole.name)
    own_rise = property(lambda self: self.whole.own_rise)
    optimizer = property(lambda self: self.whole.optimizer)
    params = property(lambda self: self.whole.params | {"stop": self.stop})

    @property
    def spec(self):
        name, params = parse(self.whole.spec)
        return format_spec(name, params | {"stop": self.stop})

    def check(self):
        common = {name: getattr(self, name) for name in ("peak_lr", "warmup_steps", "warmup_start")}
        common["steps"] = round(self.steps / self.stop)
        if any(getattr(self.whole, name) != value for name, value in common.items()):
            object.__setattr__(self, "whole", replace(self.whole, **common))

    def __call__(self, step):
        return self.whole(min(self.checked_step(step), self.steps))

    @cached_property
    def _lrs(self):
        return self.whole.lrs()[: self.steps]


def make_stopped(cls: type[Schedule], stop, settings: dict) -> Schedule:
    """The schedule of a class, `Stopped` unless stop is 1.

    Args:
        cls: the schedule's class.
        stop: as in `Stopped`.
        settings: the class's own; its `steps` are those of the run.

    Returns:
        The schedule, over `steps`.

    Raises:
        ValueError: a stop outside its limits or with a schedule that reacts to the losses; whatever cls does.
    """
    known = Stopped.__dataclass_fields__
    stop = checked(known["stop"], stop)
    if stop == 1:
        return cls(**settings)
    if cls.reactive:
        raise not_allowed("stop", stop, f"{cls.name} follows the loss, so it has no end to stop before")
    steps = checked(known["steps"], settings["steps"])
    whole = cls(**(settings | {"steps": round(steps / stop)}))
    return Stopped(steps, whole.peak_lr, whole.warmup_steps, whole.warmup_start, whole, stop)
