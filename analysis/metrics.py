"""One run's curve in numbers."""

from __future__ import annotations

import numpy as np

SPIKE = 2.0  # a gradient norm this many times the median of those before it is a spike
WINDOW = 50  # steps that this median looks back on
CONVERGED = 0.05  # "converged" is within this part of the whole fall of the loss


def curve_metrics(curve: dict[str, np.ndarray], warmup_steps: int, grad_clip: float) -> dict[str, float]:
    """The columns of runs.csv that follow from a curve.

    Args:
        curve: float64 arrays (steps,) loss, grad_norm, step_s and val_loss (NaN where it was not measured).
        warmup_steps: left out of the gradient-norm columns except for max, since every warmup starts with large norms.
        grad_clip: largest gradient norm let through; 0 is none.
    """
    loss, norm, step_s = curve["loss"], curve["grad_norm"], curve["step_s"]
    val = curve["val_loss"][np.isfinite(curve["val_loss"])]
    settled = norm[warmup_steps:] if len(norm) > warmup_steps else norm
    return dict(
        final_train_loss=loss[-1],
        best_val_loss=val.min() if len(val) else np.nan,
        loss_stability=1 / (1 + std(loss)),  # the 2024 blog's score, which rewards a run that learns nothing
        grad_norm_mean=settled.mean(),
        grad_norm_std=std(settled),
        grad_norm_max=norm.max(),
        grad_norm_cv=std(settled) / settled.mean(),
        grad_norm_spikes=count_spikes(norm, warmup_steps),
        clip_fraction=np.mean(norm > grad_clip) if grad_clip else 0.0,
        convergence_step=convergence_step(loss),
        wall_s=step_s.sum(),
        step_ms_p50=1000 * np.percentile(step_s, 50),
        step_ms_p95=1000 * np.percentile(step_s, 95),
    )


def std(values: np.ndarray) -> float:
    """Over all values (not an estimate from a sample); NaN, without numpy's warning, where one is not finite."""
    return values.std() if np.isfinite(values).all() else np.nan


def count_spikes(norm: np.ndarray, warmup_steps: int) -> int:
    """How many norms after the warmup exceed SPIKE times the median of the WINDOW before them."""
    steps = range(max(warmup_steps, 1), len(norm))
    return sum(norm[t] > SPIKE * np.median(norm[max(0, t - WINDOW) : t]) for t in steps)


def convergence_step(loss: np.ndarray) -> int:
    """The step from which on the smoothed loss (mean of 5% of the run) stays within CONVERGED of its final fall."""
    width = max(1, len(loss) // 20)
    smooth = np.convolve(loss, np.ones(width) / width, "valid")
    if not np.isfinite(smooth).all():
        return len(loss)
    above = np.flatnonzero(smooth > smooth[-1] + CONVERGED * max(smooth[0] - smooth[-1], 0))
    return int(above[-1] + 1 if len(above) else 0) + width - 1
