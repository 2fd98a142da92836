"""The report's section on cost: what the sweep took, and whether the schedules differ in time."""

from __future__ import annotations

import math

from analysis.comparison import Comparison
from analysis.cost import cost_sentence, sweep_cost, tuning_cost, tuning_sentence
from analysis.figures.groups import Group, groups_of, step_times
from analysis.figures.titles import time_title
from analysis.report.blocks import Block, Folded, Paragraph, Schedule, Table
from analysis.text import format_number

MAX_ROWS = 30  # a longer table is folded
CAPTION = (
    "Mean over the completed seeds of each schedule; validation is left out of the times. "
    "ms per step: median (5th to 95th percentile). "
    "Added seconds: of the steps that a run trained itself, after its branch point."
)
HEADINGS = [
    "schedule",
    "ms per step",
    "seconds of a run alone",
    "added seconds",
    "tokens per second",
]
UNKNOWN = (math.nan, math.nan, math.nan)


def cost(comparison: Comparison) -> list[Block]:
    groups = groups_of(comparison)
    ranges = step_times(groups)
    if not ranges:
        return []
    rows = [cost_row(group, ranges.get(group.label, UNKNOWN)) for group in groups]
    table = Table(CAPTION, HEADINGS, rows)
    shown = Folded(f"The table of all {len(rows)}", table) if len(rows) > MAX_ROWS else table
    return [Paragraph(spent(comparison)), Paragraph(f"{time_title(ranges)}."), shown]


def spent(comparison: Comparison) -> str:
    total = sweep_cost(comparison)
    seconds = (
        f"The training steps of all runs took {total.marginal_s:,.0f} seconds; "
        f"each run alone, they would have taken {total.wall_s:,.0f}."
    )
    shared = comparison.protocol == "fresh" and total.runs > 1
    tuning = tuning_cost(comparison)
    chosen = f" {tuning_sentence(tuning)}" if tuning else ""
    return f"{cost_sentence(total, comparison)}.{chosen} {seconds}" if shared else seconds


def cost_row(group: Group, step_ms) -> list:
    low, median, high = (format_number(ms, ".1f") for ms in step_ms)
    entry, scheduler = group.entry, group.setting.scheduler
    return [
        Schedule(scheduler, group.label[len(scheduler) :]),
        f"{median} ({low} to {high})",
        format_number(entry.mean("wall_s"), ",.1f"),
        format_number(entry.mean("marginal_s"), ",.1f"),
        format_number(entry.mean("tokens_per_s"), ",.0f"),
    ]
