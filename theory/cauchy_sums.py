"""The sums over 1 / (S_T - S_k) at every T at once, without a difference of sums in which digits cancel."""

from __future__ import annotations

import math

import numpy as np

SPACING = 0.3  # of the logarithms of the exponents: the error is 1e-13, and 3e-12 with 1/3
CHUNK = 512  # steps whose states are in memory at once
LIFT = 2.0**60  # in units this small, 35 / lr is finite for every positive lr


def cauchy_sums(lrs, charges) -> np.ndarray:
    """sum_{k<T} charges_k / (S_T - S_k) for every T, shape (n,); where lrs is 0, any number.

    With 1/x = sum_j w_j exp(-s_j x) each sum is sum_j w_j F_j(T), F_j(T) = exp(-s_j eta_T) (F_j(T-1) +
    charges_{T-1}): only learning rates enter, never a difference of sums.
    """
    lrs = lrs * LIFT
    exponents, weights = exponential_sum(lrs[lrs > 0].min(), lrs.sum())
    sums, state = np.empty(len(lrs)), np.zeros(len(exponents))
    for start in range(0, len(lrs), CHUNK):
        chunk = slice(start, start + CHUNK)
        rows = np.exp(np.outer(lrs[chunk], -exponents))
        for row, charge in zip(rows, charges[chunk].tolist()):
            np.multiply(row, state, out=row)
            np.add(row, charge, out=state)
        sums[chunk] = rows @ weights
    return sums * LIFT


def exponential_sum(low, high) -> tuple[np.ndarray, np.ndarray]:
    """Exponents s and weights w with sum_j w_j exp(-s_j x) = 1/x to 2e-13 for low <= x <= high.

    The trapezoidal rule for 1/x = integral of exp(u - x exp(u)) du. Exponents below 1e-4 / high are joined in
    their mean.
    """
    exponents = np.exp(np.arange(math.log(1e-4 / high), math.log(35 / low) + SPACING, SPACING))
    weights, ratio = SPACING * exponents, math.exp(-SPACING)
    exponents[0], weights[0] = exponents[0] / (1 + ratio), weights[0] / (1 - ratio)
    return exponents, weights
