from __future__ import annotations

import math
from dataclasses import dataclass

from schedulers.core import Schedule, param, register


@register("cosine_restarts")
@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """Cosine decays that start again (SGDR).

        lr/peak = f + (max(d^i, f) - f) (1 + cos(pi c / n_i)) / 2 at step c of cycle i,  n_i = n_0 t_mult^i

    Args:
        period: n_0 in steps, counted from the end of the warmup, at least 1; default a quarter of T - W.
        t_mult: each cycle over the one before, at least 1; default 1.
        final_lr_ratio: f, the end of each cycle over the peak, from 0 to 1; default 0.1.
        decay_mult: d, cycle i starts at d^i, above 0 and up to 1; default 1.

    Raises:
        ValueError: a parameter outside its limits.

    References:
        Loshchilov & Hutter 2016, arXiv 1608.03983.
    """

    period: int | None = param(None, low=1)
    t_mult: float = param(1.0, low=1)
    final_lr_ratio: float = param(0.1, low=0, high=1)
    decay_mult: float = param(1.0, above=0, high=1)

    def scale(self, t):
        cycle, step, length = self.place(t - self.warmup_steps)
        f = self.final_lr_ratio
        return f + (max(self.decay_mult**cycle, f) - f) * (1 + math.cos(math.pi * step / length)) / 2

    def place(self, step):
        """(cycle, step within it, its length) of a step after the warmup."""
        length = self.period or max(self.steps - self.warmup_steps, 1) / 4
        if self.t_mult == 1:
            return *divmod(step, length), length
        cycle = 0
        while step >= length:
            step -= length
            length *= self.t_mult
            cycle += 1
        return cycle, step, length
