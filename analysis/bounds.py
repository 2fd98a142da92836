"""What the convex bound says of schedules before anything is trained: their order, and how their best peak lrs compare."""

from __future__ import annotations

import math

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from theory.convex_bound import optimal_peak_lr


def bound_rows(schedules) -> list[dict]:
    """A row for each schedule and horizon, the lowest bound first within a horizon; none where the bound is infinite or the lrs react to the loss.

    Args:
        schedules: (label, Schedule) pairs; of several peak lrs of one, the first counts, since the bound chooses its own.

    Returns:
        dicts: scheduler; steps; bound, at the schedule's own best peak lr, over the lowest of the horizon; peak_ratio, that
        peak over the one of the schedule with the lowest bound. Both are free of the unknown distance and gradient norm.
    """
    first = {
        (schedule.steps, label): schedule for label, schedule in reversed(schedules) if not schedule.reactive
    }
    found = {key: optimal_peak_lr(schedule.lrs()) for key, schedule in reversed(first.items())}
    rows = []
    for steps in sorted({steps for steps, _ in found}):
        horizon = sorted(
            (bound, peak, label)
            for (at, label), (peak, bound) in found.items()
            if at == steps and math.isfinite(bound)
        )
        lowest = horizon[0] if horizon else None
        rows += [
            dict(scheduler=label, steps=steps, bound=bound / lowest[0], peak_ratio=peak / lowest[1])
            for bound, peak, label in horizon
        ]
    return rows


def print_bounds(schedules):
    """Print bound_rows: a forecast from convex theory, which knows neither model nor data."""
    rows = bound_rows(schedules)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("#", "steps", "bound / lowest", "best peak lr / that of #1"):
        table.add_column(heading, justify="right")
    table.add_column("schedule", no_wrap=True)
    rank = {}
    for row in rows:
        rank[row["steps"]] = rank.get(row["steps"], 0) + 1
        table.add_row(
            str(rank[row["steps"]]),
            f"{row['steps']:,}",
            f"{row['bound']:.3f}",
            f"{row['peak_ratio']:.2f}",
            escape(row["scheduler"]),
        )
    if rows:
        console = Console(
            highlight=False, width=max(Console().width, 80 + max(len(row["scheduler"]) for row in rows))
        )
        console.print("\nconvex bound on the final loss, each schedule at its own best peak lr:")
        console.print(table)
    shown = {(row["scheduler"], row["steps"]) for row in rows}
    infinite = dict.fromkeys(
        label
        for label, schedule in schedules
        if not schedule.reactive and (label, schedule.steps) not in shown
    )
    if infinite:
        print(f"infinite, since the last learning rate is 0: {', '.join(infinite)}")
