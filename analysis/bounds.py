"""What the convex bound says of schedules before training: their order, and their best peak lrs compared."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from analysis.terminal import print_table, print_text
from analysis.text_table import TextTable
from schedulers import Schedule
from theory import optimal_peak_lr

Labelled = tuple[str, Schedule]


@dataclass(frozen=True)
class BoundRow:
    """A schedule at the peak lr that the bound likes best; free of the unknown distance and gradient norm."""

    scheduler: str
    steps: int
    bound: float  # over the lowest of the horizon
    peak_ratio: float  # that peak lr over the one of the schedule with the lowest bound


def bound_rows(schedules: Iterable[Labelled]) -> list[BoundRow]:
    """A row for each schedule and horizon, the lowest bound first within a horizon.

    None where the bound is infinite, the learning rates react to the loss or the optimizer isn't AdamW.

    Args:
        schedules: (label, Schedule) pairs; of several peak lrs of one, the first counts, since the bound
            chooses its own.
    """
    first = {}
    for label, schedule in schedules:
        if schedule.predictable:
            first.setdefault((schedule.steps, label), schedule)
    horizons = {}
    for (steps, label), schedule in first.items():
        peak, bound = optimal_peak_lr(schedule.lrs())
        if math.isfinite(bound):
            horizons.setdefault(steps, []).append((bound, peak, label))
    return [row for steps in sorted(horizons) for row in rows_of_horizon(steps, sorted(horizons[steps]))]


def rows_of_horizon(steps: int, ranked: list[tuple[float, float, str]]) -> list[BoundRow]:
    """Rows from (bound, peak lr, label), the lowest bound first."""
    lowest_bound, its_peak, _ = ranked[0]
    return [BoundRow(label, steps, bound / lowest_bound, peak / its_peak) for bound, peak, label in ranked]


def print_bounds(schedules: list[Labelled]):
    """Print bound_rows: a forecast from convex theory, which knows neither model nor data."""
    rows = bound_rows(schedules)
    if rows:
        print()
        title = "convex bound on the final loss, each schedule at its own best peak lr:"
        print_table(bound_table(rows), title)
    finite = {(row.scheduler, row.steps) for row in rows}
    infinite = dict.fromkeys(
        label
        for label, schedule in schedules
        if schedule.predictable and (label, schedule.steps) not in finite
    )
    if infinite:
        print_text(f"infinite, since the last learning rate is 0: {', '.join(infinite)}")


def bound_table(rows: list[BoundRow]) -> TextTable:
    """The rows with their rank within their horizon."""
    cells = [
        [str(rank), f"{row.steps:,}", f"{row.bound:.3f}", f"{row.peak_ratio:.2f}", row.scheduler]
        for _, horizon in groupby(rows, key=lambda row: row.steps)
        for rank, row in enumerate(horizon, 1)
    ]
    return TextTable(["#", "steps", "bound / lowest", "best peak lr / that of #1", "schedule"], cells)
