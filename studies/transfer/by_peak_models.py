"""Candidates for how the differences between schedules depend on the peak lr and the horizon.

All are one linear model: a run's loss is a level that all runs of its peak and horizon share, plus a
polynomial of its setting alone in the place of the peak

    x = log2(peak_lr / 1e-3) + shift log2(steps / 25,000)

(plus drift times log2(steps / 25,000)). With a shift of 0 a peak means the same at each horizon; with 1/2,
where the convex bound has its best peak (it falls with the root of the horizon; Schaipp et al. 2501.18965), a
longer run is as a shorter one at a higher peak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studies.transfer.by_peak_runs import COSINE, Losses, Run, Setting

NOISE = 0.0012  # nats per token: the standard deviation over 124M runs that were made twice
WIDE = 1.0  # a prior that says nothing


@dataclass(frozen=True)
class Model:
    """A candidate: what x is, and how freely a setting's loss may depend on it.

    Args:
        name: for the page.
        shift: octaves of the peak lr that an octave of the horizon is worth.
        curvature: nats per octave squared, the standard deviation of the settings' quadratic terms; 0 for
            straight lines.
        drift: nats per octave of the horizon, the standard deviation of the settings' terms in it.
        lowest_peak: runs at lower peaks are left out.
    """

    name: str
    shift: float = 0.0
    curvature: float = 0.0
    drift: float = 0.0
    lowest_peak: float = 5e-4

    def place(self, run: Run) -> float:
        """The peak's place, in octaves above 1e-3 at 25,000 steps."""
        return np.log2(run.peak_lr / 1e-3) + self.shift * np.log2(run.steps / 25_000)

    def terms(self, run: Run) -> np.ndarray:
        """What the setting's four coefficients are multiplied by."""
        x = self.place(run)
        return np.array([1.0, x, x * x, np.log2(run.steps / 25_000)])

    @property
    def priors(self) -> np.ndarray:
        """The standard deviations of these coefficients."""
        return np.array([WIDE, WIDE, self.curvature, self.drift])

    def fit(self, losses: Losses) -> Fitted:
        """The coefficients nearest to the losses, by least squares with the priors."""
        runs = [run for run in losses if run.peak_lr >= self.lowest_peak]
        settings = sorted({run.setting for run in runs}, key=repr)
        cells = sorted({(run.peak_lr, run.steps) for run in runs})
        free = len(cells)
        design = np.zeros((len(runs), free + 4 * len(settings)))
        for row, run in zip(design, runs):
            row[cells.index((run.peak_lr, run.steps))] = 1
            start = free + 4 * settings.index(run.setting)
            row[start : start + 4] = self.terms(run) * self.priors  # coefficients over their deviations
        weighted = design / NOISE
        values = np.array([losses[run] for run in runs]) / NOISE
        prior = np.diag(np.append(np.full(free, 1e-6), np.ones(4 * len(settings))))
        stacked = np.concatenate([weighted, prior]), np.append(values, np.zeros(len(prior)))
        solution = np.linalg.lstsq(*stacked, rcond=None)[0][free:].reshape(-1, 4) * self.priors
        return Fitted(self, dict(zip(settings, solution)))


@dataclass(frozen=True)
class Fitted:
    """A model with the coefficients of each setting."""

    model: Model
    coefficients: dict[Setting, np.ndarray]

    def difference(self, run: Run, baseline: Setting = COSINE) -> float:
        """The run's final loss minus that of the baseline at its peak and horizon, nats per token."""
        by_setting = self.coefficients[run.setting] - self.coefficients[baseline]
        return float(self.model.terms(run) @ by_setting)
