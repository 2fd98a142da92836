"""What all laws of the loss of a run, as a function of its learning rates, have in common.

They say L = L0 + A * progress^-alpha - B * (what the lr drops bring). `MultiPowerLaw`,
`PublishedMultiPowerLaw` and `AnnealingLaw` differ in how they measure progress and in how soon a drop pays
off. Drops count from the highest lr on: the rise to it is in the progress alone, a later one is a drop
below zero.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

import numpy as np

from nanosched.files import atomic
from theory.curves import Curve, checked_lrs, checked_steps
from theory.fit import doubts, fit
from theory.uncertainty import interval

MAX_POINTS = 1000  # of an interval at a time


@dataclass(frozen=True)
class LossLaw:
    """The parameters that all laws share, for lrs as they are, and what can be asked of a law.

    SHAPES, TYPICAL, LIMITS, `prepare`, `terms` and `plain` are what a fit needs (`theory.fit_problem`), and
    UNSEEN is what an interval needs (`theory.uncertainty`); a law also has `progress(lrs, steps)`,
    `drop_term(lrs, steps)` and `final_loss_gradient(lrs)`.
    """

    SHAPES: ClassVar[dict[str, tuple[float, ...]]]
    TYPICAL: ClassVar[dict[str, tuple[float, float]]] = {}
    LIMITS: ClassVar[dict[str, tuple[float, float]]] = {}
    UNSEEN: ClassVar[float]

    L0: float
    A: float
    alpha: float
    B: float

    @classmethod
    def fit(cls, curves: list[Curve]):
        """The law that fits the curves best.

        Args:
            curves: measured runs of different shapes, such as a constant lr, a cosine and a late cooldown.

        Returns:
            A law of this class, which has intervals; `doubts` says what the curves left open.

        Raises:
            ValueError: the curves don't support a law: too few points, no lr drop, an end that it misses, or
                predictions that they leave open.
            RuntimeError: no start of the fit converged.
        """
        result = fit(cls, curves)
        return cls(**result.parameters, fitted=result)

    @property
    def parameters(self) -> dict[str, float]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "fitted"}

    @property
    def doubts(self) -> list[str]:
        """A line for each parameter that the fit left at the end of its range; none for a loaded law."""
        return doubts(self.fitted) if self.fitted else []

    def save(self, path):
        """Write the law as JSON, for `load_law`; without what intervals are made from."""
        with atomic(Path(path)) as temporary:
            temporary.write_text(
                json.dumps(dict(law=type(self).__name__, **self.parameters), indent=1) + "\n"
            )

    def predict(self, lrs, steps) -> np.ndarray:
        """The loss after each of `steps` of a run with these learning rates.

        Exact; a multi-power law takes O(n K): every one of the K steps at which the lr changes is summed over
        for each of `steps`.

        Args:
            lrs: of the whole run, float64, shape (T,).
            steps: 0-based, ints, shape (n,).

        Returns:
            float64, shape (n,), in nats per token; infinite before the first lr above 0.

        Raises:
            ValueError: lrs that are negative or not finite, steps outside the run.
        """
        lrs = checked_lrs(lrs)
        steps = checked_steps(steps, len(lrs))
        power = self.progress(lrs, steps) ** -self.alpha
        loss = self.L0 + self.A * power - self.B * self.drop_term(lrs, steps)
        return np.where(steps < np.flatnonzero(lrs)[0], np.inf, loss)

    def progress(self, lrs, steps) -> np.ndarray:
        """The sum of the lrs after each of `steps`, (n,); where that is 0, any number above 0."""
        sums = lrs.cumsum()[steps]
        return np.where(sums > 0, sums, 1.0)

    def interval(self, lrs, steps, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """The interval of `predict`: what the curves leave open, and what the law gets wrong.

        By the delta method, with the normal quantile: `theory.uncertainty` estimates from how far the law
        misses the fitted curves how far it misses others. That has been right for laws of three curves or
        more; of two it is too narrow for small noisy models, and a schedule unlike all of the curves can be
        further off. The noise of a single measurement is not in it.

        Args:
            lrs, steps: as in `predict`.
            level: of confidence, default 0.95.

        Returns:
            (low, high), float64, shape (n,) each; NaN before the first lr above 0.

        Raises:
            ValueError: as `predict`; a law that was loaded, not fitted.
        """
        lrs = checked_lrs(lrs)
        steps = checked_steps(steps, len(lrs))
        if self.fitted is None:
            raise ValueError("this law has no curves that it was fitted on: get one from fit")
        begin = np.flatnonzero(lrs)[0]
        parts = np.array_split(np.maximum(steps, begin), 1 + len(steps) // MAX_POINTS)
        ends = zip(*(interval(self.fitted, lrs, part, level) for part in parts))
        low, high = (np.where(steps < begin, np.nan, np.concatenate(end)) for end in ends)
        return low, high
