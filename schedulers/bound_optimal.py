from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .base import Schedule
from .registry import register


@register("bound_optimal")
@dataclass(frozen=True)
class BoundOptimal(Schedule):
    """The learning rates with the lowest convex bound on the last iterate, if all gradient norms are the same:
    lr/peak = eta_i / max(eta) at the i-th of the n = T - W steps after warmup, with eta_i = A_{i-1} - A_i, A_n = 0,
    A_i = A_{i-1} / x_i before, x_{n-1} = sqrt(2) and x_{i-1} = sqrt(2 x_i - 1).

    Nearly a linear decay, but the last step is 1 + sqrt(2) times the one before. What the warmup adds to the bound is left
    out. No parameters. Source: the minimum of Theorem 10 of Defazio et al. 2023 (arXiv 2310.07831); Schaipp et al. 2025 (arXiv 2501.18965).
    """

    def scale(self, t):
        return self._table[t - self.warmup_steps]

    @cached_property
    def _table(self):
        steps = self.steps - self.warmup_steps
        lrs = lowest_bound_lrs(np.ones(max(steps, 1)))
        return [*(lrs / lrs.max()).tolist()[:steps], 0.0]


def lowest_bound_lrs(norms):
    """The learning rates with the lowest bound of all for these gradient norms and a distance of 1, in O(T).

    In A_k = eta_{k+1} + .. + eta_T, twice the bound is 1/A_0 + sum_{k<T} G_k^2 (A_{k-1} - A_k)^2 / A_k + G_T^2 A_{T-1}.
    What is added after step k is at best v_k A_k with v_{T-1} = G_T^2, and the best A_k / A_{k-1} is G_k / sqrt(G_k^2 + v_k),
    which makes v_{k-1} = 2 G_k (sqrt(G_k^2 + v_k) - G_k). So A_0 = 1 / sqrt(v_0) and the bound is sqrt(v_0).

    Args:
        norms: float64, shape (T,), positive; T is at least 1.

    Returns:
        float64, shape (T,), positive.
    """
    values = values_ahead(norms)
    roots = np.hypot(norms[:-1], np.sqrt(values[1:]))
    kept = norms[:-1] / roots
    spent = values[1:] / (roots * (roots + norms[:-1]))  # 1 - kept, all digits
    return np.cumprod(np.append(1, kept)) * np.append(spent, 1) / math.sqrt(values[0])


def values_ahead(norms):
    """v_0 .. v_{T-1} of `lowest_bound_lrs`, shape (T,)."""
    norms = norms.tolist()
    values = [norms[-1] ** 2]
    for norm in norms[-2::-1]:
        values.append(2 * norm * values[-1] / (norm + math.sqrt(norm * norm + values[-1])))
    return np.array(values[::-1])
