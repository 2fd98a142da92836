"""How steadily a run trained: gradient-norm spikes, loss spikes and recovery, clipping; and the score that the 2024 blog used.

`1 / (1 + std(losses))`, the blog's score, is 1 for a run that learns nothing and falls the more a run learns, because the fall of
the loss is most of its standard deviation. Of two runs of 50 steps, one stuck and one that goes from 10.9 to 5.9:

>>> stuck, learned = np.full(50, 10.9), np.linspace(10.9, 5.9, 50)
>>> loss_stability(stuck), round(loss_stability(learned), 4)
(1.0, 0.4044)

A run that starts where another one ended has less left to learn and scores higher for that alone. So our numbers compare each step
with the steps just before it, where the trend is small: a median isn't moved by the spike that it is to judge. The warmup is left
out, since every run begins with large norms and falling losses.
"""

from __future__ import annotations

import numpy as np

WINDOW = 50  # steps that a rolling median looks back on
NORM_SPIKE = 2.0  # a gradient norm this many times the median before it
LOSS_SPIKE = 7.0  # a loss this many standard deviations above the median before it, the threshold of OLMo 2's spike score (2501.00656)
MAD_TO_STD = 1.4826  # of normal noise; the median absolute deviation isn't moved by a few spikes either


def stability(loss: np.ndarray, norm: np.ndarray, warmup_steps: int, grad_clip: float) -> dict[str, float]:
    """The columns of runs.csv on stability.

    Args:
        loss: training loss of each step, float64 (steps,), nats a token.
        norm: gradient norm of each step before clipping, float64 (steps,).
        warmup_steps: left out of all columns but loss_stability, grad_norm_max and clip_fraction.
        grad_clip: largest gradient norm let through; 0 is none.

    Returns:
        dict: loss_stability, the blog's score; grad_norm_mean, _std, _max and _cv (std over mean); grad_norm_spikes, how many norms
        exceed NORM_SPIKE times the median of the WINDOW before; clip_fraction, the part of steps that were clipped; loss_spikes and
        loss_recovery, as from `loss_spikes`: how many, and the steps that the slowest recovery took (0 without a spike).
    """
    settled = norm[warmup_steps:] if len(norm) > warmup_steps else norm
    recoveries = loss_spikes(loss, warmup_steps)
    return dict(
        loss_stability=loss_stability(loss),
        grad_norm_mean=settled.mean(),
        grad_norm_std=std(settled),
        grad_norm_max=norm.max(),
        grad_norm_cv=std(settled) / settled.mean(),
        grad_norm_spikes=count_spikes(norm, warmup_steps),
        clip_fraction=np.mean(norm > grad_clip) if grad_clip else 0.0,
        loss_spikes=len(recoveries),
        loss_recovery=max(recoveries, default=0),
    )


def loss_stability(loss: np.ndarray) -> float:
    """The blog's score, 1 / (1 + std): kept so that its table can be checked."""
    return float(1 / (1 + std(loss)))


def std(values: np.ndarray) -> float:
    """Over all values (not an estimate from a sample); NaN, without numpy's warning, where one is not finite."""
    return values.std() if np.isfinite(values).all() else np.nan


def count_spikes(norm: np.ndarray, warmup_steps: int) -> int:
    """How many norms after the warmup exceed NORM_SPIKE times the median of the WINDOW before them."""
    steps = range(max(warmup_steps, 1), len(norm))
    return sum(norm[t] > NORM_SPIKE * np.median(norm[max(0, t - WINDOW) : t]) for t in steps)


def loss_spikes(loss: np.ndarray, warmup_steps: int) -> list[int]:
    """For each loss spike after the warmup, in order, the steps until the loss was back at the median before it.

    A spike begins where the loss is LOSS_SPIKE standard deviations (by the median absolute deviation) above the median of the WINDOW
    steps before it, and there is a whole such window after the warmup. What happens before it has recovered belongs to it; one that
    never does lasts until the end of the run.
    """
    recoveries, t = [], warmup_steps + WINDOW
    while t < len(loss):
        before = loss[t - WINDOW : t]
        median = np.median(before)
        if loss[t] - median > LOSS_SPIKE * MAD_TO_STD * np.median(np.abs(before - median)):
            back = np.flatnonzero(loss[t:] <= median)
            recoveries.append(int(back[0]) if len(back) else len(loss) - t)
            t += recoveries[-1]
        else:
            t += 1
    return recoveries
