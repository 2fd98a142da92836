"""Before the training: what the bound and both laws say of every schedule whose learning rates are known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from analysis.bounds import bound_rows
from analysis.measured import Measured
from analysis.predictions import FIT_ON, predict_at, schedule_of
from nanosched.csv_files import write_csv
from schedulers import resolve
from studies.theory_vs_practice.data import DESIGNED, Forecast, Prediction, write_predictions
from theory import AnnealingLaw, LossLaw, PublishedMultiPowerLaw


def predict(out: Path, measured: Measured) -> list[Path]:
    """Write law.json, predictions.csv and fitted_curves.csv from the curves of FIT_ON."""
    curves = [measured.curve(name) for name in FIT_ON]
    multi_power, annealing = PublishedMultiPowerLaw.fit(curves), AnnealingLaw.fit(curves)
    law_path = out / "law.json"
    multi_power.save(law_path)
    labels = [*resolve("all"), f"{DESIGNED}:law={law_path}"]
    schedules = [(label, schedule_of(label, measured.steps, measured)) for label in labels]
    bounds = {row.scheduler: row.bound for row in bound_rows(schedules)}
    predictions = [
        Prediction(
            label,
            bounds.get(label, math.inf),
            forecast(multi_power, schedule.lrs()),
            forecast(annealing, schedule.lrs()),
        )
        for label, schedule in schedules
        if not schedule.reactive
    ]
    return [law_path, write_predictions(out, predictions), write_fitted_curves(out, measured)]


def forecast(law: LossLaw, lrs: np.ndarray) -> Forecast:
    """The final loss of a run with these learning rates."""
    return Forecast(*predict_at(law, lrs, len(lrs) - 1))


def write_fitted_curves(out: Path, measured: Measured) -> Path:
    """fitted_curves.csv: what the laws were fitted on, one row per schedule and validated step."""
    rows = [
        dict(scheduler=name, step=step, val_loss=loss)
        for name in FIT_ON
        for step, loss in zip(measured.curves[name].steps, measured.curves[name].losses)
    ]
    write_csv(path := out / "fitted_curves.csv", ["scheduler", "step", "val_loss"], rows)
    return path
