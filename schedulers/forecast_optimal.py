from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

from nanosched.errors import not_allowed
from schedulers.core import Schedule, param, register
from theory import load_law, optimal_lrs


@register("forecast_optimal")
@dataclass(frozen=True)
class ForecastOptimal(Schedule):
    """The learning rates after the warmup whose final loss a fitted loss law predicts to be lowest.

        lr = argmin over lr(W) .. lr(T-1) <= peak of law(lr)

    They end near zero: over the last fifth of the steps after the warmup none is above a straight line from
    the peak to zero. Made of straight lines between 256 knots, since a law of this kind would choose stairs
    of single steps.

    Args:
        law: path of a law that `python -m analysis.forecast` saved, or a fitted law itself; default None,
            which is refused. Fit it at the peak lr that is used here, since no law is to be trusted at
            another.
        non_increasing: each lr after the warmup is at most the one before; default True.

    Raises:
        ValueError: no law, a file that holds none, or a law that promises what can't be.

    References:
        Luo et al. 2025, arXiv 2503.12811.
    """

    needs_law: ClassVar[bool] = True

    law: object = param(None)
    non_increasing: bool = param(True)

    def check(self):
        if self.law is None:
            allowed = (
                "give a fitted law's file: forecast_optimal:law=results/NAME/law.json "
                "(python -m analysis.forecast saves it)"
            )
            raise not_allowed("law", None, allowed)
        _ = self._table  # a file that holds no law is found before any training

    def scale(self, t):
        return self._table[min(t, self.steps - 1)] / self.peak_lr

    @cached_property
    def _table(self):
        if self.warmup_steps == self.steps:
            return [0.0] * self.steps
        law = load_law(self.law) if isinstance(self.law, str) else self.law
        warmup = tuple(Schedule.__call__(self, t) for t in range(self.warmup_steps))
        return designed(law, self.steps, self.peak_lr, warmup, self.non_increasing)


@lru_cache(maxsize=16)  # a comparison asks for one schedule several times, and a design takes seconds
def designed(law, steps: int, peak_lr: float, warmup: tuple[float, ...], non_increasing: bool) -> list[float]:
    return optimal_lrs(law, steps, peak_lr, warmup, non_increasing).tolist()
