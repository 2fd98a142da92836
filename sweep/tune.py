"""Which peak lrs to try for a schedule, and with which seeds.

By factors of two, until the best has a worse one on either side. The first tuning seed goes up the whole
ladder, the others follow around the best only, and other seeds judge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from schedulers import Schedule

FACTOR = 2.0
MAX_STEPS = 8  # of this factor, away from where the grid began; beyond, something else is wrong
NEAR = 2.01  # of this factor: peak lrs so close to the best are trained with every tuning seed

Losses = dict[
    float, dict[int, float]
]  # peak lr -> seed -> final loss; inf or NaN for one that did not complete


def first_half(seeds: list[int]) -> list[int]:
    """The seeds that choose the peak lrs where none are named; the others judge, one more if odd."""
    return seeds[: max(1, len(seeds) // 2)]


def judging_seeds(seeds: list[int], tuning_seeds: list[int]) -> list[int]:
    """Those that chose no peak lr; all where none is left."""
    return [seed for seed in seeds if seed not in tuning_seeds] or seeds


@dataclass
class Grid:
    """One schedule at one horizon: its peak lrs, which grow by rounds."""

    label: str
    schedules: list[Schedule]  # one per peak lr
    seeds: list[int]  # that choose among them
    refusals: dict[float, str] = field(default_factory=dict)  # peak lr -> why the schedule can't have it
    near: set[float] = field(default_factory=set)  # peak lrs that all the seeds are trained at
    began: tuple[float, float] = field(init=False)  # the lowest and highest peak lr of the first round

    def __post_init__(self):
        self.began = min(self.peaks), max(self.peaks)

    @property
    def peaks(self) -> list[float]:
        return [schedule.peak_lr for schedule in self.schedules]

    def at(self, peak: float) -> Schedule:
        return next(schedule for schedule in self.schedules if schedule.peak_lr == peak)

    def trained_with(self, seed: int) -> list[Schedule]:
        """By ascending peak lr: all with the first seed, those near the best with the others."""
        ordered = sorted(self.schedules, key=lambda schedule: schedule.peak_lr)
        return [s for s in ordered if seed == self.seeds[0] or s.peak_lr in self.near]

    def grow(self, losses: Losses) -> bool:
        """Go on past a best peak lr that is the lowest or highest, then with further seeds around it; whether
        there is anything new to train.
        """
        values = estimates(losses)
        peak = next_peak(values, self.began)
        if peak is not None and self.extend([peak]):
            return True
        before = len(self.near)
        self.near |= near_best(values) if len(self.seeds) > 1 else set()
        return len(self.near) > before

    def refine(self, losses: Losses) -> bool:
        """Add the peak lrs halfway from the best to its neighbours; whether any was added."""
        return self.extend(refined(estimates(losses)))

    def extend(self, peaks: list[float]) -> bool:
        """Add the schedule at these peak lrs but for those that it refuses; whether any was added."""
        before = len(self.schedules)
        for peak in peaks:
            if peak in self.refusals:
                continue
            try:
                schedule = replace(self.schedules[0], peak_lr=peak)
                schedule.lrs()  # a formula that fails at some step fails here
            except ValueError as e:
                self.refusals[peak] = f"{self.label} is left out at a peak lr of {peak:g}: {e}"
            else:
                self.schedules.append(schedule)
        return len(self.schedules) > before


def first_grids(schedules: list[tuple[str, Schedule]], seeds: list[int]) -> list[Grid]:
    """Each schedule at the peak lrs asked for, or at half, once and twice the only one."""
    groups = {}
    for label, schedule in schedules:
        groups.setdefault((label, schedule.steps), []).append(schedule)
    grids = [Grid(label, group, seeds) for (label, _), group in groups.items()]
    for grid in grids:
        if len(grid.schedules) == 1:
            (peak,) = grid.peaks
            grid.extend([peak / FACTOR, peak * FACTOR])
            grid.began = min(grid.peaks), max(grid.peaks)
    return grids


def settings_of(grids: list[Grid], seed: int) -> list[tuple[str, Schedule]]:
    """(label, schedule) of all that this seed is trained with, each grid by ascending peak lr."""
    return [(grid.label, schedule) for grid in grids for schedule in grid.trained_with(seed)]


def chosen_peak(losses: Losses) -> float:
    """The peak lr with the lowest mean loss, among those with the fewest incomplete and the most seeds."""

    def key(peak: float):
        completed = [loss for loss in losses[peak].values() if math.isfinite(loss)]
        return len(losses[peak]) - len(completed), -len(losses[peak]), mean_or_inf(completed), peak

    return min(losses, key=key)


def estimates(losses: Losses) -> dict[float, float]:
    """Peak lr -> mean loss over the tuning seeds, inf where one did not complete.

    Where not all were trained it is what it is above the best so far, with the seeds that both have.
    """
    best = losses[chosen_peak(losses)]
    means = {}
    for peak, row in losses.items():
        if not all(map(math.isfinite, row.values())):
            means[peak] = math.inf
        elif row.keys() == best.keys():
            means[peak] = mean_or_inf(list(row.values()))
        else:
            both = [seed for seed in row if seed in best]
            above = mean_or_inf([row[seed] for seed in both]) - mean_or_inf([best[seed] for seed in both])
            means[peak] = above + mean_or_inf(list(best.values()))
    return means


def mean_or_inf(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.inf


def near_best(means: dict[float, float]) -> set[float]:
    """The peak lrs that deserve every tuning seed.

    One is left at its first seed if it did not complete there, which rules it out, or if it is more than two
    factors of two from the best and worse than its neighbour towards it. So noise would have to turn a basin
    over at three of its points to hide a better peak lr.
    """
    peaks = sorted(means)
    best = peaks.index(min(peaks, key=means.get))

    def far(i: int) -> bool:
        towards = i + (1 if i < best else -1)
        distance = abs(math.log(peaks[i] / peaks[best], FACTOR))
        return distance > NEAR and means[peaks[i]] > means[peaks[towards]]

    return {peak for i, peak in enumerate(peaks) if math.isfinite(means[peak]) and not far(i)}


def next_peak(losses: dict[float, float], began: tuple[float, float]) -> float | None:
    """The peak lr to try next, None if the best one lies within the grid.

    Args:
        losses: peak lr -> mean final validation loss, inf or NaN where a run did not complete.
        began: the lowest and the highest peak lr of the first grid.
    """
    peaks = sorted(losses)
    values = [losses[peak] if math.isfinite(losses[peak]) else math.inf for peak in peaks]
    if len(peaks) < 2 or min(values) == max(values) < math.inf:  # the peak lr makes no difference
        return None
    best = values.index(min(values))  # if none completed, the lowest: a lower one may
    if best == 0 and peaks[0] > began[0] / FACTOR**MAX_STEPS:
        return peaks[0] / FACTOR
    if best == len(peaks) - 1 and peaks[-1] < began[1] * FACTOR**MAX_STEPS:
        return peaks[-1] * FACTOR
    return None


def refined(losses: dict[float, float]) -> list[float]:
    """The two peak lrs halfway, in the exponent, from the best to its neighbours; none where the best is on
    the edge.
    """
    peaks = sorted(losses)
    best = peaks.index(min(peaks, key=lambda peak: losses[peak] if math.isfinite(losses[peak]) else math.inf))
    if not 0 < best < len(peaks) - 1 or not math.isfinite(losses[peaks[best]]):
        return []
    return [math.sqrt(peaks[best] * peaks[best + side]) for side in (-1, 1)]
