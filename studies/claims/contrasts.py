"""Sums of losses with weights, seed by seed, with the noise that all settings of a regime say."""

from __future__ import annotations

import math

import numpy as np

from analysis.noise import PairNoise, moderate, own_noises, pooled
from studies.claims.claim import Choice, Contrast, Share, tuned
from studies.claims.estimate import Estimate, student
from studies.claims.peaks import judged, judged_together, missing
from studies.claims.runs import Runs
from studies.claims.settings import CONSTANT, DECAYS


def estimate_contrast(runs: Runs, contrast: Contrast) -> Estimate:
    weights = [weight for weight, _ in contrast.terms]
    pool = () if contrast.same_runs else contrast.choices
    return of_weights(runs, weights, contrast.choices, pool)


def estimate_share(runs: Runs, share: Share) -> Estimate:
    """The ratio of two mean gains; its error is that of the contrast that is zero at this ratio, over the
    second gain, whose own error is small beside it."""
    rows = judged_together(runs, share.choices)
    seeds = common_seeds(rows)
    start, reached, end = (np.mean([row[seed] for seed in seeds]) for row in rows)
    gain, ratio = start - end, (start - reached) / (start - end)
    weights = [(1 - ratio) / gain, -1 / gain, ratio / gain]
    return of_weights(runs, weights, share.choices, share.choices, plus=float(ratio))


def of_weights(
    runs: Runs,
    weights: list[float],
    choices: tuple[Choice, ...],
    pool: tuple[Choice, ...],
    plus: float = 0.0,
) -> Estimate:
    """A contrast; its variance is its own, moderated by that of all pairs, whose weights are 1 and -1.

    Args:
        pool: whose pairs these are, beside the regime's grid; none for no moderation.
        plus: added to every seed's value.
    """
    rows = judged_together(runs, choices)
    values = {
        seed: plus + sum(weight * row[seed] for weight, row in zip(weights, rows))
        for seed in common_seeds(rows)
    }
    mean, sd = float(np.mean(list(values.values()))), float(np.std(list(values.values()), ddof=1))
    own = PairNoise(len(values), mean, sd, sd**2, len(values) - 1.0)
    df, variance, most_df = prior(runs, pool) if pool else (0.0, 0.0, math.inf)
    noise = moderate(own, df, variance * sum(weight**2 for weight in weights) / 2, most_df)
    return student(mean, math.sqrt(noise.variance / noise.n), noise.df, values)


def common_seeds(rows: list[dict[int, float]]) -> list[int]:
    """Raises ValueError for fewer than two, after runs that diverged."""
    seeds = sorted(set.intersection(*map(set, rows)))
    if len(seeds) < 2:
        raise ValueError("fewer than two seeds have finished where they judge")
    return seeds


def prior(runs: Runs, choices: tuple[Choice, ...]) -> tuple[float, float, float]:
    """Degrees of freedom, variance of a pair's difference, and the most degrees of freedom: of the regime."""
    grid = (tuned(schedule, choices[0].regime) for schedule in (CONSTANT, *DECAYS))
    rows = {choice: judged(runs, choice) for choice in (*grid, *choices) if not missing(runs, [choice])}
    return pooled(rows, own_noises(rows))
