"""Candidates for how the differences between schedules depend on the peak lr and the horizon.

All are one linear model. A run's final loss is a level, which all runs of its peak and horizon share, plus

    (steps / 25,000)^-fading (c0 + c1 x + c2 x^2 + c3 log2(steps / 25,000)),
    x = log2(peak_lr / 1e-3) + shift log2(steps / 25,000)

with c0 .. c3 of its schedule alone. With a shift of 0 a peak means the same at each horizon. With 1/2 a
longer run is as a shorter one at a higher peak: so it is in the convex bound (Schaipp et al. 2025, arXiv
2501.18965), up to a logarithm of the steps, where differences fade with a power of 1/2 as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from studies.transfer.by_peak_runs import COSINE, Losses, Run, Setting

NOISE = 0.0012  # nats per token, standard deviation of a 124M run's final loss, by those that were run twice
FREE = 1.0  # nats, a prior that says nothing
TERMS = 4


@dataclass(frozen=True)
class Model:
    """A candidate.

    Args:
        name: for the page.
        shift: octaves of the peak lr that an octave of the horizon is worth; default 0.
        curvature: standard deviation of c2 over schedules, nats; default 0, straight lines.
        drift: standard deviation of c3, nats; default 0.
        fading: the power of the horizon that differences fall with; default 0.
        lowest_peak: runs at lower peaks are left out; default 5e-4.
    """

    name: str
    shift: float = 0.0
    curvature: float = 0.0
    drift: float = 0.0
    fading: float = 0.0
    lowest_peak: float = 5e-4

    def terms(self, run: Run) -> np.ndarray:
        """What c0 .. c3 are multiplied by, float64 (4,)."""
        longer = np.log2(run.steps / 25_000)
        x = place(run.peak_lr, run.steps, self.shift)
        return np.array([1.0, x, x * x, longer]) * 2 ** (-self.fading * longer)

    @property
    def priors(self) -> np.ndarray:
        """The standard deviations of c0 .. c3."""
        return np.array([FREE, FREE, self.curvature, self.drift])

    def fit(self, losses: Losses) -> Fitted:
        """The coefficients nearest to the losses by least squares, with the priors and NOISE as weights."""
        runs = [run for run in losses if run.peak_lr >= self.lowest_peak]
        settings = list(dict.fromkeys(run.setting for run in runs))
        cells = list(dict.fromkeys((run.peak_lr, run.steps) for run in runs))
        levels = np.array([[(run.peak_lr, run.steps) == cell for cell in cells] for run in runs], dtype=float)
        of_setting = [np.kron(indicator(run.setting, settings), self.terms(run)) for run in runs]
        scale = np.tile(self.priors, len(settings))  # solved for the coefficients over their deviations
        design = np.hstack([levels, np.array(of_setting) * scale]) / NOISE
        values = np.array([losses[run] for run in runs]) / NOISE
        precision = np.append(np.zeros(len(cells)), np.ones(len(scale)))
        covariance = np.linalg.inv(design.T @ design + np.diag(precision))
        solution = covariance @ design.T @ values
        misfit = np.sum((design @ solution - values) ** 2) + np.sum(precision * solution**2)
        kept = slice(len(cells), None)
        scaled = covariance[kept, kept] * np.outer(scale, scale)
        return Fitted(self, settings, solution[kept] * scale, scaled, float(misfit))


@dataclass(frozen=True)
class Fitted:
    """A model with its coefficients."""

    model: Model
    settings: list[Setting]
    coefficients: np.ndarray  # float64, (4 * settings,)
    covariance: np.ndarray  # of these
    misfit: float  # sum of squares over the noise's variance, with the priors' share

    def difference(self, run: Run, baseline: Setting = COSINE) -> float:
        """The run's final loss minus that of the baseline at its peak and horizon, nats per token."""
        return float(self.weights(run, baseline) @ self.coefficients)

    def deviation(self, run: Run, baseline: Setting = COSINE) -> float:
        """The standard deviation of `difference` that the noise of the fitted runs makes."""
        weights = self.weights(run, baseline)
        return float(np.sqrt(weights @ self.covariance @ weights))

    def weights(self, run: Run, baseline: Setting) -> np.ndarray:
        against = indicator(run.setting, self.settings) - indicator(baseline, self.settings)
        return np.kron(against, self.model.terms(run))

    @cached_property
    def known(self) -> frozenset[Setting]:
        return frozenset(self.settings)


def place(peak_lr: float, steps: int, shift: float) -> float:
    """x: where a peak stands, in octaves above 1e-3 at 25,000 steps."""
    return float(np.log2(peak_lr / 1e-3) + shift * np.log2(steps / 25_000))


def indicator(setting: Setting, settings: list[Setting]) -> np.ndarray:
    return np.array([float(other == setting) for other in settings])
