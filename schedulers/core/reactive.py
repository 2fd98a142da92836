"""What is certain of a schedule that reacts to the losses."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from nanosched.config import Config
from schedulers.core.base import Schedule
from schedulers.core.evaluate import checked_lr


def known_lrs(schedule: Schedule, config: Config) -> np.ndarray:
    """The lrs that are certain before training: all, or if reactive those up to the first validation.

    Args:
        schedule: of any kind.
        config: says when the first validation is.

    Returns:
        float64 (steps that are known,): none from a step on at which a reactive schedule fails, which its run
        will.
    """
    if not schedule.reactive:
        return schedule.lrs()
    lrs = []
    with suppress(ValueError):
        for step in range(min(config.eval_interval, schedule.steps)):
            lrs.append(checked_lr(schedule, step, []))
    return np.array(lrs, dtype=np.float64)
