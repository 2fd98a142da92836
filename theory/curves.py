"""A measured run as a loss law sees it: all its learning rates, and its loss at some of the steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Curve:
    """A measured run.

    Args:
        lrs: learning rates of the whole run, float64, shape (T,).
        steps: 0-based steps after which the loss was measured, ascending ints, shape (n,); step s is after
            lrs[0..s] were applied.
        losses: float64, shape (n,), in nats per token.
        name: for errors.

    Raises:
        ValueError: one line that names the argument, its value and what to give instead.
    """

    lrs: np.ndarray
    steps: np.ndarray
    losses: np.ndarray
    name: str = ""

    def __post_init__(self):
        lrs = checked_lrs(self.lrs)
        steps, losses = checked_steps(self.steps, len(lrs)), np.asarray(self.losses, dtype=float)
        if losses.shape != steps.shape:
            raise ValueError(f"losses has shape {losses.shape}: give one for each of the {len(steps)} steps")
        if not (np.isfinite(losses) & (losses > 0)).all():
            raise ValueError("losses has a number that is not finite or not above 0: leave such steps out")
        if (np.diff(steps) <= 0).any():
            raise ValueError("steps is not ascending: sort it, each step once")
        for name, value in (("lrs", lrs), ("steps", steps), ("losses", losses)):
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Units:
    """What a fit measures in, so that its numbers are near 1 for lrs of 1e-4 and runs of 1e5 steps too."""

    lr: float  # the highest
    lr_sum: float  # the largest sum of a run's lrs
    steps: int  # of the longest run


def checked_lrs(lrs) -> np.ndarray:
    """The learning rates as float64, shape (T,), or ValueError."""
    lrs = np.asarray(lrs, dtype=float)
    if lrs.ndim != 1 or not len(lrs):
        raise ValueError(f"lrs has shape {lrs.shape}: give the learning rates of the whole run, (steps,)")
    if not (np.isfinite(lrs) & (lrs >= 0)).all() or not lrs.any():
        raise ValueError(
            "lrs has a number that is negative or not finite, or is 0 throughout: "
            "a learning rate is at least 0"
        )
    return lrs


def checked_steps(steps, run_steps: int) -> np.ndarray:
    """The measured steps of a run of `run_steps` as ints, shape (n,), or ValueError."""
    steps = np.asarray(steps)
    numeric = steps.ndim == 1 and len(steps) and steps.dtype.kind in "iuf"
    if not numeric or not np.array_equal(steps, np.floor(steps)):
        raise ValueError(f"steps has shape {steps.shape} and type {steps.dtype}: give whole numbers, (n,)")
    if steps.min() < 0 or steps.max() >= run_steps:
        raise ValueError(
            f"steps goes from {steps.min()} to {steps.max()}: "
            f"the {run_steps} lrs are those of steps 0 to {run_steps - 1}"
        )
    return steps.astype(int)
