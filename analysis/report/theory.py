"""The report's section on theory: the convex bound beside the losses, and how well a fitted law predicts."""

from __future__ import annotations

import math

import numpy as np

from analysis.bounds import BoundRow, bound_rows
from analysis.comparison import Comparison, Ranked
from analysis.design_words import forecast_promises
from analysis.differences import rank_correlation
from analysis.measured import Measured, measured_from
from analysis.predictions import FIT_ON, MAX_OPEN, ForecastRow, forecast_rows
from analysis.report.blocks import Block, Paragraph, Schedule, Table
from analysis.text import counted, format_lr, format_number
from schedulers import Schedule as Formula
from theory import MultiPowerLaw

MIN_SCHEDULES = 3  # fewer have no order to speak of
FITTED = f"A multi-power law fitted on {', '.join(FIT_ON)}"


def theory(comparison: Comparison) -> list[Block]:
    """Nothing where the learning rates are not known beforehand, or few schedules were compared."""
    steps = max(comparison.judged)
    formulas = {
        run.label: run.schedule
        for run in comparison.requested
        if run.schedule.steps == steps and run.schedule.predictable and comparison.protocol == "fresh"
    }
    rows = best_rows(comparison, steps, formulas)
    if len(rows) < MIN_SCHEDULES:
        return []
    return [*bound_blocks(comparison, rows, formulas), *forecast_blocks(comparison, formulas)]


def best_rows(comparison: Comparison, steps: int, formulas: dict[str, Formula]) -> list[Ranked]:
    """Each schedule at the peak lr where it is lowest, best first."""
    first = {}
    for row in comparison.judged[steps].rows:
        if row.entry.scheduler in formulas and not row.entry.setting.average:
            first.setdefault(row.entry.scheduler, row)
    return list(first.values())


# -- the convex bound, for each schedule at its own best peak lr


def bound_blocks(comparison: Comparison, rows: list[Ranked], formulas: dict[str, Formula]) -> list[Block]:
    bounds = {row.scheduler: row for row in bound_rows(formulas.items())}
    return [*correlation(rows, bounds), bound_table(comparison, rows, bounds)]


def correlation(rows: list[Ranked], bounds: dict[str, BoundRow]) -> list[Paragraph]:
    finite = [row.entry for row in rows if row.entry.scheduler in bounds and row.entry.completed]
    if len(finite) < MIN_SCHEDULES:
        return []
    order = rank_correlation(
        [bounds[entry.scheduler].bound for entry in finite], [entry.loss for entry in finite]
    )
    return [
        Paragraph(
            "The bound on a convex problem's last loss, which knows neither model nor data, orders the "
            f"schedules with a rank correlation of {order:+.2f} to the measured losses."
        )
    ]


def bound_table(comparison: Comparison, rows: list[Ranked], bounds: dict[str, BoundRow]) -> Table:
    peak_lrs = {setting.peak_lr for setting in comparison.settings}
    several = len(peak_lrs) > 1
    where = "the best of its peak lrs" if several else f"a peak lr of {format_lr(min(peak_lrs))}"
    caption = (
        f"The convex bound at {rows[0].entry.setting.steps:,} steps, for each schedule at the peak lr that "
        f"the bound likes best, beside its final validation loss at {where}"
    )
    headings = [
        "schedule",
        "convex bound / lowest",
        "best peak lr by the bound, relative",
        "final validation loss",
        *["at peak lr"] * several,
    ]
    return Table(caption, headings, [bound_row(row, bounds)[: len(headings)] for row in rows])


def bound_row(row: Ranked, bounds: dict[str, BoundRow]) -> list:
    scheduler = row.entry.scheduler
    bound = bounds.get(scheduler)
    return [
        Schedule(scheduler),
        f"{bound.bound:.3f}" if bound else "infinite",
        f"{bound.peak_ratio:.2f}" if bound else "-",
        format_number(row.entry.loss),
        format_lr(row.entry.setting.peak_lr),
    ]


# -- a loss law, for all schedules at one peak lr


def forecast_blocks(comparison: Comparison, formulas: dict[str, Formula]) -> list[Block]:
    """Predictions beside what was measured of the same quantity at the same peak lr."""
    if not set(FIT_ON) < set(formulas):
        return [Paragraph(f"A loss law is fitted where {', '.join(FIT_ON)} and others are compared.")]
    try:
        measured = measured_from(comparison)
        law = MultiPowerLaw.fit([measured.curve(name) for name in FIT_ON])
    except (ValueError, RuntimeError) as e:
        return [Paragraph(f"No loss law was fitted: {e}.")]
    labels = [label for label in measured.curves if label in formulas]
    rows = forecast_rows(law, measured, labels, measured.steps, FIT_ON)
    return [Paragraph(forecast_words(rows, measured)), forecast_table(rows, measured)]


def forecast_words(rows: list[ForecastRow], measured: Measured) -> str:
    """How well the schedules that the law was not fitted on were predicted."""
    tests = [row for row in rows if row.is_test]
    if not tests:
        return f"{FITTED} leaves the others open."
    what = f"the last {measured.what} of {counted(len(tests), 'other')}"
    unseen = "it" if len(tests) == 1 else "them"
    at = f"at a peak lr of {format_lr(measured.peak_lr)} without having seen {unseen}"
    within = sum(row.low <= row.measured <= row.high for row in tests)
    error = np.mean([abs(row.error) for row in tests])
    words = f"{FITTED} predicts {what} {at}: {order_words(tests)}"
    if len(tests) == 1:
        words += f"error {error:.4f}, {'within' if within else 'outside'} its 95% interval."
    else:
        words += f"mean error {error:.4f}, {within} of them within their 95% intervals."
    still_open = sum(not row.fitted_on and not row.is_test for row in rows)
    if still_open:
        words += (
            f" {still_open} more are left open: the fitted curves don't tell them to within {MAX_OPEN:.0%}."
        )
    return " ".join([words, *forecast_promises(rows)])


def order_words(tests: list[ForecastRow]) -> str:
    if len(tests) < MIN_SCHEDULES:
        return ""
    order = rank_correlation([row.predicted for row in tests], [row.measured for row in tests])
    return f"rank correlation {order:+.2f}, "


def forecast_table(rows: list[ForecastRow], measured: Measured) -> Table:
    caption = (
        f"The last {measured.what} after {measured.steps:,} steps at a peak lr of "
        f"{format_lr(measured.peak_lr)}{measured.column}, mean over seeds: what the law predicts, lowest "
        "first, and what was measured"
    )
    return Table(
        caption, ["schedule", "predicted", "95% interval", "measured"], list(map(forecast_row, rows))
    )


def forecast_row(row: ForecastRow) -> list:
    interval = "left open" if math.isnan(row.predicted) else f"{row.low:.4f} to {row.high:.4f}"
    return [
        Schedule(row.scheduler, " (fitted on)" * row.fitted_on),
        format_number(row.predicted),
        interval,
        format_number(row.measured),
    ]
