"""The multi-power law as it was published, for comparison and for laws that were saved with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from theory.curves import Units, checked_lrs
from theory.drops import MIN_LR, drop_sizes, first_step_at_peak
from theory.fit_problem import Terms
from theory.law import LossLaw
from theory.relaxation import in_parts, power_relaxation
from theory.segments import exact_segments, joined_segments


@dataclass(frozen=True)
class PublishedMultiPowerLaw(LossLaw):
    """What a drop brings grows with a power of the sum of the lrs since, faster the lower the lr it went to.

        L = L0 + A S^-alpha - B sum_k (eta_{k-1} - eta_k) G(eta_k^-gamma S_k),  G(x) = 1 - (1 + C x)^-beta

    with S the sum of all lrs up to a step and S_k of those from step k on.

    Args:
        L0, A, alpha, B, C, beta, gamma: floats, for lrs as they are and losses in nats per token.
        fitted: what intervals are made from; None for a law that was not fitted here.

    References:
        Luo et al. 2025, arXiv 2503.12811.
    """

    SHAPES: ClassVar = dict(C=(1.0, 10.0, 100.0, 1000.0), beta=(0.3, 0.6, 1.0), gamma=(0.2, 0.5, 0.8))
    TYPICAL: ClassVar = dict(beta=(0.5, 1.0), gamma=(0.5, 1.0))
    LIMITS: ClassVar = dict(gamma=(1e-3, 1.0))
    UNSEEN: ClassVar = 1.25

    C: float
    beta: float
    gamma: float
    fitted: object = field(default=None, repr=False, compare=False)

    def drop_term(self, lrs, steps) -> np.ndarray:
        """The sum over k after each of `steps`, (n,)."""
        run = exact_segments(lrs, steps)
        scale = self.C * np.exp(-self.gamma * run.log_lr[run.drops])
        sums, at_drops = run.sums(run.lr)
        return in_parts(
            lambda now: power_relaxation(scale * np.maximum(now - at_drops, 0), self.beta)[0] @ run.size,
            sums,
            len(run.size),
        )

    @staticmethod
    def prepare(lrs, steps, units: Units):
        """What `terms` needs of a curve, with long decays joined."""
        return joined_segments(lrs / units.lr, steps), units.lr_sum / units.lr

    @staticmethod
    def terms(shape, prepared) -> Terms:
        C, beta, gamma = shape
        run, unit = prepared
        sums, at_drops = run.sums(run.lr / unit)
        log_lr = run.log_lr[run.drops]
        x = C * np.exp(-gamma * log_lr) * np.maximum(sums[:, None] - at_drops, 0)
        value, by_x, by_beta = power_relaxation(x, beta)
        slope = x * by_x
        by_shape = [slope @ run.size, beta * by_beta @ run.size, -gamma * slope @ (run.size * log_lr)]
        return Terms(np.log(sums), np.zeros((len(sums), 3)), value @ run.size, np.column_stack(by_shape))

    @staticmethod
    def plain(values: dict[str, float], units: Units) -> dict[str, float]:
        """The parameters for lrs that aren't in `units`."""
        return values | dict(
            A=values["A"] * units.lr_sum ** values["alpha"],
            B=values["B"] / units.lr,
            C=values["C"] * units.lr ** values["gamma"] / units.lr_sum,
        )

    def final_loss_gradient(self, lrs) -> tuple[float, np.ndarray]:
        """(the loss after the last of `lrs`, its derivative by each of them, float64 (T,))."""
        lrs = checked_lrs(lrs)
        counts = np.arange(len(lrs)) > first_step_at_peak(lrs)
        total, since, eta = lrs.sum(), lrs[::-1].cumsum()[::-1], np.maximum(lrs, MIN_LR * lrs.max())
        size = drop_sizes(lrs)
        scale = self.C * eta**-self.gamma
        value = np.where(counts, 1 - (1 + scale * since) ** -self.beta, 0)  # G
        slope = size * self.beta * (1 + scale * since) ** (-self.beta - 1) * scale  # size dG/dS_k
        by_lr = (
            slope.cumsum() - np.where(lrs > MIN_LR * lrs.max(), slope * self.gamma * since / eta, 0) - value
        )
        by_lr[:-1] += value[1:]
        loss = self.L0 + self.A * total**-self.alpha - self.B * (size @ value)
        return float(loss), -self.alpha * self.A * total ** (-self.alpha - 1) - self.B * by_lr
