"""Which peak lrs to try for a schedule: by factors of two, on and on until the best has a worse one on either side."""

from __future__ import annotations

import math
from dataclasses import replace

from schedulers import Schedule

FACTOR = 2.0
MOST_STEPS = 8  # of this factor, away from where the grid began; beyond, something else is wrong


def first_grid(schedules: list[tuple[str, Schedule]]) -> dict[tuple[str, int], list[Schedule]]:
    """(label, steps) -> the schedule at the peak lrs asked for, or at half, once and twice the only one."""
    grid = {}
    for label, schedule in schedules:
        grid.setdefault((label, schedule.steps), []).append(schedule)
    return {
        key: own if len(own) > 1 else [at_peak(own[0], own[0].peak_lr * FACTOR**i) for i in (-1, 0, 1)]
        for key, own in grid.items()
    }


def next_peak(losses: dict[float, float], began: tuple[float, float]) -> float | None:
    """The peak lr to try next, None if the best one lies within the grid.

    Args:
        losses: peak lr -> mean final validation loss, inf or NaN where a run was lost.
        began: the lowest and the highest peak lr of the first grid.
    """
    peaks = sorted(losses)
    values = [losses[peak] if math.isfinite(losses[peak]) else math.inf for peak in peaks]
    if len(peaks) < 2 or min(values) == max(values) < math.inf:  # the peak lr makes no difference
        return None
    best = values.index(min(values))  # if all are lost, the lowest: a lower one may not be
    if best == 0 and peaks[0] > began[0] / FACTOR**MOST_STEPS:
        return peaks[0] / FACTOR
    if best == len(peaks) - 1 and peaks[-1] < began[1] * FACTOR**MOST_STEPS:
        return peaks[-1] * FACTOR
    return None


def refined(losses: dict[float, float]) -> list[float]:
    """The two peak lrs halfway, in the exponent, from the best to its neighbours; none where the best is on the edge."""
    peaks = sorted(losses)
    best = peaks.index(min(peaks, key=lambda peak: losses[peak] if math.isfinite(losses[peak]) else math.inf))
    if not 0 < best < len(peaks) - 1 or not math.isfinite(losses[peaks[best]]):
        return []
    return [math.sqrt(peaks[best] * peaks[best + side]) for side in (-1, 1)]


def at_peak(schedule: Schedule, peak_lr: float) -> Schedule:
    return replace(schedule, peak_lr=peak_lr)
