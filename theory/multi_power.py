"""The multi-power law in one intrinsic time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from theory.curves import Units, checked_lrs
from theory.drops import MIN_LR, first_step_at_peak
from theory.fit_problem import Terms
from theory.law import LossLaw
from theory.relaxation import in_parts, power_relaxation
from theory.segments import exact_segments, joined_segments


@dataclass(frozen=True)
class MultiPowerLaw(LossLaw):
    """Progress and what the drops bring both go by one intrinsic time, of which a step takes eta^(1-gamma).

        L(t) = L0 + A tau_t^-alpha - B sum_k (eta_{k-1}^delta - eta_k^delta) G(tau_t - tau_{k-1})
        G(x) = 1 - (1 + C x)^-beta,  tau_t = eta_0^(1-gamma) + .. + eta_t^(1-gamma)

    With gamma = 0 time is the sum of the lrs, with gamma = 1 the number of steps; the truth lies between,
    so that a step at a low lr counts for more than its lr. eta^delta is the noise that an lr keeps in the
    loss, and G how much of it has gone since the drop. For a single drop to a constant lr, G is that of the
    published law, eta_k^-gamma S_k being tau_t - tau_{k-1}; in a decay that goes on, the published law takes
    the lr of each drop for all time after it, and it measures progress with gamma = 0. With gamma = 0 and
    delta = 1 the two are the same (`PublishedMultiPowerLaw`).

    Args:
        L0, A, alpha, B, C, beta, gamma, delta: floats, for lrs as they are and losses in nats per token.
        fitted: what intervals are made from; None for a law that was not fitted here.

    References:
        The terms: Luo et al. 2025, arXiv 2503.12811. An intrinsic time, the sum of the lrs, by which a
        schedule's noise decays: Li et al. 2025, arXiv 2509.19189. The exponents of that time and of the
        noise, 1 - gamma and delta, are this repository's.
    """

    SHAPES: ClassVar = dict(
        C=(1.0, 10.0, 100.0, 1000.0), beta=(0.3, 0.6, 1.0), gamma=(0.2, 0.5, 0.8), delta=(0.9,)
    )
    TYPICAL: ClassVar = dict(beta=(0.5, 1.0), gamma=(0.5, 1.0), delta=(0.9, 2.0))
    LIMITS: ClassVar = dict(gamma=(1e-3, 1.0), delta=(0.3, 3.0))
    UNSEEN: ClassVar = 1.0

    C: float
    beta: float
    gamma: float
    delta: float
    fitted: object = field(default=None, repr=False, compare=False)

    def progress(self, lrs, steps) -> np.ndarray:
        """tau after each of `steps`, (n,)."""
        run = exact_segments(lrs, steps)
        return run.sums(np.exp((1 - self.gamma) * run.log_lr))[0]

    def drop_term(self, lrs, steps) -> np.ndarray:
        """The sum over k after each of `steps`, (n,)."""
        run = exact_segments(lrs, steps)
        time, at_drops = run.sums(np.exp((1 - self.gamma) * run.log_lr))
        size = np.exp(self.delta * run.log_before) - np.exp(self.delta * run.log_after)
        return in_parts(
            lambda now: power_relaxation(self.C * np.maximum(now - at_drops, 0), self.beta)[0] @ size,
            time,
            len(size),
        )

    @staticmethod
    def prepare(lrs, steps, units: Units):
        """What `terms` needs of a curve, with long decays joined."""
        return joined_segments(lrs / units.lr, steps), units.steps

    @staticmethod
    def terms(shape, prepared) -> Terms:
        C, beta, gamma, delta = shape
        run, unit = prepared
        speed = np.exp((1 - gamma) * run.log_lr) / unit
        time, at_drops = run.sums(speed)
        time_by_gamma, at_drops_by_gamma = run.sums(-gamma * run.log_lr * speed)
        before, after = np.exp(delta * run.log_before), np.exp(delta * run.log_after)
        size, by_delta = before - after, delta * (before * run.log_before - after * run.log_after)
        x = C * np.maximum(time[:, None] - at_drops, 0)
        value, by_x, by_beta = power_relaxation(x, beta)
        by_time = C * by_x * (x > 0)
        by_shape = [
            (x * by_x) @ size,
            beta * by_beta @ size,
            time_by_gamma * (by_time @ size) - by_time @ (size * at_drops_by_gamma),
            value @ by_delta,
        ]
        none = np.zeros(len(time))
        by_progress = [none, none, time_by_gamma / time, none]
        return Terms(np.log(time), np.column_stack(by_progress), value @ size, np.column_stack(by_shape))

    @staticmethod
    def plain(values: dict[str, float], units: Units) -> dict[str, float]:
        """The parameters for lrs that aren't in `units`."""
        time = units.lr ** (1 - values["gamma"]) * units.steps
        return values | dict(
            A=values["A"] * time ** values["alpha"],
            B=values["B"] / units.lr ** values["delta"],
            C=values["C"] / time,
        )

    def final_loss_gradient(self, lrs) -> tuple[float, np.ndarray]:
        """(the loss after the last of `lrs`, its derivative by each of them, float64 (T,))."""
        lrs = checked_lrs(lrs)
        counts = np.arange(len(lrs)) > first_step_at_peak(lrs)
        eta = np.maximum(lrs, MIN_LR * lrs.max())
        speed, noise = eta ** (1 - self.gamma), eta**self.delta
        since = speed[::-1].cumsum()[::-1]  # tau_T - tau_{k-1}
        value, by_x, _ = np.where(counts, power_relaxation(self.C * since, self.beta), 0)
        size = np.append(0.0, noise[:-1] - noise[1:])
        by_speed = -self.alpha * self.A * since[0] ** (-self.alpha - 1)
        by_speed = by_speed - self.B * (size * self.C * by_x).cumsum()
        by_noise = self.B * (value - np.append(value[1:], 0.0))
        by_lr = by_speed * (1 - self.gamma) * speed / eta + by_noise * self.delta * noise / eta
        loss = self.L0 + self.A * since[0] ** -self.alpha - self.B * (size @ value)
        return float(loss), np.where(lrs > MIN_LR * lrs.max(), by_lr, 0.0)
