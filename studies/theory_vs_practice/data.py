"""Predictions made before training, beside the losses measured after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from analysis.differences import rank_correlation
from analysis.measured import read_curves
from analysis.predictions import FIT_ON
from nanosched.csv_files import read_csv, write_csv
from nanosched.run_files import Status

DESIGNED = "forecast_optimal"
PEAKS = "peaks"  # the folder within the folder, with wsd and cosine at several peak lrs
COLUMNS = [
    "scheduler",
    "bound",
    "multi_power",
    "multi_power_low",
    "multi_power_high",
    "annealing",
    "annealing_low",
    "annealing_high",
]

Losses = dict[int, float]  # seed -> final validation loss, nats per token


@dataclass(frozen=True)
class Forecast:
    """A law's prediction of a final validation loss with its 95% interval, nats per token."""

    loss: float
    low: float
    high: float


@dataclass(frozen=True)
class Prediction:
    """One row of predictions.csv."""

    scheduler: str
    bound: float  # at the schedule's own best peak lr, over the lowest of all
    multi_power: Forecast
    annealing: Forecast


@dataclass(frozen=True)
class Outcome:
    """A schedule that was predicted and then trained."""

    prediction: Prediction
    losses: Losses

    @property
    def scheduler(self) -> str:
        return self.prediction.scheduler

    @property
    def family(self) -> str:
        """The schedule's name without its parameters."""
        return self.scheduler.split(":")[0]

    @property
    def fitted_on(self) -> bool:
        return self.scheduler in FIT_ON

    @property
    def mean(self) -> float:
        return np.mean(list(self.losses.values()))

    @property
    def std(self) -> float:
        return np.std(list(self.losses.values()), ddof=1)


@dataclass(frozen=True)
class Method:
    """A way to predict the order of schedules."""

    name: str
    value: Callable[[Prediction], float]
    in_nats: bool = True  # per token; the bound has no unit of loss

    def correlation(self, outcomes: list[Outcome]) -> float:
        """The rank correlation with what was measured."""
        values = [self.value(outcome.prediction) for outcome in outcomes]
        return rank_correlation(values, [outcome.mean for outcome in outcomes])

    def mean_error(self, outcomes: list[Outcome]) -> float:
        errors = [abs(self.value(outcome.prediction) - outcome.mean) for outcome in outcomes]
        return float(np.mean(errors))


METHODS = [
    Method("convex bound", lambda prediction: prediction.bound, in_nats=False),
    Method("multi-power law", lambda prediction: prediction.multi_power.loss),
    Method("annealing law", lambda prediction: prediction.annealing.loss),
]


@dataclass(frozen=True)
class Study:
    """All that the page and the figure say."""

    outcomes: list[Outcome]  # by the mean loss
    losses: dict[tuple[str, float], Losses]  # by (schedule, peak lr), those of the folder `peaks` too
    config: dict  # as in the manifest

    @property
    def peak_lr(self) -> float:
        return self.config["peak_lr"]

    @property
    def steps(self) -> int:
        return self.config["steps"]

    @cached_property
    def seeds(self) -> int:
        """The fewest that a schedule has."""
        return min(len(outcome.losses) for outcome in self.outcomes)

    @cached_property
    def new(self) -> list[Outcome]:
        """Of the schedules that no law was fitted on."""
        return [outcome for outcome in self.outcomes if not outcome.fitted_on]

    @cached_property
    def designed(self) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.family == DESIGNED)


def write_predictions(out: Path, predictions: list[Prediction]) -> Path:
    rows = (
        dict(scheduler=prediction.scheduler, bound=prediction.bound)
        | forecast_columns("multi_power", prediction.multi_power)
        | forecast_columns("annealing", prediction.annealing)
        for prediction in predictions
    )
    write_csv(path := out / "predictions.csv", COLUMNS, rows)
    return path


def forecast_columns(law: str, forecast: Forecast) -> dict[str, float]:
    return {law: forecast.loss, f"{law}_low": forecast.low, f"{law}_high": forecast.high}


def read_predictions(out: Path) -> list[Prediction]:
    return [
        Prediction(
            row["scheduler"],
            float(row["bound"]),
            read_forecast(row, "multi_power"),
            read_forecast(row, "annealing"),
        )
        for row in read_csv(out / "predictions.csv")
    ]


def read_forecast(row: dict[str, str], law: str) -> Forecast:
    return Forecast(*(float(row[name]) for name in (law, f"{law}_low", f"{law}_high")))


def read_study(out: Path) -> Study:
    """Predictions and measurements; ValueError for a schedule that was predicted but not trained."""
    config = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["config"]
    losses = read_losses(out, config["steps"])
    outcomes = []
    for prediction in read_predictions(out):
        measured = losses.get((prediction.scheduler, config["peak_lr"]))
        if measured is None:
            raise ValueError(f"{prediction.scheduler} was predicted but not trained: train it first")
        outcomes.append(Outcome(prediction, measured))
    return Study(sorted(outcomes, key=lambda outcome: outcome.mean), losses, config)


def read_losses(out: Path, steps: int) -> dict[tuple[str, float], Losses]:
    """Losses of the completed runs of both folders at their last step.

    On the batches that the laws were fitted on, where a folder has the curves; else on those of the final
    validation, as in the committed results, whose final validation was on the same ones.
    """
    losses = {}
    for folder in (out, out / PEAKS):
        path = folder / "curves.csv"
        curves = read_curves(path) if path.is_file() else {}
        for row in read_csv(folder / "runs.csv"):
            if row["status"] == Status.COMPLETE.value and int(row["steps"]) == steps:
                by_seed = losses.setdefault((row["scheduler"], float(row["peak_lr"])), {})
                curve = curves.get(row["run_id"])
                loss = curve.val_loss[-1] if curve else row["final_val_loss"]
                by_seed[int(row["seed"])] = float(loss)
    return losses
