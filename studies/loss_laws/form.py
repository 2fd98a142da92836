"""A loss law put together from parts, so that forms can be compared which the product doesn't have.

    L = L0 + A P^-alpha - B sum_k (eta_{k-1}^delta - eta_k^delta) (S_{k-1} / S)^kappa G(x_k)

- progress P: the sum of the lrs to the power p, over the steps;
- x_k: C eta_k^-gamma (S - S_{k-1}) as published, or C (tau - tau_{k-1}) in the intrinsic time tau, the sum of
  eta^(1-gamma);
- G(x): 1 - (1 + x)^-beta or 1 - exp(-x);
- kappa: -0.1 where a drop is credited by what is behind it, and 0 for none.

A `Form` is a law as `theory.fit_problem` wants one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.curves import Units
from theory.fit_problem import Terms
from theory.relaxation import power_relaxation
from theory.segments import joined_segments

STARTS = dict(C=(1.0, 10.0, 100.0, 1000.0), beta=(0.3, 0.6, 1.0), gamma=(0.2, 0.5, 0.8))
DRAWN = dict(beta=(0.5, 1.0), gamma=(0.5, 1.0))  # to these values, as strongly: as in the product's laws
ENDS = dict(gamma=(1e-3, 1.0), delta=(0.3, 3.0), p=(0.3, 1.7))


@dataclass(frozen=True)
class Form:
    """A form of the law.

    Args:
        in_tau: drops pay off in the intrinsic time, not as published.
        progress: "sum" of the lrs; "tau"; or "power", a sum of the lrs to a power p of its own.
        delta: the value that the noise's power is drawn to, and how strongly, 0 for a free one; None: 1.
        exponential: G is 1 - exp(-x).
        kappa: the power of S_{k-1} / S that a drop is credited with.
    """

    in_tau: bool = False
    progress: str = "sum"
    delta: tuple[float, float] | None = None
    exponential: bool = False
    kappa: float = 0.0

    __name__ = "a form of the law"  # in errors of a fit
    UNSEEN = 1.0  # for the fit's own checks: as the product's law in tau

    @property
    def SHAPES(self) -> dict[str, tuple[float, ...]]:
        shapes = {name: values for name, values in STARTS.items() if name != "beta" or not self.exponential}
        if self.delta:
            shapes["delta"] = self.delta[:1]
        return shapes | (dict(p=(1.0,)) if self.progress == "power" else {})

    @property
    def TYPICAL(self) -> dict[str, tuple[float, float]]:
        drawn = DRAWN | (dict(delta=self.delta) if self.delta else {})
        return {name: value for name, value in drawn.items() if name in self.SHAPES}

    @property
    def LIMITS(self) -> dict[str, tuple[float, float]]:
        return {name: ends for name, ends in ENDS.items() if name in self.SHAPES}

    def prepare(self, lrs, steps, units: Units):
        """What `terms` needs of a curve, with long decays joined."""
        unit = units.steps if self.in_tau else units.lr_sum / units.lr
        return joined_segments(lrs / units.lr, steps), unit

    def terms(self, shape, prepared) -> Terms:
        names, (run, unit) = list(self.SHAPES), prepared
        values = dict(beta=1.0, delta=1.0) | dict(zip(names, shape))
        log_progress, progress_by = self.progress_terms(values, run, unit)
        x, x_by = self.elapsed(values, run, unit)
        relaxed, by_x, by_beta = self.relaxation(x, values["beta"])
        credit = self.credit(run)
        before, after = (np.exp(values["delta"] * log) for log in (run.log_before, run.log_after))
        size = credit * (before - after if self.delta else run.size)
        drops_by = {name: (size * by_x * slope).sum(axis=1) for name, slope in x_by.items()}
        drops_by["beta"] = values["beta"] * (size * by_beta).sum(axis=1)
        by_delta = values["delta"] * (before * run.log_before - after * run.log_after)
        drops_by["delta"] = (credit * by_delta * relaxed).sum(axis=1)
        none = np.zeros(len(run.ends))
        return Terms(
            log_progress,
            np.column_stack([progress_by.get(name, none) for name in names]),
            (size * relaxed).sum(axis=1),
            np.column_stack([drops_by.get(name, none) for name in names]),
        )

    def progress_terms(self, values, run, unit) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """log P at each measured step (n,), and its derivatives by log parameters."""
        if self.progress == "sum":
            return np.log(run.sums(run.lr / unit)[0]), {}
        p = values["p"] if self.progress == "power" else 1 - values["gamma"]
        speed = np.exp(p * run.log_lr) / unit
        total = run.sums(speed)[0]
        by_p = run.sums(run.log_lr * speed)[0] / total
        if self.progress == "power":
            return np.log(total), dict(p=p * by_p)
        return np.log(total), dict(gamma=-values["gamma"] * by_p)

    def elapsed(self, values, run, unit) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """x of each measured step and drop (n, K), 0 before it, and its derivatives by log parameters."""
        C, gamma = values["C"], values["gamma"]
        if self.in_tau:
            speed = np.exp((1 - gamma) * run.log_lr) / unit
            since, since_by = elapsed_sums(run, speed), elapsed_sums(run, -gamma * run.log_lr * speed)
            x = C * np.maximum(since, 0)
            return x, dict(C=x, gamma=np.where(since > 0, C * since_by, 0))
        log_lr = run.log_lr[run.drops]
        x = C * np.exp(-gamma * log_lr) * np.maximum(elapsed_sums(run, run.lr / unit), 0)
        return x, dict(C=x, gamma=-gamma * log_lr * x)

    def relaxation(self, x, beta) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """G and its derivatives by x and by beta."""
        if self.exponential:
            return -np.expm1(-x), np.exp(-x), np.zeros_like(x)
        return power_relaxation(x, beta)

    def credit(self, run) -> np.ndarray:
        """What multiplies each drop's size at each measured step: (n, K), or (1, 1) for none."""
        if not self.kappa:
            return np.ones((1, 1))
        now, at_drops = run.sums(run.lr)
        return (at_drops / now[:, None]) ** self.kappa

    @staticmethod
    def plain(values: dict[str, float], units: Units) -> dict[str, float]:
        """As they were fitted: only predictions are asked for."""
        return values


def elapsed_sums(run, by_step: np.ndarray) -> np.ndarray:
    """What a value per step sums up to from before each drop to after each measured step, (n, K)."""
    now, at_drops = run.sums(by_step)
    return now[:, None] - at_drops
