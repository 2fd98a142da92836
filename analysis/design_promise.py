"""What a law's predicted differences between schedules are worth, by curves that it was not fitted on.

A design is where a law is lowest, so it is also where the law errs to its favour. The same happens with
every curve that a fit leaves out: predicted against measured, these say how much of a predicted gain comes
true, and how far the rest is off.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.predictions import ForecastRow
from nanosched.csv_files import read_csv, write_csv
from theory import Curve, LossLaw

MIN_HELD_OUT = 3  # fewer don't tell a slope from noise


@dataclass(frozen=True)
class HeldOut:
    """A schedule that a law was not fitted on: what it gains over the best of the others, nats per token."""

    scheduler: str
    predicted_gain: float
    gain: float  # as measured


@dataclass(frozen=True)
class Trust:
    """How much of a predicted gain is promised: `slope` times it, if that is above the residual."""

    slope: float  # measured over predicted gains, from 0 to 1; NaN where too few were held out
    residual: float  # root mean square of what the slope leaves, nats per token
    n: int  # schedules held out

    def promise(self, predicted_gain: float) -> float:
        """The shrunk gain in nats per token; NaN is no promise."""
        shrunk = self.slope * predicted_gain
        return shrunk if shrunk > self.residual else math.nan


def trust_of(held_out: list[HeldOut]) -> Trust:
    """The least-squares slope through zero, since a schedule gains nothing over itself.

    A slope above 1 counts as 1: no gain is promised that the law itself doesn't predict. With n held out the
    residual has n - 1 degrees of freedom.

    Args:
        held_out: each with two finite gains.
    """
    n = len(held_out)
    squares = sum(point.predicted_gain**2 for point in held_out)
    if n < MIN_HELD_OUT or squares == 0:
        return Trust(math.nan, math.nan, n)
    slope = sum(point.predicted_gain * point.gain for point in held_out) / squares
    slope = min(max(slope, 0.0), 1.0)
    left = sum((point.gain - slope * point.predicted_gain) ** 2 for point in held_out)
    return Trust(slope, math.sqrt(left / (n - 1)), n)


# -- which schedules are held out


def leave_each_out(law: type[LossLaw], curves: dict[str, Curve]) -> list[HeldOut]:
    """Each curve predicted by a fit on all the others, against the lowest of these.

    A curve is left out of the list where the others don't support a law.

    Args:
        law: the class of the law.
        curves: schedule -> measured curve.
    """
    found = []
    for label, curve in curves.items():
        others = {other: curves[other] for other in curves if other != label}
        try:
            fitted = law.fit(list(others.values()))
        except (ValueError, RuntimeError):
            continue
        best = lowest(others)
        found.append(HeldOut(label, predicted_gain(fitted, curve.lrs, best), measured_gain(curve, best)))
    return found


def lowest(curves: dict[str, Curve]) -> Curve:
    return min(curves.values(), key=lambda curve: curve.losses[-1])


def predicted_gain(law: LossLaw, lrs: np.ndarray, over: Curve) -> float:
    """How much lower than a curve the law puts a run with these lrs; what it errs by on both cancels."""
    last = over.steps[-1:]
    return float(law.predict(over.lrs, last)[0] - law.predict(lrs, last)[0])


def measured_gain(curve: Curve, over: Curve) -> float:
    return float(over.losses[-1] - curve.losses[-1])


def not_fitted_on(rows: Iterable[ForecastRow]) -> list[HeldOut]:
    """Those of a forecast that the law was not fitted on, against the lowest of all that were measured."""
    known = [row for row in rows if not math.isnan(row.error)]
    if not known:
        return []
    best = min(known, key=lambda row: row.measured)
    return [
        HeldOut(row.scheduler, best.predicted - row.predicted, best.measured - row.measured)
        for row in known
        if row.is_test and row is not best
    ]


# -- as a file


def write_held_out(path: Path, held_out: list[HeldOut]):
    write_csv(path, ["scheduler", "predicted_gain", "gain"], map(vars, held_out))


def read_held_out(path: Path) -> list[HeldOut]:
    return [
        HeldOut(row["scheduler"], float(row["predicted_gain"]), float(row["gain"])) for row in read_csv(path)
    ]
