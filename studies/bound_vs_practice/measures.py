"""How well predictions order and size what was measured, with intervals from schedules and seeds drawn
again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analysis.differences import rank_correlation
from studies.bound_vs_practice.predictors import Predictor, Scale, centred_slope
from studies.bound_vs_practice.regimes import Regime
from studies.transfer.agreement import APART, DRAWS, LEVEL, Number


@dataclass(frozen=True)
class Agreement:
    """Of predictions with what was measured: three statistics, and the same of each draw."""

    found: np.ndarray  # float64 (3,)
    draws: np.ndarray  # float64 (DRAWS, 3)

    @property
    def rank(self) -> Number:
        """Spearman's correlation."""
        return self.number(0)

    @property
    def right(self) -> Number:
        """The share of the pairs that are apart."""
        return self.number(1)

    @property
    def slope(self) -> Number:
        """Of measured on predicted."""
        return self.number(2)

    def number(self, i: int) -> Number:
        tail = 100 * (1 - LEVEL) / 2
        return Number(
            float(self.found[i]), *map(float, np.nanpercentile(self.draws[:, i], [tail, 100 - tail]))
        )

    def minus(self, other: Agreement) -> Agreement:
        """Draw by draw: those of one regime are of the same schedules and seeds."""
        return Agreement(self.found - other.found, self.draws - other.draws)


def agreement(regime: Regime, predictor: Predictor, scale: Scale) -> Agreement:
    predicted = np.array([predictor.value(point, scale) for point in regime.points])
    measured = np.array([point.losses for point in regime.points])
    if predictor.either_sign and rank_correlation(predicted, measured.mean(axis=1)) < 0:
        predicted = -predicted
    return drawn(predicted, measured, members(regime))


def within_schedules(regime: Regime, predictor: Predictor, scale: Scale) -> Agreement:
    """Of the peaks of each schedule, over its mean: what a wrong peak costs."""
    predicted = np.array([predictor.value(point, scale) for point in regime.points])
    measured = np.array([point.losses for point in regime.points])
    schedules = members(regime)
    for rows in schedules:
        predicted[rows] -= predicted[rows].mean()
        measured[rows] -= measured[rows].mean(axis=0)
    return drawn(predicted, measured, schedules)


def members(regime: Regime) -> list[np.ndarray]:
    """The places of each schedule's points."""
    names = np.array([point.name for point in regime.points])
    return [np.flatnonzero(names == name) for name in dict.fromkeys(names)]


def drawn(predicted: np.ndarray, measured: np.ndarray, schedules: list[np.ndarray]) -> Agreement:
    """Of (points,) and (points, seeds); `schedules` are drawn whole."""
    rng, (_, seeds), draws = np.random.Generator(np.random.Philox(0)), measured.shape, []
    for _ in range(DRAWS):
        rows = np.concatenate([schedules[i] for i in rng.integers(len(schedules), size=len(schedules))])
        columns = rng.integers(seeds, size=seeds)
        draws.append(statistics(predicted[rows], measured[np.ix_(rows, columns)].mean(axis=1)))
    return Agreement(np.array(statistics(predicted, measured.mean(axis=1))), np.array(draws))


def statistics(predicted: np.ndarray, measured: np.ndarray) -> tuple[float, float, float]:
    """(rank correlation, share of pairs in the right order, slope)."""
    return (
        rank_correlation(predicted, measured),
        share_right(predicted, measured),
        centred_slope(predicted, measured),
    )


def share_right(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Of the pairs that are APART as measured; a tie of the predictions is half right."""
    apart = np.subtract.outer(measured, measured) > APART
    signs = np.sign(np.subtract.outer(predicted, predicted)[apart])
    return float((signs + 1).mean() / 2) if len(signs) else np.nan


def pairs_apart(regime: Regime) -> int:
    losses = np.array([point.loss for point in regime.points])
    return int((np.subtract.outer(losses, losses) > APART).sum())


def others_say(regime: Regime) -> Agreement | None:
    """What a second sample says: the other seeds of each seed in turn, or the other horizon.

    Where seeds are told from each other, the draws are the seeds.
    """
    if regime.seeds > 1:
        losses = np.array([point.losses for point in regime.points])
        others = [np.delete(losses, seed, axis=1).mean(axis=1) for seed in range(regime.seeds)]
        each = np.array([statistics(mean, losses[:, seed]) for seed, mean in enumerate(others)])
        return Agreement(each.mean(axis=0), each)
    points = [point for point in regime.points if point.other_horizon is not None]
    if not points:
        return None
    predicted = np.array([point.other_horizon for point in points])
    measured = np.array([point.losses for point in points])
    return drawn(predicted, measured, members(replace(regime, points=points)))
