"""What is certain of a schedule that reacts to the losses."""

from __future__ import annotations

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
        float64 (steps that are known,).

    Raises:
        ValueError: the schedule gives no learning rate at some step.
    """
    if not schedule.reactive:
        return schedule.lrs()
    steps = range(min(config.eval_interval, schedule.steps))
    return np.array([checked_lr(schedule, step, []) for step in steps], dtype=np.float64)
