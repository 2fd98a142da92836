"""The convex bound on a schedule's last iterate: at one step count, at all of them, and its minimum.

For a convex f, a start at distance D of its minimum, T subgradient steps with learning rates eta_1 .. eta_T
and gradient norms G_1 .. G_T, Theorem 10 of Defazio et al. 2023 says that the expected f(x_T) is above the
minimum by at most

    D^2/(2S) + Q/(2S) + 1/2 sum_{k<T} eta_k / (S_T - S_k) * (Q_T - Q_{k-1}) / (S_T - S_{k-1})

where S_k sums eta_t and Q_k sums c_t = eta_t^2 G_t^2 up to t = k, S = S_T and Q = Q_T. Since eta_k / (a b)
= 1/a - 1/b for a = S_T - S_k and b = S_T - S_{k-1}, summation by parts leaves positive terms only, in which
no digits cancel:

    D^2/(2S) + 1/2 (eta_T G_T^2 + sum_{k<T} c_k / (S_T - S_k))

A learning rate of 0 adds nothing, except in the last step: the bound is inf exactly where eta_T = 0.

References:
    Defazio et al. 2023, arXiv 2310.07831; Schaipp et al. 2025, arXiv 2501.18965.
"""

from __future__ import annotations

import math

import numpy as np

from nanosched.errors import not_allowed
from theory.bound_arguments import (
    MAX_VALUE,
    checked_distance,
    checked_lrs,
    checked_norms,
    checked_steps,
    is_number,
    refuse_where,
)
from theory.cauchy_sums import cauchy_sums


def bound(lrs, grad_norms=1.0, distance=1.0, steps=None, split=False):
    """The bound on f(x_T) - min f after T steps, in O(T).

        D^2/(2S) + 1/2 (eta_T G_T^2 + sum_{k<T} eta_k^2 G_k^2 / (S_T - S_k))

    Args:
        lrs: learning rate of each step, floats from 0, shape (n,).
        grad_norms: gradient norm of each step, shape (n,), or one for all; default 1.
        distance: D, from x_1 to the minimum, above 0; default 1.
        steps: T, from 1 to n; default n.
        split: return the three terms of the theorem; default False.

    Returns:
        A float in the units of f, inf where the last learning rate is 0. With `split`, the three floats
        that it is the sum of: D^2/(2S), Q/(2S) (together the bound for the average iterate) and the sum over
        k.

    Raises:
        ValueError: an argument that can't be right; it names the argument, its value and what is allowed.

    References:
        Defazio et al. 2023, arXiv 2310.07831, Theorem 10.
    """
    lrs, norms, distance = checked_lrs(lrs), checked_norms(grad_norms, len(lrs)), checked_distance(distance)
    steps = len(lrs) if steps is None else checked_steps(steps, len(lrs))
    terms = three_terms(lrs[:steps], norms[:steps], distance)
    return terms if split else sum(terms)


def bound_curve(lrs, grad_norms=1.0, distance=1.0) -> np.ndarray:
    """The bound at every step count.

    O(n log(sum of lrs / smallest lr)) time, O(n) memory; the relative error is 1e-12 plus rounding, 1e-16
    per step at worst.

    Args:
        lrs, grad_norms, distance: as in `bound`.

    Returns:
        float64, shape (n,), element i for T = i + 1.

    Raises:
        ValueError: as `bound`.
    """
    lrs, norms, distance = checked_lrs(lrs), checked_norms(grad_norms, len(lrs)), checked_distance(distance)
    if not lrs.any():
        return np.full(len(lrs), np.inf)
    with np.errstate(divide="ignore", over="ignore"):
        before_sums = distance**2 / 2 / np.cumsum(lrs) + lrs * norms**2 / 2
        curve = before_sums + cauchy_sums(lrs, (lrs * norms) ** 2 / 2)
    return np.where(lrs > 0, curve, np.inf)


