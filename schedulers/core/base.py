"""What every schedule is: a pure function of the step, checked when it is made."""

from __future__ import annotations

import math
import numbers
import re
import sys
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import ClassVar

import numpy as np

from nanosched.errors import not_allowed
from schedulers.core.specs import freeze, nearest, reason, spell


def param(default, low=None, high=None, above=None, choices=None):
    """A parameter of a schedule: its default, and what is allowed.

    `low` and `high` are limits that may be reached, `above` one that may not; `choices` lists the words allowed.
    A default of None allows None. The annotation says whether a number must be whole (`int`) or a list is wanted
    (`tuple[float, ...]`, where the limits hold for each number).
    """
    return field(default=default, metadata=dict(low=low, high=high, above=above, choices=choices))


@dataclass(frozen=True)
class Schedule:
    """A learning rate for each of the steps 0 .. steps-1.

    For t < W = `warmup_steps` the learning rate is `peak_lr * (w0 + (1 - w0) * t / W)` with w0 = `warmup_start`, by
    default 1/(W+1) (nanoGPT's rule, no step at zero; 0 is Hugging Face's). From W on it is `peak_lr * scale(t)`:
    a schedule is a frozen dataclass that overrides `scale`. Decays run on `progress(t)`, which reaches 1 at t = `steps`,
    one past the last step, so that no step is spent at the final value. Schedules with `own_rise` begin at step 0 with a
    rise of their own and leave `warmup_steps` unused, because a comparison gives every schedule the same warmup.
    Raises ValueError for an argument that can't be right, naming it, its value and what is allowed.
    """

    name: ClassVar[str] = ""  # set by @register
    own_rise: ClassVar[bool] = False  # True: scale(t) holds from step 0, there is no warmup
    reactive: ClassVar[bool] = False  # True: also depends on the validation losses
    needs_law: ClassVar[bool] = False  # True: needs a fitted loss law, so "all" leaves it out

    steps: int = field(metadata=dict(low=1))
    peak_lr: float = field(metadata=dict(above=0))
    warmup_steps: int = param(0, low=0)
    warmup_start: float | None = param(None, low=0, high=1)

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, _checked(f, getattr(self, f.name)))
        if self.warmup_steps > self.steps:
            raise not_allowed(
                "warmup_steps", self.warmup_steps, f"give a whole number from 0 to {self.steps} (steps)"
            )
        self.check()

    def check(self):
        """Override to refuse parameters that don't go together; called once they are fine one by one."""

    def scale(self, t: int) -> float:
        """lr / peak_lr at step t >= warmup_steps: what a schedule overrides."""
        raise NotImplementedError(f"{type(self).__name__} must override scale(self, t)")

    @property
    def reaction(self) -> str:
        """What the lrs of a reactive schedule follow from beside step and losses: its parameters and the text of a user's file; else ""."""
        return (
            repr(self) + getattr(sys.modules.get(type(self).__module__), "text_hash", "")
            if self.reactive
            else ""
        )

    @property
    def first(self) -> int:
        """The step at which `scale` takes over: the end of the warmup, or 0 with `own_rise`."""
        return 0 if self.own_rise else self.warmup_steps

    def progress(self, t) -> float:
        """The part of the run after warmup that is over at step t: p = (t - W) / (T - W), from 0 to 1."""
        return (t - self.first) / (self.steps - self.first) if self.steps > self.first else 1.0

    def __call__(self, step: int) -> float:
        """The learning rate at `step`; past the end, the formula's value at step = `steps`."""
        t = min(self.checked_step(step), self.steps)
        if t >= self.first:
            return float(self.peak_lr * self.scale(t))
        w0 = 1 / (self.warmup_steps + 1) if self.warmup_start is None else self.warmup_start
        return self.peak_lr * (w0 + (1 - w0) * t / self.warmup_steps)

    @staticmethod
    def checked_step(step) -> int:
        if isinstance(step, bool) or not isinstance(step, numbers.Integral) or step < 0:
            raise not_allowed("step", step, "give a whole number of at least 0")
        return int(step)

    def lrs(self) -> np.ndarray:
        """The learning rates of the whole run: float64, shape (steps,). ValueError if one is negative or not finite."""
        return self._lrs.copy()

    @cached_property
    def _lrs(self):
        lrs = np.empty(self.steps)
        for t in range(self.steps):
            try:
                lrs[t] = lr = self(t)
            except Exception as error:  # whatever a user's formula does, say at which step
                raise ValueError(f"{self.name} fails at step {t}: {reason(error)}") from error
            if not 0 <= lr < math.inf:
                raise ValueError(
                    f"{self.name} gives {lr!r} at step {t}: a learning rate must be finite and not negative"
                )
        return lrs

    @property
    def params(self) -> dict:
        """The schedule's own parameters, without the four that every schedule has."""
        return {f.name: getattr(self, f.name) for f in own_fields(self)}

    @property
    def spec(self) -> str:
        """The spelling get_schedule reads back, with the parameters that differ from their default."""
        changed = {
            f.name: getattr(self, f.name) for f in own_fields(self) if getattr(self, f.name) != f.default
        }
        return spell(self.name, changed)

    def plot(self, ax=None):
        """Draw the learning rate against the step on `ax`, a new figure's by default; returns the axes."""
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.subplots()[1]
        ax.plot(self.lrs(), label=self.spec)
        ax.set_xlabel("step")
        ax.set_ylabel("learning rate")
        return ax

    def to_torch(self, optimizer, last_epoch=-1):
        """A torch LambdaLR that gives every parameter group of `optimizer` this schedule's learning rate.

        `last_epoch` is torch's: the last step already taken, -1 at the start. TypeError for a reactive schedule.
        """
        from schedulers.core.to_torch import to_torch

        return to_torch(self, optimizer, last_epoch)


