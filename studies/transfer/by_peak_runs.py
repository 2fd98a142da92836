"""The final validation losses of the published 124M runs, by schedule, peak lr and steps.

Of the constant lr only periodic losses are known, on 32 batches; what these are below the whole validation
split is measured on the decayed runs, and added.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanosched.csv_files import read_csv

FINALS, CURVES = "slimpajama_124m.csv", "loss_curves_124M"
HORIZONS, PEAKS = (15_000, 25_000), (5e-4, 1e-3, 2e-3)
COSINE_RATIOS = {"1e-07": 0.0, "-1": 0.1, "": 0.1}  # final_lr in the file; the runs that leave it end alike
NEAR = 2_000  # steps: a line goes through the constant lr's periodic losses up to so far away


@dataclass(frozen=True)
class Setting:
    """A schedule without its peak lr."""

    schedule: str  # constant, wsd or cosine
    final_lr_ratio: float  # the last lr over the peak lr
    cooldown_fraction: float | None = None
    cooldown_shape: str = ""

    @property
    def name(self) -> str:
        """As people say it: "wsd 20% sqrt", "cosine to zero"."""
        if self.schedule == "wsd":
            return f"wsd {self.cooldown_fraction:.0%} {self.cooldown_shape}"
        return {0.1: "cosine to 10%", 0.0: "cosine to zero"}.get(self.final_lr_ratio, self.schedule)


@dataclass(frozen=True)
class Run:
    setting: Setting
    peak_lr: float
    steps: int


Losses = dict[Run, float]  # final validation losses, nats per token

CONSTANT, COSINE, COSINE_TO_TENTH = Setting("constant", 1.0), Setting("cosine", 0.0), Setting("cosine", 0.1)
WSD = {fraction: Setting("wsd", 0.0, fraction, "linear") for fraction in (0.1, 0.2, 0.4, 0.6, 0.8, 0.9)}
WSD_SQRT = Setting("wsd", 0.0, 0.2, "sqrt")
FILES = {  # of the curves
    CONSTANT: "constant",
    **{setting: f"wsd_{fraction}" for fraction, setting in WSD.items()},
    WSD_SQRT: "wsd_0.2_sqrt",
    COSINE_TO_TENTH: "cosine_to_10",
    COSINE: "cosine_to_0",
}
SETTINGS = list(FILES)
SETTLED = (COSINE, WSD[0.9], WSD[0.8])  # hardly change between their last periodic loss and their end


def read_losses(data: Path) -> Losses:
    """All final losses; the mean of those that were run twice. Constant: as of a run that stops there.

    Raises:
        OSError: a file that is not there.
    """
    losses = defaultdict(list)
    for row in read_csv(data / FINALS):
        run = Run(setting_of(row), float(row["peak_lr"]), int(row["steps"]))
        losses[run].append(float(row["final_val_loss"]))
    known = {run: float(np.mean(values)) for run, values in losses.items()}
    return known | constant_losses(data / CURVES, known)


def setting_of(row: dict[str, str]) -> Setting:
    if row["schedule"] == "wsd":
        return Setting("wsd", 0.0, float(row["cooldown_fraction"]), row["cooldown_shape"])
    return Setting("cosine", COSINE_RATIOS[row["final_lr"]])


def constant_losses(curves: Path, known: Losses) -> Losses:
    """The constant lr's losses at both horizons, for each peak that has a curve."""
    losses = {}
    for folder in sorted(curves.iterdir()):
        peak_lr = float(folder.name)
        steps, values = periodic(folder, CONSTANT)
        for horizon in HORIZONS:
            near = abs(steps - horizon) <= NEAR
            _, at_horizon = np.polyfit(steps[near] - horizon, values[near], 1)
            losses[Run(CONSTANT, peak_lr, horizon)] = float(at_horizon) + offset(folder, peak_lr, known)
    return losses


def offset(folder: Path, peak_lr: float, known: Losses) -> float:
    """How far the whole validation split is above the 32 batches, by the runs that had all but ended."""
    ends = (Run(setting, peak_lr, max(HORIZONS)) for setting in SETTLED)
    return float(np.mean([known[run] - periodic(folder, run.setting)[1][-1] for run in ends]))


def periodic(folder: Path, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """(steps taken, validation losses) of a curve."""
    rows = read_csv(folder / f"{FILES[setting]}.csv")
    return np.array([int(row["step"]) for row in rows]), np.array([float(row["val_loss"]) for row in rows])
