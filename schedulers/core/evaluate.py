"""The learning rates of a schedule, whatever its formula does: numbers, or an error in one line."""

from __future__ import annotations

import functools
import math

import numpy as np

from nanosched.errors import not_allowed, quoted
from nanosched.memory import free_memory
from schedulers.core.guard import guarded, still
from schedulers.core.messages import Refused, title


def evaluate(schedule) -> np.ndarray:
    """The learning rate of every step: float64, shape (steps,).

    Raises:
        ValueError: one that is no number, negative or not finite, or whatever the formula raises, with its
            step.
    """
    name, steps, t = title(schedule), schedule.steps, 0
    lrs = empty_lrs(steps)
    with (
        still(lambda: f"evaluating {name} at step {t:,} of {steps:,}"),
        guarded(lambda: f"{name} fails at step {t}"),
    ):
        for t in range(steps):
            lrs[t] = lr_at(schedule, t)
    return lrs


def checked_lr(schedule, step: int, val_losses: list | None = None) -> float:
    """One learning rate, checked as `Schedule.lrs` checks all: for a schedule that reacts to the losses.

    Args:
        schedule: a Schedule.
        step: at least 0.
        val_losses: (step, loss) pairs, for a reactive schedule, which gets a copy.

    Returns:
        The learning rate.

    Raises:
        ValueError: as `Schedule.lrs`.
    """
    losses = () if val_losses is None else (list(val_losses),)
    with guarded(lambda: f"{title(schedule)} fails at step {step}"):
        return lr_at(schedule, step, *losses)


def lr_at(schedule, step: int, *losses) -> float:
    value = schedule(step, *losses)
    lr = value if type(value) is float else as_number(schedule, step, value)
    if not 0 <= lr < math.inf:
        words = "a learning rate must be finite and not negative"
        raise Refused(f"{title(schedule)} gives {lr!r} at step {step}: {words}")
    return lr


def as_number(schedule, step: int, value) -> float:
    """What a formula returned at a step, as a float."""
    try:
        if not isinstance(value, (str, bytes)):
            return float(value)
    except Exception:  # a type that is none, an int above all floats, a user's own __float__
        pass
    raise not_a_number(schedule, step, value)


def not_a_number(schedule, step: int, value) -> Refused:
    return Refused(f"{title(schedule)} returned {quoted(value)} at step {step}: return a number")


def empty_lrs(steps: int) -> np.ndarray:
    """Room for the learning rates of so many steps, float64."""
    free = free_memory() if steps > 1_000_000 else None  # less is there, and need not be asked for
    if free is None or 8 * steps < free:
        try:
            return np.empty(steps)
        except (MemoryError, ValueError, OverflowError):
            pass
    raise not_allowed("steps", steps, "the learning rates alone need more memory than is free: give fewer")


def checking(lrs):
    """A schedule's own `lrs(self)`, with its array checked."""

    @functools.wraps(lrs)
    def checked(self):
        name = title(self)
        with still(lambda: f"evaluating {name}"), guarded(lambda: f"{name}.lrs() fails"):
            return checked_array(name, lrs(self), self.steps)

    return checked


def checked_array(name: str, lrs, steps: int) -> np.ndarray:
    """A copy of the array, if it can be the learning rates of so many steps."""
    if not isinstance(lrs, np.ndarray) or lrs.dtype != np.float64 or lrs.shape != (steps,):
        is_array = isinstance(lrs, np.ndarray)
        what = f"a {lrs.dtype} array of shape {lrs.shape}" if is_array else quoted(lrs)
        raise Refused(f"{name}.lrs() returned {what}: return a float64 array of shape ({steps},)")
    wrong = np.flatnonzero(~((lrs >= 0) & (lrs < math.inf)))
    if len(wrong):
        words = "a learning rate must be finite and not negative"
        raise Refused(f"{name}.lrs() gives {lrs[wrong[0]].item()!r} at step {wrong[0]}: {words}")
    return np.array(lrs)