def own_fields(schedule) -> list:
    """The parameters a schedule (or its class) adds to the four of every schedule."""
    return [f for f in fields(schedule) if f.name not in Schedule.__dataclass_fields__]


def _checked(f, value):
    """The value to store for dataclass field f, or the ValueError that says why not."""
    limits, kind = f.metadata, str(f.type)
    if value is None and f.default is None:
        return None
    if limits.get("choices"):
        if not isinstance(value, str) or value not in limits["choices"]:
            words = ", ".join(limits["choices"])
            raise not_allowed(f.name, value, f"give one of {words}{nearest(value, limits['choices'])}")
        return value
    ints, floats = re.search(r"\bint\b", kind), "float" in kind
    whole = ints and not floats
    if re.search(r"tuple\[(int|float)", kind):
        numbers_ = [_number(v, limits, whole) for v in value] if isinstance(value, (list, tuple)) else [None]
        if None in numbers_:
            raise not_allowed(f.name, value, f"give a list, each {_words(limits, whole)}")
        return tuple(numbers_)
    if ints or floats or isinstance(value, numbers.Real) and not isinstance(value, bool):
        number = _number(value, limits, whole)
        if number is None:
            raise not_allowed(f.name, value, f"give {_words(limits, whole)}")
        return float(number) if floats and not ints else number  # int | float keeps what was given
    if re.search(r"\bbool\b", kind) and not isinstance(value, bool):
        raise not_allowed(f.name, value, "give True or False")
    return freeze(value)


def _number(value, limits, whole):
    """The value as a plain int or float if it is a finite number (whole, if asked) within the limits, else None."""
    kind = numbers.Integral if whole else numbers.Real
    if isinstance(value, bool) or not isinstance(value, kind) or not abs(value) <= sys.float_info.max:
        return None
    low, high, above = (limits.get(key) for key in ("low", "high", "above"))
    if (
        (low is not None and value < low)
        or (high is not None and value > high)
        or (above is not None and value <= above)
    ):
        return None
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _words(limits, whole):
    """What is allowed, in words: 'a number from 0 to 1'."""
    low, high, above = (limits.get(key) for key in ("low", "high", "above"))
    if low is not None and high is not None:
        bounds = f"from {low} to {high}"
    else:
        said = (("of at least", low), ("above", above), ("up to", high))
        bounds = " and ".join(f"{words} {limit}" for words, limit in said if limit is not None)
    noun = "a whole number" if whole else "a number" if bounds else "a finite number"
    return f"{noun} {bounds}".rstrip()
