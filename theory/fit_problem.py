"""Measured curves as a fit of a loss law sees them, and the law's predictions of them with their derivatives.

A law is a class with the parameters L0, A, alpha and B, and with

- SHAPES: start values of its further parameters, which shape the term of the lr drops;
- TYPICAL: (value, strength) that a fit is drawn to, of some of those;
- LIMITS: (lowest, highest) of some of those;
- prepare(lrs, steps, units): what `terms` needs of a curve;
- terms(shape parameters, prepared): its `Terms`;
- plain(parameters in units, units): the parameters for lrs as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from theory.curves import Curve, Units
from theory.drops import drop_sizes, first_step_at_peak

# The first fast fall of the loss, which no law here describes, is left out. It takes as long in a long run as
# in a short one: as many times the lr sum at the peak, and at least this much of the shortest run's.
WARMUPS, SKIPPED = 2, 0.05
MAX_EXPONENT = 100.0  # of the power term at a trial of the fit that is far off
COMMON = 4  # parameters that every law has: L0, A, alpha, B


@dataclass(frozen=True)
class Terms:
    """What a law with s shape parameters says of n steps; derivatives are by the logarithms of those."""

    log_progress: np.ndarray  # (n,)
    log_progress_by_shape: np.ndarray  # (n, s)
    drops: np.ndarray  # what the drops add up to, (n,)
    drops_by_shape: np.ndarray  # (n, s)


@dataclass(frozen=True)
class Problem:
    """Curves and a law to fit to them; theta (p,) is the logarithms of its parameters in `units`."""

    law: type
    curves: list[Curve]  # from the highest lr on
    units: Units
    prepared: list  # what the law prepared of each curve
    log_losses: np.ndarray  # of all curves

    def index(self, name: str) -> int:
        """Where theta has the shape parameter `name`."""
        return COMMON + list(self.law.SHAPES).index(name)

    @property
    def names(self) -> list[str]:
        """Of the parameters, as in theta."""
        return ["L0", "A", "alpha", "B", *self.law.SHAPES]

    def parameters(self, theta: np.ndarray) -> dict[str, float]:
        """The law's parameters for lrs and losses as they are."""
        values = self.law.plain(dict(zip(self.names, map(float, np.exp(theta)))), self.units)
        return {name: float(value) for name, value in values.items()}

    def split(self, values: np.ndarray) -> list[np.ndarray]:
        """Values of all points as one array for each curve."""
        return np.split(values, np.cumsum([len(curve.steps) for curve in self.curves])[:-1])

    def probe(self, lrs: np.ndarray, steps: np.ndarray) -> Problem:
        """The same problem with a run to predict in place of the curves."""
        return replace(self, prepared=[self.law.prepare(lrs, steps, self.units)])


def make_problem(law: type, curves: list[Curve]) -> Problem:
    """What a fit of `law` to these curves needs; ValueError where they have too few points or no drop."""
    curves = distinct(curves)
    begin = SKIPPED * min((curve.lrs.sum() for curve in curves), default=0)
    curves = [counted for curve in curves if (counted := counted_part(curve, begin)) is not None]
    check_points(law, curves)
    check_drops(law, curves)
    units = Units(
        lr=max(c.lrs.max() for c in curves),
        lr_sum=max(c.lrs.sum() for c in curves),
        steps=max(len(c.lrs) for c in curves),
    )
    prepared = [law.prepare(curve.lrs, curve.steps, units) for curve in curves]
    return Problem(law, curves, units, prepared, np.log(np.concatenate([curve.losses for curve in curves])))


def distinct(curves: list[Curve]) -> list[Curve]:
    """Curves of the same lrs and steps as one, with their mean loss: a second copy is no new evidence."""
    groups = {}
    for curve in curves:
        groups.setdefault((curve.lrs.tobytes(), curve.steps.tobytes()), []).append(curve)
    return [
        replace(group[0], losses=np.mean([curve.losses for curve in group], axis=0))
        for group in groups.values()
    ]


def counted_part(curve: Curve, begin: float) -> Curve | None:
    """The curve from its highest lr on, after WARMUPS and a lr sum of `begin`; None if no point is left.

    Of a run that rises for long, half of what follows its highest lr counts at least.
    """
    peak, lr_sums = first_step_at_peak(curve.lrs), curve.lrs.cumsum()
    risen = min(WARMUPS * lr_sums[peak], (lr_sums[peak] + lr_sums[-1]) / 2)
    keep = (curve.steps >= peak) & (lr_sums[curve.steps] >= max(risen, begin))
    return Curve(curve.lrs, curve.steps[keep], curve.losses[keep], curve.name) if keep.any() else None


def check_points(law: type, curves: list[Curve]):
    points, parameters = sum(len(curve.steps) for curve in curves), COMMON + len(law.SHAPES)
    if points <= parameters:
        raise ValueError(
            f"{law.__name__} has {parameters} parameters and the curves have {points} points "
            "after their highest lr and as much lr sum again: give more curves or points"
        )


def check_drops(law: type, curves: list[Curve]):
    if not any(drop_sizes(curve.lrs)[: curve.steps[-1] + 1].any() for curve in curves):
        raise ValueError(
            f"no curve has an lr that drops before its last point, so {law.__name__} can't learn "
            "what drops bring: add a curve with a decay"
        )


def model(problem: Problem, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(predicted losses of all points (n,), their derivatives by theta (n, p))."""
    L0, A, alpha, B, *shape = np.exp(theta)
    losses, derivatives = [], []
    for prepared in problem.prepared:
        terms = problem.law.terms(shape, prepared)
        power = A * np.exp(np.minimum(-alpha * terms.log_progress, MAX_EXPONENT))
        losses.append(L0 + power - B * terms.drops)
        by_shape = -alpha * power[:, None] * terms.log_progress_by_shape - B * terms.drops_by_shape
        derivatives.append(
            np.column_stack(
                [
                    np.full(len(power), L0),
                    power,
                    -alpha * terms.log_progress * power,
                    -B * terms.drops,
                    by_shape,
                ]
            )
        )
    return np.concatenate(losses), np.concatenate(derivatives)
