from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from schedulers.core import Schedule, register
from theory import lowest_bound_lrs


@register("bound_optimal")
@dataclass(frozen=True)
class BoundOptimal(Schedule):
    """The learning rates with the lowest convex bound on the last iterate, if all gradient norms are equal.

        lr/peak = eta_i / max(eta) at the i-th of the n = T - W steps after warmup, with eta_i = A_{i-1} - A_i
        A_n = 0,  A_i = A_{i-1} / x_i before,  x_{n-1} = sqrt(2),  x_{i-1} = sqrt(2 x_i - 1)

    Nearly a linear decay, but the last step is 1 + sqrt(2) times the one before. What the warmup adds to
    the bound is left out.

    Args:
        No parameters of its own.

    References:
        The minimum of Theorem 10 of Defazio et al. 2023, arXiv 2310.07831; Schaipp et al. 2025, arXiv
        2501.18965.
    """

    def scale(self, t):
        return self._table[t - self.warmup_steps]

    @cached_property
    def _table(self):
        steps = self.steps - self.warmup_steps
        lrs = lowest_bound_lrs(np.ones(max(steps, 1)))
        return [*(lrs / lrs.max()).tolist()[:steps], 0.0]
