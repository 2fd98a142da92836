"""The report's section on theory: the convex bound's ranking, and how well a loss law fitted on part of the runs predicts the rest."""

from __future__ import annotations

import math

from analysis.bounds import bound_rows
from analysis.figures.page import counted
from analysis.forecast import FIT_ON, MOST_OPEN, forecast_rows
from analysis.measured import read_measured
from analysis.ranking import number
from analysis.report.markup import Html, paragraph, table
from analysis.stats import rank_correlation
from theory.loss_laws import MultiPowerLaw


def theory(c) -> Html:
    """Nothing where the learning rates of the runs are not known beforehand, or a single schedule was compared."""
    steps = max(c.horizons)
    made = {
        branch.run.label: branch.run.schedule
        for branch in c.branches or []
        if branch.run.schedule.steps == steps and not branch.run.schedule.reactive
    }
    lines = list(
        {
            line["scheduler"]: line for line in reversed(c.horizons[steps]) if line["scheduler"] in made
        }.values()
    )[::-1]  # at the best peak lr of each
    if len(lines) < 3:
        return Html("")
    bounds = {row["scheduler"]: row for row in bound_rows(made.items())}
    predicted, words = predictions(c, made)
    lowest = min(
        (row["predicted"] for row in predicted.values() if not math.isnan(row["predicted"])), default=math.nan
    )
    head = [
        "schedule",
        "final validation loss",
        "convex bound / lowest",
        "best peak lr by the bound, relative",
        *["predicted", "95% interval"] * bool(predicted),
    ]
    cells = []
    for line in lines:
        own = bounds.get(line["scheduler"], dict(bound=math.inf, peak_ratio=math.nan))
        shown = forecast_cells(predicted.get(line["scheduler"]), lowest) if predicted else []
        cells.append(
            [
                c.named(line["scheduler"]),
                number(line["final_val_loss"]),
                "infinite" if math.isinf(own["bound"]) else f"{own['bound']:.3f}",
                number(own["peak_ratio"], ".2f"),
                *shown,
            ]
        )
    finite = [
        line for line in lines if line["scheduler"] in bounds and not math.isnan(line["final_val_loss"])
    ]
    order = rank_correlation(
        [bounds[line["scheduler"]]["bound"] for line in finite], [line["final_val_loss"] for line in finite]
    )
    said = (
        f"The bound on a convex problem's last loss, which knows neither model nor data, orders the schedules with a rank correlation of {order:+.2f} to the measured losses. "
        if len(finite) > 2
        else ""
    )
    caption = f"What theory says of the schedules at {steps:,} steps" + "; * is the lowest prediction" * bool(
        predicted
    )
    return Html(paragraph(said + words) + table(caption, head, cells, named=0))


def forecast_cells(row: dict | None, lowest: float) -> list[str]:
    if row is None:
        return ["-", "-"]
    if math.isnan(row["predicted"]):
        return ["-", "left open"]
    return [
        number(row["predicted"]) + " *" * (row["predicted"] == lowest),
        f"{row['low']:.4f} to {row['high']:.4f}",
    ]


def predictions(c, made: dict) -> tuple[dict[str, dict], str]:
    """(schedule -> row of forecast_rows, what came of it in words); nothing predicted where no law can be fitted."""
    if not set(FIT_ON) < set(made):
        return {}, f"A loss law is fitted where {', '.join(FIT_ON)} and others are compared."
    try:
        measured = read_measured(c.out)
        law = MultiPowerLaw.fit([measured.curve(name) for name in FIT_ON])
    except (ValueError, RuntimeError) as e:
        return {}, f"No loss law was fitted: {e}."
    predicted = {
        row["scheduler"]: row
        for row in forecast_rows(
            law, measured, [name for name in measured.curves if name in made], measured.steps, FIT_ON
        )
    }
    new = [row for name, row in predicted.items() if name not in FIT_ON and not math.isnan(row["error"])]
    unknown = len(predicted) - len(new) - len(FIT_ON)
    if not new:
        return predicted, f"A multi-power law fitted on {', '.join(FIT_ON)} leaves the others open."
    order = (
        f"rank correlation {rank_correlation([row['predicted'] for row in new], [row['measured'] for row in new]):+.2f}, "
        * (len(new) > 2)
    )
    return predicted, (
        f"A multi-power law fitted on {', '.join(FIT_ON)} predicts the last {measured.what} of {counted(len(new), 'other')} at a peak lr of {measured.peak_lr:g} without having seen them: "
        f"{order}mean error {sum(abs(row['error']) for row in new) / len(new):.4f}, {sum(row['low'] <= row['measured'] <= row['high'] for row in new)} of them within their 95% intervals."
        + f" {unknown} more are left open: the fitted curves don't tell them to within {MOST_OPEN:.0%}."
        * bool(unknown)
    )
