"""The final loss of each schedule at every peak lr: a basin, with the best peak lr at its bottom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.comparison import Comparison, Ranked, Setting, TunedEntry
from analysis.figures.colours import colour_of
from analysis.figures.titles import unranked
from analysis.text import counted, format_lr, shorten
from sweep.tune import estimates


@dataclass(frozen=True)
class Basin:
    """One schedule at one horizon."""

    label: str
    ranked: Ranked  # at its chosen peak lr, among the others at theirs
    tuned: TunedEntry

    @property
    def setting(self) -> Setting:
        """The one with the lowest mean loss."""
        return self.tuned.best.setting

    @property
    def colour(self) -> str:
        return colour_of(self.setting.scheduler)

    @property
    def best_peak(self) -> float:
        return self.setting.peak_lr

    @property
    def losses(self) -> dict[float, list[float]]:
        """Peak lr -> final validation losses of the seeds that completed."""
        return {peak: [r.loss for r in entry.completed] for peak, entry in self.tuned.by_peak.items()}

    @property
    def incomplete(self) -> list[float]:
        """Peak lrs at which a seed diverged or failed."""
        return [peak for peak, entry in self.tuned.by_peak.items() if entry.diverged or entry.failed]

    @property
    def mean(self) -> tuple[np.ndarray, np.ndarray]:
        """(peak lrs, mean losses) where every seed completed; where only the first was trained, estimates."""
        means = estimates({peak: entry.losses for peak, entry in self.tuned.by_peak.items()})
        peaks = [peak for peak in means if peak not in self.incomplete]
        return np.array(peaks), np.array([means[peak] for peak in peaks])

    @property
    def common_loss(self) -> float:
        """Loss at the peak lr that all schedules have in common, NaN where it did not complete there."""
        return self.tuned.common_loss


def basins_of(comparison: Comparison) -> list[Basin]:
    """A basin for each schedule and horizon with a completed run, the lowest first at each horizon.

    Args:
        comparison: one with --tune.
    """
    several_steps = len(comparison.rankings) > 1
    rows = (row for ranking in comparison.judged.values() for row in ranking.rows)
    found = (
        (row, row.entry.setting, comparison.tuned_entries[row.entry.setting])
        for row in rows
        if row.entry.setting in comparison.tuned_entries  # without --tune there are others
    )
    return [
        Basin(setting.scheduler + f", {counted(setting.steps, 'step')}" * several_steps, row, tuned)
        for row, setting, tuned in found
        if tuned.best.completed
    ]


# -- words


def basin_title(basins: list[Basin]) -> str:
    """How far apart the best peak lrs are."""
    best = [b.best_peak for b in basins if len(b.mean[1]) and np.ptp(b.mean[1])]
    if not best:
        return "The peak lr makes no difference"
    low, high, seed = min(best), max(best), "One seed. " * one_seed(basins)
    if low == high:
        return f"{seed}All schedules do best at a peak lr of {format_lr(low, 1)}"
    span = f"{format_lr(low, 1)} to {format_lr(high, 1)}, a factor of {high / low:.3g}"
    return f"{seed}The best peak lr goes from {span}"


def basin_caption(basins: list[Basin]) -> str:
    edge = [shorten(b.label) for b in basins if b.tuned.on_edge]
    others = ", which other seeds judge" * any(b.tuned.held_out for b in basins)
    return (
        f"Dot: a seed; line: mean over seeds; ring: the best{others}; grey: the other schedules; "
        "cross: a seed diverged or failed. Lines may leave the axis."
        + f" Best on the edge of what was tried: {', '.join(edge)}."
        * bool(edge)
    )


def tuned_title(basins: list[Basin]) -> str:
    """Which schedule is lowest at its own best peak lr, and which one at the common peak lr."""
    first = basins[0]
    if one_seed(basins):
        return unranked("validation losses at each schedule's own best peak lr, and at the common one")
    lowest = f"{shorten(first.label)} is lowest at its own best peak lr"
    at_common = [b.label for b in basins if b.tuned.common_rank == 1]
    if first.label in at_common:
        return f"{lowest}, as at the common one"
    return lowest + "".join(f"; at the common one it was {shorten(label)}" for label in at_common[:1])


def one_seed(basins: list[Basin]) -> bool:
    return all(basin.tuned.best.seeds == 1 for basin in basins)
