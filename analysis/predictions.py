"""What a fitted loss law predicts for schedules, beside what was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.measured import Measured
from schedulers import Schedule, get_schedule
from theory import LossLaw

FIT_ON = (
    "constant",
    "cosine",
    "wsd",
)  # they tell a law most: one high throughout, one slow decay, one late and fast
MAX_OPEN = 0.1  # half an interval over its prediction: beyond, no number is given


@dataclass(frozen=True)
class ForecastRow:
    """One row of forecast.csv: losses of the last measured step, in nats per token, NaN where not known."""

    scheduler: str
    steps: int
    peak_lr: float
    fitted_on: bool
    predicted: float
    low: float  # 95% interval
    high: float
    measured: float

    @property
    def error(self) -> float:
        return self.predicted - self.measured

    @property
    def left_open(self) -> bool:
        """Whether the interval goes further than MAX_OPEN, so that no number is given."""
        return math.isnan(self.predicted)

    @property
    def is_test(self) -> bool:
        """Whether prediction and measurement are both known, of a schedule that the law was not fitted on."""
        return not math.isnan(self.error) and not self.fitted_on


def forecast_rows(
    law: LossLaw, measured: Measured, labels: list[str], steps: int, fit_on: list[str]
) -> list[ForecastRow]:
    """A row for each schedule, the lowest prediction first and those left open last.

    Args:
        law: fitted, so that it has intervals.
        measured: the curves that predictions are compared with; some of them were fitted on.
        labels: schedules to predict.
        steps: of the runs to predict; what was measured counts at its own horizon only.
        fit_on: the labels that the law was fitted on.

    Raises:
        ValueError: a schedule that can't be made, that reacts to the loss, so that no law knows the lrs, or
            that has an optimizer of its own, which no law knows.
    """
    rows = [forecast_row(law, measured, label, steps, label in fit_on) for label in labels]
    return sorted(rows, key=lambda row: (row.left_open, row.predicted))


def forecast_row(law: LossLaw, measured: Measured, label: str, steps: int, fitted_on: bool) -> ForecastRow:
    curve = measured.curves.get(label) if steps == measured.steps else None
    if curve:
        lrs, step, loss = curve.lrs, curve.steps[-1], float(curve.losses[-1])
    else:
        lrs, step, loss = lrs_of(label, steps, measured), steps - 1, math.nan
    predicted, low, high = predict_at(law, lrs, step)
    if high - low > 2 * MAX_OPEN * predicted:
        predicted = low = high = math.nan
    return ForecastRow(label, steps, measured.peak_lr, fitted_on, predicted, low, high, loss)


def predict_at(law: LossLaw, lrs: np.ndarray, step: int) -> tuple[float, float, float]:
    """(prediction, low, high) after this 0-based step."""
    steps = np.array([step])
    low, high = law.interval(lrs, steps)
    return float(law.predict(lrs, steps)[0]), float(low[0]), float(high[0])


def predictable(measured: Measured, steps: int) -> list[str]:
    """What was measured; at another horizon without the schedules that react to the loss."""
    if steps == measured.steps:
        return list(measured.curves)
    return [label for label in measured.curves if schedule_of(label, steps, measured).predictable]


def schedule_of(label: str, steps: int, measured: Measured) -> Schedule:
    """The schedule at the peak lr and with the warmup of what was measured."""
    return get_schedule(label, steps=steps, peak_lr=measured.peak_lr, warmup_steps=measured.warmup_steps)


def lrs_of(label: str, steps: int, measured: Measured) -> np.ndarray:
    schedule = schedule_of(label, steps, measured)
    if schedule.reactive:
        raise ValueError(
            f"{label} reacts to the loss, so its learning rates are not known before it is trained: "
            "leave it out of --schedulers"
        )
    if not schedule.predictable:
        raise ValueError(
            f"{label} has an optimizer of its own, which no law knows: leave it out of --schedulers"
        )
    return schedule.lrs()
