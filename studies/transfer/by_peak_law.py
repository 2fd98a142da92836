"""What a multi-power law says of the change of a difference with the horizon, for comparison.

The law (Luo et al. 2025, arXiv 2503.12811) is fitted on all ten curves of a peak; its change of a difference
from 25,000 steps to another horizon is added to the one measured at 25,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from schedulers import get_schedule
from studies.transfer.by_peak_runs import CURVES, HORIZONS, SETTINGS, Run, Setting, periodic
from theory import Curve, PublishedMultiPowerLaw

WARMUP, FITTED_FROM, EVERY = 300, 2_000, 5  # steps; every fifth point, for the time


def fit_law(data: Path, peak_lr: float, settings: Sequence[Setting] = SETTINGS) -> PublishedMultiPowerLaw:
    """The law of the curves of one peak."""
    folder = data / CURVES / f"{peak_lr:g}"
    return PublishedMultiPowerLaw.fit([curve(folder, setting, peak_lr) for setting in settings])


def curve(folder: Path, setting: Setting, peak_lr: float) -> Curve:
    steps, losses = periodic(folder, setting)
    kept = np.flatnonzero(steps > FITTED_FROM)[::-EVERY][::-1]  # the last one is
    return Curve(lrs_of(Run(setting, peak_lr, max(HORIZONS))), steps[kept] - 1, losses[kept], setting.name)


def lrs_of(run: Run) -> np.ndarray:
    """The run's learning rates, float64 (steps,)."""
    setting = run.setting
    given = {
        "constant": dict(),
        "wsd": dict(cooldown=setting.cooldown_fraction, shape=setting.cooldown_shape),
        "cosine": dict(final_lr_ratio=setting.final_lr_ratio),
    }[setting.schedule]
    return get_schedule(setting.schedule, run.steps, run.peak_lr, warmup_steps=WARMUP, **given).lrs()


def final_loss(law: PublishedMultiPowerLaw, run: Run) -> float:
    return float(law.predict(lrs_of(run), [run.steps - 1])[0])
