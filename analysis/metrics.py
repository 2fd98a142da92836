"""One run's curve in numbers: the columns of runs.csv that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from analysis.stability import Stability, stability
from nanosched.history import RunCurve

CONVERGED = 0.05  # "converged" is within this part of the whole fall of the loss


@dataclass(frozen=True)
class Metrics(Stability):
    """What a curve says in numbers; losses in nats per token."""

    final_train_loss: float
    best_val_loss: float  # the lowest of the validations on the way and the final one; NaN without any
    convergence_step: int
    wall_s: float  # seconds that the run would take alone, validation left out
    step_ms_p50: float
    step_ms_p95: float


METRICS = [field.name for field in fields(Metrics)]


def curve_metrics(
    curve: RunCurve, warmup_steps: int, grad_clip: float, final_val_loss: float = np.nan
) -> Metrics:
    """The metrics of a run.

    Args:
        curve: float64 arrays (steps,) loss, grad_norm, step_s and val_loss (NaN where it was not measured).
        warmup_steps, grad_clip: as in analysis.stability.
        final_val_loss: of the final validation, which covers more of the split; default NaN, not measured.
    """
    val_loss = np.append(curve.val_loss, final_val_loss)
    val_loss = val_loss[np.isfinite(val_loss)]
    return Metrics(
        **vars(stability(curve.loss, curve.grad_norm, warmup_steps, grad_clip)),
        final_train_loss=curve.loss[-1],
        best_val_loss=val_loss.min() if len(val_loss) else np.nan,
        convergence_step=convergence_step(curve.loss),
        wall_s=curve.step_s.sum(),
        step_ms_p50=1000 * np.percentile(curve.step_s, 50),
        step_ms_p95=1000 * np.percentile(curve.step_s, 95),
    )


def convergence_step(loss: np.ndarray) -> int:
    """The step from which on the smoothed loss (mean of 5% of the run) stays within CONVERGED of its final
    fall.
    """
    width = max(1, len(loss) // 20)
    smooth = np.convolve(loss, np.ones(width) / width, "valid")
    if not np.isfinite(smooth).all():
        return len(loss)
    above = np.flatnonzero(smooth > smooth[-1] + CONVERGED * max(smooth[0] - smooth[-1], 0))
    return int(above[-1] + 1 if len(above) else 0) + width - 1
