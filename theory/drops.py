"""The drops of a run's learning rate, and what they add up to in the two loss laws.

Drops count from the highest lr on: a warmup, or a schedule's own rise, has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MIN_LR = 1e-9  # of the highest lr: below it an lr counts as this, since a negative power of 0 is infinite
SIMILAR = 1.2  # a factor between lrs, up to which their drops are joined
MAX_DROPS = 300  # of a curve in a fit, before they are joined in blocks


@dataclass(frozen=True)
class Drops:
    """The K steps at which the lr changes after its peak, float64 (K,) each; a rise is a negative drop."""

    size: np.ndarray  # eta_{k-1} - eta_k
    lr: np.ndarray  # eta_k
    lr_sum_before: np.ndarray  # eta_0 + .. + eta_{k-1}


def first_step_at_peak(lrs) -> int:
    """The first step at the highest lr; a later one that is higher by rounding only doesn't count."""
    return int((lrs >= (1 - 1e-9) * lrs.max()).argmax())


def drop_sizes(lrs) -> np.ndarray:
    """eta_{k-1} - eta_k at each step k after the peak, 0 up to it: shape (T,)."""
    size = np.append(0.0, lrs[:-1] - lrs[1:])
    size[: first_step_at_peak(lrs) + 1] = 0
    return size


def lr_drops(lrs) -> Drops:
    size = drop_sizes(lrs)
    at = np.flatnonzero(size)
    return Drops(size[at], np.maximum(lrs[at], MIN_LR * lrs.max()), lrs.cumsum()[at - 1])


def lr_sum_since(lr_sums, drops: Drops) -> np.ndarray:
    """The sum of the lrs from each drop on, at steps up to which all lrs sum to `lr_sums` (n,): (n, K)."""
    return np.maximum(lr_sums[:, None] - drops.lr_sum_before, 0)


def blocks(drops: Drops, lrs, steps) -> Drops:
    """The same drops, neighbours joined at their mean lr and place where there are more than MAX_DROPS.

    No block goes past a measured step, from a drop to a rise, or far in the lr.
    """
    if len(drops.size) <= MAX_DROPS:
        return drops
    bounds = np.union1d(np.linspace(0, len(lrs) - 1, MAX_DROPS).astype(int), steps)
    between = np.searchsorted(lrs.cumsum()[bounds], drops.lr_sum_before, side="right")
    similar = np.floor(np.log(drops.lr) / np.log(SIMILAR))
    begins = (np.diff(between) != 0) | (np.diff(np.sign(drops.size)) != 0) | (np.diff(similar) != 0)
    first = np.flatnonzero(np.append(True, begins))
    size = np.add.reduceat(drops.size, first)
    lr, lr_sum_before = (
        np.add.reduceat(drops.size * values, first) / size for values in (drops.lr, drops.lr_sum_before)
    )
    return Drops(size, lr, lr_sum_before)


def power_sum(size, log_lr, lr_sum_since, C, beta, gamma) -> tuple[np.ndarray, np.ndarray]:
    """What the drops of the multi-power law add up to, sum_k size_k (1 - (1 + C lr_k^-gamma S_k)^-beta).

    Args:
        size: of the drops, (K,).
        log_lr: logarithm of the lr from each drop on, (K,).
        lr_sum_since: S_k, the sum of the lrs from drop k to each step, (n, K).
        C, beta, gamma: of the law, floats.

    Returns:
        The sum at each step (n,), and its derivatives by the logarithms of C, beta and gamma (n, 3).
    """
    x = C * np.exp(-gamma * log_lr) * lr_sum_since
    log_inner = np.log1p(x)
    power = np.exp(-beta * log_inner)
    slope = beta * x * power / (1 + x)  # x dG/dx
    return (1 - power) @ size, np.column_stack(
        [slope @ size, beta * (log_inner * power) @ size, -gamma * slope @ (size * log_lr)]
    )


def annealing_area(size, tau) -> tuple[np.ndarray, np.ndarray]:
    """What the drops of the annealing law add up to: the running sum of m_i = (1 - 1/tau) m_{i-1} + size_i.

    Args:
        size: of the drop at each step, (T,).
        tau: steps, at least 1.

    Returns:
        The sum at each step (T,), and its derivative by the logarithm of tau (T,).
    """
    from scipy.signal import lfilter

    momentum = lfilter([1.0], [1.0, 1 / tau - 1], size)
    slope = lfilter([0.0, 1.0], [1.0, 1 / tau - 1], momentum) / tau  # d lambda / d log tau is 1 / tau
    return momentum.cumsum(), slope.cumsum()
