"""The annealing law: what a drop of the learning rate brings comes exponentially with the steps since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from theory.curves import Units, checked_lrs
from theory.drops import drop_sizes, first_step_at_peak
from theory.fit_problem import Terms
from theory.law import LossLaw


@dataclass(frozen=True)
class AnnealingLaw(LossLaw):
    """What a drop brings comes exponentially with the steps since.

        L = L0 + A S^-alpha - B sum_{i<=s} m_i,  m_i = (1 - 1/tau) m_{i-1} + (eta_{i-1} - eta_i)

    S is the sum of all lrs up to a step. Its paper's lambda is 1 - 1/tau and its C our B. `tau` is fitted,
    where they have lambda = 0.999: runs differ in length.

    Args:
        L0, A, alpha, B: floats, for lrs as they are and losses in nats per token.
        tau: steps, at least 1.
        fitted: what intervals are made from; None for a law that was not fitted here.

    References:
        Tissue et al. 2024, arXiv 2408.11029.
    """

    SHAPES: ClassVar = dict(tau=(0.003, 0.01, 0.03, 0.1, 0.3))
    UNSEEN: ClassVar = 2.0

    tau: float
    fitted: object = field(default=None, repr=False, compare=False)

    def drop_term(self, lrs, steps) -> np.ndarray:
        """The sum over i after each of `steps`, (n,)."""
        return annealing_area(drop_sizes(lrs), self.tau)[0][steps]

    @staticmethod
    def prepare(lrs, steps, units: Units):
        """What `terms` needs of a curve."""
        size = drop_sizes(lrs) / (units.lr * units.steps)
        return np.log(lrs.cumsum()[steps] / units.lr_sum), size, steps, units.steps

    @staticmethod
    def terms(shape, prepared) -> Terms:
        log_progress, size, steps, longest = prepared
        value, slope = annealing_area(size, max(shape[0] * longest, 1.0))
        return Terms(log_progress, np.zeros((len(steps), 1)), value[steps], slope[steps, None])

    @staticmethod
    def plain(values: dict[str, float], units: Units) -> dict[str, float]:
        """The parameters for lrs that aren't in `units`."""
        return values | dict(
            A=values["A"] * units.lr_sum ** values["alpha"],
            B=values["B"] / (units.lr * units.steps),
            tau=max(values["tau"] * units.steps, 1.0),
        )

    def final_loss_gradient(self, lrs) -> tuple[float, np.ndarray]:
        """(the loss after the last of `lrs`, its derivative by each of them, float64 (T,))."""
        lrs = checked_lrs(lrs)
        steps_since = np.arange(len(lrs), 0, -1)  # that a drop at each step has had at the end, its own too
        counts = np.arange(len(lrs)) > first_step_at_peak(lrs)
        weight = np.where(counts, self.tau * (1 - (1 - 1 / self.tau) ** steps_since), 0)
        by_lr = -weight
        by_lr[:-1] += weight[1:]
        loss = self.L0 + self.A * lrs.sum() ** -self.alpha - self.B * (drop_sizes(lrs) @ weight)
        return float(loss), -self.alpha * self.A * lrs.sum() ** (-self.alpha - 1) - self.B * by_lr


def annealing_area(size, tau) -> tuple[np.ndarray, np.ndarray]:
    """What the drops add up to: the running sum of m_i = (1 - 1/tau) m_{i-1} + size_i.

    Args:
        size: of the drop at each step, (T,).
        tau: steps, at least 1.

    Returns:
        The sum at each step (T,), and its derivative by the logarithm of tau (T,).
    """
    from scipy.signal import lfilter

    momentum = lfilter([1.0], [1.0, 1 / tau - 1], size)
    slope = lfilter([0.0, 1.0], [1.0, 1 / tau - 1], momentum) / tau  # d lambda / d log tau is 1 / tau
    return momentum.cumsum(), slope.cumsum()
