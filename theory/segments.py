"""A run's steps in stretches of one learning rate, or of similar ones, on which a loss law sums quickly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.drops import MIN_LR, drop_sizes, first_step_at_peak

SIMILAR = 1.2  # a factor between lrs, up to which steps are joined
MAX_DROPS = 300  # of a curve in a fit, before they are joined


@dataclass(frozen=True)
class Segments:
    """J stretches of steps, K of which begin with a change of the lr that counts as a drop.

    A logarithm of an lr below MIN_LR of the highest is that of MIN_LR.
    """

    counts: np.ndarray  # of steps, (J,)
    lr: np.ndarray  # their mean, (J,)
    log_lr: np.ndarray  # its logarithm, (J,)
    ends: np.ndarray  # how many segments have passed after each measured step, (n,)
    drops: np.ndarray  # the segments that begin with a drop, (K,)
    log_before: np.ndarray  # of the lr before each drop, (K,)
    log_after: np.ndarray  # of the lr at the end of each drop's segment, (K,)
    size: np.ndarray  # the lr before less the one after, (K,)
    place: np.ndarray  # where in its segment a drop is, as a fraction: 0 but for joined drops, (K,)

    def sums(self, by_step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What a value per step (J,) sums up to after each measured step (n,) and before each drop (K,)."""
        parts = self.counts * by_step
        total = np.append(0.0, parts.cumsum())
        return total[self.ends], total[self.drops] + self.place * parts[self.drops]


def exact_segments(lrs, steps) -> Segments:
    """Segments of one lr each.

    Args:
        lrs: of the whole run, float64 (T,).
        steps: measured ones, 0-based ints (n,).
    """
    return segments(lrs, steps, np.flatnonzero(np.diff(lrs)) + 1)


def joined_segments(lrs, steps) -> Segments:
    """Segments of similar lrs, where the exact ones would have more than MAX_DROPS drops.

    None goes past a measured step, from a drop to a rise, or far in the lr. Arguments as `exact_segments`.
    """
    size = drop_sizes(lrs)
    drops = np.flatnonzero(size)
    level = np.floor(log_lrs(lrs, lrs.max()) / np.log(SIMILAR))
    changes = np.diff(level) != 0
    if len(drops) <= MAX_DROPS:
        begins = drops
    else:
        last_drop = np.maximum.accumulate(np.where(size != 0, np.arange(len(lrs)), 0))
        changes |= np.diff(np.sign(size[last_drop])) != 0
        begins = np.linspace(0, len(lrs) - 1, MAX_DROPS).astype(int)
    return segments(lrs, steps, np.concatenate([begins, np.flatnonzero(changes) + 1]))


def segments(lrs, steps, begins) -> Segments:
    """Those that begin at 0, at `begins`, after the first step at the peak and after each of `steps`."""
    peak = first_step_at_peak(lrs) + 1
    first = np.unique(np.concatenate([[0, peak], begins, steps + 1]))
    first = first[first < len(lrs)]
    counts = np.diff(np.append(first, len(lrs)))
    sums = np.add.reduceat(lrs, first)
    size = drop_sizes(lrs)
    before, last = np.maximum(first - 1, 0), first + counts - 1
    drops = np.flatnonzero(np.where(first >= peak, lrs[before] - lrs[last], 0))
    elapsed = np.append(0.0, lrs.cumsum()[:-1])  # before each step
    moment = np.add.reduceat(size * (elapsed - np.repeat(elapsed[first], counts)), first)[drops]
    whole = np.where(sums > 0, sums, 1)[drops] * np.add.reduceat(size, first)[drops]
    logs, lr = log_lrs(lrs, 1.0), sums / counts
    return Segments(
        counts,
        lr,
        np.log(np.maximum(lr, MIN_LR * lrs.max())),
        np.searchsorted(first, steps, side="right"),
        drops,
        logs[before[drops]],
        logs[last[drops]],
        (lrs[before] - lrs[last])[drops],
        moment / whole,
    )


def log_lrs(lrs, unit) -> np.ndarray:
    """log(lr / unit), for lrs of at least MIN_LR of the highest, (T,)."""
    return np.log(np.maximum(lrs, MIN_LR * lrs.max()) / unit)
