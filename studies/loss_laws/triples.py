"""Whether what holds for one choice of three curves holds for others."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from studies.loss_laws.curves import Trial
from studies.loss_laws.errors import Fitted, errors
from theory import Curve
from theory.fit import fit


@dataclass(frozen=True)
class Triples:
    """A form against the published one, on the triples that the fits of both accept."""

    triples: int
    refused: int  # of all, by the form itself
    common: int
    better: float  # the share of `common` in which the form has the lower mean error
    median: float  # of its mean errors
    high: float  # the 90% quantile
    published_median: float
    published_high: float


def all_triples(curves: dict[str, Curve], like: Trial, every: int = 1) -> list[Trial]:
    """Trials judged as `like`: fitted on three of the curves, to predict the others."""
    return [
        Trial(
            like.name,
            like.family,
            [curves[name] for name in names],
            [curve for name, curve in curves.items() if name not in names],
            like.last,
            like.whole,
        )
        for names in list(combinations(curves, 3))[::every]
    ]


def mean_errors(law, trials: list[Trial]) -> np.ndarray:
    """The mean error of each trial, NaN where the fit refuses its curves: (trials,)."""
    return np.array([mean_error(law, trial) for trial in trials])


def mean_error(law, trial: Trial) -> float:
    try:
        accepted = fit(law, trial.fitted)
    except (ValueError, RuntimeError):
        return np.nan
    return errors(Fitted(accepted.problem, accepted.theta), trial).mean


def compared(own: np.ndarray, published: np.ndarray) -> Triples:
    both = np.isfinite(own) & np.isfinite(published)
    return Triples(
        len(own),
        int(np.isnan(own).sum()),
        int(both.sum()),
        float((own < published)[both].mean()),
        *(float(np.quantile(values[both], q)) for values in (own, published) for q in (0.5, 0.9)),
    )