def optimal_peak_lr(lrs, grad_norms=1.0, distance=1.0, steps=None) -> tuple[float, float]:
    """The peak at which a shape of learning rates has its lowest bound, and that bound.

    The bound of gamma * lrs is A / gamma + B * gamma, with A and B those of `lrs`. It is lowest, 2 sqrt(A
    B), at gamma* = sqrt(A / B), which is peak_lr / max(lrs).

    Args:
        lrs, grad_norms, distance, steps: as in `bound`.

    Returns:
        (peak_lr, bound); (inf, 0.0) where the gradient norms are 0; (nan, inf) where the last learning rate
        is 0, as no peak helps.

    Raises:
        ValueError: as `bound`.

    References:
        Schaipp et al. 2025, arXiv 2501.18965.
    """
    a, *b = bound(lrs, grad_norms, distance, steps, split=True)
    b = sum(b)
    if math.isinf(a + b):
        return math.nan, math.inf
    if b == 0:
        return math.inf, 0.0
    return float(np.max(lrs)) * math.sqrt(a / b), 2 * math.sqrt(a) * math.sqrt(b)


def optimal_schedule(steps, grad_norms=1.0, distance=1.0) -> np.ndarray:
    """The learning rates with the lowest bound of all at T = `steps`: exact, in O(T).

    With one G for all steps the bound is about 2 D G / sqrt(T), for nearly a linear decay, but a last step
    1 + sqrt(2) times the one before: the schedule `bound_optimal`.

    Args:
        steps: at least 1.
        grad_norms: as in `bound`, but not 0: a step that costs nothing could be endless.
        distance: as in `bound`.

    Returns:
        float64, shape (steps,), positive.

    Raises:
        ValueError: as `bound`.

    References:
        The minimum of Theorem 10 of Defazio et al. 2023, arXiv 2310.07831, as `lowest_bound_lrs` derives it.
    """
    norms, distance = checked_norms(grad_norms, checked_steps(steps)), checked_distance(distance)
    allowed = f"give norms from {1 / MAX_VALUE:g} to {MAX_VALUE:g}"
    refuse_where(norms < 1 / MAX_VALUE, "grad_norms", grad_norms, allowed)
    return distance * lowest_bound_lrs(norms)


def lowest_bound_lrs(norms) -> np.ndarray:
    """The learning rates with the lowest bound of all for these gradient norms and a distance of 1, in O(T).

    In A_k = eta_{k+1} + .. + eta_T, twice the bound is 1/A_0 + sum_{k<T} G_k^2 (A_{k-1} - A_k)^2 / A_k +
    G_T^2 A_{T-1}. What is added after step k is at best v_k A_k with v_{T-1} = G_T^2, and the best A_k /
    A_{k-1} is G_k / sqrt(G_k^2 + v_k), which makes v_{k-1} = 2 G_k (sqrt(G_k^2 + v_k) - G_k). So A_0 = 1 /
    sqrt(v_0) and the bound is sqrt(v_0).

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


def values_ahead(norms) -> np.ndarray:
    """v_0 .. v_{T-1} of `lowest_bound_lrs`, shape (T,)."""
    norms = norms.tolist()
    values = [norms[-1] ** 2]
    for norm in norms[-2::-1]:
        values.append(2 * norm * values[-1] / (norm + math.sqrt(norm * norm + values[-1])))
    return np.array(values[::-1])


def grad_norm_shape(steps, alpha) -> np.ndarray:
    """Gradient norms t^alpha for t = 1 .. steps.

    Args:
        steps: at least 1.
        alpha: finite.

    Returns:
        float64, shape (steps,).

    Raises:
        ValueError: as `bound`.
    """
    steps = checked_steps(steps)
    if not is_number(alpha) or not math.isfinite(alpha):
        raise not_allowed("alpha", alpha, "give a finite number")
    return np.arange(1, steps + 1) ** float(alpha)


@np.errstate(over="ignore")
def three_terms(lrs, norms, distance) -> tuple[float, float, float]:
    """D^2/(2S), Q/(2S) and the sum over k.

    Twice the last is eta_T G_T^2 S_{T-1}/S + sum_{k<T} c_k S_k / (S (S_T - S_k)).
    """
    total = lrs.sum()
    if total == 0:
        return math.inf, 0.0, 0.0  # the last two as the limit of ever smaller learning rates
    charges, done = (lrs * norms) ** 2 / 2, np.cumsum(lrs) / total
    average = float(distance**2 / 2 / total), float(charges.sum() / total)
    if lrs[-1] == 0:
        return *average, math.inf
    ahead = np.cumsum(lrs[:0:-1])[::-1]  # S_T - S_k for k = 1 .. T-1
    last_step = lrs[-1] * norms[-1] ** 2 / 2 * lrs[:-1].sum() / total
    return *average, float((charges[:-1] * done[:-1] / ahead).sum() + last_step)
