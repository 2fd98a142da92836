"""Two laws of the loss of a run as a function of its learning rates, fitted on a few measured curves.

Both say L = L0 + A * S^-alpha - B * (what the lr drops bring), with S the sum of all lrs up to a step. They
differ in how soon a drop pays off: with a power of the lr sum since (`MultiPowerLaw`), or exponentially with
the steps since (`AnnealingLaw`). Drops count from the highest lr on: a warmup, or a schedule's own rise, is
in S alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import ClassVar

import numpy as np

from nanosched.files import atomic
from theory.curves import Curve, Units, checked_lrs, checked_steps
from theory.drops import (
    MIN_LR,
    annealing_area,
    blocks,
    drop_sizes,
    first_step_at_peak,
    lr_drops,
    lr_sum_since,
    power_sum,
)
from theory.fit import fit
from theory.uncertainty import interval

MAX_CELLS = 4_000_000  # of a (steps, drops) array at a time
MAX_POINTS = 1000  # of an interval at a time


@dataclass(frozen=True)
class LossLaw:
    """What both laws share: the parameters of the formula, for lrs as they are.

    SHAPES, TYPICAL, LIMITS, `prepare`, `drop_term_of` and `plain` are what a fit needs
    (`theory.fit_problem`).
    """

    SHAPES: ClassVar[dict[str, tuple[float, ...]]]
    TYPICAL: ClassVar[dict[str, float]] = {}
    LIMITS: ClassVar[dict[str, float]] = {}

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
            A law of this class, which has intervals.

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

    def save(self, path):
        """Write the law as JSON, for `load_law`; without what intervals are made from."""
        with atomic(Path(path)) as temporary:
            temporary.write_text(
                json.dumps(dict(law=type(self).__name__, **self.parameters), indent=1) + "\n"
            )

    def predict(self, lrs, steps) -> np.ndarray:
        """The loss after each of `steps` of a run with these learning rates.

        Exact, and O(n K): every one of the K steps at which the lr changes is summed over for each of
        `steps`.

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
        with np.errstate(divide="ignore"):
            power = lrs.cumsum()[steps] ** -self.alpha
        return self.L0 + self.A * power - self.B * self.drop_term(lrs, steps)

    def interval(self, lrs, steps, level: float = 0.95, draws: int = 100) -> tuple[np.ndarray, np.ndarray]:
        """The interval of `predict`: by a residual bootstrap, and by how far the law misses its curves.

        The bootstrap alone holds what noise does; the larger part is what the law gets wrong, which
        `theory.uncertainty` estimates from the fitted curves, with Student's t for so few of them. A schedule
        unlike all of those can be further off.

        Args:
            lrs, steps: as in `predict`.
            level: of confidence, default 0.95.
            draws: of the bootstrap, default 100.

        Returns:
            (low, high), float64, shape (n,) each; NaN before the first lr above 0.

        Raises:
            ValueError: as `predict`; a law that was loaded, not fitted.
            RuntimeError: fewer than half of the bootstrap's fits converge.
        """
        lrs = checked_lrs(lrs)
        steps = checked_steps(steps, len(lrs))
        if self.fitted is None:
            raise ValueError("this law has no curves that it was fitted on: get one from fit")
        parts = np.array_split(steps, 1 + len(steps) // MAX_POINTS)
        low, high = zip(*(interval(self.fitted, lrs, part, level, draws) for part in parts))
        return np.concatenate(low), np.concatenate(high)


@dataclass(frozen=True)
class MultiPowerLaw(LossLaw):
    """The multi-power law: what a drop brings grows with a power of the sum of the lrs since.

        L = L0 + A S^-alpha - B sum_k (eta_{k-1} - eta_k) G(eta_k^-gamma S_k),  G(x) = 1 - (1 + C x)^-beta

    with S_k the sum of the lrs from step k on. With gamma = 0 what a drop brings comes with the sum of the
    lrs since, with gamma = 1 with the number of steps since; the truth is taken to lie between.

    Args:
        L0, A, alpha, B, C, beta, gamma: floats, for lrs as they are and losses in nats per token.
        fitted: what intervals are made from; None for a law that was not fitted here.

    References:
        Luo et al. 2025, arXiv 2503.12811.
    """

    SHAPES: ClassVar = dict(C=(1.0, 10.0, 100.0, 1000.0), beta=(0.3, 0.6, 1.0), gamma=(0.2, 0.5, 0.8))
    TYPICAL: ClassVar = dict(beta=0.5, gamma=0.5)
    LIMITS: ClassVar = dict(gamma=1.0)

    C: float
    beta: float
    gamma: float
    fitted: object = field(default=None, repr=False, compare=False)

    def drop_term(self, lrs, steps) -> np.ndarray:
        """The sum over k after each of `steps`, (n,)."""
        drops, lr_sums = lr_drops(lrs), lrs.cumsum()
        sums = [
            power_sum(
                drops.size,
                np.log(drops.lr),
                lr_sum_since(lr_sums[part], drops),
                self.C,
                self.beta,
                self.gamma,
            )[0]
            for part in np.array_split(steps, 1 + len(steps) * len(drops.size) // MAX_CELLS)
        ]
        return np.concatenate(sums)

    @staticmethod
    def prepare(lrs, steps, units: Units):
        """What `drop_term_of` needs of a curve, with long decays joined in blocks."""
        drops = blocks(lr_drops(lrs), lrs, steps)
        since = lr_sum_since(lrs.cumsum()[steps], drops) / units.lr_sum
        return drops.size / units.lr, np.log(drops.lr / units.lr), since

    @staticmethod
    def drop_term_of(shape, prepared):
        """(the drops' sum (n,), its derivatives by the logarithms of C, beta and gamma (n, 3))."""
        return power_sum(*prepared, *shape)

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


@dataclass(frozen=True)
class AnnealingLaw(LossLaw):
    """The annealing law: what a drop brings comes exponentially with the steps since.

        L = L0 + A S^-alpha - B sum_{i<=s} m_i,  m_i = (1 - 1/tau) m_{i-1} + (eta_{i-1} - eta_i)

    Its paper's lambda is 1 - 1/tau and its C our B. `tau` is fitted, where they have lambda = 0.999: runs
    differ in length.

    Args:
        L0, A, alpha, B: floats, for lrs as they are and losses in nats per token.
        tau: steps, at least 1.
        fitted: what intervals are made from; None for a law that was not fitted here.

    References:
        Tissue et al. 2024, arXiv 2408.11029.
    """

    SHAPES: ClassVar = dict(tau=(0.003, 0.01, 0.03, 0.1, 0.3))

    tau: float
    fitted: object = field(default=None, repr=False, compare=False)

    def drop_term(self, lrs, steps) -> np.ndarray:
        """The sum over i after each of `steps`, (n,)."""
        return annealing_area(drop_sizes(lrs), self.tau)[0][steps]

    @staticmethod
    def prepare(lrs, steps, units: Units):
        """What `drop_term_of` needs of a curve."""
        return drop_sizes(lrs) / (units.lr * units.steps), steps, units.steps

    @staticmethod
    def drop_term_of(shape, prepared):
        """(the drops' sum (n,), its derivative by the logarithm of tau (n, 1))."""
        size, steps, longest = prepared
        value, slope = annealing_area(size, max(shape[0] * longest, 1.0))
        return value[steps], slope[steps, None]

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


def load_law(path) -> LossLaw:
    """The law that `LossLaw.save` wrote.

    Args:
        path: of a JSON file, str or Path.

    Raises:
        ValueError: a file that can't be read or holds no law.
    """
    try:
        parameters = json.loads(Path(path).read_text(encoding="utf-8"))
        law = {cls.__name__: cls for cls in (MultiPowerLaw, AnnealingLaw)}[parameters.pop("law")]
        return law(**{name: float(value) for name, value in parameters.items()})
    except OSError as e:
        raise ValueError(f"law={str(path)!r} can't be read: {e.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(
            f"law={str(path)!r} holds no law: give a file that python -m analysis.forecast saved"
        ) from None
