"""What every schedule is: a pure function of the step, checked when it is made."""

from __future__ import annotations

import numbers
import sys
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import ClassVar

import numpy as np

from nanosched.errors import not_allowed
from schedulers.core.evaluate import checking, evaluate, not_a_number
from schedulers.core.params import Limits, checked, param
from schedulers.core.specs import format_spec
from schedulers.core.to_torch import to_torch


@dataclass(frozen=True)
class Schedule:
    """A learning rate for each of the steps 0 .. T-1.

        lr(t) = peak_lr (w0 + (1 - w0) t / W)   for t < W
        lr(t) = peak_lr scale(t)                from W on

    A schedule is a frozen dataclass that overrides `scale`; its parameters are fields made by `param`.
    Decays run on `progress(t)`, p = (t - W) / (T - W), which reaches 1 at t = T, one past the last step, so
    that no step is spent at the final value. Schedules with `own_rise` begin at step 0 with a rise of their
    own and leave `warmup_steps` unused, because a comparison gives every schedule the same warmup.

    Args:
        steps: T, at least 1.
        peak_lr: the highest learning rate, above 0.
        warmup_steps: W, from 0 to T; default 0.
        warmup_start: w0, from 0 to 1; default 1 / (W + 1), nanoGPT's rule, which has no step at zero. 0 is
            Hugging Face's.

    Raises:
        ValueError: an argument that can't be right; it names the argument, its value and what is allowed.
    """

    name: ClassVar[str] = ""  # set by @register
    own_rise: ClassVar[bool] = False  # True: scale(t) holds from step 0, there is no warmup
    reactive: ClassVar[bool] = False  # True: also depends on the validation losses
    needs_law: ClassVar[bool] = False  # True: needs a fitted loss law, so "all" leaves it out
    optimizer: ClassVar[str] = "adamw"  # or schedule_free, part of a run's identity, which "all" leaves out

    steps: int = field(metadata=dict(limits=Limits(low=1)))
    peak_lr: float = field(metadata=dict(limits=Limits(above=0)))
    warmup_steps: int = param(0, low=0)
    warmup_start: float | None = param(None, low=0, high=1)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.lrs is not Schedule.lrs:
            cls.lrs = checking(cls.lrs)

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, checked(f, getattr(self, f.name)))
        if self.warmup_steps > self.steps:
            allowed = f"give a whole number from 0 to {self.steps} (steps)"
            raise not_allowed("warmup_steps", self.warmup_steps, allowed)
        self.check()

    def check(self):
        """Override to refuse parameters that don't go together; called once they are fine one by one."""

    def scale(self, t: int) -> float:
        """lr / peak_lr at step t >= warmup_steps: what a schedule overrides."""
        raise NotImplementedError(f"{type(self).__name__} must override scale(self, t)")

    @property
    def reaction(self) -> str:
        """What the lrs of a reactive schedule depend on beside step and losses; "" for others."""
        if not self.reactive:
            return ""
        return repr(self) + getattr(sys.modules.get(type(self).__module__), "text_hash", "")

    @property
    def predictable(self) -> bool:
        """Whether its learning rates, known before training, are all that theory needs to know."""
        return self.optimizer == "adamw" and not self.reactive

    @cached_property
    def first(self) -> int:
        """The step at which `scale` takes over: the end of the warmup, or 0 with `own_rise`."""
        return 0 if self.own_rise else self.warmup_steps

    def progress(self, t: int) -> float:
        """The part of the run after warmup that is over at step t: p = (t - W) / (T - W), from 0 to 1."""
        return (t - self.first) / (self.steps - self.first) if self.steps > self.first else 1.0

    def __call__(self, step: int) -> float:
        """The learning rate at `step`; past the end, the formula's value at step = `steps`."""
        t = min(self.checked_step(step), self.steps)
        if t >= self.first:
            scale = self.scale(t)
            try:
                return float(self.peak_lr * scale)
            except Exception:  # None, a text, an int above all floats
                raise not_a_number(self, t, scale) from None
        w0 = 1 / (self.warmup_steps + 1) if self.warmup_start is None else self.warmup_start
        return self.peak_lr * (w0 + (1 - w0) * t / self.warmup_steps)

    @staticmethod
    def checked_step(step) -> int:
        if type(step) is int and step >= 0:
            return step
        if isinstance(step, bool) or not isinstance(step, numbers.Integral) or step < 0:
            raise not_allowed("step", step, "give a whole number of at least 0")
        return int(step)

    def lrs(self) -> np.ndarray:
        """The learning rates of the whole run: float64, shape (steps,).

        Raises:
            ValueError: a learning rate that is no number, negative or not finite, or whatever the formula
                raises, with its step.
        """
        return self._lrs.copy()

    @cached_property
    def _lrs(self):
        return evaluate(self)

    @property
    def params(self) -> dict:
        """The schedule's own parameters, without the four that every schedule has."""
        return {f.name: getattr(self, f.name) for f in own_fields(self)}

    @property
    def spec(self) -> str:
        """The spelling that `get_schedule` reads back, with the parameters that differ from their default."""
        defaults = {f.name: f.default for f in own_fields(self)}
        changed = {name: value for name, value in self.params.items() if value != defaults[name]}
        return format_spec(self.name, changed)

    def plot(self, ax=None):
        """Draw the learning rate against the step.

        Args:
            ax: matplotlib axes; default those of a new figure.

        Returns:
            The axes.
        """
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.subplots()[1]
        ax.plot(self.lrs(), label=self.spec)
        ax.set_xlabel("step")
        ax.set_ylabel("learning rate")
        return ax

    def to_torch(self, optimizer, last_epoch=-1):
        """A torch LambdaLR that gives the parameter groups of an optimizer this schedule's learning rate.

        The groups keep their ratios: the one with the highest lr (`initial_lr`, where torch has noted one)
        gets the schedule's lr, one with half of it gets half. If all are equal, or all zero, each gets the
        schedule's lr.

        Args:
            optimizer: a torch optimizer.
            last_epoch: torch's: the last step already taken; default -1, at the start.

        Returns:
            A torch.optim.lr_scheduler.LambdaLR.

        Raises:
            TypeError: a reactive schedule.
        """
        return to_torch(self, optimizer, last_epoch)


def own_fields(schedule) -> list:
    """The parameters a schedule (or its class) adds to the four of every schedule."""
    return [f for f in fields(schedule) if f.name not in Schedule.__dataclass_fields__]
