"""Where the bound is wrong: by family, and of pairs of schedules that differ in one thing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.differences import paired_difference
from studies.bound_vs_practice.families import ORDER
from studies.bound_vs_practice.predictors import BEST, Scale
from studies.bound_vs_practice.regimes import LARGE, SMALL, Regime
from studies.transfer.agreement import DRAWS, LEVEL, Number
from studies.transfer.by_peak_models import NOISE

PAIR_NOISE = float(np.sqrt(2) * NOISE)
NORMAL = 1.96
CONTRASTS = {  # (the one thing, schedule, minus)
    SMALL: [
        ("no decay", "constant", "wsd"),
        ("a longer decay", "linear", "wsd"),
        ("a steeper decay", "polynomial", "linear"),
        ("the second half lower", "fast_slow", "linear"),
        ("a convex decay", "rex", "linear"),
        ("ends at 10%", "cosine", "linear"),
        ("several cycles", "cosine_restarts", "cosine"),
        ("several cycles", "cyclic", "one_cycle"),
        ("several cooldowns", "wsd_s", "wsd"),
        ("stairs", "step", "linear"),
        ("stairs", "piecewise", "wsd"),
        ("no cooldown", "inverse_sqrt", "inverse_sqrt_cooldown"),
        ("the bound's own optimum", "bound_optimal", "linear"),
    ],
    LARGE: [
        ("no decay", "constant", "wsd 20% linear"),
        ("1-sqrt", "wsd 20% sqrt", "wsd 20% linear"),
        ("a longer cooldown", "wsd 20% linear", "wsd 10% linear"),
        ("a longer cooldown", "wsd 40% linear", "wsd 20% linear"),
        ("a longer cooldown", "wsd 60% linear", "wsd 40% linear"),
        ("a longer cooldown", "wsd 80% linear", "wsd 60% linear"),
        ("a longer cooldown", "wsd 90% linear", "wsd 80% linear"),
        ("ends at 10%", "cosine to 10%", "cosine to zero"),
        ("cosine", "cosine to zero", "wsd 90% linear"),
    ],
}


@dataclass(frozen=True)
class FamilyError:
    """Measured minus predicted, over the mean of all schedules: above zero is worse than the bound says."""

    family: str
    names: list[str]
    error: Number


@dataclass(frozen=True)
class Contrast:
    """Of two schedules, each at its best peak; nats per token."""

    thing: str
    name: str
    minus: str
    predicted: float
    measured: Number

    @property
    def verdict(self) -> str:
        low, high = self.measured.low, self.measured.high
        if low <= self.predicted <= high:
            return "as predicted"
        if low <= 0 <= high:
            return "no such difference"
        if self.predicted * self.measured.value < 0:
            return "the other way"
        larger = abs(self.measured.value) > abs(self.predicted)
        return "more than predicted" if larger else "less than predicted"


def family_errors(regime: Regime, scale: Scale) -> list[FamilyError]:
    """With schedules and seeds drawn again; a single schedule has the noise of its seeds alone."""
    errors = errors_of(regime, scale)
    families = [point.family for point in regime.points]
    found = []
    for family in (family for family in ORDER if family in families):
        rows = [i for i, own in enumerate(families) if own == family]
        names = [regime.points[i].name for i in rows]
        found.append(FamilyError(family, names, mean_of(errors[rows])))
    return found


def errors_of(regime: Regime, scale: Scale) -> np.ndarray:
    """(points, seeds), with a mean of zero in each seed."""
    predicted = np.array([BEST.value(point, scale) for point in regime.points])
    errors = np.array([point.losses for point in regime.points]) - predicted[:, None]
    return errors - errors.mean(axis=0)


def mean_of(errors: np.ndarray) -> Number:
    rng, (n, seeds) = np.random.Generator(np.random.Philox(0)), errors.shape
    draws = [
        errors[np.ix_(rng.integers(n, size=n), rng.integers(seeds, size=seeds))].mean() for _ in range(DRAWS)
    ]
    tail = 100 * (1 - LEVEL) / 2
    return Number(float(errors.mean()), *map(float, np.percentile(draws, [tail, 100 - tail])))


def contrasts(regime: Regime, scale: Scale) -> list[Contrast]:
    """Paired by seed; with one seed the interval is that of the noise between two runs of one setting."""
    points = {point.name: point for point in regime.points}
    found = []
    for thing, name, minus in CONTRASTS[regime.model]:
        if name in points and minus in points:
            predicted = BEST.value(points[name], scale) - BEST.value(points[minus], scale)
            measured = difference(points[name].losses, points[minus].losses)
            found.append(Contrast(thing, name, minus, predicted, measured))
    return found


def difference(losses: np.ndarray, minus: np.ndarray) -> Number:
    if len(losses) == 1:
        value = float(losses[0] - minus[0])
        return Number(value, value - NORMAL * PAIR_NOISE, value + NORMAL * PAIR_NOISE)
    found = paired_difference(dict(enumerate(losses)), dict(enumerate(minus)))
    return Number(found.mean, found.low, found.high)
