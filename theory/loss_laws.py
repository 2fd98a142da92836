"""Two laws of the loss of a run as a function of its learning rates, fitted on a few measured curves.

Both say L = L0 + A * S^-alpha - B * (what the falls of the lr bring), with S the sum of all lrs up to a step. They differ in how soon
a fall pays off: with a power of the lr sum since (`MultiPowerLaw`), or exponentially with the steps since (`AnnealingLaw`).
Falls count from the highest lr on: a warmup, or a schedule's own rise, is in S alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import ClassVar

import numpy as np

from nanosched.files import atomic

MOST_CELLS = 4_000_000  # of a (steps, falls) array at a time
NEAR = 1.2  # a factor between lrs, up to which they are put together
MOST_POINTS = 1000  # of an interval at a time
FLOOR = 1e-9  # of the highest lr: below it an lr counts as this, since a power of 0 is infinite


@dataclass(frozen=True)
class Curve:
    """A measured run.

    Args:
        lrs: learning rates of the whole run, float64 (T,).
        steps: 0-based steps after which the loss was measured, ascending, int (n,); step s is after lrs[0..s] were applied.
        losses: float64 (n,), nats a token.

    Raises:
        ValueError: one line that names what is wrong.
    """

    lrs: np.ndarray
    steps: np.ndarray
    losses: np.ndarray
    name: str = ""  # for errors

    def __post_init__(self):
        lrs = checked_lrs(self.lrs)
        steps, losses = checked_steps(self.steps, len(lrs)), np.asarray(self.losses, dtype=float)
        if losses.shape != steps.shape:
            raise ValueError(f"losses has shape {losses.shape}: give one for each of the {len(steps)} steps")
        if not (np.isfinite(losses) & (losses > 0)).all():
            raise ValueError("losses has a number that is not finite or not above 0: leave such steps out")
        if (np.diff(steps) <= 0).any():
            raise ValueError("steps is not ascending: sort it, each step once")
        for name, value in (("lrs", lrs), ("steps", steps), ("losses", losses)):
            object.__setattr__(self, name, value)


def checked_lrs(lrs) -> np.ndarray:
    lrs = np.asarray(lrs, dtype=float)
    if lrs.ndim != 1 or not len(lrs):
        raise ValueError(f"lrs has shape {lrs.shape}: give the learning rates of the whole run, (steps,)")
    if not (np.isfinite(lrs) & (lrs >= 0)).all() or not lrs.any():
        raise ValueError(
            "lrs has a number that is negative or not finite, or is 0 throughout: a learning rate is at least 0"
        )
    return lrs


def checked_steps(steps, length: int) -> np.ndarray:
    steps = np.asarray(steps)
    if (
        steps.ndim != 1
        or not len(steps)
        or steps.dtype.kind not in "iuf"
        or not np.array_equal(steps, np.floor(steps))
    ):
        raise ValueError(f"steps has shape {steps.shape} and type {steps.dtype}: give whole numbers, (n,)")
    if steps.min() < 0 or steps.max() >= length:
        raise ValueError(
            f"steps goes from {steps.min()} to {steps.max()}: the {length} lrs are those of steps 0 to {length - 1}"
        )
    return steps.astype(int)


@dataclass(frozen=True)
class Units:
    """What a fit measures in, so that neither lrs of 1e-4 nor runs of 1e5 steps leave its numbers far from 1."""

    lr: float  # the highest
    total: float  # the largest sum of a run's lrs
    steps: int  # of the longest run


@dataclass(frozen=True)
class LossLaw:
    """What both laws share: the parameters of the formula, for lrs and losses in the units they were fitted in.

    SHAPES names the parameters within the falls' term, with values to start a fit from in `Units`; TYPICAL and LIMITS are values that
    a fit is pulled to and may not exceed.
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
        """The law that fits the curves best; analysis.fit says how, and what is raised where they don't support one."""
        from theory.fit import fit

        return fit(cls, curves)

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
        """The loss after each of `steps` (0-based, ints (n,)) of a run with these lrs (float64 (T,)): float64 (n,).

        Infinite before the first lr above 0. Time and exactness: every step at which the lr changes is summed over for each of `steps`.

        Raises:
            ValueError: lrs that are negative or not finite, steps outside the run.
        """
        lrs = checked_lrs(lrs)
        steps = checked_steps(steps, len(lrs))
        with np.errstate(divide="ignore"):
            power = lrs.cumsum()[steps] ** -self.alpha
        return self.L0 + self.A * power - self.B * self.fall_term(lrs, steps)

    def interval(self, lrs, steps, level: float = 0.95, draws: int = 100) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) of `predict`, float64 (n,) each: by a residual bootstrap, and by how far the law misses the curves it was fitted on.

        The bootstrap alone holds what noise does; the larger part is what the law gets wrong, as analysis.fit.uncertainty estimates it from
        the fitted curves, with Student's t for so few of them. A schedule unlike all of those can be further off. NaN before the first
        lr above 0.

        Raises:
            ValueError: as `predict`; a law that was loaded, not fitted.
            RuntimeError: fewer than half of the bootstrap's fits converge.
        """
        from theory.fit import interval

        lrs = checked_lrs(lrs)
        steps = checked_steps(steps, len(lrs))
        parts = np.array_split(steps, 1 + len(steps) // MOST_POINTS)
        low, high = zip(*(interval(self, lrs, part, level, draws) for part in parts))
        return np.concatenate(low), np.concatenate(high)


@dataclass(frozen=True)
class MultiPowerLaw(LossLaw):
    """L = L0 + A S^-alpha - B sum_k (eta_{k-1} - eta_k) G(eta_k^-gamma S_k), with G(x) = 1 - (1 + C x)^-beta and S_k the sum of the lrs
    from step k on. Source: Luo et al. 2025 (arXiv 2503.12811).

    With gamma = 0 what a fall brings comes with the sum of the lrs since, with gamma = 1 with the number of steps since; the truth is
    taken to lie between.
    """

    SHAPES: ClassVar = dict(C=(1.0, 10.0, 100.0, 1000.0), beta=(0.3, 0.6, 1.0), gamma=(0.2, 0.5, 0.8))
    TYPICAL: ClassVar = dict(beta=0.5, gamma=0.5)
    LIMITS: ClassVar = dict(gamma=1.0)

    C: float
    beta: float
    gamma: float
    fitted: object = field(default=None, repr=False, compare=False)  # what intervals are made from

    def fall_term(self, lrs, steps):
        size, eta, before = falls(lrs)
        total = lrs.cumsum()
        parts = np.array_split(steps, 1 + len(steps) * len(size) // MOST_CELLS)
        return np.concatenate(
            [
                power_sum(size, np.log(eta), left(total[part], before), self.C, self.beta, self.gamma)[0]
                for part in parts
            ]
        )

    @staticmethod
    def prepare(lrs, steps, units: Units):
        """What `terms` needs of a curve, with long decays put together in blocks."""
        size, eta, before = blocks(*falls(lrs), lrs, steps)
        return size / units.lr, np.log(eta / units.lr), left(lrs.cumsum()[steps], before) / units.total

    @staticmethod
    def terms(shape, prepared):
        """(the falls' sum (n,), its derivatives by the logarithms of C, beta and gamma (n, 3))."""
        return power_sum(*prepared, *shape)

    @staticmethod
    def plain(values: dict, units: Units) -> dict:
        """The parameters for lrs that aren't in `units`."""
        A, B, C = (
            values["A"] * units.total ** values["alpha"],
            values["B"] / units.lr,
            values["C"] * units.lr ** values["gamma"] / units.total,
        )
        return values | dict(A=A, B=B, C=C)

    def final_loss_gradient(self, lrs) -> tuple[float, np.ndarray]:
        """(the loss after the last of `lrs`, its derivative by each of them, float64 (T,))."""
        lrs = checked_lrs(lrs)
        counts = np.arange(len(lrs)) > top(lrs)
        total, rest, eta = lrs.sum(), lrs[::-1].cumsum()[::-1], np.maximum(lrs, FLOOR * lrs.max())
        size = fall_sizes(lrs)
        scale = self.C * eta**-self.gamma
        value = np.where(counts, 1 - (1 + scale * rest) ** -self.beta, 0)  # G
        slope = size * self.beta * (1 + scale * rest) ** (-self.beta - 1) * scale  # size dG/dS_k
        by_lr = slope.cumsum() - np.where(lrs > FLOOR * lrs.max(), slope * self.gamma * rest / eta, 0) - value
        by_lr[:-1] += value[1:]
        loss = self.L0 + self.A * total**-self.alpha - self.B * (size @ value)
        return float(loss), -self.alpha * self.A * total ** (-self.alpha - 1) - self.B * by_lr


@dataclass(frozen=True)
class AnnealingLaw(LossLaw):
    """L = L0 + A S^-alpha - B sum_{i<=s} m_i, with m_i = (1 - 1/tau) m_{i-1} + (eta_{i-1} - eta_i): their lambda is 1 - 1/tau, their C our B.

    `tau`, in steps, is fitted, where they have lambda = 0.999: runs differ in length. Source: Tissue et al. 2024 (arXiv 2408.11029).
    """

    SHAPES: ClassVar = dict(tau=(0.003, 0.01, 0.03, 0.1, 0.3))

    tau: float
    fitted: object = field(default=None, repr=False, compare=False)

    def fall_term(self, lrs, steps):
        return area(fall_sizes(lrs), self.tau)[0][steps]

    @staticmethod
    def prepare(lrs, steps, units: Units):
        return fall_sizes(lrs) / (units.lr * units.steps), steps, units.steps

    @staticmethod
    def terms(shape, prepared):
        """(the falls' sum (n,), its derivative by the logarithm of tau (n, 1))."""
        size, steps, longest = prepared
        value, slope = area(size, max(shape[0] * longest, 1.0))
        return value[steps], slope[steps, None]

    @staticmethod
    def plain(values: dict, units: Units) -> dict:
        """The parameters for lrs that aren't in `units`."""
        A, B = values["A"] * units.total ** values["alpha"], values["B"] / (units.lr * units.steps)
        return values | dict(A=A, B=B, tau=max(values["tau"] * units.steps, 1.0))

    def final_loss_gradient(self, lrs) -> tuple[float, np.ndarray]:
        """(the loss after the last of `lrs`, its derivative by each of them, float64 (T,))."""
        lrs = checked_lrs(lrs)
        after = np.arange(len(lrs), 0, -1)  # steps that a fall at each step has had at the end, its own too
        weight = np.where(np.arange(len(lrs)) > top(lrs), self.tau * (1 - (1 - 1 / self.tau) ** after), 0)
        by_lr = -weight
        by_lr[:-1] += weight[1:]
        loss = self.L0 + self.A * lrs.sum() ** -self.alpha - self.B * (fall_sizes(lrs) @ weight)
        return float(loss), -self.alpha * self.A * lrs.sum() ** (-self.alpha - 1) - self.B * by_lr


def load_law(path) -> LossLaw:
    """The law that `save` wrote. ValueError, in one line, for a file that can't be read or holds no law."""
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


# -- the falls of the lr


def top(lrs) -> int:
    """The first step at the highest lr, as far as rounding goes: a second peak of the same height is not the top."""
    return int((lrs >= (1 - 1e-9) * lrs.max()).argmax())


def fall_sizes(lrs) -> np.ndarray:
    """eta_{k-1} - eta_k at each step k after the one of the highest lr, negative where the lr rises; 0 up to it: (T,)."""
    size = np.append(0.0, lrs[:-1] - lrs[1:])
    size[: top(lrs) + 1] = 0
    return size


def falls(lrs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the steps where the lr changes: by how much, the lr from then on, and the sum of the lrs before; (K,) each."""
    size = fall_sizes(lrs)
    at = np.flatnonzero(size)
    return size[at], np.maximum(lrs[at], FLOOR * lrs.max()), lrs.cumsum()[at - 1]


def left(total: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The sum of the lrs from each change on to each step, 0 for changes to come: (n, K)."""
    return np.maximum(total[:, None] - before, 0)


def blocks(size, eta, before, lrs, steps, most: int = 300):
    """The same falls, runs of neighbours put together as one at their mean lr and place.

    A run never goes past a measured step, from a fall to a rise or far in the lr. Where there are fewer than `most` changes none is
    put together.
    """
    if len(size) <= most:
        return size, eta, before
    bounds = lrs.cumsum()[np.union1d(np.linspace(0, len(lrs) - 1, most).astype(int), steps)]
    run = np.searchsorted(
        bounds, before, side="right"
    )  # changes whose sum before lies between the same two bounds
    near = np.floor(np.log(eta) / np.log(NEAR))
    first = np.flatnonzero(
        np.append(True, (np.diff(run) != 0) | (np.diff(np.sign(size)) != 0) | (np.diff(near) != 0))
    )
    together = np.add.reduceat(size, first)
    return together, *(np.add.reduceat(size * values, first) / together for values in (eta, before))


def power_sum(size, log_eta, left, C, beta, gamma):
    """(sum_k size_k G(eta_k^-gamma left_k) (n,), its derivatives by the logarithms of C, beta and gamma (n, 3))."""
    x = C * np.exp(-gamma * log_eta) * left
    log_inner = np.log1p(x)
    power = np.exp(-beta * log_inner)
    slope = beta * x * power / (1 + x)  # x dG/dx
    return (1 - power) @ size, np.column_stack(
        [slope @ size, beta * (log_inner * power) @ size, -gamma * slope @ (size * log_eta)]
    )


def area(size, tau) -> tuple[np.ndarray, np.ndarray]:
    """(the running sum of m_i = (1 - 1/tau) m_{i-1} + size_i, its derivative by the logarithm of tau), (T,) each."""
    from scipy.signal import lfilter

    momentum = lfilter([1.0], [1.0, 1 / tau - 1], size)
    slope = lfilter([0.0, 1.0], [1.0, 1 / tau - 1], momentum) / tau  # d lambda / d log tau is 1 / tau
    return momentum.cumsum(), slope.cumsum()
