"""How much of what a drop brings has come: G(x) = 1 - (1 + x)^-beta of the time since."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

MAX_CELLS = 4_000_000  # of a (steps, drops) array at a time


def power_relaxation(x, beta) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """G of x, float64 of any shape and from 0, and its derivatives by x and by beta."""
    log_inner = np.log1p(x)
    power = np.exp(-beta * log_inner)
    return 1 - power, beta * power / (1 + x), log_inner * power


def in_parts(sum_at: Callable, times: np.ndarray, drops: int) -> np.ndarray:
    """sum_at(some of the times (m, 1)) -> (m,), over all the times (n,), in parts that fit the memory."""
    parts = np.array_split(times[:, None], 1 + len(times) * drops // MAX_CELLS)
    return np.concatenate([sum_at(part) for part in parts])
