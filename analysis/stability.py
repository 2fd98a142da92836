"""How steadily a run trained: gradient-norm spikes, loss spikes and recovery, clipping; and the score that
the 2024 blog used.

`1 / (1 + std(losses))`, the blog's score, is 1 for a run that learns nothing and falls the more a run learns,
because the fall of
the loss is most of its standard deviation. Of two runs of 50 steps, one stuck and one that goes from 10.9 to
5.9:

>>> stuck, learned = np.full(50, 10.9), np.linspace(10.9, 5.9, 50)
>>> loss_stability(stuck), round(loss_stability(learned), 4)
(1.0, 0.4044)

A run that starts where another one ended has less left to learn and scores higher for that alone. So our
numbers compare each step with the steps just before it, where the trend is small: a median isn't moved by the
spike that it is to judge. The warmup is left out, since every run begins with large norms and falling losses.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

WINDOW = 50  # steps that a rolling median looks back on
NORM_SPIKE = 2.0  # a gradient norm this many times the median before it
# a loss this many standard deviations above the median before it, the threshold of OLMo 2's spike score
# (2501.00656)
LOSS_SPIKE = 7.0
MAD_TO_STD = 1.4826  # of normal noise; the median absolute deviation isn't moved by a few spikes either


@dataclass(frozen=True)
class Stability:
    """How steadily a run trained; the warmup is in loss_stability, grad_norm_max and clip_fraction alone."""

    loss_stability: float  # the blog's score
    grad_norm_mean: float
    grad_norm_std: float
    grad_norm_max: float
    grad_norm_cv: float  # std over mean
    grad_norm_spikes: int  # norms above NORM_SPIKE times the median of the WINDOW before
    clip_fraction: float  # of all steps
    loss_spikes: int  # as from `recoveries`
    loss_recovery: int  # steps that the slowest recovery took, 0 without a spike


def stability(loss: np.ndarray, norm: np.ndarray, warmup_steps: int, grad_clip: float) -> Stability:
    """The stability of a run.

    Args:
        loss: training loss of each step, float64 (steps,), nats per token.
        norm: gradient norm of each step before clipping, float64 (steps,).
        warmup_steps: the comparison's warmup; a schedule with a rise of its own leaves out as many steps.
        grad_clip: largest gradient norm let through; 0 is none.
    """
    settled = norm[warmup_steps:] if len(norm) > warmup_steps else norm
    spikes = recoveries(loss, warmup_steps)
    return Stability(
        loss_stability=loss_stability(loss),
        grad_norm_mean=settled.mean(),
        grad_norm_std=std(settled),
        grad_norm_max=norm.max(),
        grad_norm_cv=std(settled) / settled.mean(),
        grad_norm_spikes=count_spikes(norm, warmup_steps),
        clip_fraction=np.mean(norm > grad_clip) if grad_clip else 0.0,
        loss_spikes=len(spikes),
        loss_recovery=max(spikes, default=0),
    )


def loss_stability(loss: np.ndarray) -> float:
    """The blog's score, 1 / (1 + std): kept so that its table can be checked."""
    return float(1 / (1 + std(loss)))


def std(values: np.ndarray) -> float:
    """Over all values, not an estimate from a sample; NaN, without a warning, where one is not finite."""
    return values.std() if np.isfinite(values).all() else np.nan


def count_spikes(norm: np.ndarray, warmup_steps: int) -> int:
    """How many norms after the warmup exceed NORM_SPIKE times the median of the WINDOW before them."""
    first = max(warmup_steps, 1)
    return int(np.sum(norm[first:] > NORM_SPIKE * medians_before(norm)[first:]))


def medians_before(values: np.ndarray) -> np.ndarray:
    """For each step the median of the WINDOW values before it, of fewer at the beginning: float64 (steps,).

    The first is NaN. Only the last value may be NaN: a run ends there.
    """
    medians, before = [np.nan], []
    for value in values[: min(WINDOW, len(values)) - 1].tolist():  # numpy's median is slow on a few numbers
        insort(before, value)
        medians.append(median(before))
    if len(values) <= WINDOW:
        return np.array(medians)
    return np.append(medians, np.median(sliding_window_view(values[:-1], WINDOW), axis=1))


def recoveries(loss: np.ndarray, warmup_steps: int) -> list[int]:
    """For each loss spike after the warmup, in order, the steps until the loss was back at the median before
    it.

    A spike begins where the loss is LOSS_SPIKE standard deviations (by the median absolute deviation) above
    the median of the WINDOW steps before it, and there is a whole such window after the warmup. What happens
    before it has recovered belongs to it; one that never does lasts until the end of the run.
    """
    first = warmup_steps + WINDOW
    if len(loss) <= first:
        return []
    windows = sliding_window_view(loss[warmup_steps:-1], WINDOW)  # row i is before step first + i
    medians = np.median(windows, axis=1)
    deviations = np.median(np.abs(windows - medians[:, None]), axis=1)
    high = loss[first:] - medians > LOSS_SPIKE * MAD_TO_STD * deviations
    steps, after = [], 0
    for start in np.flatnonzero(high).tolist():
        if start >= after:
            back = np.flatnonzero(loss[first + start :] <= medians[start])
            steps.append(int(back[0]) if len(back) else len(loss) - first - start)
            after = start + steps[-1]
    return steps
