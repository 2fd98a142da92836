"""The runs that the bound is set beside: the small model's, and the published 124M ones."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from nanosched.csv_files import read_csv
from nanosched.run_files import Status
from schedulers import get_schedule
from studies.bound_vs_practice.families import family_of
from studies.transfer.by_peak_law import lrs_of
from studies.transfer.by_peak_runs import HORIZONS, PEAKS, SETTINGS, Losses, Run
from studies.transfer.larger import best_losses
from studies.transfer.small_runs import spec_of

TUNED, ONE_PEAK = "reference-tuned-cpu", "reference-cpu"
LEFT_OUT = {  # what has no learning rates before the run, and what breaks down at its best peak
    TUNED: ("plateau", "exponential"),
    ONE_PEAK: ("plateau",),
}
SMALL, LARGE = "0.1M", "124M"
MIDDLE = 1e-3  # the one peak of the 124M runs at which all settings are compared
BASE = {SMALL: "wsd", LARGE: "wsd 20% linear"}  # D / G is fitted on

Grid = dict[str, dict[float, dict[int, float]]]  # schedule -> peak lr -> seed -> final loss


@dataclass(frozen=True)
class Point:
    """A schedule at a peak lr."""

    name: str  # as the figures say it
    spec: str  # as the command line does
    peak_lr: float
    lrs: np.ndarray  # float64 (steps,)
    losses: np.ndarray  # float64 (seeds,), nats per token
    other_horizon: float | None = None  # the loss there, where it is known

    @property
    def loss(self) -> float:
        return float(self.losses.mean())

    @property
    def family(self) -> str:
        return family_of(self.spec)


@dataclass(frozen=True)
class Regime:
    """Points to be put in order."""

    name: str
    model: str  # SMALL or LARGE
    points: list[Point]
    at_best_peaks: bool = False

    @property
    def seeds(self) -> int:
        return len(self.points[0].losses)

    @property
    def schedules(self) -> int:
        return len({point.name for point in self.points})

    def without_constant(self) -> Regime:
        kept = [point for point in self.points if point.spec != "constant"]
        return replace(self, points=kept)


@dataclass(frozen=True)
class Data:
    """All regimes, by what they are for."""

    small_best: Regime
    small_one: Regime
    small_every: Regime
    large_best: dict[int, Regime]  # by horizon
    large_one: dict[int, Regime]
    large_every: dict[int, Regime]

    @property
    def regimes(self) -> list[Regime]:
        large = (self.large_best, self.large_one, self.large_every)
        return [
            self.small_best,
            self.small_one,
            self.small_every,
            *(by[steps] for steps in HORIZONS[::-1] for by in large),
        ]


def read_data(results: Path, losses: Losses) -> Data:
    """From the folder with both references and the losses of `read_losses`."""
    best, one, every = (
        {steps: of(losses, steps) for steps in HORIZONS} for of in (large_best, large_one, large_every)
    )
    return Data(*read_small(results), best, one, every)


# -- 0.1M


def read_small(results: Path) -> tuple[Regime, Regime, Regime]:
    """Tuned, judged by the seeds that did not tune; at one peak; at every peak, by the seeds that tuned."""
    config = json.loads((results / TUNED / "manifest.json").read_text(encoding="utf-8"))["config"]
    tuned, one = read_grid(results / TUNED), read_grid(results / ONE_PEAK)
    best = {row["scheduler"]: float(row["best_peak_lr"]) for row in read_csv(results / TUNED / "tuned.csv")}
    judging, tuning = [], []
    for name, peaks in tuned.items():
        tuners = set.intersection(*map(set, peaks.values()))
        judging.append(small_point(name, best[name], config, without(peaks[best[name]], tuners)))
        tuning += [
            small_point(name, peak, config, {seed: losses[seed] for seed in tuners})
            for peak, losses in peaks.items()
        ]
    at_one = [
        small_point(name, peak, config, losses)
        for name, peaks in one.items()
        for peak, losses in peaks.items()
    ]
    return (
        Regime("each at its tuned peak", SMALL, judging, at_best_peaks=True),
        Regime("all at 8e-3", SMALL, at_one),
        Regime("every peak tried", SMALL, tuning),
    )


def without(losses: dict[int, float], seeds: set[int]) -> dict[int, float]:
    return {seed: loss for seed, loss in losses.items() if seed not in seeds}


def read_grid(folder: Path) -> Grid:
    grid = defaultdict(lambda: defaultdict(dict))
    for row in read_csv(folder / "runs.csv"):
        if row["scheduler"] not in LEFT_OUT[folder.name] and row["status"] == Status.COMPLETE.value:
            loss = float(row["final_val_loss"])
            grid[row["scheduler"]][float(row["peak_lr"])][int(row["seed"])] = loss
    return {name: {peak: grid[name][peak] for peak in sorted(grid[name])} for name in sorted(grid)}


def small_point(name: str, peak: float, config: dict, losses: dict[int, float]) -> Point:
    schedule = get_schedule(name, config["steps"], peak, warmup_steps=config["warmup_steps"])
    return Point(name, name, peak, schedule.lrs(), np.array([losses[seed] for seed in sorted(losses)]))


# -- 124M


def large_best(losses: Losses, steps: int) -> Regime:
    """Each at its best peak, and so at the other horizon."""
    best, other = best_losses(losses, steps), best_losses(losses, other_horizon(steps))
    points = [
        large_point(Run(setting, best[setting][1], steps), best[setting][0], other.get(setting, (None,))[0])
        for setting in SETTINGS
        if setting in best
    ]
    return Regime(f"{steps:,} steps, each at its best peak", LARGE, points, at_best_peaks=True)


def large_one(losses: Losses, steps: int) -> Regime:
    return Regime(f"{steps:,} steps, all at 1e-3", LARGE, points_at(losses, steps, (MIDDLE,)))


def large_every(losses: Losses, steps: int) -> Regime:
    return Regime(f"{steps:,} steps, every peak from 5e-4", LARGE, points_at(losses, steps, PEAKS))


def points_at(losses: Losses, steps: int, peaks: tuple[float, ...]) -> list[Point]:
    runs = [Run(setting, peak, steps) for setting in SETTINGS for peak in peaks]
    other = {run: losses.get(replace(run, steps=other_horizon(steps))) for run in runs}
    return [large_point(run, losses[run], other[run]) for run in runs if run in losses]


def other_horizon(steps: int) -> int:
    return sum(HORIZONS) - steps


def large_point(run: Run, loss: float, other: float | None) -> Point:
    return Point(run.setting.name, spec_of(run.setting), run.peak_lr, lrs_once(run), np.array([loss]), other)


@cache
def lrs_once(run: Run) -> np.ndarray:
    """A run is in several regimes."""
    return lrs_of(run)
