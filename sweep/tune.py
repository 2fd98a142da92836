"""Which peak lrs to try for a schedule: by factors of two, until the best has a worse one on either side."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from schedulers import Schedule

FACTOR = 2.0
MAX_STEPS = 8  # of this factor, away from where the grid began; beyond, something else is wrong


@dataclass
class Grid:
    """One schedule at one horizon: its peak lrs, which grow by rounds."""

    label: str
    schedules: list[Schedule]  # one per peak lr
    refusals: dict[float, str] = field(default_factory=dict)  # peak lr -> why the schedule can't have it
    began: tuple[float, float] = field(init=False)  # the lowest and highest peak lr of the first round

    def __post_init__(self):
        self.began = min(self.peaks), max(self.peaks)

    @property
    def peaks(self) -> list[float]:
        return [schedule.peak_lr for schedule in self.schedules]

    def extend(self, peaks: list[float]) -> bool:
        """Add the schedule at these peak lrs but for those that it refuses; whether any was added."""
        before = len(self.schedules)
        for peak in peaks:
            if peak in self.refusals:
                continue
            try:
                schedule = replace(self.schedules[0], peak_lr=peak)
                schedule.lrs()  # a formula that fails at some step fails here
            except ValueError as e:
                self.refusals[peak] = f"{self.label} is left out at a peak lr of {peak:g}: {e}"
            else:
                self.schedules.append(schedule)
        return len(self.schedules) > before


def first_grids(schedules: list[tuple[str, Schedule]]) -> list[Grid]:
    """Each schedule at the peak lrs asked for, or at half, once and twice the only one."""
    groups = {}
    for label, schedule in schedules:
        groups.setdefault((label, schedule.steps), []).append(schedule)
    grids = [Grid(label, group) for (label, _), group in groups.items()]
    for grid in grids:
        if len(grid.schedules) == 1:
            (peak,) = grid.peaks
            grid.extend([peak / FACTOR, peak * FACTOR])
            grid.began = min(grid.peaks), max(grid.peaks)
    return grids


def settings_of(grids: list[Grid]) -> list[tuple[str, Schedule]]:
    """(label, schedule) of all, each grid by ascending peak lr."""
    return [
        (grid.label, schedule)
        for grid in grids
        for schedule in sorted(grid.schedules, key=lambda schedule: schedule.peak_lr)
    ]


def next_peak(losses: dict[float, float], began: tuple[float, float]) -> float | None:
    """The peak lr to try next, None if the best one lies within the grid.

    Args:
        losses: peak lr -> mean final validation loss, inf or NaN where a run did not complete.
        began: the lowest and the highest peak lr of the first grid.
    """
    peaks = sorted(losses)
    values = [losses[peak] if math.isfinite(losses[peak]) else math.inf for peak in peaks]
    if len(peaks) < 2 or min(values) == max(values) < math.inf:  # the peak lr makes no difference
        return None
    best = values.index(min(values))  # if none completed, the lowest: a lower one may
    if best == 0 and peaks[0] > began[0] / FACTOR**MAX_STEPS:
        return peaks[0] / FACTOR
    if best == len(peaks) - 1 and peaks[-1] < began[1] * FACTOR**MAX_STEPS:
        return peaks[-1] * FACTOR
    return None


def refined(losses: dict[float, float]) -> list[float]:
    """The two peak lrs halfway, in the exponent, from the best to its neighbours; none where the best is on
    the edge.
    """
    peaks = sorted(losses)
    best = peaks.index(min(peaks, key=lambda peak: losses[peak] if math.isfinite(losses[peak]) else math.inf))
    if not 0 < best < len(peaks) - 1 or not math.isfinite(losses[peaks[best]]):
        return []
    return [math.sqrt(peaks[best] * peaks[best + side]) for side in (-1, 1)]
