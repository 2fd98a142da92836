"""The report's section on theory: the convex bound's ranking, and how well a loss law fitted on part of the runs predicts the rest."""

from __future__ import annotations

import math

from .foresight import bound_rows
from .loss_laws import MultiPowerLaw
from .markup import Html, paragraph, table
from .measured import read_measured
from .ranking import number
from .stats import rank_correlation

LAW_FITS_ON = ("constant", "cosine", "wsd")  # one that stays high, one slow decay, one late and fast


def theory(c) -> Html:
    """Nothing where the learning rates of the runs are not known beforehand, or a single schedule was compared."""
    steps = max(c.horizons)
    made = {branch.run.label: branch.run.schedule for branch in c.branches or [] if branch.run.schedule.steps == steps and not branch.run.schedule.reactive}
    lines = list({line["scheduler"]: line for line in reversed(c.horizons[steps]) if line["scheduler"] in made}.values())[::-1]  # at the best peak lr of each
    if len(lines) < 3:
        return Html("")
    bounds = {row["scheduler"]: row for row in bound_rows(made.items())}
    predicted, words = predictions(c, made)
    lowest = min(predicted.values(), default=math.nan)
    head = ["schedule", "measured", "convex bound / lowest", "best peak lr by the bound, relative", *["predicted"] * bool(predicted)]
    cells = []
    for line in lines:
        own = bounds.get(line["scheduler"], dict(bound=math.inf, peak_ratio=math.nan))
        cell = predicted.get(line["scheduler"])
        shown = [] if not predicted else [("-" if cell is None else number(cell)) + " *" * (cell == lowest)]
        cells.append([c.named(line["scheduler"]), number(line["final_val_loss"]), "infinite" if math.isinf(own["bound"]) else f"{own['bound']:.3f}", number(own["peak_ratio"], ".2f"), *shown])
    finite = [line for line in lines if line["scheduler"] in bounds and not math.isnan(line["final_val_loss"])]
    order = rank_correlation([bounds[line["scheduler"]]["bound"] for line in finite], [line["final_val_loss"] for line in finite])
    said = f"The bound on a convex problem's last loss, which knows neither model nor data, orders the schedules with a rank correlation of {order:+.2f} to the measured losses. " if len(finite) > 2 else ""
    caption = f"What theory says of the schedules at {steps:,} steps" + "; * is the lowest prediction" * bool(predicted)
    return Html(paragraph(said + words) + table(caption, head, cells, named=0))


def predictions(c, made: dict) -> tuple[dict[str, float], str]:
    """(schedule -> predicted final loss, what came of it in words); nothing predicted where no law can be fitted."""
    if not set(LAW_FITS_ON) < set(made):
        return {}, f"A loss law is fitted where {', '.join(LAW_FITS_ON)} and others are compared."
    try:
        measured = read_measured(c.out)
        law = MultiPowerLaw.fit([measured.curve(name) for name in LAW_FITS_ON])
    except (ValueError, RuntimeError) as e:
        return {}, f"No loss law was fitted: {e}."
    predicted = {name: float(law.predict(curve.lrs, curve.steps[-1:])[0]) for name, curve in measured.curves.items() if name in made}
    new = [name for name in predicted if name not in LAW_FITS_ON]
    last = {name: measured.curves[name].losses[-1] for name in new}
    error = sum(abs(predicted[name] - last[name]) for name in new) / len(new)
    order = f"rank correlation {rank_correlation([predicted[n] for n in new], [last[n] for n in new]):+.2f}, " * (len(new) > 2)
    return predicted, (
        f"A multi-power law fitted on {', '.join(LAW_FITS_ON)} predicts the last {measured.what} of the {len(new)} others at a peak lr of {measured.peak_lr:g} without having seen them: "
        f"{order}mean error {error:.4f}."
    )
