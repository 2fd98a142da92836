"""The final validation losses of the published 124M runs, by schedule, peak lr and steps.

Of the constant lr only the periodic losses are known, on 32 batches; what these are below the whole validation
split is measured on the decayed runs, and added.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanosched.csv_files import read_csv

FINALS, CURVES = "slimpajama_124m.csv", "loss_curves_124M"
HORIZONS = (15_000, 25_000)
COSINE_RATIOS = {"1e-07": 0.0, "-1": 0.1, "": 0.1}  # final_lr in the file; the one left empty ends at 10% too
SETTLED = ("cosine_to_0.csv", "wsd_0.9.csv", "wsd_0.8.csv")  # hardly change after their last periodic loss
NEAR = 2_000  # steps: the line through the constant lr's periodic losses up to so far away


@dataclass(frozen=True, order=True)
class Setting:
    """A schedule without its peak lr."""

    schedule: str  # constant, wsd or cosine
    final_lr_ratio: float  # the last lr over the peak lr
    cooldown_fraction: float | None = None
    cooldown_shape: str = ""


@dataclass(frozen=True)
class Run:
    setting: Setting
    peak_lr: float
    steps: int


Losses = dict[Run, float]  # final validation losses, nats per token

CONSTANT, COSINE = Setting("constant", 1.0), Setting("cosine", 0.0)
ASKED = [
    CONSTANT,
    *(Setting("wsd", 0.0, fraction, "linear") for fraction in (0.1, 0.2, 0.4, 0.6, 0.8, 0.9)),
    Setting("wsd", 0.0, 0.2, "sqrt"),
    Setting("cosine", 0.1),
    COSINE,
]


def read_losses(data: Path) -> Losses:
    """All final losses; the mean of those that were run twice. Constant: as of a run that stops there."""
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
        below = np.mean([known[run] - last for run, last in settled(folder, peak_lr)])
        steps, values = periodic(folder / "constant.csv")
        for horizon in HORIZONS:
            near = abs(steps - horizon) <= NEAR
            line = np.polyfit(steps[near] - horizon, values[near], 1)
            losses[Run(CONSTANT, peak_lr, horizon)] = float(line[1] + below)
    return losses


def settled(folder: Path, peak_lr: float) -> list[tuple[Run, float]]:
    """(run, its last periodic loss) of the runs that had all but ended by then."""
    settings = (COSINE, Setting("wsd", 0.0, 0.9, "linear"), Setting("wsd", 0.0, 0.8, "linear"))
    return [
        (Run(setting, peak_lr, max(HORIZONS)), float(periodic(folder / name)[1][-1]))
        for setting, name in zip(settings, SETTLED)
    ]


def periodic(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(steps taken, validation losses) of a curve."""
    rows = read_csv(path)
    return np.array([int(row["step"]) for row in rows]), np.array([float(row["val_loss"]) for row in rows])
