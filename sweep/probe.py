"""The probe: beside the runs asked for, one schedule at half and at twice the peak lr."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nanosched.config import Config
from schedulers import Schedule

from .plan import Run, plan_runs
from .tune import FACTOR

MAX_SEEDS = 3  # more would cost more than they tell: a peak lr that matters is off by more than their noise


@dataclass(frozen=True)
class Probe:
    """What is trained beside the runs asked for; no row of any table but its own."""

    label: str  # the schedule as the user spelled it
    schedules: tuple[Schedule, ...]  # at half and at twice the peak lr
    seeds: tuple[int, ...]

    @property
    def shown(self) -> list[tuple[str, Schedule]]:
        """(label, schedule) as they are shown while they train."""
        return [(f"{self.label} (probe)", schedule) for schedule in self.schedules]

    def runs(self, config: Config, data_fingerprint: str | None) -> list[Run]:
        return plan_runs(config, self.shown, list(self.seeds), data_fingerprint)


def make_probe(
    schedules: list[tuple[str, Schedule]], seeds: list[int], baseline: str | None = None
) -> Probe | None:
    """The probe of a comparison at one peak lr: of the baseline, else of cosine, else of the first schedule
    whose learning rates scale with the peak, at the longest horizon.

    Args:
        schedules: (label, schedule) of all runs asked for.
        seeds: theirs; the probe has the first MAX_SEEDS.
        baseline: the label that all are compared with; default none.

    Returns:
        None where no schedule's learning rates scale with the peak.
    """
    longest = max(schedule.steps for _, schedule in schedules)
    found = [(label, schedule) for label, schedule in schedules if schedule.steps == longest]
    found.sort(
        key=lambda pair: (pair[0] != baseline, pair[1].name != "cosine")
    )  # else in the order asked for
    for label, schedule in found:
        if both := at_other_peaks(schedule):
            return Probe(label, both, tuple(seeds[:MAX_SEEDS]))
    return None


def at_other_peaks(schedule: Schedule) -> tuple[Schedule, ...]:
    """The schedule at half and at twice its peak lr; none where that isn't half and twice every lr."""
    if not schedule.predictable:
        return ()
    try:
        others = [replace(schedule, peak_lr=schedule.peak_lr * factor) for factor in (1 / FACTOR, FACTOR)]
        arrays = [other.lrs() / other.peak_lr for other in others]
    except ValueError:  # a limit, or the user's formula
        return ()
    relative = schedule.lrs() / schedule.peak_lr
    scales = all(np.allclose(array, relative, rtol=1e-9, atol=1e-12) for array in arrays)
    return tuple(others) if scales else ()
