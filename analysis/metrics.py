"""One run's curve in numbers."""

from __future__ import annotations

import numpy as np

from analysis.stability import stability

CONVERGED = 0.05  # "converged" is within this part of the whole fall of the loss


def curve_metrics(curve: dict[str, np.ndarray], warmup_steps: int, grad_clip: float) -> dict[str, float]:
    """The columns of runs.csv that follow from a curve.

    Args:
        curve: float64 arrays (steps,) loss, grad_norm, step_s and val_loss (NaN where it was not measured).
        warmup_steps, grad_clip: as in analysis.stability.
    """
    loss, norm, step_s = curve["loss"], curve["grad_norm"], curve["step_s"]
    val = curve["val_loss"][np.isfinite(curve["val_loss"])]
    return dict(
        final_train_loss=loss[-1],
        best_val_loss=val.min() if len(val) else np.nan,
        **stability(loss, norm, warmup_steps, grad_clip),
        convergence_step=convergence_step(loss),
        wall_s=step_s.sum(),
        step_ms_p50=1000 * np.percentile(step_s, 50),
        step_ms_p95=1000 * np.percentile(step_s, 95),
    )


def convergence_step(loss: np.ndarray) -> int:
    """The step from which on the smoothed loss (mean of 5% of the run) stays within CONVERGED of its final fall."""
    width = max(1, len(loss) // 20)
    smooth = np.convolve(loss, np.ones(width) / width, "valid")
    if not np.isfinite(smooth).all():
        return len(loss)
    above = np.flatnonzero(smooth > smooth[-1] + CONVERGED * max(smooth[0] - smooth[-1], 0))
    return int(above[-1] + 1 if len(above) else 0) + width - 1
