"""The 124M runs as the small models are compared with them, and what theory alone says of them."""

from __future__ import annotations

from pathlib import Path

from analysis.differences import rank_correlation
from studies.transfer.by_peak_law import final_loss, fit_law, lrs_of
from studies.transfer.by_peak_runs import HORIZONS, SETTINGS, Losses, Run, Setting
from theory import optimal_peak_lr

UNIT_PEAK = 1.0


def best_losses(losses: Losses, steps: int) -> dict[Setting, tuple[float, float]]:
    """Setting -> (lowest final loss over its peaks, that peak), for those that were run."""
    best = {}
    for run, loss in losses.items():
        if run.steps == steps and loss < best.get(run.setting, (float("inf"), 0.0))[0]:
            best[run.setting] = (loss, run.peak_lr)
    return best


def best_differences(losses: Losses, steps: int, base: Setting) -> dict[Setting, float]:
    """Setting -> difference to the base, each at its best peak."""
    best = best_losses(losses, steps)
    return {setting: loss - best[base][0] for setting, (loss, _) in best.items()}


def at_peak(losses: Losses, steps: int, peak_lr: float) -> dict[Setting, float]:
    return {run.setting: loss for run, loss in losses.items() if (run.steps, run.peak_lr) == (steps, peak_lr)}


def bound_rank_correlation(losses: Losses) -> float:
    """Of the convex bound at each schedule's own best peak with the 124M losses at theirs."""
    steps = max(HORIZONS)
    best = best_losses(losses, steps)
    settings = [setting for setting in SETTINGS if setting in best]
    bounds = [optimal_peak_lr(lrs_of(Run(setting, UNIT_PEAK, steps)))[1] for setting in settings]
    return rank_correlation(bounds, [best[setting][0] for setting in settings])


def law_rank_correlation(data: Path, losses: Losses, peak_lr: float) -> float:
    """Of a multi-power law, fitted on three of the curves of a peak, with the losses at it.

    Fitted on constant, cosine to 10% and wsd 20%; the rank correlation is over the other seven.
    """
    steps = max(HORIZONS)
    measured = at_peak(losses, steps, peak_lr)
    law = fit_law(data, peak_lr, FITTED)
    others = [setting for setting in SETTINGS if setting in measured and setting not in FITTED]
    predicted = [final_loss(law, Run(setting, peak_lr, steps)) for setting in others]
    return rank_correlation(predicted, [measured[setting] for setting in others])


FITTED = [setting for setting in SETTINGS if setting.name in ("constant", "cosine to 10%", "wsd 20% linear")]
