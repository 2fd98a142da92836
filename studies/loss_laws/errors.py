"""How far a fitted form is off on curves that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studies.loss_laws.curves import Trial
from theory import Curve
from theory.fit import PRIOR_STRENGTH
from theory.fit_problem import Problem, make_problem, model
from theory.solve import best_of, start_points


@dataclass(frozen=True)
class Fitted:
    """A form with what it was fitted on, as `theory.fit.fit` does it, but whatever the curves leave open."""

    problem: Problem
    theta: np.ndarray

    def predict(self, curve: Curve) -> np.ndarray:
        return model(self.problem.probe(curve.lrs, curve.steps), self.theta)[0]


@dataclass(frozen=True)
class Errors:
    """Predicted minus measured, nats per token, of each unseen curve."""

    names: list[str]
    whole: np.ndarray  # the mean absolute error of all points, (curves,)
    at_end: np.ndarray  # (curves,)
    dropped: np.ndarray  # whether the curve ends below its peak lr, (curves,)
    judged: np.ndarray  # absolute, as the trial has it, (curves,)

    @property
    def mean(self) -> float:
        return float(self.judged.mean())

    @property
    def signed(self) -> float:
        """At the end, of curves that end below their peak."""
        return float(self.at_end[self.dropped].mean())

    def at(self, name: str) -> float:
        """At the end of one curve."""
        return float(self.at_end[self.names.index(name)])


def fitted(law, curves: list[Curve]) -> Fitted:
    problem = make_problem(law, curves)
    starts = start_points(problem)
    free = best_of(problem, starts)
    return Fitted(problem, best_of(problem, [free.x, *starts], np.sqrt(2 * PRIOR_STRENGTH * free.cost)).x)


def errors_of(law, trial: Trial) -> Errors:
    return errors(fitted(law, trial.fitted), trial)


def errors(fit: Fitted, trial: Trial) -> Errors:
    by_point = [fit.predict(curve) - curve.losses for curve in trial.unseen]
    whole = np.array([np.abs(points).mean() for points in by_point])
    at_end = np.array([points[-trial.last :].mean() for points in by_point])
    dropped = np.array([curve.lrs[-1] < curve.lrs.max() for curve in trial.unseen])
    names = [curve.name for curve in trial.unseen]
    return Errors(names, whole, at_end, dropped, whole if trial.whole else np.abs(at_end))
